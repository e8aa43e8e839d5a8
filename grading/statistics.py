"""Statistics of an exam's results: how the totals spread, how each criterion went, how well the
criteria go together, and how the proposed marks compare with the final ones.

Comes in: plain numbers. Goes out: small values for pages; where a figure is not defined (no
variance, too few sheets) it is None and the page says so. What an exam's numbers are is read in
grading/exam_statistics.py.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from django.db.models import Avg, Count, F

from exams.models import Exam
from grading.models import Mark

BINS = 10
FEW = 5
"""Below this many sheets a figure says little; pages warn, and students see no distribution."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Sheets whose total is from `low` to under `high` percent; `share` of the fullest bin."""

    low: int
    high: int
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """How the totals of an exam spread; `deviation` is the standard deviation of these sheets."""

    count: int
    mean: float
    median: float
    lowest: float
    highest: float
    deviation: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class CriterionMean:
    """How one criterion went: the mean of its marks, and as a share of its range."""

    code: str
    description: str
    mean: float
    floor: Decimal
    ceiling: Decimal
    share: float
    count: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The marks of one criterion: `share` of its range (its difficulty: 1 is easy), and how many
    sheets have the lowest and the highest possible mark."""

    count: int
    mean: float
    share: float
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Proposed against final marks. `shift` is the mean of final minus proposed, `kappa` the
    quadratic weighted kappa, `correlation` Pearson's; None where they are not defined."""

    count: int
    exact: float
    near: float
    shift: float
    distance: float
    kappa: float | None
    correlation: float | None


def distribution(results: Sequence[tuple[Decimal, Decimal]]) -> Distribution | None:
    """The spread of (total, out of) pairs; None when there are none."""
    if not results:
        return None
    totals = [float(total) for total, _ in results]
    counts = [0] * BINS
    for total, out_of in results:
        counts[tenth(total, out_of)] += 1
    fullest = max(counts)
    width = 100 // BINS
    return Distribution(
        count=len(totals),
        mean=statistics.fmean(totals),
        median=statistics.median(totals),
        lowest=min(totals),
        highest=max(totals),
        deviation=statistics.pstdev(totals),
        bins=tuple(
            Bin(low=index * width, high=(index + 1) * width, count=count, share=count / fullest)
            for index, count in enumerate(counts)
        ),
    )


def tenth(total: Decimal, out_of: Decimal) -> int:
    """Which bin of the distribution a total falls into, from 0; full marks into the last."""
    return min(int(total * BINS / out_of), BINS - 1) if out_of else 0


def spread(marks: Sequence[float], *, floor: float, ceiling: float) -> Spread:
    """How the marks of one criterion spread over its range. Raises ValueError for no marks."""
    if not marks:
        raise ValueError("A criterion without marks has no spread.")
    mean = statistics.fmean(marks)
    return Spread(
        count=len(marks),
        mean=mean,
        share=(mean - floor) / (ceiling - floor),
        lowest=sum(mark == floor for mark in marks),
        highest=sum(mark == ceiling for mark in marks),
    )


def correlation(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Pearson's correlation; None for fewer than two pairs or where one side never varies."""
    a, b = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip((a @ b) / np.sqrt((a @ a) * (b @ b)), -1, 1))


def discriminations(table: Sequence[Sequence[float]]) -> list[float | None]:
    """By column of a table (a row per sheet): its correlation with the sum of the other columns.

    Corrected: a criterion is not compared with a total that it is part of. None where the
    criterion or the rest never varies, or where there is no other column.
    """
    if not len(table):
        return []
    marks = np.asarray(table, dtype=float)
    totals = marks.sum(axis=1)
    # Halves and tenths do not add up exactly: what differs by less than a mark's last digit is
    # no variance.
    return [
        correlation(column.round(4), (totals - column).round(4)) if marks.shape[1] > 1 else None
        for column in marks.T
    ]


def cronbach_alpha(table: Sequence[Sequence[float]]) -> float | None:
    """Cronbach's alpha of a table of marks (a row per sheet, a column per criterion).

    k / (k - 1) · (1 - sum of the columns' variances / variance of the totals). None with fewer
    than two criteria or sheets, or when all totals are the same.
    """
    marks = np.asarray(table, dtype=float)
    if marks.ndim != 2 or marks.shape[0] < 2 or marks.shape[1] < 2:
        return None
    totals = marks.sum(axis=1).round(4)
    if np.ptp(totals) == 0:
        return None
    k = marks.shape[1]
    return float(k / (k - 1) * (1 - marks.var(axis=0, ddof=1).sum() / totals.var(ddof=1)))


def weighted_kappa(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Quadratic weighted kappa of two lists of marks on one scale; None where all are the same.

    1 - mean squared difference of the pairs / mean squared difference of all pairings. With
    quadratic weights this needs no table of categories: the number of steps cancels out.
    """
    a, b = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    if not len(a):
        return None
    by_chance = a.var() + b.var() + (a.mean() - b.mean()) ** 2
    return None if by_chance == 0 else float(1 - ((a - b) ** 2).mean() / by_chance)


def agreement(
    proposed: Sequence[float], final: Sequence[float], steps: Sequence[float]
) -> Agreement | None:
    """How proposed marks compare with the final ones; `steps` is each criterion's step.

    `near` counts what is at most one step away (exact ones too). None for no marks.
    """
    if not len(proposed):
        return None
    was, now = np.asarray(proposed, dtype=float), np.asarray(final, dtype=float)
    away = np.abs(now - was).round(4)
    return Agreement(
        count=len(was),
        exact=float((away == 0).mean()),
        near=float((away <= np.asarray(steps, dtype=float)).mean()),
        shift=float((now - was).mean()),
        distance=float(away.mean()),
        kappa=weighted_kappa(was, now),
        correlation=correlation(was, now),
    )


def criterion_means(exam: Exam) -> list[CriterionMean]:
    """The mean of every criterion that has marks, in the order of the rubric."""
    rows = (
        Mark.objects.filter(sheet__exam=exam)
        .order_by("criterion__rubric__version", "criterion__position")
        .values(
            "floor",
            "ceiling",
            code=F("criterion__code"),
            description=F("criterion__description"),
        )
        .annotate(mean=Avg("awarded"), count=Count("pk"))
    )
    return [
        CriterionMean(
            code=row["code"],
            description=row["description"],
            mean=float(row["mean"]),
            floor=row["floor"],
            ceiling=row["ceiling"],
            share=float((row["mean"] - row["floor"]) / (row["ceiling"] - row["floor"])),
            count=row["count"],
        )
        for row in rows
    ]
