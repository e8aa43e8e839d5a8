"""A neutral request as one line of Gemini's batch input, in the shape of its REST messages.

Comes in: requests and a reader of pictures. Goes out: bytes, the same every time, and how many
tokens they are expected to use. The beginning of a line (system, rubric, schema and samples),
which all requests of a run share, is made once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from batching.providers import flat_schema, said
from batching.providers.base import Line, ProviderRefused, ReadImage, Usage
from batching.providers.gemini_tokens import (
    ImageRule,
    image_tokens,
    most_output_tokens,
    thoughts,
)
from batching.providers.lines import Pieces, dumps
from batching.providers.parts import text_tokens, with_labels
from batching.requests import Data, Part, Request, Text

# What a message and each of its parts cost beside their words.
FRAME_TOKENS = 12
PART_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Wording:
    """What a configuration fixes for every line.

    `temperature` and `budget` (of thinking) are not sent when None, `level` (of thinking) and
    `media_resolution` when "". An image counts by `rule`, or `tokens_of_image` where given.
    """

    model: str
    rule: ImageRule
    media_resolution: str = ""
    tokens_of_image: int | None = None
    temperature: float | None = None
    budget: int | None = None
    level: str = ""

    def image_tokens(self, width: int, height: int) -> int:
        """What an image of this size in pixels counts as."""
        if self.tokens_of_image is not None:
            return self.tokens_of_image
        return image_tokens(self.rule, self.media_resolution, width, height)

    def generation_config(self, request: Request) -> dict[str, Any]:
        """How the reply is to be made. Raises ProviderRefused for a schema without flat form."""
        _, room = thoughts(self.model, self.budget, self.level)
        most = min(request.max_output_tokens + room, most_output_tokens(self.model))
        config: dict[str, Any] = {
            "response_mime_type": "application/json",
            "response_schema": _response_schema(request),
            "max_output_tokens": most,
        }
        if self.temperature is not None:
            config["temperature"] = self.temperature
        if self.level:
            config["thinking_config"] = {"thinking_level": self.level}
        elif self.budget is not None:
            config["thinking_config"] = {"thinking_budget": self.budget}
        if self.media_resolution:
            config["media_resolution"] = f"MEDIA_RESOLUTION_{self.media_resolution}"
        return config

    def usage(self, request: Request, input_tokens: int) -> Usage:
        """The estimate for a request whose words and images count as so many tokens."""
        expected, _ = thoughts(self.model, self.budget, self.level)
        return Usage(input_tokens, request.likely_output_tokens + expected)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The start of a line after its key, as all requests of a run have it, with its tokens."""

    system: str
    parts: tuple[Part, ...]
    schema: dict[str, Any]
    most: int
    start: Pieces
    tokens: int

    def fits(self, request: Request) -> bool:
        return (
            self.system == request.system
            and self.most == request.max_output_tokens
            and _same(self.schema, request.schema)
            and _same(self.parts, request.parts[: request.fixed_parts])
        )


@dataclass(slots=True)
class Encoder:
    """Encodes requests; keeps the beginning of the last one for the next."""

    wording: Wording
    _last: _Beginning | None = field(default=None, init=False)

    def encode(self, request: Request, read_image: ReadImage) -> Line:
        """The line of a request. Raises ProviderRefused when its schema has no flat form."""
        beginning = self._beginning(request, read_image)
        line = Pieces()
        line.add(b'{"key":', dumps(request.custom_id), b',"request":')
        line.add_all(beginning.start)
        first = not beginning.start.hashed[-1].endswith(b"}")
        tokens = self._write(line, own_parts(request), read_image, first=first)
        line.add(b"]}]}}")
        return line.line(self.wording.usage(request, beginning.tokens + tokens))

    def estimate(self, request: Request, read_image: ReadImage) -> Usage:
        """The tokens of a request, without its line."""
        tokens = _frame_tokens(request)
        for parts in (fixed_parts(request), own_parts(request)):
            tokens += self._write(Pieces(), parts, read_image, first=True)
        return self.wording.usage(request, tokens)

    def _beginning(self, request: Request, read_image: ReadImage) -> _Beginning:
        fixed = request.parts[: request.fixed_parts]
        if self._last is not None and self._last.fits(request):
            # Of the newest objects, so that the next request of theirs is known at a glance.
            self._last = replace(self._last, parts=fixed, schema=request.schema)
            return self._last
        system = {"parts": [{"text": request.system}]}
        start = Pieces()
        start.add(
            b'{"system_instruction":' + dumps(system),
            b',"generation_config":' + dumps(self.wording.generation_config(request)),
            b',"contents":[{"role":"user","parts":[',
        )
        tokens = _frame_tokens(request)
        tokens += self._write(start, fixed_parts(request), read_image, first=True)
        self._last = _Beginning(
            request.system,
            fixed,
            request.schema,
            request.max_output_tokens,
            start.joined(),
            tokens,
        )
        return self._last

    def _write(
        self, line: Pieces, parts: tuple[Part, ...], read_image: ReadImage, *, first: bool
    ) -> int:
        """Append the parts to the pieces of a line; gives their tokens."""
        tokens = 0
        for told in with_labels(parts):
            if not first:
                line.add(b",")
            first = False
            if isinstance(told, str):
                tokens += text_tokens(told) + PART_TOKENS
                line.add(dumps({"text": told}))
                continue
            picture = read_image(told)
            tokens += self.wording.image_tokens(picture.width, picture.height)
            line.add(b'{"inline_data":{"mime_type":"%b","data":"' % picture.media_type.encode())
            line.add_picture(picture)
            line.add(b'"}}')
        return tokens


def fixed_parts(request: Request) -> tuple[Part, ...]:
    """What is the same in every request of a run, as Gemini is told it.

    Where a reply's form is not the schema's own, the schema that the prompt holds is the flat
    one too, so that nothing in the prompt speaks against the form that is asked for.
    """
    fixed = _told(request.parts[: request.fixed_parts], request.schema)
    if not flat_schema.is_flattened(request.schema):
        return fixed
    shown = any(_is_schema(part) for part in request.parts)
    flat = () if shown else (Data("schema", flat_schema.flat_json_schema(request.schema)),)
    return (*fixed, *flat, Text(flat_schema.FORM))


def own_parts(request: Request) -> tuple[Part, ...]:
    """What follows the fixed parts, as Gemini is told it."""
    return _told(request.parts[request.fixed_parts :], request.schema)


def _told(parts: tuple[Part, ...], schema: dict[str, Any]) -> tuple[Part, ...]:
    if not any(_is_schema(part) for part in parts) or not flat_schema.is_flattened(schema):
        return parts
    flat = Data("schema", flat_schema.flat_json_schema(schema))
    return tuple(flat if _is_schema(part) else part for part in parts)


def _is_schema(part: Part) -> bool:
    return isinstance(part, Data) and part.name == "schema"


def _same(one: Any, other: Any) -> bool:
    """Are two values written alike? 1 and 1.0 are equal and yet other bytes."""
    if one is other:
        return True
    if isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        return all(map(_same, one, other))
    return bool(one == other) and repr(one) == repr(other)


def _response_schema(request: Request) -> dict[str, Any]:
    try:
        return flat_schema.response_schema(request.schema)
    except flat_schema.UnknownSchema as error:
        raise ProviderRefused(said.NO_SCHEMA.format(vendor="Gemini", words=error)) from error


def _frame_tokens(request: Request) -> int:
    schema = dumps(_response_schema(request)).decode()
    return text_tokens(request.system) + text_tokens(schema) + FRAME_TOKENS
