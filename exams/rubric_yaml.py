"""Text to values: reads YAML (and JSON, which is part of it) without trusting it.

Comes in: bytes that somebody uploaded or pasted. Goes out: plain lists, groups, texts and
numbers, with the line of each, so that an error can say where. Only events are read, never
objects: a size cap, no repeated keys, no anchors, aliases or tags, and bounded depth, before
anything is built.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from django.utils.translation import gettext as _

from exams.rubric_items import RubricError, odd_character
from exams.rubric_problems import Path

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
MAX_DEPTH = 16
# Under these keys a scalar is text however it looks: a class "10", an answer "no", a date.
TEXT_KEYS = {
    *("exam", "class", "subject", "date", "instructions", "holds"),
    *("id", "description", "guidance", "answer", "kind"),
}
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$")
WHOLE = re.compile(r"[-+]?\d+$")
SURROGATES = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE
)


@dataclass
class Parsed:
    """The values of a file, and the line (from 1) at which each of them stands."""

    value: Any
    lines: dict[Path, int] = field(default_factory=dict)


@dataclass
class _Open:
    """A list or group that is still being read."""

    holder: Any
    path: Path
    key: str | None = None
    seen: dict[str, int] = field(default_factory=dict)


def read_yaml(data: bytes) -> Parsed:
    """Parse one document; raises RubricError naming the line."""
    text = _decoded(data)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _built(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        raise RubricError(_in_words(error)) from error
    except yaml.YAMLError as error:
        raise RubricError(_("This is not YAML: %(error)s") % {"error": error}) from error


def check_size(size: int) -> None:
    """Raise RubricError when a text of so many bytes is too long to be read."""
    if size > MAX_BYTES:
        # Rounded up, or a file a little over the limit would seem to be as large as the limit.
        megabytes = math.ceil(size / 100_000) / 10
        raise RubricError(
            _(
                "An exam file may have at most %(most)s MB, and this one has %(size)s MB. Is it"
                " the right file?"
            )
            % {"most": f"{MAX_BYTES / 1_000_000:g}", "size": f"{megabytes:g}"}
        )


def _decoded(data: bytes) -> str:
    check_size(len(data))
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RubricError(
            _("line %(line)s: this is not UTF-8 text. Save the file as UTF-8.") % {"line": line}
        ) from error
    if not text.strip():
        raise RubricError(_("The file is empty."))
    if odd := odd_character(text):
        line = next(n for n, t in enumerate(text.split("\n"), 1) if odd_character(t))
        raise RubricError(
            _("line %(line)s: the control character %(character)s is not allowed. Delete it.")
            % {"line": line, "character": odd}
        )
    return _json_as_yaml(text) if text.lstrip()[0] in "{[" else text


def _json_as_yaml(text: str) -> str:
    """The two things that JSON allows and YAML does not: tabs, and characters in two halves."""

    def joined(match: re.Match[str]) -> str:
        high, low = int(match[2], 16), int(match[3], 16)
        return match[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))

    return SURROGATES.sub(joined, text.replace("\t", " "))


def _built(events: Iterator[Any]) -> Parsed:
    parsed = Parsed(None)
    stack: list[_Open] = []
    documents = count = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _at(event, _("a second document (---) begins here; a file holds one"))
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            text = _(
                "anchors and aliases (& and *) are not taken: write the text out, or in quotes"
                " if it begins with one of them"
            )
            raise _at(event, text)
        if not isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionEndEvent):
                stack.pop()
            continue
        count += 1
        if count > MAX_NODES or len(stack) >= MAX_DEPTH:
            raise _at(event, _("too much: the file has too many entries or nests too deep"))
        if event.tag not in (None, "!"):
            raise _at(event, _("tags are not taken: leave out %(tag)s") % {"tag": event.tag})
        _place(event, stack, parsed)
    return parsed


def _place(event: Any, stack: list[_Open], parsed: Parsed) -> None:
    """Put what the event begins where it belongs: into the root, a list or a group."""
    top = stack[-1] if stack else None
    if top and isinstance(top.holder, dict) and top.key is None:
        top.key = _key(event, top)
        return
    value = _value(event, stack)
    if top is None:
        path: Path = ()
        parsed.value = value
    elif isinstance(top.holder, list):
        path = (*top.path, len(top.holder))
        top.holder.append(value)
    else:
        key, top.key = str(top.key), None
        path = (*top.path, key)
        # A key without a value counts as not given.
        if value is not None:
            top.holder[key] = value
    parsed.lines[path] = (
        top.seen[path[-1]] if top and isinstance(path[-1], str) else event.start_mark.line + 1
    )
    if isinstance(value, list | dict):
        stack.append(_Open(value, path))


def _key(event: Any, group: _Open) -> str:
    if not isinstance(event, yaml.ScalarEvent):
        raise _at(event, _("a key must be plain text"))
    key, line = event.value, event.start_mark.line + 1
    if key in group.seen:
        raise _at(
            event,
            _("the key %(key)r stands here twice (first in line %(line)s)")
            % {"key": key, "line": group.seen[key]},
        )
    group.seen[key] = line
    return key


def _value(event: Any, stack: list[_Open]) -> Any:
    if isinstance(event, yaml.SequenceStartEvent):
        return []
    if isinstance(event, yaml.MappingStartEvent):
        return {}
    text, plain = event.value, event.implicit[0]
    if not plain:
        return text
    if text.lower() in ("", "~", "null"):
        return None
    if _is_text(stack):
        return text
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if len(text) <= 30 and NUMBER.match(text):
        number = int(text) if WHOLE.match(text) else float(text)
        if abs(number) == float("inf"):
            raise _at(event, _("%(text)s is too large") % {"text": text})
        return number
    return text


def _is_text(stack: list[_Open]) -> bool:
    """Does the value that comes now stand under a text key, itself or in a list there?"""
    if not stack:
        return False
    top = stack[-1]
    key = top.key if top.key is not None else (top.path[-1] if top.path else None)
    return key in TEXT_KEYS


def _at(event: Any, text: str) -> RubricError:
    return RubricError(
        _("line %(line)s: %(text)s") % {"line": event.start_mark.line + 1, "text": text}
    )


def _in_words(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = ""
    if mark:
        place = {"line": mark.line + 1, "column": mark.column + 1}
        where = _("line %(line)s, column %(column)s") % place + ": "
    problem = error.problem or _("this is not YAML")
    hint = ""
    if "mapping values are not allowed" in problem:
        hint = _("a text that contains a colon must stand in quotes")
    elif "\\t" in problem:
        hint = _("indent with spaces, not with tabs")
    elif "did not find expected" in problem or "expected <block end>" in problem:
        hint = _("check the indentation of this line and the ones before it")
    return f"{where}{problem} ({hint})" if hint else f"{where}{problem}"
