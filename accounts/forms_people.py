"""Forms of people for admins: one person, and what a list of them is chosen by."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, User
from accounts.people import can_be_username
from accounts.queries import PeopleState


class PersonForm(forms.Form):
    """A new person, or `person` to be changed; nobody's role is chosen for the admin.

    `own` is one's own account, whose role stays.
    """

    name = forms.CharField(label=_("Name"), max_length=200)
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        required=False,
        help_text=_("Without one you hand over the link with which the password is chosen."),
    )
    username = forms.CharField(
        label=_("User name"),
        max_length=150,
        required=False,
        validators=[UnicodeUsernameValidator()],
        help_text=_("For signing in. Left empty, it is the e-mail address."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    role = forms.ChoiceField(
        label=_("Role"),
        choices=Role.choices,
        widget=forms.RadioSelect,
        help_text=_(
            "Teachers have classes and exams, students see their own results, admins manage"
            " people, classes and the system."
        ),
    )

    def __init__(
        self, *args: Any, person: User | None = None, own: bool = False, **kwargs: Any
    ) -> None:
        if person is not None:
            kwargs["initial"] = values_of(person)
        super().__init__(*args, **kwargs)
        self.person = person
        if own:
            self.fields["role"].disabled = True
            self.fields["role"].help_text = _("Nobody changes their own role: another admin can.")

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean_email(self) -> str:
        """Addresses are kept in lower case, and each is one person's."""
        email: str = self.cleaned_data["email"].lower()
        taken = self._others().filter(email__iexact=email).first() if email else None
        if taken is not None:
            raise forms.ValidationError(
                _("This is the e-mail address of %(person)s."), params={"person": taken}
            )
        return email

    def clean(self) -> dict[str, Any]:
        """The user name, or the address for it; capitals do not tell two people apart."""
        values: dict[str, Any] = super().clean() or {}
        if "username" not in values or "email" not in values:
            return values
        name: str = values["username"] or values["email"]
        name = name.lower() if "@" in name else name
        taken = self._others().filter(username__iexact=name).first()
        if not name:
            self.add_error("username", _("Give a user name or an e-mail address."))
        elif not can_be_username(name):
            self.add_error("username", _("This address cannot be a user name: give one."))
        elif taken is not None and (self.person is None or name != self.person.username):
            problem = forms.ValidationError(
                _("This is the user name of %(person)s."), params={"person": taken}
            )
            self.add_error("username", problem)
        values["username"] = name
        return values

    def _others(self) -> Any:
        return User.objects.exclude(pk=self.person.pk) if self.person else User.objects.all()


def values_of(person: User) -> dict[str, str]:
    """What the form shows of a person."""
    return {name: getattr(person, name) for name in ("name", "email", "username", "role")}


class PeopleForm(forms.Form):
    """What the list of people is chosen by; what means nothing is left out."""

    search = forms.CharField(
        label=_("Search"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    role = forms.ChoiceField(
        label=_("Role"), choices=[("", _("all roles")), *Role.choices], required=False
    )
    state = forms.ChoiceField(
        label=_("Account"), choices=[("", _("all accounts")), *PeopleState.choices], required=False
    )
