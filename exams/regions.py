"""Regions: the places of a page where a name, a roll number or the like stands.

Comes in: a list of {page, x, y, w, h, holds}, from an exam file, the page or the API. Goes out: the
same list checked, and stored on its exam. They are painted over in what is sent and in blind
review; requests that were frozen before keep the masks they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from jsonschema import Draft202012Validator

from accounts.models import User
from accounts.seen import fingerprint, saved_meanwhile
from batching.conflicts import Conflict
from exams.models import Exam
from exams.points import plain, shown
from exams.rubric_problems import Problem, describe, shape_problems
from exams.rubrics import lock_exam

HOLDS = {
    "name": gettext_lazy("Name"),
    "roll_number": gettext_lazy("Roll number"),
    "class": gettext_lazy("Class"),
    "signature": gettext_lazy("Signature"),
    "other": gettext_lazy("Something else"),
}
MAX_REGIONS = 50

SHARE = {"type": "number", "minimum": 0, "maximum": 1}
LENGTH = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
REGION_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "page": {"type": "integer", "minimum": 1},
        "x": SHARE,
        "y": SHARE,
        "w": LENGTH,
        "h": LENGTH,
        "holds": {"type": "array", "minItems": 1, "items": {"enum": list(HOLDS)}},
    },
    "required": ["page", "x", "y", "w", "h", "holds"],
    "additionalProperties": False,
}
REGIONS_SCHEMA: dict[str, Any] = {
    "type": "array",
    "maxItems": MAX_REGIONS,
    "items": REGION_SCHEMA,
}
_validator = Draft202012Validator({"properties": {"regions": REGIONS_SCHEMA}})


class RegionError(ValidationError):
    """Regions that cannot be; by "regions", each message names its place in the list."""


def region_problems(regions: Any) -> list[Problem]:
    """Everything wrong with a list of regions, below the key "regions"."""
    whole = {"regions": regions}
    return shape_problems(_validator, whole) + sense_problems(regions)


def sense_problems(regions: Any) -> list[Problem]:
    """What no schema can say: a region may not leave its page."""
    problems = []
    for index, region in enumerate(regions if isinstance(regions, list) else ()):
        for start, length in (("x", "w"), ("y", "h")):
            edge = [region.get(start), region.get(length)] if isinstance(region, dict) else []
            if not all(isinstance(n, int | float) for n in edge) or any(n > 1 for n in edge):
                continue
            if not sum(edge) <= 1 + 1e-9:  # nor is a number that is none
                text = _("%(start)s + %(length)s is %(sum)s: the region leaves the page")
                values = {"start": start, "length": length, "sum": f"{sum(edge):g}"}
                problems.append(
                    Problem(
                        ("regions", index), text % values, about=start, plain=_leaves(start, edge)
                    )
                )
    return problems


def _leaves(start: str, edge: list[float]) -> str:
    if start == "x":
        text = _("Left and width are %(sum)s %% together: it leaves the page.")
    else:
        text = _("Top and height are %(sum)s %% together: it leaves the page.")
    return text % {"sum": shown(round(100 * sum(edge), 2))}


def checked_regions(regions: Any) -> list[dict[str, Any]]:
    """The regions as they are stored. Raises RegionError naming each bad one."""
    if problems := region_problems(regions):
        whole = {"regions": regions}
        raise RegionError({"regions": [describe(problem, whole) for problem in problems]})
    return [{**region, "page": int(region["page"])} for region in regions]


def regions_seen(exam: Exam) -> str:
    """What a page carries along of an exam's regions."""
    return fingerprint(exam.regions)


@transaction.atomic
def save_regions(exam: Exam, regions: Any, *, by: User, seen: str) -> bool:
    """Make these the exam's regions; whether that changed anything.

    `seen` is the `regions_seen` the person had before their eyes. Raises RegionError naming each
    bad region, and Conflict when somebody saved others meanwhile.
    """
    checked = checked_regions(regions)
    row = lock_exam(exam.pk)
    if row.regions == checked:
        return False
    if seen != regions_seen(row):
        raise Conflict(saved_meanwhile(row, _("where names stand"), field="regions"))
    row.regions = checked
    row._history_user = by
    row.save()
    exam.regions = checked
    return True


# -- in words ------------------------------------------------------------------------------


def percent(share: float | Decimal) -> str:
    """A share of a page as a plain number of percent, with all its digits: 0.333 is 33.3."""
    return plain(Decimal(str(share)) * 100)


def region_in_words(region: Mapping[str, Any]) -> str:
    """Where a region stands and what it holds, for a person."""
    numbers = {key: shown(percent(region[key])) for key in ("x", "y", "w", "h")}
    return _(
        "page %(page)s, %(x)s %% from the left, %(y)s %% from the top, %(w)s %% wide,"
        " %(h)s %% high: %(holds)s"
    ) % {**numbers, "page": region["page"], "holds": holds_in_words(region["holds"])}


def holds_in_words(holds: Iterable[str]) -> str:
    """What a region holds, in the order of the list that a person chooses from."""
    found = set(holds)
    return ", ".join(str(label) for key, label in HOLDS.items() if key in found)
