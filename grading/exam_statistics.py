"""An exam's statistics: which sheets and marks count, and what is worked out from them.

Comes in: an exam. Goes out: one value for the statistics page, from two queries however many
sheets there are. The arithmetic is in grading/statistics.py.

What counts: the marks of every graded sheet, as they are now. Criteria of several rubric versions
are one criterion while code and range are the same. How criteria go together (discrimination,
reliability) needs sheets with the same criteria: the largest such group, and of its criteria the
base ones. What was proposed is compared with the final marks of reviewed sheets only, since an
unreviewed mark agrees with itself; sheets graded by hand had no proposal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Case, F, OuterRef, Subquery, When

from exams.json_rows import Rows, of_group
from exams.models import DONE_STATES, CriterionKind, Exam, SheetState
from grading import statistics
from grading.models import Mark, Source
from grading.statistics import FEW, Agreement, Distribution, Spread


class _Row(NamedTuple):
    """One mark, with what it was made from."""

    sheet: int
    state: str
    code: str
    description: str
    kind: str
    version: int
    position: int
    step: Decimal
    floor: Decimal
    ceiling: Decimal
    awarded: Decimal
    is_overridden: bool
    proposed: Decimal
    source: str
    provider: str
    model: str

    @property
    def key(self) -> tuple[str, Decimal, Decimal]:
        return self.code, self.floor, self.ceiling


@dataclass(frozen=True, slots=True)
class CriterionStatistics:
    """One criterion of an exam; `against` compares its proposals, `overridden` is the share of
    proposals whose points or feedback a person changed."""

    code: str
    description: str
    kind: str
    floor: Decimal
    ceiling: Decimal
    spread: Spread
    discrimination: float | None
    against: Agreement | None
    overridden: float | None

    @property
    def best(self) -> Decimal:
        """The mark as people name it: a penalty goes down to its floor."""
        return self.ceiling or self.floor

    @property
    def is_few(self) -> bool:
        return self.spread.count < FEW


@dataclass(frozen=True, slots=True)
class Assessor:
    """Who proposed, and how all of its marks and its totals compare with the final ones."""

    source: str
    name: str
    sheets: int
    marks: Agreement
    totals: Agreement
    overridden: float

    @property
    def is_few(self) -> bool:
        return self.sheets < FEW


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well the criteria go together, over so many `sheets` with the same `criteria`."""

    alpha: float | None
    sheets: int
    criteria: int

    @property
    def is_few(self) -> bool:
        return self.sheets < FEW

    @property
    def level(self) -> str:
        """What alpha says, as a word: the usual bounds of classroom tests."""
        if self.alpha is None:
            return "undefined"
        for bound, word in ((0.9, "very high"), (0.8, "high"), (0.7, "fair"), (0.5, "low")):
            if self.alpha >= bound:
                return word
        return "very low"


@dataclass(frozen=True, slots=True)
class ExamStatistics:
    """All that the statistics page shows; `unreviewed` sheets hold proposals only."""

    spread: Distribution | None = None
    out_of: Decimal = Decimal(0)
    unreviewed: int = 0
    by_hand: int = 0
    criteria: tuple[CriterionStatistics, ...] = ()
    reliability: Reliability = field(default_factory=lambda: Reliability(None, 0, 0))
    assessors: tuple[Assessor, ...] = ()

    @property
    def is_few(self) -> bool:
        return self.spread is not None and self.spread.count < FEW


def exam_statistics(exam: Exam) -> ExamStatistics:
    """Work out an exam's statistics from its marks as they are now."""
    rows = _rows(exam)
    if not rows:
        return ExamStatistics()
    sheets: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        sheets[row.sheet].append(row)
    totals = [_total(sheet) for sheet in sheets.values()]
    chosen, table = _same_criteria(sheets)
    links = dict(zip(chosen, statistics.discriminations(table), strict=True)) if table else {}
    return ExamStatistics(
        spread=statistics.distribution(totals),
        out_of=Counter(out_of for _, out_of in totals).most_common(1)[0][0],
        unreviewed=sum(sheet[0].state == SheetState.GRADED for sheet in sheets.values()),
        by_hand=sum(sheet[0].source == Source.STAFF for sheet in sheets.values()),
        criteria=tuple(_criteria(rows, links)),
        reliability=Reliability(statistics.cronbach_alpha(table), len(table), len(chosen)),
        assessors=tuple(_assessors(sheets)),
    )


def class_marks(states: tuple[str, ...]) -> Subquery:
    """For a query of sheets: the marks of all sheets in `states` of the same exam, as
    class_distribution takes them."""
    marks = Mark.objects.filter(sheet__exam=OuterRef("exam"), sheet__state__in=states)
    is_base = Case(When(criterion__kind=CriterionKind.BASE, then=F("ceiling")), default=Decimal(0))
    return of_group(marks, "sheet__exam", Rows("sheet", "awarded", is_base))


def class_distribution(marks: Iterable[tuple[int, float, float]]) -> Distribution | None:
    """How totals spread, from (sheet, points, points that count to what it is out of) of every
    mark; None with fewer than FEW sheets."""
    found: dict[int, tuple[float, float]] = {}
    for sheet, awarded, base in marks:
        total, out_of = found.get(sheet, (0.0, 0.0))
        found[sheet] = (total + awarded, out_of + base)
    if len(found) < FEW:
        return None
    # JSON has no exact numbers: halves and tenths do not add up exactly.
    return statistics.distribution(
        [(_exact(max(total, 0.0)), _exact(out_of)) for total, out_of in found.values()]
    )


def _exact(points: float) -> Decimal:
    return Decimal(points).quantize(Decimal("0.01"))


def _rows(exam: Exam) -> list[_Row]:
    marks = Mark.objects.filter(sheet__exam=exam).order_by(
        "criterion__rubric__version", "criterion__position", "sheet"
    )
    fields = (
        "sheet",
        "sheet__state",
        "criterion__code",
        "criterion__description",
        "criterion__kind",
        "criterion__rubric__version",
        "criterion__position",
        "criterion__step",
        "floor",
        "ceiling",
        "awarded",
        "is_overridden",
        "part__awarded",
        "part__assessment__source",
        "part__assessment__provider",
        "part__assessment__model",
    )
    return [_Row(*values) for values in marks.values_list(*fields)]


def _total(sheet: list[_Row]) -> tuple[Decimal, Decimal]:
    out_of = sum((row.ceiling for row in sheet if row.kind == CriterionKind.BASE), Decimal(0))
    return max(Decimal(0), sum((row.awarded for row in sheet), Decimal(0))), out_of


def _same_criteria(sheets: dict[int, list[_Row]]) -> tuple[list[Any], list[list[float]]]:
    """The base criteria of the largest group of sheets that have the same ones, and their marks."""
    groups: dict[tuple[Any, ...], list[list[_Row]]] = defaultdict(list)
    for sheet in sheets.values():
        base = [row for row in sheet if row.kind == CriterionKind.BASE]
        groups[tuple(sorted(row.key for row in base))].append(base)
    # Of groups of one size the newest version's.
    keys, members = max(
        groups.items(),
        key=lambda one: (len(one[1]), max((r.version for r in one[1][0]), default=0)),
    )
    table = []
    for sheet in members:
        marks = {row.key: float(row.awarded) for row in sheet}
        table.append([marks[key] for key in keys])
    return list(keys), table


def _criteria(
    rows: list[_Row], links: dict[tuple[str, Decimal, Decimal], float | None]
) -> list[CriterionStatistics]:
    by_key: dict[tuple[str, Decimal, Decimal], list[_Row]] = defaultdict(list)
    for row in rows:
        by_key[row.key].append(row)
    # In the order of the newest rubric version that has them; rows come oldest version first.
    found = []
    for key, marks in sorted(
        by_key.items(), key=lambda one: (-one[1][-1].version, one[1][-1].position)
    ):
        newest = marks[-1]
        proposals = [row for row in marks if _is_proposal(row)]
        found.append(
            CriterionStatistics(
                code=newest.code,
                description=newest.description,
                kind=newest.kind,
                floor=newest.floor,
                ceiling=newest.ceiling,
                spread=statistics.spread(
                    [float(row.awarded) for row in marks],
                    floor=float(newest.floor),
                    ceiling=float(newest.ceiling),
                ),
                discrimination=links.get(key),
                against=_agreement(proposals),
                overridden=_overridden(proposals),
            )
        )
    return found


def _is_proposal(row: _Row) -> bool:
    return row.state in DONE_STATES and row.source != Source.STAFF


def _agreement(rows: list[_Row]) -> Agreement | None:
    return statistics.agreement(
        [float(row.proposed) for row in rows],
        [float(row.awarded) for row in rows],
        [float(row.step) for row in rows],
    )


def _overridden(rows: list[_Row]) -> float | None:
    return sum(row.is_overridden for row in rows) / len(rows) if rows else None


def _assessors(sheets: dict[int, list[_Row]]) -> list[Assessor]:
    by_assessor: dict[tuple[str, str, str], list[list[_Row]]] = defaultdict(list)
    for sheet in sheets.values():
        if _is_proposal(sheet[0]):
            first = sheet[0]
            by_assessor[first.source, first.provider, first.model].append(sheet)
    found = []
    for (source, provider, model), theirs in sorted(by_assessor.items()):
        rows = [row for sheet in theirs for row in sheet]
        steps = [float(min(row.step for row in sheet)) for sheet in theirs]
        marks = _agreement(rows)
        totals = statistics.agreement(
            [
                float(max(Decimal(0), sum((r.proposed for r in sheet), Decimal(0))))
                for sheet in theirs
            ],
            [float(_total(sheet)[0]) for sheet in theirs],
            steps,
        )
        overridden = _overridden(rows)
        if marks is None or totals is None or overridden is None:
            raise ValueError("An assessor without a mark was counted.")
        by = Source(source)
        name = by.named(provider, model)
        found.append(Assessor(str(by.label), name, len(theirs), marks, totals, overridden))
    return found
