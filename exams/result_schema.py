"""The JSON Schema of an assessed sheet, made from the rubric.

Comes in: a rubric. Goes out: one schema that drives the request, the check of the reply and
the review form, and the legal marks of a criterion, which are exact decimals. The schema
keeps to what strict structured output of every provider knows: no $ref, no allOf, every
property required.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from exams.models import Criterion, Rubric
from exams.rubric_items import plain_number
from exams.rubrics import leaves

MAX_ENUM = 41
# No paper has so many pages; a number without bound would not fit its column.
MAX_PAGE = 10_000
# OpenAI's strict mode takes at most 1,000 enum values in one schema.
MAX_ENUM_TOTAL = 1000
TEXT_LENGTHS = {"transcription": 20_000, "reasoning": 4_000, "feedback": 2_000}


def result_schema(rubric: Rubric) -> dict[str, Any]:
    """The schema of one reply, its properties in the order in which they should be written:
    evidence first, marks after it.
    """
    return schema_for(leaves(rubric))


def schema_for(criteria: Iterable[Criterion]) -> dict[str, Any]:
    """The schema for leaves that are already in memory."""
    budget = MAX_ENUM_TOTAL
    parts: dict[str, Any] = {}
    for criterion in criteria:
        count = _count(criterion)
        listed = count <= min(MAX_ENUM, budget)
        budget -= count if listed else 0
        parts[criterion.code] = closed(
            {
                "page": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_PAGE},
                **{
                    name: {"type": "string", "maxLength": length}
                    for name, length in TEXT_LENGTHS.items()
                },
                "awarded": _awarded(criterion, listed=listed),
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
            }
        )
    return closed({"item_id": {"type": "string", "maxLength": 100}, "parts": closed(parts)})


def legal_marks(criterion: Criterion) -> list[Decimal]:
    """Every mark a leaf can get, ascending: from its floor to its ceiling in its steps."""
    floor, step = criterion.floor, _step(criterion)
    return [floor + step * count for count in range(_count(criterion))]


def is_legal(criterion: Criterion, awarded: Decimal) -> bool:
    """Is this exact mark possible for the leaf? Nothing is rounded towards a legal one."""
    if not awarded.is_finite() or not criterion.floor <= awarded <= criterion.ceiling:
        return False
    return (awarded - criterion.floor) % _step(criterion) == 0


def _awarded(criterion: Criterion, *, listed: bool) -> dict[str, Any]:
    if listed:
        return {"type": "number", "enum": [plain_number(mark) for mark in legal_marks(criterion)]}
    bounds = {
        "type": "number",
        "minimum": plain_number(criterion.floor),
        "maximum": plain_number(criterion.ceiling),
    }
    step = plain_number(_step(criterion))
    # A binary float holds multiples of 0.25 exactly; of 0.1 it would refuse legal ones, so
    # there is_legal alone decides.
    return bounds | ({"multipleOf": step} if step * 4 == int(step * 4) else {})


def _step(criterion: Criterion) -> Decimal:
    if criterion.step is None:
        raise ValueError(f"{criterion.code} is not a leaf and has no step.")
    return criterion.step


def _count(criterion: Criterion) -> int:
    return int((criterion.ceiling - criterion.floor) / _step(criterion)) + 1


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with exactly these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
