"""The rows that every export is made of: marked sheets with their students, in a fixed order.

Comes in: an exam. Goes out: one sheet after the other, by roll number, each with its marks in
the order of its rubric; from one query, a piece at a time, so that memory does not grow with the
class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery, TextChoices
from django.utils import translation

from exams.models import DONE_STATES, Criterion, CriterionKind, Exam, SheetState
from grading.models import Mark

PIECE = 2000


@lru_cache(typed=True)  # members of two kinds are equal when their values are
def in_english(choice: TextChoices) -> str:
    """The label of a choice as it stands in files, whatever language asks for them."""
    with translation.override("en"):
        return str(choice.label)


@dataclass(frozen=True, slots=True)
class MarkRow:
    """One mark: what it is now, what was proposed and by whom, who changed it last and why."""

    code: str
    description: str
    kind: str
    version: int
    floor: Decimal
    ceiling: Decimal
    step: Decimal
    awarded: Decimal
    feedback: str
    is_overridden: bool
    changed_by: str
    changed_at: datetime
    reason: str
    proposed: Decimal
    source: str
    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One marked sheet with its student."""

    pk: int
    roll_number: str
    name: str
    email: str
    state: str
    reviewed_at: datetime | None
    published_at: datetime | None
    marks: tuple[MarkRow, ...]

    @property
    def total(self) -> Decimal:
        """The sum of the marks, never below 0."""
        return max(Decimal(0), sum((mark.awarded for mark in self.marks), Decimal(0)))

    @property
    def out_of(self) -> Decimal:
        base = (mark.ceiling for mark in self.marks if mark.kind == CriterionKind.BASE)
        return sum(base, Decimal(0))

    @property
    def state_label(self) -> str:
        return in_english(SheetState(self.state)).lower()


_SHEET = (
    "sheet",
    "sheet__enrolment__roll_number",
    "sheet__enrolment__student__name",
    "sheet__enrolment__student__email",
    "sheet__state",
    "sheet__reviewed_at",
    "sheet__published_at",
)
_MARK = (
    "criterion__code",
    "criterion__description",
    "criterion__kind",
    "criterion__rubric__version",
    "floor",
    "ceiling",
    "criterion__step",
    "awarded",
    "feedback",
    "is_overridden",
    "changed_by__name",
    "changed_at",
    "reason",
    "part__awarded",
    "part__assessment__source",
    "part__assessment__provider",
    "part__assessment__model",
)


def sheet_rows(exam: Exam, *, settled: bool = False) -> Iterator[SheetRow]:
    """Every sheet that has marks and a student; only reviewed and published ones if `settled`."""
    newest = Mark.history.filter(id=OuterRef("pk")).order_by("-history_date", "-history_id")
    marks = _marks(exam, settled).annotate(
        reason=Subquery(newest.values("history_change_reason")[:1])
    )
    rows = marks.order_by(
        "sheet__enrolment__roll_number",
        "sheet",
        "criterion__rubric__version",
        "criterion__position",
    ).values_list(*_SHEET, *_MARK)
    places = len(_SHEET)
    for about, group in groupby(rows.iterator(PIECE), key=lambda row: row[:places]):
        yield SheetRow(*about, tuple(_mark(row[places:]) for row in group))


def _mark(values: tuple[Any, ...]) -> MarkRow:
    row = dict(zip(MarkRow.__slots__, values, strict=True))
    for text in ("changed_by", "reason"):
        row[text] = row[text] or ""
    return MarkRow(**row)


def _marks(exam: Exam, settled: bool) -> QuerySet[Mark]:
    marks = Mark.objects.filter(sheet__exam=exam, sheet__enrolment__isnull=False)
    return marks.filter(sheet__state__in=DONE_STATES) if settled else marks


def criteria_of(exam: Exam) -> list[Criterion]:
    """The criteria that have marks, one for each code (the newest), older versions' first."""
    marked = Mark.objects.filter(sheet__exam=exam).order_by().values("criterion")
    places: dict[str, Criterion] = {}
    for criterion in Criterion.objects.filter(pk__in=marked).order_by(
        "rubric__version", "position"
    ):
        places[criterion.code] = criterion
    return list(places.values())
