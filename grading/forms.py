"""Forms of the review: one mark, a reason, and a whole sheet graded by hand.

Comes in: what a person typed. Goes out: numbers and texts; whether a number is legal is
decided by the command (exams.result_schema.is_legal), the same way for every caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from exams.models import Criterion
from grading.models.reviewing import COMMENT_LENGTH, NOTE_LENGTH

FEEDBACK_LENGTH = 5000
REASON_LENGTH = 500
REASON_CHOICES = (
    _("Misread"),
    _("Correct by another way"),
    _("Partial credit"),
    _("Too generous"),
    _("Answer stands elsewhere"),
)
"""Offered when points change; anything else is typed."""


def wrong_with(form: forms.Form) -> str:
    """What a refused form says, in one line."""
    return " ".join(text for texts in form.errors.values() for text in texts)


class MarkForm(forms.Form):
    """One mark: its points, the feedback, why it changes, and the version that was seen."""

    awarded = forms.DecimalField(
        max_digits=7,
        decimal_places=2,
        error_messages={"required": _("Choose the points."), "invalid": _("Points are a number.")},
    )
    feedback = forms.CharField(required=False, max_length=FEEDBACK_LENGTH)
    reason = forms.CharField(required=False, max_length=REASON_LENGTH)
    version = forms.IntegerField(min_value=1)
    insert = forms.IntegerField(required=False, min_value=1)
    """A comment of the bank to be put at the end of the feedback."""


class FlagForm(forms.Form):
    """What there is to look at, and by whom (nobody chosen: whoever comes)."""

    note = forms.CharField(
        max_length=NOTE_LENGTH, error_messages={"required": _("Say what there is to look at.")}
    )
    colleague = forms.ModelChoiceField(
        User.objects.none(),
        required=False,
        error_messages={"invalid_choice": _("Choose a teacher of this class.")},
    )

    def __init__(self, colleagues: QuerySet[User], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["colleague"].queryset = colleagues


class CommentForm(forms.Form):
    """A comment of the bank: its text, and the version that was seen when it is changed."""

    text = forms.CharField(
        max_length=COMMENT_LENGTH,
        error_messages={
            "required": _("Write the feedback first."),
            "max_length": _("A comment has at most %(limit_value)d characters."),
        },
    )
    version = forms.IntegerField(required=False, min_value=1)


class PutBackForm(forms.Form):
    """Which row of a mark's history is put back, over which version."""

    history_id = forms.IntegerField(min_value=1)
    version = forms.IntegerField(min_value=1)
    reason = forms.CharField(required=False, max_length=REASON_LENGTH)


class AppealForm(forms.Form):
    """What a student asks about a mark; whether that will do is decided by the command."""

    text = forms.CharField(required=False)


class AnswerForm(forms.Form):
    """What a teacher answers; as above."""

    answer = forms.CharField(required=False)


class ReasonForm(forms.Form):
    """Why something is done."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=REASON_LENGTH,
        error_messages={"required": _("Say why; the history keeps it.")},
    )


class ByHandForm(forms.Form):
    """All leaves of a rubric: points (needed) and feedback of each."""

    def __init__(self, leaves: Sequence[Criterion], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.leaves = leaves
        for leaf in leaves:
            points = forms.NumberInput(
                attrs={
                    "class": "form-control",
                    "min": leaf.floor,
                    "max": leaf.ceiling,
                    "step": leaf.step,
                }
            )
            self.fields[f"awarded_{leaf.pk}"] = forms.DecimalField(
                label=gettext("Points for %(code)s") % {"code": leaf.code},
                max_digits=7,
                decimal_places=2,
                widget=points,
                error_messages={
                    "required": gettext("%(code)s: give it points.") % {"code": leaf.code}
                },
            )
            self.fields[f"feedback_{leaf.pk}"] = forms.CharField(
                label=gettext("Feedback on %(code)s") % {"code": leaf.code},
                required=False,
                max_length=FEEDBACK_LENGTH,
                widget=forms.Textarea(attrs={"class": "form-control", "rows": 2}),
            )

    def rows(self) -> list[tuple[Criterion, forms.BoundField, forms.BoundField]]:
        """Each leaf with its two fields."""
        return [
            (leaf, self[f"awarded_{leaf.pk}"], self[f"feedback_{leaf.pk}"]) for leaf in self.leaves
        ]

    def awards(self) -> dict[str, tuple[Decimal, str]]:
        """By leaf code: points and feedback, once the form is valid."""
        return {
            leaf.code: (
                self.cleaned_data[f"awarded_{leaf.pk}"],
                self.cleaned_data[f"feedback_{leaf.pk}"],
            )
            for leaf in self.leaves
        }
