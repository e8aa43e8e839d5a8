"""Where a second factor is required: who has none goes to its page, and nowhere else.

Comes in: a request of a teacher or an admin whose session no code has opened. Goes out: the way
to set one up, or 403 with a code of its own for the API. Others cost nothing, nor does a session
that a code has opened. A session from a time when the site asked nobody for a code ends when it
asks again, required or not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.second_factors import has_second_factor, is_required_of
from accounts.signed_out import is_of_script

# In a session: it was opened with a code, or the second factor was set up in it; False where there
# was one and the site asked for no code. In a token, whether it was given for a code.
PROVED = "second_factor"
OPEN = {
    "healthz",
    "accounts:confirm",
    "accounts:logout",
    "accounts:second_factor",
    "accounts:second_factor_begin",
    "accounts:second_factor_set_up",
}


class SecondFactorGate:
    """Shuts every page to those who must have a second factor and have not shown one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        user, match = request.user, request.resolver_match
        if not user.is_authenticated or match is None:
            return None
        proved = request.session.get(PROVED)
        is_old = proved is False and settings.SHEAF_SECOND_FACTOR != "off"
        if proved or not (is_old or is_required_of(user)):
            return None
        has_one = has_second_factor(user)
        if not has_one and (match.view_name in OPEN or not is_required_of(user)):
            return None
        api = match.app_names[:1] == ["api"]
        if has_one:
            # Signed in before it was asked for, or it was set up elsewhere.
            logout(request)
            text = _("Sign in again: your account asks for a code now.")
            if api:
                return _refusal("second_factor_required", text)
            if is_of_script(request):
                return HttpResponse(status=401)
            messages.info(request, text)
            return redirect("accounts:login")
        if api:
            text = _("Set up your second factor on your account's page first.")
            return _refusal("second_factor_missing", text)
        if is_of_script(request):
            return HttpResponse(status=403)
        return redirect("accounts:second_factor")


def _refusal(code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message, "fields": {}}, status=403)
