"""A page that is open while its session ends keeps what was typed into it.

Comes in: what a script of a page asks for or saves without a session, or without the second factor
that is asked for by now; or a form that was sent so. Goes out: to a script 401, which the page
tells (static/js/shell.js); the sign-in page would stand where a mark stood, and would look like an
answer. A form leads to the sign-in, and from there back to the page that it was on.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

DOORS = ("accounts:login", "accounts:confirm", "accounts:second_factor")


class SignInFirst(LoginRequiredMiddleware):
    """Django's, with a way back that can be gone: many a form's own address only takes posts."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponse]
    ) -> HttpResponse:
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        return redirect_to_login(_page_before(request))


class SignedOutMiddleware:
    """Turns the way to the sign-in page into a 401 for scripts, and a refusal for a lost cookie."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.htmx and _is_refused(request, response):
            return HttpResponse(status=401)
        if _is_of_script(request) and _leads_to_a_door(response):
            return HttpResponse(status=401)
        return response


def _is_of_script(request: HttpRequest) -> bool:
    """Whether htmx asks, or an upload that a script sends, as browsers say."""
    return bool(request.htmx) or request.headers.get("Sec-Fetch-Mode") in ("cors", "same-origin")


def _is_refused(request: HttpRequest, response: HttpResponse) -> bool:
    # The token is looked at first, and may have gone with the session.
    return response.status_code == 403 and not request.user.is_authenticated


def _leads_to_a_door(response: HttpResponse) -> bool:
    doors = {reverse(door) for door in DOORS}
    return urlsplit(response.headers.get("Location", "")).path in doors


def _page_before(request: HttpRequest) -> str:
    """The page of ours from which a form was sent, else the first one."""
    told = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(told, allowed_hosts={request.get_host()}):
        return reverse("dashboard")
    parts = urlsplit(told)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
