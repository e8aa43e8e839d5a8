"""Statistics of an exam's results: how the totals spread, and how each criterion went.

Comes in: totals, or an exam. Goes out: small values for the results page; pure arithmetic
apart from the one query of `criterion_means`.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Avg, Count, F

from exams.models import Exam
from grading.models import Mark

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Sheets whose total is from `low` to under `high` percent; `share` of the fullest bin."""

    low: int
    high: int
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """How the totals of an exam spread."""

    count: int
    mean: float
    median: float
    lowest: float
    highest: float
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


def distribution(results: Sequence[tuple[Decimal, Decimal]]) -> Distribution | None:
    """The spread of (total, out of) pairs; None when there are none."""
    if not results:
        return None
    totals = [float(total) for total, _ in results]
    counts = [0] * BINS
    for total, out_of in results:
        share = float(total / out_of) if out_of else 0.0
        counts[min(int(share * BINS), BINS - 1)] += 1
    fullest = max(counts)
    width = 100 // BINS
    return Distribution(
        count=len(totals),
        mean=statistics.fmean(totals),
        median=statistics.median(totals),
        lowest=min(totals),
        highest=max(totals),
        bins=tuple(
            Bin(low=index * width, high=(index + 1) * width, count=count, share=count / fullest)
            for index, count in enumerate(counts)
        ),
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
