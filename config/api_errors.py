"""The one shape of every error of the API: {"code", "message", "fields"}.

Comes in: whatever an endpoint, a command or a middleware refused with. Goes out: JSON with the
right status; what is nobody's fault but ours rises, and becomes the same shape at the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.views import set_rollback

from accounts.people import CannotChange
from accounts.roster_files import RosterError
from accounts.told import told
from batching.conflicts import Conflict
from batching.providers import ProviderNotReady, UnknownProvider
from batching.spending import OverBudget
from exams.mapping import AlreadyHasASheet
from exams.points import plain
from exams.storage import StorageFull, TooLarge
from exams.uploads import DuplicateUpload
from grading.exam_delete import MustStay
from grading.models import Mark
from grading.publish import NotReady
from grading.review import StaleMark
from grading.runs import NothingToGrade

API = "/api/"
NON_FIELD = ""
BEARER = 'Bearer realm="api"'
# What was sent is sound, but the state of things forbids it: to be looked at, not corrected.
STATUSES: dict[type[Exception], tuple[int, str]] = {
    StorageFull: (507, "storage_full"),
    TooLarge: (413, "too_large"),
    DuplicateUpload: (409, "duplicate_upload"),
    AlreadyHasASheet: (409, "already_has_a_sheet"),
    CannotChange: (409, "conflict"),
    NotReady: (409, "not_ready"),
    MustStay: (409, "must_stay"),
    NothingToGrade: (409, "nothing_to_grade"),
    OverBudget: (409, "over_budget"),
    ProviderNotReady: (409, "provider_not_ready"),
    UnknownProvider: (400, "unknown_provider"),
    StaleMark: (409, "stale_mark"),
    Conflict: (409, "conflict"),
    RosterError: (400, "invalid_roster"),
    ValidationError: (400, "invalid"),
}
EDGE = {
    400: ("bad_request", gettext_lazy("This request cannot be read.")),
    403: ("permission_denied", gettext_lazy("This is not allowed.")),
    404: ("not_found", gettext_lazy("There is no such thing here.")),
    409: ("conflict", gettext_lazy("This has changed. Look at it again.")),
    411: ("length_required", gettext_lazy("Say in Content-Length how long the body is.")),
    413: ("too_large", gettext_lazy("This is larger than may be sent here.")),
    429: (
        "too_many_attempts",
        gettext_lazy("Too many failed attempts to sign in. Try again later."),
    ),
    500: ("error", gettext_lazy("Something went wrong on our side. It has been logged.")),
}
# The framework's words for these name no way on.
SIGN_IN = {
    "not_authenticated": gettext_lazy(
        "Sign in first: get a token at /api/v1/token/ and send it as “Authorization: Bearer …”."
    ),
    "token_not_valid": gettext_lazy(
        "This token is not valid, or not any more. Get a new one at /api/v1/token/refresh/, or sign"
        " in again at /api/v1/token/."
    ),
}


def error(
    status: int, code: str, message: str, fields: dict[str, list[str]] | None = None, **more: Any
) -> JsonResponse:
    """An error as every client gets it."""
    body = {"code": code, "message": str(message), "fields": fields or {}, **more}
    return JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})


def answer_error(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """The answer to what an endpoint raised; None for a bug, which rises."""
    if isinstance(exc, Http404 | exceptions.NotFound):
        # The same words for what is not yours and what never was, but a page of a list is neither.
        page = isinstance(exc, exceptions.NotFound) and "page" in context["request"].query_params
        answer = error(404, "not_found", str(exc) if page else EDGE[404][1])
    elif isinstance(exc, PermissionDenied):
        answer = error(403, *EDGE[403])
    elif isinstance(exc, exceptions.APIException):
        answer = _of_framework(exc)
    else:
        kind = next((kind for kind in STATUSES if isinstance(exc, kind)), None)
        if kind is None:
            return None
        answer = _of_command(exc, *STATUSES[kind], context)
    set_rollback()
    return answer


def _of_framework(exc: exceptions.APIException) -> JsonResponse:
    detail = exc.detail
    if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        # Signing in itself looks for no token, and would be refused with 403.
        exc.status_code, exc.auth_header = 401, BEARER
    if isinstance(exc, exceptions.ValidationError):
        fields = dict(_named(detail))
        message = " ".join(fields.pop(NON_FIELD, [])) or _("Correct the fields that are named.")
        answer = error(400, "invalid", message, fields)
    elif isinstance(detail, dict):  # of a token that is not valid (any more)
        code = str(detail["code"])
        answer = error(exc.status_code, code, SIGN_IN.get(code, detail["detail"]))
    else:
        code = str(getattr(detail, "code", exc.default_code))
        answer = error(exc.status_code, code, SIGN_IN.get(code, detail))
    if header := getattr(exc, "auth_header", None):
        answer["WWW-Authenticate"] = header
    if wait := getattr(exc, "wait", None):
        answer["Retry-After"] = str(int(wait) + 1)
    return answer


def _named(detail: Any, name: str = NON_FIELD) -> Iterator[tuple[str, list[str]]]:
    """The texts of nested errors by the dotted name of what they are about."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            inner_name = "" if key == "non_field_errors" else str(key)
            yield from _named(inner, ".".join(one for one in (name, inner_name) if one))
    elif isinstance(detail, list):
        texts = [str(one) for one in detail if not isinstance(one, dict | list)]
        if texts:
            yield name, texts
        for number, inner in enumerate(detail):
            if isinstance(inner, dict | list):
                yield from _named(inner, f"{name}.{number}".strip("."))


def _of_command(exc: Exception, status: int, code: str, context: dict[str, Any]) -> JsonResponse:
    if isinstance(exc, RosterError):
        rows = [{"row": one.row, "message": one.text} for one in exc.problems]
        return error(status, code, _("Nothing was imported."), {"file": exc.messages}, rows=rows)
    if isinstance(exc, StaleMark):
        data = context["request"].data
        yours = {name: data.get(name) for name in ("awarded", "feedback", "version")}
        return error(status, code, str(exc), theirs=mark_value(exc.mark), yours=yours)
    if not isinstance(exc, ValidationError):
        return error(status, code, told(str(exc)))
    if not hasattr(exc, "error_dict"):
        return error(status, code, "\n".join(exc.messages))
    fields = exc.message_dict
    general = fields.pop(NON_FIELD_ERRORS, [])
    message = "\n".join(general) or _("Correct the fields that are named.")
    return error(status, code, message, fields)


def mark_value(mark: Mark) -> dict[str, Any]:
    """A mark as it is now, with who left it so and when."""
    return {
        "awarded": plain(mark.awarded),
        "feedback": mark.feedback,
        "version": mark.version,
        "changed_by": mark.changed_by.name if mark.changed_by else None,
        "changed_at": mark.changed_at.isoformat(),
    }


class EdgeMiddleware:
    """Keeps every answer out of caches, and gives the API's shape to what others refused there.

    Who signs out of a school's computer leaves no page with marks behind for the Back button. A
    body that is too large, a host that is not ours, a lockout and a bug are answered with pages
    for people by whoever found them.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Cache-Control", "private, no-store")
        if not request.path.startswith(API):
            return response
        is_page = not response.get("Content-Type", "").startswith("application/json")
        if response.status_code < 400 or not is_page:
            return response
        code, message = EDGE.get(response.status_code, EDGE[500])
        with translation.override(response.get("Content-Language", settings.SHEAF_LANGUAGE)):
            answer = error(response.status_code, code, message)
        for header in ("Retry-After", "Allow", "Cache-Control", "Content-Language", "Vary"):
            if header in response:
                answer[header] = response[header]
        return answer
