"""The admin's view of people, for the person on call.

Passwords are never typed here: the actions make one-time links, take away a lost second factor
and end sign-ins. Who is not signed in goes to Sheaf's own page, which asks for the code. People,
classes and enrolments show their history; notifications and e-mailed links are for looking only.
"""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from simple_history.admin import SimpleHistoryAdmin

from accounts.first_passwords import first_password_url, link_days
from accounts.models import (
    Digest,
    Enrolment,
    LinkMail,
    Notification,
    Role,
    SchoolClass,
    Subject,
    User,
)
from accounts.password_links import send_links
from accounts.queries import with_code
from accounts.second_factors import reset_second_factor
from accounts.sessions import end_sessions_of

admin.site.site_header = "Sheaf administration"
admin.site.site_title = "Sheaf"
admin.site.unregister(Group)
# Rows of the API's tokens: they end by themselves and by signing out, never by hand.
admin.site.unregister(OutstandingToken)
admin.site.unregister(BlacklistedToken)
# Addresses are people's own column here; second factors are looked at by nobody.
admin.site.unregister(EmailAddress)
admin.site.unregister(Authenticator)


@login_not_required
def sign_in_elsewhere(
    request: HttpRequest, extra_context: dict[str, Any] | None = None
) -> HttpResponse:
    """There is one page to sign in, and it asks for the second factor."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
    if not admin.site.has_permission(request):
        raise Http404("The administration is for admins.")
    return redirect("admin:index")


def password_elsewhere(
    request: HttpRequest, extra_context: dict[str, Any] | None = None
) -> HttpResponse:
    """There is one page to change the password, and it ends all other sign-ins."""
    return redirect("accounts:password_change")


admin.site.login = sign_in_elsewhere
admin.site.password_change = password_elsewhere


class ReadOnly:
    """Rows to look at: no adding, changing or deleting. Goes before an admin or inline class."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class HistoryAdmin(SimpleHistoryAdmin):
    """History to look at; going back to an old row is done by changing it again."""

    def revert_disabled(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True

    def history_form_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # simple-history hides the button only: a POST would still write the old row back, even
        # where has_change_permission says no.
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return super().history_form_view(request, *args, **kwargs)


class UserForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name", "username", "email", "role", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:  # nobody becomes a student because a field was overlooked
            self.fields["role"].choices = [("", "---------"), *Role.choices]
            self.fields["role"].initial = self.initial["role"] = ""

    def clean_username(self) -> str:
        """Sign-in lowers what looks like an address; so must the name that is kept."""
        username: str = self.cleaned_data["username"]
        return username.lower() if "@" in username else username

    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()


@admin.register(User)
class UserAdmin(HistoryAdmin):
    form = UserForm
    list_display = ("name", "username", "email", "role", "is_active", "last_login", "code")
    list_filter = ("role", "is_active", "enrolments__school_class")
    search_fields = ("name", "username", "email")
    readonly_fields = ("last_login", "date_joined")
    actions = ("show_links", "mail_links", "reset_codes", "sign_out")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return with_code(super().get_queryset(request))

    @admin.display(description="second factor", boolean=True, ordering="has_code")
    def code(self, user: User) -> bool:
        """Whether signing in asks for a code."""
        return user.has_code

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        # Nobody locks the last admin out by demoting or closing themselves.
        own = ("role", "is_active") if obj is not None and obj.pk == request.user.pk else ()
        return (*super().get_readonly_fields(request, obj), *own)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        obj.is_staff = obj.is_superuser = obj.role == Role.ADMIN
        if not change:
            obj.password = make_password(None)
        super().save_model(request, obj, form, change)

    @admin.action(description="Make one-time password links to hand over")
    def show_links(self, request: HttpRequest, users: QuerySet[User]) -> HttpResponse:
        """Show links with which the chosen people set a password; nothing is stored."""
        return render(
            request,
            "accounts/user_links.html",
            {
                "strips": [
                    {"person": user, "link": first_password_url(user)}
                    for user in users.filter(is_active=True)
                ],
                "days": link_days(),
            },
        )

    @admin.action(description="Take the second factor away (lost phone), end all sign-ins")
    def reset_codes(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """For people who have lost what their codes came from; they are told."""
        chosen = [user for user in users if user.pk != request.user.pk]
        if len(chosen) < users.count():
            self.message_user(
                request, "Your own is removed on your account's page.", messages.ERROR
            )
        done = [user for user in chosen if reset_second_factor(user, by=request.user)]
        self.message_user(request, f"Second factors taken away: {len(done)}.")

    @admin.action(description="End all sign-ins")
    def sign_out(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Sign the chosen people out, in browsers and programs; their history tells."""
        for user in users:
            end_sessions_of(user, by=request.user)
        self.message_user(request, f"Signed out everywhere: {len(users)}.")

    @admin.action(description="E-mail one-time password links")
    def mail_links(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """Have links e-mailed to the chosen people."""
        chosen = list(users.filter(is_active=True))
        unreached = send_links(chosen)
        if len(chosen) > len(unreached):
            self.message_user(request, f"{len(chosen) - len(unreached)} links will be e-mailed.")
        if unreached:
            self.message_user(
                request,
                f"{len(unreached)} cannot be reached by e-mail: hand them a link.",
                messages.WARNING,
            )


@admin.register(Subject)
class SubjectAdmin(admin.ModelAdmin):
    search_fields = ("name",)


@admin.register(SchoolClass)
class SchoolClassAdmin(HistoryAdmin):
    list_display = ("name",)
    search_fields = ("name",)
    filter_horizontal = ("teachers",)


@admin.register(Enrolment)
class EnrolmentAdmin(HistoryAdmin):
    list_display = ("roll_number", "student", "school_class")
    list_filter = ("school_class",)
    list_select_related = ("student", "school_class")
    search_fields = ("roll_number", "student__name", "student__email")
    autocomplete_fields = ("student", "school_class")


@admin.register(Notification)
class NotificationAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("created_at", "recipient", "key", "read_at")
    list_select_related = ("recipient",)


@admin.register(LinkMail)
class LinkMailAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("user", "due_at", "sent_at", "tries", "problem")
    list_select_related = ("user",)


@admin.register(Digest)
class DigestAdmin(ReadOnly, admin.ModelAdmin):
    """Who is told by e-mail, how often, and when next."""

    list_display = ("user", "every", "due_at", "tries", "problem")
    list_select_related = ("user",)
