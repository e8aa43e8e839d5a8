"""Signing in to the API: a name and a password in (and a code, where one has a second factor),
two tokens out.

The access token goes with every request and lives for minutes; the refresh token gives the next
two and ends by that. The sign-in page's own form and codes decide, so that failures count here
too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    permission_classes,
    throttle_classes,
)
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import BlacklistMixin, RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts import second_factors
from accounts.api.answers import sent
from accounts.api.gates import AddressThrottle, SecondFactorMissing
from accounts.forms import SignInForm
from accounts.models import User
from accounts.second_factor_gate import PROVED
from accounts.sessions import ROW, lock_person, record_program

ENDED = _("This token has ended. Sign in again.")


class SignIn(serializers.Serializer):
    """A user name (for most people their e-mail address) and the password.

    Who has a second factor sends a `code` along: of the authenticator app, or a recovery code.
    """

    username = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
    code = serializers.CharField(max_length=20, required=False)


class Refresh(serializers.Serializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=4000)


class Tokens(serializers.Serializer):
    """`access` goes into the header `Authorization: Bearer …`; `refresh` gives the next two."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class WrongPassword(AuthenticationFailed):
    """The form's own words; the same for a wrong name, a wrong password and a closed account."""

    default_code = "invalid_login"


class CodeWanted(AuthenticationFailed):
    """The password is right and not enough."""

    default_code = "second_factor_required"
    default_detail = _("Send the code of your authenticator app, or a recovery code, as “code”.")


class CodeIsWrong(AuthenticationFailed):
    """The password is right, the code is not."""

    default_code = "wrong_code"


class CodesAreLocked(APIException):
    """Too many wrong codes."""

    status_code = 429
    default_code = "too_many_attempts"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.wait = second_factors.lock_minutes() * 60


class UnwrittenToken(RefreshToken):
    """A refresh token whose row does not hold it: who reads the database signs in as nobody."""

    @classmethod
    def for_user(cls, user: User) -> UnwrittenToken:
        token: UnwrittenToken = super(BlacklistMixin, cls).for_user(user)
        OutstandingToken.objects.create(
            user=user,
            jti=token[api_settings.JTI_CLAIM],
            created_at=token.current_time,
            expires_at=datetime.fromtimestamp(token["exp"], UTC),
        )
        return token


@extend_schema(request=SignIn, responses=Tokens, auth=[])
@api_view(["POST"])
@authentication_classes([])
@permission_classes([AllowAny])
@throttle_classes([AddressThrottle])
def token(request: Request) -> Response:
    """Sign in: tokens for a user name and a password, and a code where one is asked for.

    A 401 with the code `second_factor_required` wants the same again with `code`.
    """
    page = request._request
    asked = sent(SignIn, request)
    form = SignInForm(page, data=asked)
    if not form.is_valid():
        # Who is locked out gets 429 instead: the middleware of django-axes sees to it.
        raise WrongPassword(
            " ".join(form.non_field_errors()) or SignInForm.error_messages["invalid_login"]
        )
    user = form.get_user()
    proved = _ask_second_factor(user, asked.get("code", ""))
    # Whoever listens for sign-ins (the throttle, one-time links) hears of this one.
    user_logged_in.send(sender=type(user), request=page, user=user)
    OutstandingToken.objects.filter(user=user, expires_at__lt=timezone.now()).delete()
    with transaction.atomic():
        lock_person(user.pk)
        if not proved and second_factors.is_asked_of(user):  # set up this very moment
            raise CodeWanted
        return Response(_pair(page, user, proved=proved))


def _ask_second_factor(user: User, code: str) -> bool:
    """Whether a code has opened this sign-in; raises where one is wanted and is not there."""
    if not second_factors.is_asked_of(user):
        if second_factors.is_required_of(user):
            raise SecondFactorMissing
        return False
    if not code:
        raise CodeWanted
    try:
        second_factors.check_code(user, code)
    except second_factors.TooManyCodes as error:
        raise CodesAreLocked(" ".join(error.messages)) from error
    except second_factors.WrongCode as error:
        raise CodeIsWrong(" ".join(error.messages)) from error
    return True


@extend_schema(request=Refresh, responses=Tokens, auth=[])
@api_view(["POST"])
@authentication_classes([])
@permission_classes([AllowAny])
@throttle_classes([AddressThrottle])
def token_refresh(request: Request) -> Response:
    """The next two tokens for a refresh token, which ends by that."""
    with transaction.atomic():
        user, ended = _end(sent(Refresh, request)["refresh"])
        proved = bool(ended.get(PROVED))
        if not proved and second_factors.is_asked_of(user):
            # From a time when the site asked nobody for a code.
            raise InvalidToken(ENDED)
        if not proved and second_factors.is_required_of(user):
            raise SecondFactorMissing
        before = ended[api_settings.JTI_CLAIM]
        return Response(_pair(request._request, user, proved=proved, before=before))


@extend_schema(request=Refresh, responses={204: None}, auth=[])
@api_view(["POST"])
@authentication_classes([])
@permission_classes([AllowAny])
@throttle_classes([AddressThrottle])
def token_end(request: Request) -> Response:
    """Sign out: end a refresh token. The access token made with it ends by itself, in minutes."""
    with transaction.atomic():
        _end(sent(Refresh, request)["refresh"])
    return Response(status=204)


def _pair(page: HttpRequest, user: User, *, proved: bool, before: str = "") -> dict[str, str]:
    """Two new tokens, which know their line in the list of sign-ins and whether for a code."""
    refresh = UnwrittenToken.for_user(user)
    row = record_program(page, user, refresh[api_settings.JTI_CLAIM], before=before)
    refresh[ROW], refresh[PROVED] = row, proved
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


def _end(text: str) -> tuple[User, RefreshToken]:
    """End a refresh token; gives its person too. Raises InvalidToken when it has ended already.

    Of two requests with one token only the first writes the row that ends it.
    """
    try:
        refresh = RefreshToken(text)
    except TokenError as error:
        raise InvalidToken(ENDED) from error
    user = _person(refresh.payload)
    if user is None or not refresh.blacklist()[1]:
        raise InvalidToken(ENDED)
    return user, refresh


def _person(payload: dict[str, Any]) -> User | None:
    """Whose token it is, while the account is open and the password is still the same."""
    pk = payload.get(api_settings.USER_ID_CLAIM)
    # Under the lock of whoever ends all of a person's tokens, lest the next one escapes.
    people = get_user_model().objects.select_for_update(no_key=True)
    user: User | None = people.filter(pk=pk, is_active=True).first()
    told = payload.get(api_settings.REVOKE_TOKEN_CLAIM)
    return user if user and told == get_md5_hash_password(user.password) else None
