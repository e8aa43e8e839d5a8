"""A request as it is sent, to be read by a person: decoded from the frozen line itself.

Comes in: an item whose line stands in its job's file. Goes out: its words, its data and its
pictures in their order, taken from the very bytes that the provider gets, and the line with its
pictures left out. The vendors' own shapes are found by their fields, so that a driver that is
not ours is shown as well.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from batching import providers
from batching.images import ImageChanged, reader
from batching.jsonl import decode_request
from batching.models import BatchItem
from batching.providers.lines import hash_of_line
from batching.providers.parts import text_of
from batching.requests import Image
from batching.stored_lines import stored_line
from grading.models import GradingRun

DATA_URL = re.compile(r"data:(?P<type>[\w/+.-]+);base64,(?P<data>[A-Za-z0-9+/=\s]*)\Z")
NAMED_JSON = re.compile(r"(?P<name>\w{1,40}):\n(?P<json>[\[{].*)\Z", re.DOTALL)
SCHEMAS = ("schema", "response_schema", "responseSchema", "response_json_schema")
SYSTEMS = ("system_instruction", "systemInstruction", "instructions", "system")
SYSTEM_ROLES = ("system", "developer")
MEDIA_TYPES = ("image/jpeg", "image/png")


class NoExample(Exception):
    """The item has no line to be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One piece of a request: prose, a named value, or a picture by its number from 0."""

    kind: Literal["text", "data", "picture"]
    text: str = ""
    name: str = ""
    value: Any = None
    number: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Example:
    """A request for a person; `is_as_drafted` says that its line has the hash it was drafted with.

    `raw` is the whole line, indented, with each picture replaced by a note.
    """

    system: str = ""
    parts: list[Shown] = field(default_factory=list)
    schema: Any = None
    raw: str = ""
    line_bytes: int = 0
    is_as_drafted: bool = True

    @property
    def pictures(self) -> int:
        return sum(part.kind == "picture" for part in self.parts)


def drafted_items(run: GradingRun) -> QuerySet[BatchItem]:
    """The items of a run that have a line, in the order of their numbers."""
    items = run.batch_run.items.filter(line_offset__isnull=False, job__isnull=False)
    return items.select_related("job").order_by("number")


def line_of(item: BatchItem) -> bytes:
    """The frozen line of an item. Raises NoExample when it is not there any more."""
    if item.job is None or item.line_offset is None:
        raise NoExample(_("The request of this sheet is not written yet."))
    try:
        line = stored_line(item.job, item)
    except FileNotFoundError as error:
        raise NoExample(_("The file with this request is not there any more.")) from error
    if not line:
        raise NoExample(_("The file with this request is not there any more."))
    return line


def example_of(item: BatchItem) -> Example:
    """The request of an item as it is sent. Raises NoExample."""
    line = line_of(item)
    value = _parsed(line)
    example = Example(
        line_bytes=len(line),
        is_as_drafted=hash_of_line(line) == item.request_hash,
    )
    if item.job is not None and item.job.kind == "direct":
        _read_neutral(line, example)
    else:
        _read_vendors(value, example)
    example.raw = json.dumps(_without_pictures(value), ensure_ascii=False, indent=2)
    return example


def picture_of(item: BatchItem, number: int) -> tuple[bytes, str]:
    """(bytes, media type) of a picture of the request, as they are sent.

    Raises NoExample when there is none of this number, or the stored page is another by now.
    """
    line = line_of(item)
    if item.job is not None and item.job.kind == "direct":
        return _rendered(item, line, number)
    found = [one for one in _walk(_parsed(line)) if one[0] == "picture"]
    if number >= len(found):
        raise NoExample(_("There is no such picture in this request."))
    media_type, data = found[number][1]
    try:
        return base64.b64decode(data, validate=True), media_type
    except binascii.Error as error:
        raise NoExample(_("This picture is damaged.")) from error


def _rendered(item: BatchItem, line: bytes, number: int) -> tuple[bytes, str]:
    images = [part for part in decode_request(line).parts if isinstance(part, Image)]
    if number >= len(images) or item.provider not in providers.names():
        raise NoExample(_("There is no such picture in this request."))
    try:
        picture = reader(providers.get(item.provider).rendition)(images[number])
    except ImageChanged as changed:
        raise NoExample(_("This page was changed after the request was drafted.")) from changed
    return picture.content, picture.media_type


def _read_neutral(line: bytes, example: Example) -> None:
    request = decode_request(line)
    example.system, example.schema = request.system, request.schema
    pictures = 0
    for part in request.parts:
        if isinstance(part, Image):
            example.parts.append(Shown("text", text=f"{part.label}:"))
            example.parts.append(Shown("picture", number=pictures))
            pictures += 1
        else:
            example.parts.append(_told(text_of(part)))


def _read_vendors(value: Any, example: Example) -> None:
    pictures, system = 0, []
    for kind, found in _walk(value):
        if kind == "schema":
            example.schema = found if example.schema is None else example.schema
        elif kind == "system":
            system.append(found)
        elif kind == "picture":
            size = len(found[1]) * 3 // 4
            example.parts.append(Shown("picture", number=pictures, bytes=size))
            pictures += 1
        else:
            example.parts.append(_told(found))
    example.system = "\n\n".join(system)


def _told(text: str) -> Shown:
    """A text as the model is told it; one that is a named JSON value, as that value."""
    if found := NAMED_JSON.match(text):
        try:
            return Shown("data", name=found["name"], value=json.loads(found["json"]))
        except ValueError:
            pass
    return Shown("text", text=text)


def _walk(value: Any, *, is_system: bool = False) -> Iterator[tuple[str, Any]]:
    """What a vendor's line tells the model, in its order: ("system" or "text", words),
    ("picture", (media type, base64)), ("schema", value).
    """
    if isinstance(value, list):
        for one in value:
            yield from _walk(one, is_system=is_system)
        return
    if not isinstance(value, dict):
        return
    if picture := _picture(value):
        yield "picture", picture
        return
    is_system = is_system or value.get("role") in SYSTEM_ROLES
    for key, inner in value.items():
        if key in SCHEMAS and isinstance(inner, dict):
            yield "schema", inner
        elif isinstance(inner, str):
            if key in SYSTEMS:
                yield "system", inner
            elif key in ("text", "content"):
                yield ("system" if is_system else "text"), inner
            elif picture := _data_url(inner):
                yield "picture", picture
        else:
            yield from _walk(inner, is_system=is_system or key in SYSTEMS)


def _picture(value: dict[str, Any]) -> tuple[str, str] | None:
    """Gemini's inline data: {"mime_type": …, "data": …}."""
    media_type = value.get("mime_type", value.get("mimeType"))
    data = value.get("data")
    return (media_type, data) if isinstance(media_type, str) and isinstance(data, str) else None


def _data_url(text: str) -> tuple[str, str] | None:
    found = DATA_URL.match(text) if text.startswith("data:") else None
    return (found["type"], found["data"]) if found else None


def _without_pictures(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_pictures(one) for one in value]
    if isinstance(value, dict):
        if picture := _picture(value):
            return {**value, "data": _note(picture)}
        return {key: _without_pictures(inner) for key, inner in value.items()}
    if isinstance(value, str) and (picture := _data_url(value)):
        return f"data:{picture[0]};base64,{_note(picture)}"
    return value


def _note(picture: tuple[str, str]) -> str:
    return _("… %(n)s characters of the picture …") % {"n": intcomma(len(picture[1]))}


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise NoExample(_("The stored line is not the one that was drafted.")) from error


def criteria_of(value: Any) -> list[dict[str, Any]] | None:
    """The criteria of a rubric as it was sent, for a table; None for any other value."""
    criteria = value.get("criteria") if isinstance(value, dict) else None
    if isinstance(criteria, list) and all(
        isinstance(one, dict) and {"code", "answer"} <= set(one) for one in criteria
    ):
        return criteria
    return None
