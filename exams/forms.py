"""Forms of the exam pages: an exam's own facts, an exam file, the rubric's text, an answer key.

Comes in: what a teacher typed or uploaded. Goes out: cleaned values, or errors in words that
say how to correct them. The rules themselves are in rubric_files, rubrics and samples.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import SchoolClass, Subject
from accounts.seen import fingerprint
from batching import providers
from exams.fact_words import fact_in_words
from exams.models import Exam
from exams.rubric_files import ExamFile, read_exam_file
from exams.rubric_items import clean_text
from exams.rubric_yaml import check_size

SAME_TITLE = _("This class has an exam with this title on this date.")


class ExamForm(forms.ModelForm):  # type: ignore[type-arg]
    """An exam's title, class, subject, date and instructions, and who assesses it for how much.

    The subject is made if new.
    """

    subject_name = forms.CharField(
        label=_("Subject"),
        max_length=100,
        widget=forms.TextInput(attrs={"list": "subjects", "autocomplete": "off"}),
    )
    provider = forms.ChoiceField(
        label=_("Assessed by"),
        required=False,
        help_text=_("Proposed when a run is drafted; another one can be chosen there."),
    )
    second_provider = forms.ChoiceField(
        label=_("What it fails at goes to"),
        required=False,
        help_text=_("Asked about single sheets for which the first one gave no usable reply."),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Exam
        fields = (
            "title",
            "school_class",
            "date",
            "instructions",
            "provider",
            "second_provider",
            "spending_cap",
            "show_distribution",
            "appeals_until",
        )
        labels = {
            "title": _("Title"),
            "date": _("Date"),
            "instructions": _("Instructions"),
            "school_class": _("Class"),
            "spending_cap": _("May cost at most"),
            "show_distribution": _("Students see how the totals of the class spread"),
            "appeals_until": _("Students may ask about their marks until"),
        }
        widgets = {
            "date": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "appeals_until": forms.DateTimeInput(
                attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"
            ),
            "instructions": forms.Textarea(attrs={"rows": 3}),
        }
        help_texts = {
            "instructions": _(
                "For whoever marks: what counts in this exam. Students do not see it."
            ),
            "spending_cap": _(
                "All runs of this exam together, in the currency of the prices. Empty: no limit"
                " of its own."
            ),
            "show_distribution": _(
                "How many results fall into each tenth of the marks, beside their own published"
                " result. Never with fewer than 5 published results."
            ),
            "appeals_until": _(
                "Appeals: beside each published mark a student may write to you, and you answer in"
                " the review. In your own time zone. Empty: they may not."
            ),
        }

    field_order = (
        "title",
        "school_class",
        "subject_name",
        "date",
        "instructions",
        "provider",
        "second_provider",
        "spending_cap",
        "show_distribution",
        "appeals_until",
    )

    def __init__(self, *args: Any, classes: QuerySet[SchoolClass], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["school_class"].queryset = classes  # type: ignore[attr-defined]
        for name, nobody in (
            ("provider", _("as everywhere here: %(provider)s") % {"provider": site_default()}),
            ("second_provider", _("nobody")),
        ):
            kept = getattr(self.instance, name)
            self.fields[name].choices = provider_choices(kept, nobody)  # type: ignore[attr-defined]
        if self.instance.pk:
            self.stored = facts_of(self.instance)
            self.fields["seen"].initial = fingerprint(self.stored)
            self.fields["subject_name"].initial = self.instance.subject.name
            # Its students are on the papers already: an exam stays with its class.
            del self.fields["school_class"]
        else:
            del self.fields["seen"]
            if len(only := classes[:2]) == 1:
                self.fields["school_class"].initial = only[0].pk

    def clean_instructions(self) -> str:
        return clean_text(self.cleaned_data["instructions"])

    def clean_appeals_until(self) -> datetime | None:
        # As exact as the field on the page, so that saving it unchanged changes nothing.
        until: datetime | None = self.cleaned_data["appeals_until"]
        return until.replace(second=0, microsecond=0) if until else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        second = cleaned.get("second_provider")
        if second and second == (cleaned.get("provider") or settings.SHEAF_DEFAULT_PROVIDER):
            self.add_error("second_provider", _("Choose another one than the first, or nobody."))
        self.instance.school_class_id = getattr(
            cleaned.get("school_class"), "pk", self.instance.school_class_id
        )
        same = Exam.objects.filter(
            school_class=self.instance.school_class_id,
            title=cleaned.get("title"),
            date=cleaned.get("date"),
        ).exclude(pk=self.instance.pk)
        if self.instance.school_class_id and same.exists():
            self.add_error("title", SAME_TITLE)
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        # The same rule as in clean(), which says it in better words.
        return {*super()._get_validation_exclusions(), "subject", "created_by", "title"}

    @property
    def differs_unseen(self) -> bool:
        """Whether a valid edit would write over facts that were not those on the person's page."""
        typed = {name: self.cleaned_data[name] for name in self.stored}
        return typed != self.stored and self.cleaned_data["seen"] != fingerprint(self.stored)

    def show_stored(self, exam: Exam) -> dict[str, str]:
        """After a conflict: what is stored, by label, where it differs from what was typed.

        Saving the form again then means that the person has seen it.
        """
        stored = facts_of(exam)
        self.data = self.data.copy()
        self.data["seen"] = fingerprint(stored)
        return {
            str(self[name].label): fact_in_words(value) or gettext("nothing")
            for name, value in stored.items()
            if value != self.cleaned_data[name]
        }

    @transaction.atomic
    def save_exam(self) -> Exam:
        """Save; raises ValidationError when a second click made the same exam meanwhile."""
        self.instance.subject, _is_new = Subject.objects.get_or_create(
            name=clean_text(self.cleaned_data["subject_name"])
        )
        try:
            with transaction.atomic():
                exam: Exam = self.save()
        except IntegrityError as error:
            raise forms.ValidationError({"title": SAME_TITLE}) from error
        return exam


def facts_of(exam: Exam) -> dict[str, Any]:
    """What the form of an exam that exists can change, by field."""
    return {
        "title": exam.title,
        "subject_name": exam.subject.name,
        "date": exam.date,
        "instructions": exam.instructions,
        "provider": exam.provider,
        "second_provider": exam.second_provider,
        "spending_cap": exam.spending_cap,
        "show_distribution": exam.show_distribution,
        "appeals_until": exam.appeals_until,
    }


def provider_choices(kept: str, nobody: str) -> list[tuple[str, str]]:
    """Every configured provider, with what it lacks, and the one that is kept already."""
    ready = dict(providers.choices())
    choices = [("", nobody)]
    for name in providers.names():
        about = providers.about(name)
        title = ready.get(name) or _("%(title)s (not ready)") % {"title": about.title}
        choices.append((name, title))
    if kept and kept not in providers.names():
        choices.append((kept, providers.about(kept).title))
    return choices


def site_default() -> str:
    """The title of the provider that is proposed where an exam names none."""
    return providers.about(settings.SHEAF_DEFAULT_PROVIDER).title


class ExamFileForm(forms.Form):
    """An exam file, uploaded or pasted; `cleaned_data["exam_file"]` is the checked file."""

    file = forms.FileField(
        label=_("Exam file"),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".yaml,.yml,.json"}),
    )
    text = forms.CharField(
        label=_("or its text"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "class": "code"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        file, text = cleaned.get("file"), cleaned.get("text", "")
        if bool(file) == bool(text.strip()):
            raise forms.ValidationError(
                _("Choose an exam file, or paste its text: one of the two.")
            )
        cleaned["exam_file"] = self._read(file, text)
        return cleaned

    def _read(self, file: UploadedFile | None, text: str) -> ExamFile:
        if file is None:
            return read_exam_file(text.encode("utf-8", "surrogatepass"))
        check_size(file.size or 0)
        return read_exam_file(file.read())


class RubricForm(forms.Form):
    """The rubric's text, and the version it was written from."""

    text = forms.CharField(
        label=_("Rubric"),
        strip=False,
        error_messages={"required": _("Write at least one item.")},
        widget=forms.Textarea(
            attrs={"rows": 24, "spellcheck": "false", "wrap": "off", "class": "code"}
        ),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)


class AnswerKeyFileForm(forms.Form):
    """The PDF of an answer key; the browser asks for none, or typed answers could not be saved."""

    use_required_attribute = False
    pdf = forms.FileField(
        label=_("Answer key as PDF"),
        error_messages={
            "required": _("Choose a PDF first."),
            "empty": _("The chosen file is empty."),
        },
        # It stands above the fields and goes along with them, so that nothing typed is lost.
        widget=forms.FileInput(attrs={"accept": ".pdf,application/pdf", "form": "key"}),
    )
