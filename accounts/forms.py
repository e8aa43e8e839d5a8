"""Forms of the people pages: sign-in and codes, forgotten password, a class, a roster file."""

from typing import Any

from django import forms
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.languages import language_choices
from accounts.models import DigestEvery, SchoolClass, User
from accounts.roster_files import MAX_BYTES
from accounts.times import zone_choices


class SignInForm(AuthenticationForm):
    """User name (for most people their e-mail address) and password."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("User name or password is wrong. Mind capital letters in the password."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("User name or e-mail address")

    def clean_username(self) -> str:
        """E-mail addresses are kept in lower case; people type them in any.

        One longer than any account's is wrong, and too long to be counted as a failure.
        """
        username: str = self.cleaned_data["username"]
        if len(username) > (User._meta.get_field("username").max_length or 0):
            raise self.get_invalid_login_error()
        return username.lower() if "@" in username else username


class CodeInput(forms.TextInput):
    """An empty field, also after a wrong code: the next one is typed into it."""

    def format_value(self, value: Any) -> None:
        return None


class CodeForm(forms.Form):
    """A code of an authenticator app, or a recovery code."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=CodeInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autocapitalize": "off",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


class PasswordForm(forms.Form):
    """The password once more, so that a browser that was left open is not enough.

    It is checked as at the sign-in page, so that wrong ones count there too.
    """

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=4096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not _is_own_password(self.request, password):
            raise forms.ValidationError(_("This is not your password."))
        return password


class NewPasswordForm(PasswordChangeForm):
    """Another password; wrong ones in the place of the present one count as at the sign-in page."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        if not _is_own_password(self.request, password):
            raise forms.ValidationError(
                self.error_messages["password_incorrect"], code="password_incorrect"
            )
        return password


def _is_own_password(request: HttpRequest, password: str) -> bool:
    name = request.user.get_username()
    return authenticate(request, username=name, password=password) is not None


class ForgottenForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )


class PreferencesForm(forms.Form):
    """What people choose for themselves; without `can_mail` there is nothing to be e-mailed."""

    language = forms.ChoiceField(label=_("Language"), required=False)
    time_zone = forms.ChoiceField(label=_("Times are shown in"), required=False)
    digest = forms.ChoiceField(
        label=_("Unread lines of the bell by e-mail"), choices=DigestEvery, required=False
    )

    def __init__(self, *args: Any, can_mail: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = language_choices()
        self.fields["time_zone"].choices = zone_choices()
        if not can_mail:
            del self.fields["digest"]


class ClassForm(forms.ModelForm):
    class Meta:
        model = SchoolClass
        fields = ("name", "teachers")
        widgets = {"teachers": forms.CheckboxSelectMultiple}
        labels = {"name": _("Name of the class"), "teachers": _("Teachers")}
        help_texts = {
            "name": _("For example X-B."),
            "teachers": _("They see this class and its exams."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Who has left the school is not offered, but stays where the class names them already.
        there = self.instance.teachers.values("pk") if self.instance.pk else []
        teachers = self.fields["teachers"]
        teachers.queryset = teachers.queryset.filter(Q(is_active=True) | Q(pk__in=there))

    def clean_name(self) -> str:
        """Two classes whose names differ in case or spaces only would be mixed up."""
        name = " ".join(self.cleaned_data["name"].split())
        others = SchoolClass.objects.exclude(pk=self.instance.pk)
        if others.filter(name__iexact=name).exists():
            raise forms.ValidationError(
                _("There is a class %(name)s already."), params={"name": name}
            )
        return name


class RosterForm(forms.Form):
    file = forms.FileField(
        label=_("Roster file (CSV)"),
        max_length=200,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
    )

    def clean_file(self):
        """Refuse a file too large to be a roster before it is read."""
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(
                _("The file has %(size)s bytes; a roster has at most %(most)s."),
                params={"size": intcomma(file.size), "most": intcomma(MAX_BYTES)},
            )
        return file
