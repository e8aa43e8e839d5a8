"""Forms of runs: who assesses the sheets, and who gets those that the first one fails at.

Comes in: a teacher's choice. Goes out: the names of configured providers that are ready.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.told import told
from batching import providers
from batching.models import BatchRun
from exams.models import Exam

NOBODY = ("", _("nobody: they are left to me"))


@dataclass(frozen=True, slots=True)
class Choice:
    """A configured provider on the form; `missing` is what to set before it can be used."""

    name: str
    title: str
    model: str
    notice: str
    missing: str
    is_chosen: bool


class ProviderForm(forms.Form):
    """A first and a second provider, among those that are ready."""

    provider = forms.ChoiceField(
        label=_("Assessed by"),
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose who assesses the sheets."),
            "invalid_choice": _("This provider is not ready or not known. Choose another one."),
        },
    )
    second_provider = forms.ChoiceField(
        label=_("What it fails at goes to"),
        required=False,
        error_messages={
            "invalid_choice": _(
                "The second provider is not ready or not known. Choose another one."
            )
        },
    )

    def __init__(self, *args: Any, first: str, second: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ready = providers.choices()
        self.fields["provider"].choices = ready  # type: ignore[attr-defined]
        self.fields["second_provider"].choices = [NOBODY, *ready]  # type: ignore[attr-defined]
        names = [name for name, _title in ready]
        default = settings.SHEAF_DEFAULT_PROVIDER
        self.wanted = first or default
        self.fields["provider"].initial = next(
            (name for name in (self.wanted, default, *names) if name in names), ""
        )
        self.fields["second_provider"].initial = second if second in names else ""

    @property
    def chosen(self) -> dict[str, str]:
        """What was chosen, as the commands take it, once the form is valid."""
        return {name: self.cleaned_data[name] for name in ("provider", "second_provider")}

    def choices(self) -> Iterator[Choice]:
        """Every configured provider, those that are ready first."""
        ready = dict(providers.choices())
        for name in sorted(providers.names(), key=lambda name: name not in ready):
            found = providers.get(name)
            yield Choice(
                name=name,
                title=ready.get(name) or told(found.title),
                model=found.model if found.model not in found.title else "",
                notice=told(found.notice),
                missing=told(found.missing),
                is_chosen=self["provider"].value() == name,
            )

    @property
    def ready(self) -> list[Choice]:
        """Those that can be chosen."""
        return [choice for choice in self.choices() if not choice.missing]

    @property
    def unready(self) -> list[Choice]:
        """Those that somebody would have to set up first."""
        return [choice for choice in self.choices() if choice.missing]

    @property
    def wanted_is_missing(self) -> str:
        """The title of the provider that would be proposed if it were ready, or ""."""
        if self.wanted in [name for name, _title in providers.choices()]:
            return ""
        return providers.about(self.wanted).title


class RunForm(ProviderForm):
    """Who assesses the sheets of an exam, and whether unreviewed ones are graded again."""

    again = forms.BooleanField(required=False)

    def __init__(self, *args: Any, exam: Exam, **kwargs: Any) -> None:
        super().__init__(*args, first=exam.provider, second=exam.second_provider, **kwargs)


class AgainForm(ProviderForm):
    """Who gets the sheets that failed; the same as before unless something else is chosen."""

    def __init__(self, *args: Any, run: BatchRun, **kwargs: Any) -> None:
        super().__init__(*args, first=run.provider, second=run.second_provider, **kwargs)
