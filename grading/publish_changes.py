"""What changed since an exam was last published, for whoever is about to publish it again.

Comes in: an exam. Goes out: when and by whom it was published last, and every mark of a sheet
taken back since that is another one now: its points or its feedback. From the history alone, in
a fixed number of queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Max

from exams.models import Exam, Sheet, SheetState
from grading.models import Mark


@dataclass(frozen=True, slots=True)
class Value:
    """Points and feedback that a mark has or had."""

    awarded: Decimal
    feedback: str


@dataclass(frozen=True, slots=True)
class Change:
    """One mark that students saw otherwise; `was` or `now` is None where there is no such mark."""

    sheet: int
    roll_number: str
    code: str
    was: Value | None
    now: Value | None
    who: str
    when: datetime
    reason: str

    @property
    def shift(self) -> Decimal | None:
        """How many points more (or less) it is now."""
        return self.now.awarded - self.was.awarded if self.was and self.now else None

    @property
    def same_points(self) -> bool:
        return self.shift == 0


@dataclass(frozen=True, slots=True)
class SinceLast:
    """The last publication of an exam, and what is different since.

    `again` sheets were published before and are not now; `new` ones never were.
    """

    when: datetime
    who: str
    again: int
    new: int
    changes: tuple[Change, ...]


def since_last_publication(exam: Exam) -> SinceLast | None:
    """What changed since the exam was last published; None when it never was."""
    published = Sheet.history.filter(exam=exam, state=SheetState.PUBLISHED)
    last = published.select_related("history_user").order_by("-history_date").first()
    if last is None:
        return None
    seen: dict[int, datetime] = dict(
        published.order_by().values_list("id").annotate(Max("history_date"))
    )
    rolls = dict(
        Sheet.objects.filter(exam=exam)
        .exclude(state__in=(SheetState.PUBLISHED, SheetState.SKIPPED))
        .values_list("pk", "enrolment__roll_number")
    )
    hidden = {pk: moment for pk, moment in seen.items() if pk in rolls}
    return SinceLast(
        when=last.history_date,
        who=str(last.history_user or ""),
        again=len(hidden),
        new=len(rolls.keys() - seen.keys()),
        changes=tuple(_changes(exam, hidden, rolls)) if hidden else (),
    )


def _changes(
    exam: Exam, hidden: dict[int, datetime], rolls: dict[int, str | None]
) -> Iterable[Change]:
    rows = Mark.history.filter(sheet__exam=exam)
    newer = rows.filter(history_date__gt=min(hidden.values()))
    story = (
        rows.filter(id__in=newer.order_by().values("id"))
        .order_by("history_date", "history_id")
        .values(
            "sheet",
            "criterion__code",
            "awarded",
            "feedback",
            "history_date",
            "history_type",
            "history_user__name",
            "history_change_reason",
        )
    )
    was: dict[tuple[int, str], Value] = {}
    newest: dict[tuple[int, str], dict[str, Any]] = {}
    for row in story:
        key = (row["sheet"], row["criterion__code"])
        if row["sheet"] not in hidden:
            continue
        if row["history_date"] > hidden[row["sheet"]]:
            newest[key] = row
        elif row["history_type"] == "-":
            was.pop(key, None)
        else:
            was[key] = Value(row["awarded"], row["feedback"])
    for key in sorted(newest, key=lambda one: (rolls[one[0]] or "", one)):
        row = newest[key]
        now = None if row["history_type"] == "-" else Value(row["awarded"], row["feedback"])
        if was.get(key) == now:
            continue
        yield Change(
            sheet=key[0],
            roll_number=rolls[key[0]] or "",
            code=key[1],
            was=was.get(key),
            now=now,
            who=row["history_user__name"] or "",
            when=row["history_date"],
            reason=row["history_change_reason"] or "",
        )
