"""The password once more: before anybody sees or changes what a second factor is made of.

Comes in: a signed-in browser. Goes out: the same, with a note that its person gave the password
within the last minutes; signing in leaves that note as well.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.forms import PasswordForm
from accounts.second_factors import is_offered_to

CONFIRMED = "password_given"
CONFIRMED_SECONDS = 600

View = Callable[..., HttpResponse]


def note_password(request: HttpRequest) -> None:
    """Note in the session that the password was given just now."""
    request.session[CONFIRMED] = now().timestamp()


def password_given(view: View) -> View:
    """Lets a person on who gave the password within ten minutes, and asks for it otherwise.

    Only for those who may have a second factor; for others the page is not there.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_offered_to(request.user):
            raise Http404("No second factor for this person.")
        if now().timestamp() - request.session.get(CONFIRMED, 0) > CONFIRMED_SECONDS:
            back = request.path if request.method in ("GET", "HEAD") else _start()
            return redirect(f"{reverse('accounts:confirm')}?{urlencode({'next': back})}")
        return view(request, *args, **kwargs)

    return guarded


def _start() -> str:
    return reverse("accounts:second_factor")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Ask for the password and go on where one wanted to."""
    if not is_offered_to(request.user):
        raise Http404("No second factor for this person.")
    wanted = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        wanted = _start()
    form = PasswordForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        note_password(request)
        return HttpResponseRedirect(wanted)
    return render(
        request,
        "accounts/confirm.html",
        {"form": form, "next": wanted},
        status=422 if request.method == "POST" else 200,
    )
