"""Conflicts: someone was faster, or what was on the page has changed since.

Commands raise Conflict; the page that called shows it with status 409. `guarded` turns the
state machine's own errors into it at a command's edge.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django_fsm import ConcurrentTransition, TransitionNotAllowed

MOVED_ON = _("This has changed since the page was shown. Look at it again.")


class Conflict(Exception):
    """The thing has moved on; the message tells a person what it is now and what to do."""


@contextmanager
def guarded(
    message: str | Promise = MOVED_ON,
) -> Iterator[None]:
    """Raise Conflict(message) where the state machine refuses."""
    try:
        yield
    except (TransitionNotAllowed, ConcurrentTransition) as error:
        raise Conflict(str(message)) from error


class ConflictMiddleware:
    """Shows a Conflict that no view handled as a 409 page (or bare text to htmx)."""

    def __init__(self, get_response):  # type: ignore[no-untyped-def]
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Conflict):
            came_from = request.headers.get("Referer", "")
            own = url_has_allowed_host_and_scheme(came_from, allowed_hosts={request.get_host()})
            context = {"message": str(error), "back": came_from if own else "/"}
            return render(request, "409.html", context, status=409)
        return None
