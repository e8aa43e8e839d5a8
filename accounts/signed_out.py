"""A page that is open while its session ends keeps what was typed into it.

Comes in: what htmx asks for or saves without a session, or without the second factor that is
asked for by now. Goes out: 401, which the page tells (static/js/shell.js); the sign-in page would
stand where a mark stood, and would look like an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

DOORS = ("accounts:login", "accounts:confirm", "accounts:second_factor")


class SignedOutMiddleware:
    """Turns the way to the sign-in page into a 401 for htmx, and a refusal for a lost cookie."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.htmx and (_is_refused(request, response) or _leads_to_a_door(response)):
            return HttpResponse(status=401)
        return response


def _is_refused(request: HttpRequest, response: HttpResponse) -> bool:
    # The token is looked at first, and may have gone with the session.
    return response.status_code == 403 and not request.user.is_authenticated


def _leads_to_a_door(response: HttpResponse) -> bool:
    doors = {reverse(door) for door in DOORS}
    return urlsplit(response.headers.get("Location", "")).path in doors
