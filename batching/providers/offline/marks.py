"""From the share of a key that was found to a legal mark.

Comes in: a criterion as the request describes it and a share from 0 to 1. Goes out: an exact
decimal on the criterion's own steps between its least and its greatest mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_DOWN, Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Criterion:
    """A leaf of the rubric as it stands in the request."""

    code: str
    description: str
    answer: str
    kind: str
    least: Decimal
    most: Decimal
    step: Decimal


def read_criterion(value: dict[str, Any]) -> Criterion:
    """A leaf from the request's JSON value."""
    return Criterion(
        code=str(value["code"]),
        description=str(value.get("description") or ""),
        answer=str(value.get("answer") or "").strip(),
        kind=str(value.get("kind") or "base"),
        least=Decimal(str(value["min"])),
        most=Decimal(str(value["max"])),
        step=Decimal(str(value["step"])),
    )


def legal_mark(criterion: Criterion, share: float) -> Decimal:
    """The legal mark nearest to the share of the criterion's marks; between two the lower."""
    nothing = max(criterion.least, min(criterion.most, Decimal(0)))
    target = nothing + (criterion.most - nothing) * Decimal(str(round(share, 6)))
    if criterion.step <= 0:
        return criterion.most if target >= criterion.most else criterion.least
    steps = ((target - criterion.least) / criterion.step).to_integral_value(ROUND_HALF_DOWN)
    return min(criterion.most, max(criterion.least, criterion.least + steps * criterion.step))


def plain(mark: Decimal) -> int | float:
    """A mark as the JSON number a reply holds."""
    return int(mark) if mark == mark.to_integral_value() else float(mark)
