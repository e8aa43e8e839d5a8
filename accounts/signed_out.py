"""Who is not signed in (any more): a page leads to the sign-in, what a script asks for is a 401.

Comes in: a request of nobody. Goes out: the way to sign in, and from there back to where one was. A
script would follow that way and take the sign-in page for its answer, so that a mark which was
typed after signing out in another tab looked saved.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


class SignInFirst(LoginRequiredMiddleware):
    """Django's, with an answer for scripts, and a way back that can be gone."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., HttpResponse]
    ) -> HttpResponse:
        if is_of_script(request):
            return HttpResponse(status=401)
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        # What was to be done is not done after the sign-in, and has no page of its own.
        return redirect_to_login(page_before(request))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        # The token of a form is looked at first, and may have gone together with the session.
        is_refused = response.status_code == 403 and not request.user.is_authenticated
        if is_refused and request.headers.get("HX-Request") == "true":
            return HttpResponse(status=401)
        return response


def is_of_script(request: HttpRequest) -> bool:
    """Whether a script on a page asks, and not a person on the way to another page.

    Browsers say so; on a site without https only htmx does.
    """
    mode = request.headers.get("Sec-Fetch-Mode", "navigate")
    return mode != "navigate" or request.headers.get("HX-Request") == "true"


def page_before(request: HttpRequest) -> str:
    """The page of ours from which a form was sent, else the first one."""
    told = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(told, allowed_hosts={request.get_host()}):
        return reverse("dashboard")
    parts = urlsplit(told)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
