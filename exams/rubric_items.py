"""Rubric items: the short form of a rubric, as it stands in an exam file.

Comes in: a nested list of plain values (from YAML, JSON, a form or a test). Goes out: checked
`RubricItem` values, or every problem at once, each naming the item it is about. Pure: no
database, so that a file, the editor and the answer key page share one judge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator

from exams.points import shown
from exams.rubric_problems import Path, Problem, describe, in_order, shape_problems

MAX_ITEMS = 200
MAX_DEPTH = 4
MAX_LEGAL_MARKS = 1001
MAX_TEXT = 20_000
DEFAULT_STEPS = (Decimal(1), Decimal("0.5"), Decimal("0.25"))
KINDS = ("base", "bonus", "penalty")


class RubricError(ValidationError):
    """A rubric or an exam file that cannot be used; `messages` lists every problem."""


@dataclass(frozen=True, slots=True)
class RubricItem:
    """One checked node. A leaf has `max_marks` and `step`, an inner one has `items`."""

    id: str
    description: str
    kind: str = "base"
    guidance: str = ""
    answer: str = ""
    max_marks: Decimal | None = None
    step: Decimal | None = None
    items: tuple[RubricItem, ...] = ()


TEXT = {"type": "string", "maxLength": MAX_TEXT}
MARKS = {"type": "number", "exclusiveMinimum": 0, "maximum": 1000}
ITEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$"},
        "description": {**TEXT, "minLength": 1},
        "max_marks": MARKS,
        "step": MARKS,
        "binary": {"type": "boolean"},
        "kind": {"enum": list(KINDS)},
        "guidance": TEXT,
        "answer": TEXT,
        "items": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/item"}},
    },
    "required": ["id", "description"],
    "additionalProperties": False,
}
ITEMS_SCHEMA: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_ITEMS,
    "items": {"$ref": "#/$defs/item"},
}
_items_validator = Draft202012Validator({**ITEMS_SCHEMA, "$defs": {"item": ITEM_SCHEMA}})


def check_items(value: Any) -> list[Problem]:
    """Every problem of a nested list of items; paths start at the list itself.

    Sense (sums, steps, repeated ids) is asked of all that has the right shape.
    """
    too_deep = list(_too_deep(value, (), 1))
    if too_deep:
        return too_deep
    problems = shape_problems(_items_validator, value)
    wrong = {problem.path for problem in problems}
    return in_order([*problems, *_sense_problems(value, wrong)])


def read_items(value: Any) -> tuple[RubricItem, ...]:
    """Checked items of a nested list; raises RubricError with one message per problem."""
    problems = check_items(value)
    if problems:
        raise RubricError(
            [
                describe(replace(p, path=("rubric_items", *p.path)), {"rubric_items": value})
                for p in problems
            ]
        )
    return tuple(_item(entry, "base") for entry in value)


def items_as_values(items: Iterable[RubricItem], kind: str = "base") -> list[dict[str, Any]]:
    """The short form of checked items: `read_items` of it gives the same items again."""
    values = []
    for item in items:
        entry: dict[str, Any] = {"id": item.id, "description": item.description}
        if item.kind != kind:
            entry["kind"] = item.kind
        if item.max_marks is not None and item.step is not None:
            entry["max_marks"] = plain_number(item.max_marks)
            entry["step"] = plain_number(item.step)
        for key in ("guidance", "answer"):
            if text := getattr(item, key):
                entry[key] = text
        if item.items:
            entry["items"] = items_as_values(item.items, item.kind)
        values.append(entry)
    return values


def leaf_items(items: Iterable[RubricItem]) -> Iterator[RubricItem]:
    """The items that have marks, in order."""
    for item in items:
        if item.items:
            yield from leaf_items(item.items)
        else:
            yield item


def plain_number(number: Decimal) -> int | float:
    """A mark as YAML and JSON write it: 2 rather than 2.0, 0.5 as it is."""
    return int(number) if number == number.to_integral_value() else float(number)


def clean_text(text: str) -> str:
    """One spelling of a text: composed characters, plain line ends, no blank edges."""
    text = unicodedata.normalize("NFC", text)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def decimal_of(number: float | Decimal) -> Decimal:
    """The number as it was written (0.1 is 0.1, not its binary neighbour)."""
    return number if isinstance(number, Decimal) else Decimal(str(number))


def _too_deep(value: Any, path: Path, depth: int) -> Iterator[Problem]:
    if not isinstance(value, list):
        return
    if depth > MAX_DEPTH:
        yield Problem(path, _("items may nest at most %(most)s levels deep") % {"most": MAX_DEPTH})
        return
    for index, entry in enumerate(value):
        if isinstance(entry, dict):
            yield from _too_deep(entry.get("items"), (*path, index, "items"), depth + 1)


@dataclass(frozen=True, slots=True)
class _Node:
    """An entry of the list as far as its shape is right: `right` are the values that can be judged,
    `given` all of its keys. `kind` is that of the entry it belongs to.
    """

    path: Path
    right: dict[str, Any]
    given: frozenset[str]
    kind: str

    @property
    def may_be_misspelt(self) -> bool:
        """Whether what is missing may stand there under a wrong key, or with a wrong value."""
        return self.given != self.right.keys() or not self.given <= ITEM_SCHEMA["properties"].keys()


def _sense_problems(value: Any, wrong: Container[Path]) -> Iterator[Problem]:
    """What no schema can say; `wrong` are the places whose shape is not right."""
    nodes = list(_walk(value, (), "base", wrong))
    if len(nodes) > MAX_ITEMS and () not in wrong:
        yield Problem(
            (),
            _("has %(count)s items; at most %(most)s are allowed")
            % {"count": len(nodes), "most": MAX_ITEMS},
        )
    taken: set[str] = set()
    for node in nodes:
        key = node.right.get("id", "").casefold()
        if key in taken:
            name = {"id": node.right["id"]}
            text = _("the id %(id)r is taken: each item needs its own") % name
            plain = _("the code %(id)r is taken: each row needs its own") % name
            yield Problem(node.path, text, about="id", plain=plain)
        taken |= {key} - {""}
        yield from _bad_text(node.path, node.right)
        if node.kind != "base" and node.right.get("kind", node.kind) != node.kind:
            text = _("kind must be %(kind)s, as that of the item it belongs to")
            yield Problem(node.path, text % {"kind": node.kind}, about="kind")
        if "items" in node.given:
            yield from _inner_problems(node.path, node.given)
        else:
            yield from _leaf_problems(node)


def _walk(value: Any, path: Path, kind: str, wrong: Container[Path]) -> Iterator[_Node]:
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if isinstance(entry, dict):
            here = (*path, index)
            right = {key: text for key, text in entry.items() if (*here, key) not in wrong}
            yield _Node(here, right, frozenset(entry), kind)
            own = right.get("kind", kind)
            yield from _walk(entry.get("items"), (*here, "items"), own, wrong)


def _bad_text(path: Path, entry: dict[str, Any]) -> Iterator[Problem]:
    if "description" in entry and not clean_text(entry["description"]):
        yield Problem(path, _("description must not be empty"), about="description")
    for key in ("description", "guidance", "answer"):
        if odd := odd_character(entry.get(key, "")):
            yield Problem(
                path,
                _("%(key)s contains the control character %(character)s: delete it")
                % {"key": key, "character": odd},
                about=key,
            )


def odd_character(text: str) -> str:
    """The name of the first character that no text should hold, or nothing."""
    match = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", text)
    return f"U+{ord(match[0]):04X}" if match else ""


def _inner_problems(path: Path, given: Container[str]) -> Iterator[Problem]:
    for key in ("max_marks", "step", "binary", "answer"):
        if key in given:
            yield Problem(
                path,
                _(
                    "%(key)s does not go together with items: an item is the sum of its items, so"
                    " give %(key)s to those"
                )
                % {"key": key},
                about=key,
            )


def _leaf_problems(node: _Node) -> Iterator[Problem]:
    path, entry = node.path, node.right
    if "max_marks" not in entry:
        if not node.may_be_misspelt:
            text = _("max_marks is missing (or items, if it is made of several)")
            yield Problem(path, text, about="max_marks")
        return
    maximum = decimal_of(entry["max_marks"])
    step = _step(entry)
    for key, number in (("max_marks", maximum), ("step", step)):
        if number is not None and number != round(number, 2):
            yield Problem(
                path,
                _("%(key)s may have at most two decimals, not %(number)s")
                % {"key": key, "number": shown(number)},
                about=key,
            )
            return
    if "step" in entry and entry.get("binary") and step != maximum:
        yield Problem(path, _("binary means all or nothing: leave step out"), about="binary")
    elif step is None and node.may_be_misspelt:
        return
    elif step is None:
        text = _("step is missing: max_marks %(maximum)s is no multiple of 0.25")
        yield Problem(path, text % {"maximum": shown(maximum)}, about="step")
    elif maximum % step:
        text = _("max_marks %(maximum)s must be a multiple of step %(step)s")
        numbers = {"maximum": shown(maximum), "step": shown(step)}
        yield Problem(path, text % numbers, about="max_marks")
    elif maximum / step >= MAX_LEGAL_MARKS:
        text = _("step %(step)s is too fine for max_marks %(maximum)s")
        numbers = {"maximum": shown(maximum), "step": shown(step)}
        yield Problem(path, text % numbers, about="step")


def _step(entry: dict[str, Any]) -> Decimal | None:
    maximum = decimal_of(entry["max_marks"])
    if "step" in entry:
        return decimal_of(entry["step"])
    if entry.get("binary"):
        return maximum
    return next((step for step in DEFAULT_STEPS if maximum % step == 0), None)


def _item(entry: dict[str, Any], inherited: str) -> RubricItem:
    kind = entry.get("kind", inherited)
    inner = tuple(_item(child, kind) for child in entry.get("items", ()))
    return RubricItem(
        id=entry["id"],
        description=clean_text(entry["description"]),
        kind=kind,
        guidance=clean_text(entry.get("guidance", "")),
        answer=clean_text(entry.get("answer", "")),
        max_marks=None if inner else decimal_of(entry["max_marks"]),
        step=None if inner else _step(entry),
        items=inner,
    )
