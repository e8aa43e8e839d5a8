"""How large a request may be: one that is too large is turned away unread.

Comes in: every request, before anything reads it; the check of a form's token would write its
files to the disk first, for anybody, even at the sign-in page. Goes out: 413 or 411 with words,
or nothing. Only three pages, and their like in the API, take large files; uploads have a limit and
words of their own.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exams.answer_key import MAX_BYTES

# A form is a little larger than the file in it.
FORM_BYTES = 1_000_000
LARGER = {
    "exams:answer_key_read": MAX_BYTES + FORM_BYTES,
    "exams:key_create": MAX_BYTES + FORM_BYTES,
    "api:answer_key_read": MAX_BYTES + FORM_BYTES,
    "api:keys": MAX_BYTES + FORM_BYTES,
}
OWN_LIMIT = {"exams:upload_create", "api:uploads"}


class BodyLimitMiddleware:
    """Refuses a body by its stated length. Stands before CsrfViewMiddleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """The refusal, or None to go on."""
        if not request.META.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" in request.META:
            # Django reads nothing of it, and would take the form for an empty one.
            return _refusal(request, 411)
        limit = _limit_of(request)
        if limit is not None and _stated_length(request) > limit:
            return _refusal(request, 413, limit)
        return None


def _limit_of(request: HttpRequest) -> int | None:
    """The most bytes for this address; None where the page itself turns large files away."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    if name in OWN_LIMIT:
        return None
    return LARGER.get(name, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


def _stated_length(request: HttpRequest) -> int:
    """The length that Django will read up to; it takes what is no number for 0, too."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def _refusal(request: HttpRequest, status: int, limit: int = 0) -> HttpResponse:
    context = {"limit_mb": limit // 1_000_000}
    return render(request, f"{status}.html", context, status=status)
