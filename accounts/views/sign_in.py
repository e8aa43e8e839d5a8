"""Signing in and choosing passwords: Django's own views, with Sheaf's words and statuses.

Comes in: user name and password, a one-time link, an address of somebody who forgot. Goes out:
a session, a new password, an e-mail that is due. django-axes counts failures.
"""

from typing import Any

import axes.utils
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import BaseUserCreationForm
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.first_passwords import email_is_configured, link_days, tokens
from accounts.forms import ForgottenForm, SignInForm
from accounts.models import User
from accounts.password_links import send_links


class InvalidIs422:
    """Answers an invalid form with 422, as every page of Sheaf does; takes no other methods."""

    http_method_names = ["get", "head", "post", "options"]

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.render_to_response(  # type: ignore[attr-defined]
            self.get_context_data(form=form),  # type: ignore[attr-defined]
            status=422,
        )


class SignIn(InvalidIs422, auth_views.LoginView):
    """Sign in with user name and password."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    extra_context = {"email_is_configured": email_is_configured}


class FirstPassword(InvalidIs422, auth_views.PasswordResetConfirmView):
    """Choose a password with a one-time link; a link that is used, old or invented is a 404."""

    template_name = "accounts/first_password.html"
    token_generator = tokens
    success_url = reverse_lazy("accounts:login")

    def get_user(self, uidb64: str) -> User | None:
        user: User | None = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: BaseUserCreationForm) -> HttpResponse:
        messages.success(self.request, "Your password is set. Sign in with it.")
        # Whoever holds the link is the account's owner: what others tried locks nobody out.
        axes.utils.reset(username=self.user.get_username())
        return super().form_valid(form)

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        if not self.validlink:
            kwargs["status"] = 404
        return super().render_to_response(
            {**context, "email_is_configured": email_is_configured, "days": link_days}, **kwargs
        )


class PasswordChange(InvalidIs422, auth_views.PasswordChangeView):
    """Choose another password, knowing the present one."""

    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("accounts:account")

    def form_valid(self, form: Form) -> HttpResponse:
        messages.success(self.request, "Your password is changed.")
        return super().form_valid(form)


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Have a one-time link e-mailed; the answer does not tell whether the address is known."""
    if not email_is_configured():
        raise Http404("Without e-mail, admins hand out one-time links.")
    form = ForgottenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        send_links(User.objects.filter(email__iexact=form.cleaned_data["email"], is_active=True))
        messages.success(
            request,
            "If this is the address of an account, a link is on its way to it. It may take a "
            "few minutes.",
        )
        return redirect("accounts:login")
    return render(
        request, "accounts/forgotten.html", {"form": form}, status=422 if form.is_bound else 200
    )
