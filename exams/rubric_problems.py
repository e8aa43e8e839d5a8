"""What is wrong with a file, in words for a person: the place, the line, and what it must be.

Comes in: what jsonschema found, or problems that others name. Goes out: `Problem` values, and
each as one sentence, in the language of whoever asks. Keys of a file are never translated: a
text goes on after the key that it is about ("step" + "must be at least 0").
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaError

Path = tuple[str | int, ...]


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


# What holds entries that have a name for people.
LISTS = ("rubric_items", "items", "regions")


def describe(problem: Problem, value: Any, lines: Mapping[Path, int] | None = None) -> str:
    """A problem as a sentence: "Q3, line 34: max_marks must be …".

    An item without an id, or with that of another one, is named by its place: "item 2 of Q3".
    """
    label = name = ""
    keys: list[str] = []
    node = value
    for step in problem.path:
        try:
            node = node[step]
        except (LookupError, TypeError):
            node = None
        if isinstance(step, str):
            keys.append(step)
            continue
        if not keys or keys[-1] not in LISTS:
            # One of several values of an entry.
            keys.append(str(step + 1))
            continue
        place = _("region %(number)s") if keys[-1] == "regions" else _("item %(number)s")
        entry, whole = place % {"number": step + 1}, name or label
        label = _("%(entry)s of %(whole)s") % {"entry": entry, "whole": whole} if whole else entry
        name = node["id"] if isinstance(node, dict) and isinstance(node.get("id"), str) else ""
        keys = []
    text = " ".join([*keys, problem.text]) if label else problem.text
    if name:
        label = f"{label} ({name})" if problem.about == "id" else name
    label = label or " ".join(keys)
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
    return in_order(found)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Problems in the order of the file."""
    return sorted(problems, key=lambda p: [(isinstance(s, str), str(s).zfill(6)) for s in p.path])


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
