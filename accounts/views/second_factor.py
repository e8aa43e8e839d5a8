"""A person's own second factor: set it up, see the recovery codes, take it away.

Comes in: a teacher or an admin, where the site offers it (SHEAF_SECOND_FACTOR). Goes out: pages
that no cache keeps. The secret of an app waits sealed in the session until a code proves it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import second_factors
from accounts.forms import CodeForm, PasswordForm
from accounts.second_factor_gate import PROVED
from accounts.sessions import own_session
from accounts.views.confirm import password_given

SECRET = "second_factor_secret"  # noqa: S105 - where it is kept, not what it is

View = Callable[..., HttpResponse]


def offered(view: View) -> View:
    """For those who may have a second factor; for others the page is not there."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not second_factors.is_offered_to(request.user):
            raise Http404("No second factor for this person.")
        return view(request, *args, **kwargs)

    return guarded


@never_cache
@require_safe
@offered
def second_factor(request: HttpRequest) -> HttpResponse:
    """Whether there is a second factor, and what can be done about it."""
    facts = second_factors.facts_of(request.user)
    is_required = second_factors.is_required_of(request.user)
    return render(
        request,
        "accounts/second_factor.html",
        {"facts": facts, "is_required": is_required, "is_shut_out": is_required and not facts},
    )


@require_POST
@password_given
def second_factor_begin(request: HttpRequest) -> HttpResponse:
    """Make a secret for an app, to be proved on the next page."""
    request.session[SECRET] = second_factors.sealed_secret()
    return redirect("accounts:second_factor_set_up")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@password_given
def second_factor_set_up(request: HttpRequest) -> HttpResponse:
    """Show the secret as a QR code; a code of the app makes it the second factor."""
    sealed = request.session.get(SECRET)
    if sealed is None:
        return redirect("accounts:second_factor")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            second_factors.set_up_second_factor(
                request.user, sealed, form.cleaned_data["code"], keep=own_session(request)
            )
        except second_factors.AlreadySetUp as error:
            messages.error(request, " ".join(error.messages))
            return redirect("accounts:second_factor")
        except ValidationError as error:
            form.add_error("code", error)
        else:
            del request.session[SECRET]
            request.session[PROVED] = True
            messages.success(
                request,
                _("Your second factor is set up. Keep these recovery codes in a safe place."),
            )
            return redirect("accounts:recovery_codes")
    context = {"form": form, "app": second_factors.app_picture(request.user, sealed)}
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/second_factor_set_up.html", context, status=status)


@never_cache
@require_safe
@password_given
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """The recovery codes that are left."""
    codes = second_factors.recovery_codes(request.user)
    if not codes and not second_factors.has_second_factor(request.user):
        return redirect("accounts:second_factor")
    return render(request, "accounts/recovery_codes.html", {"codes": codes})


@never_cache
@require_safe
@password_given
def recovery_codes_file(request: HttpRequest) -> HttpResponse:
    """The recovery codes that are left, as a text file."""
    lines = [
        _("Recovery codes for Sheaf, %(site)s") % {"site": settings.SITE_URL},
        _("User name: %(name)s") % {"name": request.user.get_username()},
        _("Each works once, in the place of a code of your app."),
        "",
        *second_factors.recovery_codes(request.user),
        "",
    ]
    answer = HttpResponse("\r\n".join(lines), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="sheaf-recovery-codes.txt"'
    return answer


@require_POST
@password_given
def recovery_codes_new(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes; the old ones end."""
    second_factors.make_recovery_codes(request.user)
    messages.success(request, _("These codes are new. The old ones do not work any more."))
    return redirect("accounts:recovery_codes")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@offered
def second_factor_remove(request: HttpRequest) -> HttpResponse:
    """Take the second factor away; asks for the password, however lately it was given."""
    if not second_factors.has_second_factor(request.user):
        return redirect("accounts:second_factor")
    form = PasswordForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        second_factors.remove_second_factor(request.user, keep=own_session(request))
        request.session.pop(PROVED, None)
        messages.success(request, _("Your second factor is removed."))
        return redirect("accounts:second_factor")
    context = {"form": form, "is_required": second_factors.is_required_of(request.user)}
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/second_factor_remove.html", context, status=status)
