"""Signing in and choosing passwords: Django's own views, with Sheaf's words and statuses.

Comes in: user name and password, a code where there is a second factor, a one-time link, an
address of somebody who forgot. Goes out: a session, a new password, an e-mail that is due.
django-axes counts wrong passwords, accounts/second_factors.py wrong codes.
"""

from typing import Any

import axes.utils
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, BaseUserCreationForm
from django.db import transaction
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse_lazy
from django.utils.crypto import constant_time_compare
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import second_factors
from accounts.first_passwords import email_is_configured, link_days, tokens
from accounts.forms import CodeForm, ForgottenForm, NewPasswordForm, SignInForm
from accounts.models import User
from accounts.password_links import send_links
from accounts.second_factor_gate import PROVED
from accounts.sessions import end_sessions, follow_key, lock_person, own_session
from accounts.views.confirm import note_password

# In the session of somebody who has given the password and not yet the code.
WAITING = "waiting_for_code"
WAITING_SECONDS = 600


class InvalidIs422:
    """Answers an invalid form with 422, as every page of Sheaf does; takes no other methods."""

    http_method_names = ["get", "head", "post", "options"]

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.render_to_response(  # type: ignore[attr-defined]
            self.get_context_data(form=form),  # type: ignore[attr-defined]
            status=422,
        )


class SignIn(InvalidIs422, auth_views.LoginView):
    """Sign in with user name and password; who has a second factor is asked for a code next."""

    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    extra_context = {"email_is_configured": email_is_configured}

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user: User = form.get_user()
        with transaction.atomic():
            lock_person(user.pk)  # lest a second factor that is set up this moment misses it
            if not second_factors.is_asked_of(user):
                _let_in(self.request, user, user.backend)
                if second_factors.has_second_factor(user):
                    # Nobody is asked for a code now; when the site asks again, this session ends.
                    self.request.session[PROVED] = False
                return HttpResponseRedirect(self.get_success_url())
        self.request.session[WAITING] = {
            "user": user.pk,
            "backend": user.backend,
            "hash": user.get_session_auth_hash(),
            "since": now().timestamp(),
            "next": self.get_redirect_url(),
        }
        return redirect("accounts:sign_in_code")


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_code(request: HttpRequest) -> HttpResponse:
    """The second step of signing in: a code of the authenticator app, or a recovery code."""
    if request.user.is_authenticated:
        return redirect("dashboard")
    user = _waiting(request)
    if user is None:
        return redirect("accounts:login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            second_factors.check_code(user, form.cleaned_data["code"])
        except second_factors.TooManyCodes:
            minutes = second_factors.lock_minutes()
            context = {"is_code": True, "minutes": minutes}
            return render(request, "accounts/locked.html", context, status=429)
        except second_factors.WrongCode as error:
            form.add_error("code", error)
        else:
            waiting = request.session[WAITING]
            _let_in(request, user, waiting["backend"])
            request.session[PROVED] = True
            return HttpResponseRedirect(waiting["next"] or resolve_url("dashboard"))
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/sign_in_code.html", {"form": form}, status=status)


def _waiting(request: HttpRequest) -> User | None:
    """Who gave the password a moment ago, while the account is open and the password the same."""
    waiting = request.session.get(WAITING)
    if waiting is None or now().timestamp() - waiting["since"] > WAITING_SECONDS:
        return None
    user = User.objects.filter(pk=waiting["user"], is_active=True).first()
    if user is None or not constant_time_compare(waiting["hash"], user.get_session_auth_hash()):
        return None
    return user


def _let_in(request: HttpRequest, user: User, backend: str) -> None:
    request.session.pop(WAITING, None)
    login(request, user, backend=backend)
    note_password(request)


class FirstPassword(InvalidIs422, auth_views.PasswordResetConfirmView):
    """Choose a password with a one-time link; a link that is used, old or invented is a 404."""

    template_name = "accounts/first_password.html"
    token_generator = tokens
    success_url = reverse_lazy("accounts:login")

    def get_user(self, uidb64: str) -> User | None:
        user: User | None = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def form_valid(self, form: BaseUserCreationForm) -> HttpResponse:
        messages.success(self.request, _("Your password is set. Sign in with it."))
        # Whoever holds the link is the account's owner: what others tried locks nobody out.
        axes.utils.reset(username=self.user.get_username())
        answer = super().form_valid(form)
        end_sessions(self.user)
        return answer

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        if not self.validlink:
            kwargs["status"] = 404
        return super().render_to_response(
            {**context, "email_is_configured": email_is_configured, "days": link_days}, **kwargs
        )


class PasswordChange(InvalidIs422, auth_views.PasswordChangeView):
    """Choose another password, knowing the present one; all other sign-ins end."""

    template_name = "accounts/password_change.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("accounts:account")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}

    def form_valid(self, form: Form) -> HttpResponse:
        messages.success(
            self.request, _("Your password is changed. You are signed out everywhere else.")
        )
        answer = super().form_valid(form)
        follow_key(self.request)
        end_sessions(self.request.user, keep=own_session(self.request))
        return answer


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
            _(
                "If this is the address of an account, a link is on its way to it. It may take a "
                "few minutes."
            ),
        )
        return redirect("accounts:login")
    return render(
        request, "accounts/forgotten.html", {"form": form}, status=422 if form.is_bound else 200
    )
