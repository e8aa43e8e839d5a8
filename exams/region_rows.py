"""Region rows: regions as a form shows them, a row of numbers in percent for each.

Comes in: stored regions, or the texts of a form. Goes out: rows, the list that `exams.regions`
judges, and each of its problems at the row and field it is about. Pure, and nothing that was typed
is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from exams.regions import HOLDS, MAX_REGIONS, percent, region_problems
from exams.rubric_problems import Problem

SIDES = ("x", "y", "w", "h")
FIELDS = ("page", *SIDES, "holds")
NUMBER = re.compile(r"-?\d{1,9}([.,]\d{1,20})?")
KEY = re.compile(r"[a-z]\d{1,6}")
USUAL = ("name", "roll_number")


@dataclass(frozen=True, slots=True)
class Row:
    """One region as it stands in the form; its numbers are texts."""

    key: str
    page: str = "1"
    x: str = ""
    y: str = ""
    w: str = ""
    h: str = ""
    holds: tuple[str, ...] = USUAL

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """What a place may hold: (key, in words, whether it does)."""
        return [(key, str(label), key in self.holds) for key, label in HOLDS.items()]

    @property
    def box(self) -> dict[str, str] | None:
        """Where to draw it, in percent; None while a number is missing."""
        texts = {name: getattr(self, name).replace(",", ".") for name in SIDES}
        return texts if all(_number(text) is not None for text in texts.values()) else None


def rows_of(regions: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The rows of stored regions."""
    return [
        Row(
            f"r{number}",
            str(region["page"]),
            **{name: percent(region[name]) for name in SIDES},
            holds=tuple(key for key in HOLDS if key in region["holds"]),
        )
        for number, region in enumerate(regions)
    ]


def rows_from(posted: QueryDict) -> list[Row]:
    """The rows of a posted form: `row` names each, `x-r0` and so on are its fields."""
    keys = dict.fromkeys(key for key in posted.getlist("row") if KEY.fullmatch(key))
    return [
        Row(
            key,
            **{name: posted.get(f"{name}-{key}", "").strip()[:40] for name in ("page", *SIDES)},
            holds=tuple(one for one in HOLDS if one in posted.getlist(f"holds-{key}")),
        )
        for key in keys
    ]


def blank_row(rows: list[Row], page: str) -> Row:
    """A row to be filled in, with a key that no other has."""
    taken = {row.key for row in rows}
    return Row(next(key for n in range(len(rows) + 1) if (key := f"a{n}") not in taken), page)


def values_of(rows: list[Row]) -> list[dict[str, Any]]:
    """The rows as regions; a number that cannot be read is left out."""
    values = []
    for row in rows:
        value: dict[str, Any] = {"holds": list(row.holds)}
        if row.page.isdecimal() and len(row.page) < 7:
            value["page"] = int(row.page)
        for name in SIDES:
            if (number := _number(getattr(row, name))) is not None:
                value[name] = float(number / 100)
        values.append(value)
    return values


def errors_of(rows: list[Row]) -> dict[int, dict[str, list[str]]]:
    """Everything wrong with the rows: texts by row number and field; nothing when all is well.

    What is about the list as a whole stands at -1.
    """
    found: dict[int, dict[str, list[str]]] = {}
    for problem in region_problems(values_of(rows)):
        index, *rest = [*problem.path[1:], ""]
        number = index if isinstance(index, int) else -1
        name = str(rest[0] if rest and rest[0] else problem.about)
        found.setdefault(number, {}).setdefault(name, []).append(_in_words(problem, name, number))
    # As the fields stand on the page; a schema finds them in an order of its own.
    names = (*FIELDS, *{name for wrong in found.values() for name in wrong if name not in FIELDS})
    return {
        number: {name: wrong[name] for name in names if name in wrong}
        for number, wrong in found.items()
    }


def _in_words(problem: Problem, name: str, number: int) -> str:
    if number < 0:
        return _("At most %(most)s places are kept.") % {"most": MAX_REGIONS}
    if problem.plain:
        return problem.plain
    return {
        "page": _("Page: give a whole number, from 1."),
        "x": _("Left: give a number from 0 to 100."),
        "y": _("Top: give a number from 0 to 100."),
        "w": _("Width: give a number above 0, at most 100."),
        "h": _("Height: give a number above 0, at most 100."),
        "holds": _("Tick what stands here."),
    }[name]


def _number(text: str) -> Decimal | None:
    return Decimal(text.replace(",", ".")) if NUMBER.fullmatch(text) else None
