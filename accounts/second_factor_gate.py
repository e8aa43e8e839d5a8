"""Where a second factor is required: who has none goes to its page, and nowhere else.

Comes in: a request of a teacher or an admin whose session no code has opened. Goes out: the way
to set one up, or 403 with a code of its own for the API. Others cost nothing, nor does a session
that a code has opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts.second_factors import has_second_factor, is_required_of

# In a session: it was opened with a code, or the second factor was set up in it.
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
        user = request.user
        if not user.is_authenticated or not is_required_of(user) or request.session.get(PROVED):
            return None
        match = request.resolver_match
        has_one = has_second_factor(user)
        if match is None or (match.view_name in OPEN and not has_one):
            return None
        if match.app_names[:1] == ["api"]:
            return JsonResponse(
                {
                    "code": "second_factor_missing",
                    "message": _("Set up your second factor on your account's page first."),
                    "fields": {},
                },
                status=403,
            )
        if has_one:
            # Signed in before it was required, and it was set up elsewhere.
            logout(request)
            messages.info(request, _("Sign in again: your account asks for a code now."))
            return redirect("accounts:login")
        return redirect("accounts:second_factor")
