"""Signing in to the API: a name and a password in, two tokens out.

The access token goes with every request and lives for minutes; the refresh token gives the next
two and ends by that. The sign-in page's own form decides, so that django-axes counts here too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
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
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import BlacklistMixin, RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from accounts.api.answers import sent
from accounts.api.gates import AddressThrottle
from accounts.forms import SignInForm
from accounts.models import User

ENDED = _("This token has ended. Sign in again.")


class SignIn(serializers.Serializer):
    """A user name (for most people their e-mail address) and the password."""

    username = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


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
    """Sign in: tokens for a user name and a password."""
    page = request._request
    form = SignInForm(page, data=sent(SignIn, request))
    if not form.is_valid():
        # Who is locked out gets 429 instead: the middleware of django-axes sees to it.
        raise WrongPassword(
            " ".join(form.non_field_errors()) or SignInForm.error_messages["invalid_login"]
        )
    user = form.get_user()
    # Whoever listens for sign-ins (the throttle, one-time links) hears of this one.
    user_logged_in.send(sender=type(user), request=page, user=user)
    OutstandingToken.objects.filter(user=user, expires_at__lt=timezone.now()).delete()
    return Response(_pair(UnwrittenToken.for_user(user)))


@extend_schema(request=Refresh, responses=Tokens, auth=[])
@api_view(["POST"])
@authentication_classes([])
@permission_classes([AllowAny])
@throttle_classes([AddressThrottle])
def token_refresh(request: Request) -> Response:
    """The next two tokens for a refresh token, which ends by that."""
    with transaction.atomic():
        user = _end(sent(Refresh, request)["refresh"])
        return Response(_pair(UnwrittenToken.for_user(user)))


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


def _pair(refresh: RefreshToken) -> dict[str, str]:
    return {"access": str(refresh.access_token), "refresh": str(refresh)}


def _end(text: str) -> User:
    """End a refresh token and give its person. Raises InvalidToken when it has ended already.

    Of two requests with one token only the first writes the row that ends it.
    """
    try:
        refresh = RefreshToken(text)
    except TokenError as error:
        raise InvalidToken(ENDED) from error
    user = _person(refresh.payload)
    if user is None or not refresh.blacklist()[1]:
        raise InvalidToken(ENDED)
    return user


def _person(payload: dict[str, Any]) -> User | None:
    """Whose token it is, while the account is open and the password is still the same."""
    pk = payload.get(api_settings.USER_ID_CLAIM)
    user: User | None = get_user_model().objects.filter(pk=pk, is_active=True).first()
    told = payload.get(api_settings.REVOKE_TOKEN_CLAIM)
    return user if user and told == get_md5_hash_password(user.password) else None
