"""Forms of a proposed answer key: the PDF and who reads it, and the criteria to be corrected.

Comes in: what a teacher chose or typed. Goes out: cleaned values and rows; what a rubric may
hold is decided by exams/rubric_items.py when it is saved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.told import told
from batching import providers
from exams.key_proposals import able_providers, why_not
from exams.key_request import MAX_CRITERIA
from exams.key_rows import Criterion
from exams.rubric_items import MAX_TEXT

BLANK_ROWS = 3
# Rows of the rubric that appeared while the page was open come on top of those it had.
MOST_ROWS = MAX_CRITERIA + 20
FIELDS = ("was", "code", "description", "max_marks", "step", "answer", "guidance")


class KeyProviderForm(forms.Form):
    """Which provider shall read the answer key."""

    provider = forms.CharField(
        max_length=60, error_messages={"required": _("Choose who shall read it.")}
    )

    def __init__(self, *args: Any, chosen: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        able = able_providers()
        self.fields["provider"].initial = chosen if chosen in able else next(iter(able), "")

    def clean_provider(self) -> str:
        name: str = self.cleaned_data["provider"]
        if problem := why_not(name):
            raise forms.ValidationError(problem)
        return name

    @property
    def choices(self) -> list[dict[str, Any]]:
        """Every configuration with what pages say of it, and why it cannot be chosen if so."""
        titles = dict(providers.choices())
        return [
            {
                "name": name,
                "title": titles.get(name, providers.about(name).title),
                "about": providers.about(name),
                "why_not": why_not(name),
                "missing": told(providers.get(name).missing),
            }
            for name in providers.names()
        ]

    @property
    def ready(self) -> list[dict[str, Any]]:
        """Those that are set up, also where they cannot do it."""
        return [choice for choice in self.choices if not choice["missing"]]

    @property
    def unready(self) -> list[dict[str, Any]]:
        """Those that somebody would have to set up first."""
        return [choice for choice in self.choices if choice["missing"]]

    @property
    def can_ask(self) -> bool:
        """Whether there is any provider to choose."""
        return bool(able_providers())


class KeyFileForm(KeyProviderForm):
    """The PDF of an answer key, and which provider shall read it."""

    pdf = forms.FileField(
        label=_("Answer key as PDF"),
        error_messages={
            "required": _("Choose a PDF first."),
            "empty": _("The chosen file is empty."),
        },
        widget=forms.FileInput(attrs={"accept": ".pdf,application/pdf"}),
    )


class KeyRowForm(forms.Form):
    """One criterion to be corrected."""

    was = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    code = forms.RegexField(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$",
        label=_("Code"),
        error_messages={
            "required": _("Give it a code, such as Q1."),
            "invalid": _(
                "1 to 40 letters, digits, dots, hyphens or underscores; a letter or a digit first."
            ),
        },
    )
    max_marks = forms.DecimalField(
        label=_("Marks"),
        max_digits=6,
        decimal_places=2,
        error_messages={"required": _("Say how many marks it gives.")},
        widget=forms.NumberInput(attrs={"step": "any", "min": "0"}),
    )
    step = forms.DecimalField(
        label=_("Step"),
        required=False,
        max_digits=6,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"step": "any", "min": "0"}),
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=MAX_TEXT,
        error_messages={"required": _("Say what is asked.")},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    answer = forms.CharField(
        label=_("Answer"),
        required=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    guidance = forms.CharField(
        label=_("Guidance for marking"),
        required=False,
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class KeyRowFormSet(forms.BaseFormSet):
    """All rows of a proposed answer key, then a few empty ones."""

    deletion_widget = forms.CheckboxInput

    def criteria(self) -> list[Criterion]:
        """The rows that stay, once the whole is valid; empty ones are no rows."""
        return [
            Criterion(**{name: form.cleaned_data[name] for name in FIELDS})
            for form in self.forms
            if form.has_changed() and not self._should_delete_form(form)
            if form.cleaned_data
        ]

    def wrong(self) -> list[str]:
        """What keeps the rows from being confirmed, each with the code of its row."""
        return [
            f"{form['code'].value() or form['was'].value() or f'#{number}'}: {text}"
            for number, form in enumerate(self.forms, start=1)
            for texts in form.errors.values()
            for text in texts
        ]

    def typed(self) -> list[dict[str, Any]]:
        """Every row as it was typed, those that are left out as well, for showing it again."""
        return [
            {name: form[name].value() for name in (*FIELDS, "DELETE")}
            for form in self.forms
            if form.has_changed()
        ]


RowFormSet = forms.formset_factory(
    KeyRowForm,
    formset=KeyRowFormSet,
    extra=BLANK_ROWS,
    can_delete=True,
    max_num=MOST_ROWS + BLANK_ROWS,
    absolute_max=MOST_ROWS + BLANK_ROWS,
    validate_max=True,
)


def row_forms(initial: Iterable[dict[str, Any]]) -> KeyRowFormSet:
    """A fresh form for each row, then the empty ones."""
    formset: KeyRowFormSet = RowFormSet(initial=list(initial), prefix="row")
    return formset
