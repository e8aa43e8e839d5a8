"""The OpenAPI document: what each endpoint takes and every answer it may give.

Comes in: the views as drf-spectacular finds them. Goes out: operations named after their views,
with the errors that may happen to any of them (config/api_errors.py).
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import AllowAny

from accounts.api.answers import ErrorBody

WRITES = ("POST", "PUT", "PATCH", "DELETE")
ERRORS = {
    400: "Something in it is wrong; `fields` says what.",
    401: "Nobody is signed in, or the token has ended.",
    403: "A session's write without its CSRF token, or without a second factor that is required.",
    404: "Not there, or not yours.",
    406: "No such format.",
    409: "The thing has moved on, or its state forbids this.",
    411: "Without Content-Length.",
    413: "Too large.",
    415: "Not a form of body that is taken here.",
    429: "Too many requests, or too many failed attempts to sign in.",
    507: "The disk is full; nothing was kept.",
}


class Operations(AutoSchema):
    """Names an operation after its view and documents its errors."""

    def get_operation_id(self) -> str:
        name: str = self.view.__class__.__name__
        methods = [method for method in self.view.http_method_names if method != "options"]
        return name if len(methods) == 1 else f"{name}_{self.method.lower()}"

    def get_description(self) -> str:
        return super().get_description() or ""

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            for status in self._errors():
                body = self._get_response_for_code(ErrorBody, str(status), ["application/json"])
                bodies.setdefault(str(status), {**body, "description": ERRORS[status]})
        return bodies

    def _errors(self) -> list[int]:
        found = [400, 404, 406, 429]
        if AllowAny not in self.view.permission_classes or self.method in WRITES:
            found += [401, 403]
        if self.method in WRITES:
            found += [403, 409, 411, 413, 415]
        if "multipart/form-data" in self.map_parsers() and self.method in WRITES:
            found.append(507)
        return sorted({*found})


class TokenByHeaderScheme(SimpleJWTScheme):
    """A program's access token, in the header Authorization."""

    target_class = "accounts.api.gates.TokenByHeader"


class SessionByHeaderScheme(SessionScheme):
    """A browser's session; writes carry the header X-CSRFToken."""

    target_class = "accounts.api.gates.SessionByHeader"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
