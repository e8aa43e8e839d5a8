"""Rubric items: the short form of a rubric, as it stands in an exam file.

Comes in: a nested list of plain values (from YAML, JSON, a form or a test). Goes out: checked
`RubricItem` values, or every problem at once, each naming the item it is about. Pure: no
database, so that a file, the editor and the answer key page share one judge.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaError

MAX_ITEMS = 200
MAX_DEPTH = 4
MAX_LEGAL_MARKS = 1001
MAX_TEXT = 20_000
DEFAULT_STEPS = (Decimal(1), Decimal("0.5"), Decimal("0.25"))
KINDS = ("base", "bonus", "penalty")

Path = tuple[str | int, ...]


class RubricError(ValidationError):
    """A rubric or an exam file that cannot be used; `messages` lists every problem."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of a file; `key` is the line's key where the text names one.

    `about` is the key that the text begins with where the path does not end with it, and `plain`
    the text for a form, which has rows and codes, where that is another one.
    """

    path: Path
    text: str
    key: str = ""
    about: str = ""
    plain: str = ""


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

    The shape comes first; sense (sums, steps, repeated ids) is only asked of a right shape.
    """
    too_deep = list(_too_deep(value, (), 1))
    if too_deep:
        return too_deep
    problems = shape_problems(_items_validator, value)
    return problems or list(_sense_problems(value))


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


def describe(problem: Problem, value: Any, lines: Mapping[Path, int] | None = None) -> str:
    """A problem as a sentence: "rubric_items[2] (Q3), line 34: max_marks must be …"."""
    label = named_label = name = ""
    node = value
    for step in problem.path:
        label += f"[{step}]" if isinstance(step, int) else f".{step}" if label else str(step)
        try:
            node = node[step]
        except (LookupError, TypeError):
            node = None
        if isinstance(node, dict) and isinstance(node.get("id"), str):
            named_label, name = label, node["id"]
    text = problem.text
    if name:
        text = f"{label[len(named_label) :].lstrip('.')} {text}".strip()
        label = f"{named_label} ({name})"
    if lines and (line := line_of((*problem.path, problem.key), lines)):
        where = _("line %(line)s") % {"line": line}
        label = f"{label}, {where}" if label else where
    return f"{label}: {text}" if label else text


def line_of(path: Path, lines: Mapping[Path, int]) -> int | None:
    """The line of a place in a file, or of the nearest thing around it."""
    return next((lines[p] for end in range(len(path), -1, -1) if (p := path[:end]) in lines), None)


def shape_problems(validator: Draft202012Validator, value: Any) -> list[Problem]:
    """What jsonschema finds, in words for a person, in the order of the file."""
    found = [problem for error in validator.iter_errors(value) for problem in _in_words(error)]
    return sorted(found, key=lambda p: [(isinstance(s, str), str(s).zfill(6)) for s in p.path])


TYPE_WORDS = {
    "string": gettext_noop("text"),
    "number": gettext_noop("a number"),
    "integer": gettext_noop("a whole number"),
    "boolean": gettext_noop("true or false"),
    "array": gettext_noop("a list (lines that start with -)"),
    "object": gettext_noop("a group of `key: value` lines"),
}


def _in_words(error: SchemaError) -> Iterator[Problem]:
    """What one rule found."""
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        for key in error.instance:
            if key not in known:
                yield Problem(path, _unknown_key(key, known), key)
    elif error.validator == "required":
        for key in error.validator_value:
            if error.message.startswith(repr(key)):
                text = _("%(key)s is missing") % {"key": key}
                yield Problem(path, text, about=key)
    else:
        yield Problem(path, _broken_rule(error))


def _broken_rule(error: SchemaError) -> str:
    rule, found = error.validator_value, error.instance
    match error.validator:
        case "type":
            expected = _(TYPE_WORDS[rule if isinstance(rule, str) else rule[0]])
            return _("must be %(expected)s, not %(found)s") % {
                "expected": expected,
                "found": _shown(found),
            }
        case "enum":
            return _("must be one of %(values)s, not %(found)s") % {
                "values": ", ".join(map(str, rule)),
                "found": _shown(found),
            }
        case "pattern":
            return _(
                "%(found)s must be 1 to 40 letters, digits, dots, hyphens or underscores and"
                " begin with a letter or a digit"
            ) % {"found": _shown(found)}
        case "exclusiveMinimum":
            return _("must be > %(limit)s, not %(found)s") % {"limit": rule, "found": _shown(found)}
        case "minimum":
            return _("must be at least %(limit)s, not %(found)s") % {
                "limit": rule,
                "found": _shown(found),
            }
        case "maximum":
            return _("must be at most %(limit)s, not %(found)s") % {
                "limit": rule,
                "found": _shown(found),
            }
        case "minLength":
            return _("must not be empty")
        case "maxLength":
            return _("is %(count)s characters long; at most %(limit)s are allowed") % {
                "count": len(found),
                "limit": rule,
            }
        case "minItems":
            return _("is an empty list: give at least one entry or leave it out")
        case "maxItems":
            return _("has %(count)s entries; at most %(limit)s are allowed") % {
                "count": len(found),
                "limit": rule,
            }
    return str(error.message)


def _unknown_key(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.6)
    if near:
        hint = _("did you mean %(key)r?") % {"key": near[0]}
    else:
        hint = _("known keys: %(keys)s") % {"keys": ", ".join(known)}
    return _("unknown key %(key)r; %(hint)s") % {"key": key, "hint": hint}


def _shown(value: Any) -> str:
    text = _("nothing") if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _too_deep(value: Any, path: Path, depth: int) -> Iterator[Problem]:
    if not isinstance(value, list):
        return
    if depth > MAX_DEPTH:
        yield Problem(path, _("items may nest at most %(most)s levels deep") % {"most": MAX_DEPTH})
        return
    for index, entry in enumerate(value):
        if isinstance(entry, dict):
            yield from _too_deep(entry.get("items"), (*path, index, "items"), depth + 1)


def _sense_problems(value: list[dict[str, Any]]) -> Iterator[Problem]:
    nodes = list(_walk(value, (), "base"))
    if len(nodes) > MAX_ITEMS:
        yield Problem(
            (),
            _("has %(count)s items; at most %(most)s are allowed")
            % {"count": len(nodes), "most": MAX_ITEMS},
        )
    first: dict[str, str] = {}
    for path, entry, inherited in nodes:
        key = entry["id"].casefold()
        if key in first:
            name = {"id": entry["id"]}
            text = _("the id %(id)r is taken: each item needs its own") % name
            plain = _("the code %(id)r is taken: each row needs its own") % name
            yield Problem(path, text, about="id", plain=plain)
        first.setdefault(key, entry["id"])
        yield from _bad_text(path, entry)
        kind = entry.get("kind", inherited)
        if inherited != "base" and kind != inherited:
            text = _("kind must be %(kind)s, as that of the item it belongs to")
            yield Problem(path, text % {"kind": inherited}, about="kind")
        yield from _inner_problems(path, entry) if "items" in entry else _leaf_problems(path, entry)


def _walk(
    value: Sequence[dict[str, Any]], path: Path, kind: str
) -> Iterator[tuple[Path, dict[str, Any], str]]:
    for index, entry in enumerate(value):
        yield (*path, index), entry, kind
        yield from _walk(entry.get("items", ()), (*path, index, "items"), entry.get("kind", kind))


def _bad_text(path: Path, entry: dict[str, Any]) -> Iterator[Problem]:
    if not clean_text(entry["description"]):
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


def _inner_problems(path: Path, entry: dict[str, Any]) -> Iterator[Problem]:
    for key in ("max_marks", "step", "binary", "answer"):
        if key in entry:
            yield Problem(
                path,
                _(
                    "%(key)s does not go together with items: an item is the sum of its items, so"
                    " give %(key)s to those"
                )
                % {"key": key},
                about=key,
            )


def _leaf_problems(path: Path, entry: dict[str, Any]) -> Iterator[Problem]:
    if "max_marks" not in entry:
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
                % {"key": key, "number": number},
                about=key,
            )
            return
    if "step" in entry and entry.get("binary") and step != maximum:
        yield Problem(path, _("binary means all or nothing: leave step out"), about="binary")
    elif step is None:
        text = _("step is missing: max_marks %(maximum)s is no multiple of 0.25")
        yield Problem(path, text % {"maximum": maximum}, about="step")
    elif maximum % step:
        text = _("max_marks %(maximum)s must be a multiple of step %(step)s")
        yield Problem(path, text % {"maximum": maximum, "step": step}, about="max_marks")
    elif maximum / step >= MAX_LEGAL_MARKS:
        text = _("step %(step)s is too fine for max_marks %(maximum)s")
        yield Problem(path, text % {"step": step, "maximum": maximum}, about="step")


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
