"""A person's own account: who Sheaf thinks they are, their language, times and e-mails."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views import i18n
from django.views.decorators.http import require_http_methods, require_POST

from accounts.digests import choose_digest
from accounts.first_passwords import gets_mail
from accounts.forms import PreferencesForm
from accounts.languages import language_for, set_language
from accounts.models import Digest
from accounts.queries import classes_for, enrolments_for
from accounts.second_factors import has_second_factor, is_offered_to
from accounts.times import set_time_zone


@login_not_required
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Have a browser remember a language, for whoever has chosen none on "My account"."""
    return i18n.set_language(request)


@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Name, role and classes of the signed-in person, and what they may choose for themselves."""
    user = request.user
    digest = Digest.objects.filter(user=user).first()
    form = PreferencesForm(
        request.POST or None,
        initial={
            "language": user.language,
            "time_zone": user.time_zone,
            "digest": digest.every if digest else "",
        },
        can_mail=gets_mail(user),
    )
    if request.method == "POST" and form.is_valid():
        set_language(user, form.cleaned_data["language"])
        set_time_zone(user, form.cleaned_data["time_zone"])
        if "digest" in form.cleaned_data:
            choose_digest(user, every=form.cleaned_data["digest"])
        with translation.override(language_for(request)):
            messages.success(request, _("Saved."))
        return redirect("accounts:account")
    context = {"form": form, "digest": digest}
    if is_offered_to(user):
        context |= {"second_factor_offered": True, "has_second_factor": has_second_factor(user)}
    if user.is_student:
        context["enrolments"] = enrolments_for(user).select_related("school_class")
    elif user.is_teacher:
        context["classes"] = classes_for(user)
    status = 422 if form.is_bound else 200
    return render(request, "accounts/account.html", context, status=status)
