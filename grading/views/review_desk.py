"""The desk a teacher sits at: by sheet or by question, in which list, and who is asked for.

Comes in: a request that says so in its fields or its query. Goes out: addresses that lead back to
the same place, and what every card on the desk needs beside its mark.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from exams.models import Sheet
from grading import queries, review_accept, review_blind, review_eyes, review_flags
from grading.forms import REASON_CHOICES, REASON_LENGTH
from grading.models import Mark

QUESTION_LISTS = {
    "open": _("To look at"),
    "unsure": _("Low confidence"),
    "flagged": _("Flagged"),
    "appealed": _("Appealed"),
    "changed": _("Changed"),
    "all": _("All"),
}
_REMEMBERED = "review_reason"


@dataclass(frozen=True, slots=True)
class Desk:
    """`show` is a list of sheets (review_eyes) or, by question, one of QUESTION_LISTS; `start` is
    the pk of the mark whose card stands first there (0: the first of the list)."""

    by_question: bool = False
    show: str = ""
    start: int = 0

    @classmethod
    def of(cls, request: HttpRequest, *, by_question: bool | None = None) -> Desk:
        """The desk that a page or a form of it speaks of; what makes no sense is left out."""
        said = request.POST if request.method == "POST" else request.GET
        if by_question is None:
            by_question = said.get("desk") == "question"
        show, start = said.get("show", ""), said.get("from", "")
        known: Container[str] = QUESTION_LISTS if by_question else review_eyes.STATES_OF
        return cls(
            by_question,
            show if show in known else "",
            int(start) if start.isdecimal() and len(start) < 19 else 0,
        )

    @property
    def query(self) -> str:
        """The end of an address that keeps the list."""
        said: dict[str, Any] = {"show": self.show} if self.show else {}
        if self.by_question and self.start:
            said["from"] = self.start
        return f"?{urlencode(said)}" if said else ""

    @property
    def said(self) -> str:
        """The whole desk, for the address of a fragment."""
        rest = self.query.removeprefix("?")
        return "&".join(filter(None, ("desk=question" if self.by_question else "", rest)))

    def place_of(self, mark: Mark) -> str:
        """Where the card of a mark stands on this desk."""
        if self.by_question:
            address = reverse(
                "grading:review_question", args=[mark.sheet.exam_id, mark.criterion.code]
            )
        else:
            address = reverse("grading:review_sheet", args=[mark.sheet_id])
        return f"{address}{self.query}#mark-{mark.pk}"


def context_for(request: HttpRequest, desk: Desk, exam: Any) -> dict[str, Any]:
    """What every card needs; `colleagues` is asked of the database only where flags are raised."""
    return {
        "desk": desk,
        "exam": exam,
        "colleagues": review_flags.colleagues_of(exam, request.user),
        "reason_choices": REASON_CHOICES,
        "remembered": proposed_reason(request),
    }


def remembered_reason(request: HttpRequest) -> str:
    """The reason that was last given for changed points in this session."""
    return str(request.session.get(_REMEMBERED, ""))


def proposed_reason(request: HttpRequest) -> str:
    """The remembered reason where it is one of the common ones, else "".

    Own words speak of one answer: proposed again, they would stand in the history of others.
    """
    reason = remembered_reason(request)
    return reason if reason in map(str, REASON_CHOICES) else ""


def remember_reason(request: HttpRequest, reason: str) -> None:
    """Keep this reason as the last one that was given."""
    if remembered_reason(request) != reason:
        request.session[_REMEMBERED] = reason[:REASON_LENGTH]


def sheet_with_marks(request: HttpRequest, pk: int) -> Sheet:
    """A sheet that this person may review, with its total, or a 404."""
    sheets = queries.results_for(request.user).select_related(
        "exam__school_class", "exam__subject", "enrolment__student", "reviewed_by"
    )
    sheet: Sheet = get_object_or_404(sheets, pk=pk)
    return sheet


def mark_on_desk(request: HttpRequest, pk: int) -> Mark:
    """A mark that this person may change, with all that its card shows, or a 404."""
    marks = (
        queries.marks_for(request.user)
        .select_related("criterion__rubric", "part__assessment__item", "changed_by", "sheet__exam")
        .annotate(is_accepted=review_accept.accepted())
    )
    mark: Mark = get_object_or_404(marks, pk=pk)
    return mark


def called(sheet: Sheet, user: User) -> str:
    """What a sheet is called in messages: by its code as long as it is reviewed blind."""
    if review_blind.is_named(sheet, user):
        return sheet.name
    return review_blind.sheet_code(sheet.pk)
