"""Rubric rows: a rubric as the editor shows it, one row of fields under the other.

Comes in: checked items, or the texts of a form. Goes out: rows that were moved, added or deleted,
the nested list that `exams.rubric_items` judges, and each of its problems at the row and field it
is about. Pure: nothing is read or saved, and nothing that was typed is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from exams.rubric_advice import Advice, advise_item
from exams.rubric_items import (
    DEFAULT_STEPS,
    MAX_DEPTH,
    MAX_ITEMS,
    RubricItem,
    check_items,
    items_as_values,
    plain_number,
)
from exams.rubric_problems import Path, Problem

FIELDS = ("code", "description", "kind", "marks", "step", "answer", "guidance")
LISTS = ("row", "depth", *FIELDS)
# What a field of the form is called in an exam file.
KEYS = {"code": "id", "marks": "max_marks"} | {
    name: name for name in ("description", "kind", "step", "answer", "guidance")
}
NAMES = {key: name for name, key in KEYS.items()} | {"binary": "step", "items": "code"}
NUMBER = re.compile(r"\d{1,9}([.,]\d{1,9})?")
MOVES = ("up", "down", "in", "out", "below", "inside", "delete")


class UnreadableForm(Exception):
    """The form's lists do not fit together: it was not sent by this page."""


@dataclass(frozen=True, slots=True)
class Row:
    """One criterion as it stands in the form; `depth` 0 is outermost, numbers are texts.

    `errors` are by field. `sum` is the marks of an inner row, None for a leaf.
    """

    key: str
    depth: int = 0
    code: str = ""
    description: str = ""
    kind: str = ""
    marks: str = ""
    step: str = ""
    answer: str = ""
    guidance: str = ""
    errors: Mapping[str, list[str]] = field(default_factory=dict)
    is_inner: bool = False
    sum: Decimal | None = None
    advice: list[Advice] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the row is called for people."""
        return self.code.strip() or _("the new criterion")

    @property
    def is_open(self) -> bool:
        """Whether the less needed fields are shown: where there is something wrong in them."""
        return bool({"answer", "guidance"} & set(self.errors))


# -- in and out ---------------------------------------------------------------------------


def rows_of(items: Iterable[RubricItem]) -> list[Row]:
    """The rows of checked items, in order."""
    rows: list[Row] = []

    def add(values: list[dict[str, Any]], depth: int) -> None:
        for value in values:
            texts = {name: str(value.get(KEYS[name], "")) for name in FIELDS}
            rows.append(Row(f"r{len(rows)}", depth, **texts))
            add(value.get("items", []), depth + 1)

    add(items_as_values(items), 0)
    return rows


def rows_from(lists: Mapping[str, list[str]]) -> list[Row]:
    """The rows of a posted form: equally long lists by the names in LISTS.

    Depths that cannot be (a child without a parent) are taken as the nearest that can. Raises
    UnreadableForm when the lists do not fit together.
    """
    columns = [lists.get(name, []) for name in LISTS]
    if len({len(column) for column in columns}) != 1:
        raise UnreadableForm(_("The form arrived incomplete. Load the page again."))
    rows: list[Row] = []
    for key, depth, *texts in zip(*columns, strict=True):
        wanted = int(depth) if depth.isdecimal() and len(depth) < 3 else 0
        rows.append(Row(key, min(wanted, rows[-1].depth + 1 if rows else 0), *texts))
    if len({row.key for row in rows}) != len(rows):
        raise UnreadableForm(_("The form arrived incomplete. Load the page again."))
    return rows


def values_of(rows: list[Row]) -> tuple[list[dict[str, Any]], dict[Path, int]]:
    """The nested list of an exam file, and the number of the row by each path in it.

    A number that cannot be read is left out; `errors_of` names it.
    """
    values: list[dict[str, Any]] = []
    paths: dict[Path, int] = {}
    stack: list[tuple[list[dict[str, Any]], Path]] = [(values, ())]
    for number, row in enumerate(rows):
        del stack[row.depth + 1 :]
        holder, path = stack[-1]
        here = (*path, len(holder))
        paths[here] = number
        inner = _is_inner(rows, number)
        value = _value(row, inner)
        holder.append(value)
        if inner:
            value["items"] = []
            stack.append((value["items"], (*here, "items")))
    return values, paths


def _value(row: Row, inner: bool) -> dict[str, Any]:
    value: dict[str, Any] = {"id": row.code.strip(), "description": row.description}
    if row.kind:
        value["kind"] = row.kind
    for name in ("marks", "step"):
        # The marks of an inner row are the sum of what is in it; what stood there before waits.
        if not inner and (number := _number(getattr(row, name))) is not None:
            value[KEYS[name]] = plain_number(number)
    for name in ("answer", "guidance"):
        if getattr(row, name).strip():
            value[name] = getattr(row, name)
    return value


def _number(text: str) -> Decimal | None:
    text = text.strip()
    return Decimal(text.replace(",", ".")) if NUMBER.fullmatch(text) else None


# -- what is wrong, and what it comes to --------------------------------------------------


def errors_of(rows: list[Row]) -> dict[int, dict[str, list[str]]]:
    """Everything wrong with the rows: texts by row number and field; nothing when all is well.

    What is about the rubric as a whole stands at -1.
    """
    found: dict[int, dict[str, list[str]]] = {}
    for number, row in enumerate(rows):
        for name, text in _first_look(row, _is_inner(rows, number)):
            found.setdefault(number, {}).setdefault(name, []).append(text)
    if not rows:
        return {-1: {"": [_("Write at least one criterion.")]}}
    values, paths = values_of(rows)
    for problem in check_items(values):
        number, name = _place(problem, paths)
        at_row = found.setdefault(number, {})
        # What was said in plainer words already is not said twice.
        if name not in at_row:
            at_row[name] = [_plain(problem)]
    return {number: at_row for number, at_row in found.items() if at_row}


def _first_look(row: Row, inner: bool) -> Iterable[tuple[str, str]]:
    if not row.code.strip():
        yield "code", _("Give it a short code, such as Q1.")
    if not row.description.strip():
        yield "description", _("Say what is asked.")
    if inner:
        return
    if not row.marks.strip():
        yield "marks", _("Give it marks, or put criteria inside it.")
    for name in ("marks", "step"):
        text = getattr(row, name).strip()
        if text and _number(text) is None:
            yield name, _("“%(text)s” is no number such as 2 or 0.5.") % {"text": text[:20]}


def _place(problem: Problem, paths: Mapping[Path, int]) -> tuple[int, str]:
    """The row and the field that a problem is about."""
    steps = list(problem.path)
    name = ""
    if steps and isinstance(steps[-1], str):
        name = NAMES.get(str(steps.pop()), "")
    while steps and tuple(steps) not in paths:
        steps.pop()
    return paths.get(tuple(steps), -1), name or NAMES.get(problem.about, "code")


def _plain(problem: Problem) -> str:
    """A problem of an exam file in the words of the form."""
    text = (problem.plain or problem.text).replace("max_marks", _("marks"))
    return f"{text[:1].upper()}{text[1:]}."


def total_of_rows(rows: list[Row]) -> Decimal:
    """The full marks: base leaves with a number that can be read."""
    kinds = _kinds(rows)
    return sum(
        (
            _number(row.marks) or Decimal(0)
            for number, row in enumerate(rows)
            if not _is_inner(rows, number) and kinds[number] == "base"
        ),
        Decimal(0),
    )


def shown(
    rows: list[Row], errors: Mapping[int, Mapping[str, list[str]]] | None = None
) -> list[Row]:
    """The rows with their errors, advice, and what the marks in an inner row come to."""
    kinds, advice = _kinds(rows), advice_of(rows)
    found = []
    for number, row in enumerate(rows):
        inner = _is_inner(rows, number)
        found.append(
            replace(
                row,
                errors=(errors or {}).get(number, {}),
                is_inner=inner,
                sum=_sum(rows, number, kinds) if inner else None,
                advice=advice.get(number, []),
            )
        )
    return found


def _sum(rows: list[Row], number: int, kinds: list[str]) -> Decimal:
    inside = range(number + 1, _end(rows, number))
    return sum(
        (
            _number(rows[one].marks) or Decimal(0)
            for one in inside
            if not _is_inner(rows, one) and kinds[one] == kinds[number]
        ),
        Decimal(0),
    )


def _kinds(rows: list[Row]) -> list[str]:
    """The kind of each row; without one of its own it is that of the row it is in."""
    kinds: list[str] = []
    above: list[str] = []
    for row in rows:
        del above[row.depth :]
        kinds.append(row.kind or (above[-1] if above else "base"))
        above.append(kinds[-1])
    return kinds


def _is_inner(rows: list[Row], number: int) -> bool:
    return number + 1 < len(rows) and rows[number + 1].depth > rows[number].depth


def advice_of(rows: list[Row]) -> dict[int, list[Advice]]:
    """Advice on the wording by row number, also while some of it is wrong or unfinished."""
    return {
        number: found
        for number, row in enumerate(rows)
        if not _is_inner(rows, number) and row.description.strip() and (found := _advise(row))
    }


def _advise(row: Row) -> list[Advice]:
    marks, step = _number(row.marks), _number(row.step)
    if marks and not step:
        step = next((one for one in DEFAULT_STEPS if marks % one == 0), None)
    return advise_item(
        RubricItem(
            id=row.code,
            description=row.description,
            answer=row.answer.strip(),
            guidance=row.guidance.strip(),
            max_marks=marks if step else None,
            step=step if marks else None,
        )
    )


# -- moving -------------------------------------------------------------------------------


def edit_rows(rows: list[Row], act: str) -> tuple[list[Row], str]:
    """The rows after a click, and the key of the row to go on with.

    `act` is a move and the key of a row ("up:r3"), or "add" for a new last row. A row moves with
    all that is in it; what cannot be done changes nothing.
    """
    move, _colon, key = act.partition(":")
    if move == "add":
        return _insert(rows, len(rows), 0)
    number = next((n for n, row in enumerate(rows) if row.key == key), None)
    if number is None or move not in MOVES:
        return rows, ""
    end, depth = _end(rows, number), rows[number].depth
    block = rows[number:end]
    if move == "below":
        return _insert(rows, end, depth)
    if move == "inside":
        return _insert(rows, end, depth + 1) if depth + 1 < MAX_DEPTH else (rows, key)
    if move == "delete":
        left = rows[:number] + rows[end:]
        return left, left[min(number, len(left) - 1)].key if left else ""
    if move == "up":
        before = _sibling_before(rows, number)
        if before is not None:
            rows = rows[:before] + block + rows[before:number] + rows[end:]
    elif move == "down":
        if end < len(rows) and rows[end].depth == depth:
            after = _end(rows, end)
            rows = rows[:number] + rows[end:after] + block + rows[after:]
    elif move == "in":
        fits = max(row.depth for row in block) + 1 < MAX_DEPTH
        if fits and _sibling_before(rows, number) is not None:
            rows = rows[:number] + _deeper(block, 1) + rows[end:]
    elif depth:
        parent = next(n for n in range(number - 1, -1, -1) if rows[n].depth < depth)
        after = _end(rows, parent)
        rows = rows[:number] + rows[end:after] + _deeper(block, -1) + rows[after:]
    return rows, key


def _insert(rows: list[Row], number: int, depth: int) -> tuple[list[Row], str]:
    if len(rows) >= MAX_ITEMS:
        return rows, ""
    taken = {row.key for row in rows}
    key = next(name for name in (f"n{n}" for n in range(len(rows) + 1)) if name not in taken)
    code = next_code(rows, number, depth)
    return [*rows[:number], Row(key, depth, code=code), *rows[number:]], key


def next_code(rows: list[Row], number: int, depth: int) -> str:
    """A code for a new row there: Q4 after Q3, Q2c after Q2b; "" where none suggests itself."""
    taken = {row.code.strip().casefold() for row in rows}
    if not depth:
        names = (f"Q{n}" for n in range(1 + sum(not row.depth for row in rows), MAX_ITEMS * 2))
    else:
        parent = next(n for n in range(number - 1, -1, -1) if rows[n].depth < depth)
        code = rows[parent].code.strip()
        if not code:
            return ""
        ends = "abcdefghijklmnopqrstuvwxyz" if code[-1].isdigit() else range(1, MAX_ITEMS)
        names = (f"{code}{end}" for end in ends)
    return next((name for name in names if name.casefold() not in taken), "")


def _end(rows: list[Row], number: int) -> int:
    """The number behind the last row that is in this one."""
    depth = rows[number].depth
    return next((n for n in range(number + 1, len(rows)) if rows[n].depth <= depth), len(rows))


def _sibling_before(rows: list[Row], number: int) -> int | None:
    depth = rows[number].depth
    before = next((n for n in range(number - 1, -1, -1) if rows[n].depth <= depth), None)
    return before if before is not None and rows[before].depth == depth else None


def _deeper(rows: list[Row], by: int) -> list[Row]:
    return [replace(row, depth=row.depth + by) for row in rows]
