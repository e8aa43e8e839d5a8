"""The gates of the API: who is asking, how often, and in what form.

Comes in: a request with a token or a session. Goes out: its person, or 401, 403, 429, 400. All
apps' endpoints share these classes; settings.REST_FRAMEWORK names them.
"""

from __future__ import annotations

import codecs
import copy
import json
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.parsers import JSONParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import Token

from accounts.models import User
from accounts.second_factor_gate import PROVED
from accounts.second_factors import is_required_of
from accounts.throttle import client_address


class SecondFactorMissing(AuthenticationFailed):
    """This site asks a second factor of its staff, and this token was given without one."""

    default_code = "second_factor_missing"
    default_detail = _("Set up your second factor on your account's page first.")


class TokenByHeader(JWTAuthentication):
    """The access token of a program; where a second factor is required it was given for a code."""

    def get_user(self, validated_token: Token) -> User:
        user: User = super().get_user(validated_token)
        if is_required_of(user) and not validated_token.get(PROVED):
            raise SecondFactorMissing
        return user


class SessionByHeader(SessionAuthentication):
    """The session of a browser; a request that writes has its CSRF token in the header.

    Django looks for the token in the form first, and would read a file of any size for it
    before anybody knows whether this person may hand one in.
    """

    def enforce_csrf(self, request: Request) -> None:
        bare = copy.copy(request._request)
        if bare.method == "POST":
            bare.method = "PUT"
        super().enforce_csrf(bare)


class PerMinute(SimpleRateThrottle):
    """So many requests in a minute, by a setting that a test can change; 0 is no limit."""

    setting = ""

    def get_rate(self) -> str | None:
        most = getattr(settings, self.setting)
        return f"{most}/min" if most else None


class PersonThrottle(PerMinute):
    """Requests of one signed-in person, wherever they come from."""

    scope, setting = "person", "SHEAF_API_RATE_PERSON"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        pk = getattr(request.user, "pk", None)
        return f"api-person-{pk}" if pk else None


class AddressThrottle(PerMinute):
    """Requests from one address, whoever sends them: a whole school may share one."""

    scope, setting = "address", "SHEAF_API_RATE_ADDRESS"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        return f"api-address-{client_address(request)}"


class StrictJSON(JSONParser):
    """JSON that means one thing: no repeated keys, no NaN, not nested without end."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            text = codecs.getreader("utf-8")(stream).read()
            value = json.loads(
                text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_repeated
            )
            # Half a character, which no database takes and no answer can quote.
            json.dumps(value, ensure_ascii=False).encode()
            return value
        except RecursionError as error:
            raise ParseError(_("This JSON is nested too deeply.")) from error
        except ValueError as error:
            raise ParseError(_("This is not valid JSON: %(why)s") % {"why": error}) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(_("%(name)s is no number") % {"name": name})


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(_("a key stands in it twice"))
    return found


class FileRenderer(BaseRenderer):
    """For endpoints that give a file, whatever the client says it accepts."""

    media_type = "*/*"
    format = "file"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> Any:
        return data
