"""A neutral request as one line of OpenAI's batch input, for either of its two endpoints.

Comes in: requests and a reader of pictures. Goes out: bytes, the same every time, and how many
tokens they are expected to use. The beginning of a line (system, rubric, schema and samples),
which all requests of a run share, is made once.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from batching.providers import said
from batching.providers.base import Line, Picture, ProviderRefused, ReadImage, Usage
from batching.providers.lines import Pieces, dumps
from batching.providers.openai_tokens import ImageRule, image_tokens
from batching.providers.parts import text_tokens, with_labels
from batching.providers.strict_schema import UnsupportedSchema, strict_schema
from batching.requests import Image, Part, Request

Endpoint = Literal["/v1/chat/completions", "/v1/responses"]
CHAT: Endpoint = "/v1/chat/completions"
RESPONSES: Endpoint = "/v1/responses"

SCHEMA_NAME = "reply"
# What a message and each of its parts cost beside their words.
FRAME_TOKENS = 12
PART_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Wording:
    """What a configuration fixes for every line.

    `author` is what a chat calls the one who set the task. `temperature` and `effort` (of
    reasoning) are not sent when None and ""; `thoughts` are the tokens that the model is likely to
    think, and `room` those that it may think beside the reply; `output_limit` is the most that may
    be asked for.
    """

    endpoint: Endpoint
    model: str
    author: Literal["system", "developer"]
    detail: str
    rule: ImageRule
    temperature: float | None = None
    effort: str = ""
    thoughts: int = 0
    room: int = 0
    output_limit: int | None = None


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The start of a line after its id, and of its end, as all requests of a run have them."""

    system: str
    parts: tuple[Part, ...]
    schema: dict[str, Any]
    start: Pieces
    format: bytes
    tokens: int

    def is_of(self, request: Request) -> bool:
        """Whether it was made of these very objects."""
        parts = request.parts[: request.fixed_parts]
        return (
            self.system == request.system
            and self.schema is request.schema
            and len(self.parts) == len(parts)
            and all(map(operator.is_, self.parts, parts))
        )

    def fits(self, request: Request) -> bool:
        """Whether a request begins with the same bytes."""
        # By their text: 1 and 1.0, or other orders of keys, are equal and yet other bytes.
        return (
            self.system == request.system
            and repr(self.parts) == repr(request.parts[: request.fixed_parts])
            and repr(self.schema) == repr(request.schema)
        )


@dataclass(slots=True)
class Encoder:
    """Encodes requests; keeps the beginning of the last one for the next."""

    wording: Wording
    _last: _Beginning | None = field(default=None, init=False)

    def encode(self, request: Request, read_image: ReadImage) -> Line:
        """The line of a request. Raises ProviderRefused when its schema cannot be sent."""
        beginning = self._beginning(request, read_image)
        pieces = Pieces()
        pieces.add(b'{"custom_id":', dumps(request.custom_id), b",")
        pieces.add_all(beginning.start)
        tokens = beginning.tokens + self._write(
            pieces, request.parts[request.fixed_parts :], read_image, first=not beginning.parts
        )
        pieces.add(self._end(request, beginning.format))
        return pieces.line(self._usage(request, tokens))

    def estimate(self, request: Request, read_image: ReadImage) -> Usage:
        """The tokens of a request, without its line."""
        tokens = self._frame_tokens(request, _strict(request))
        for told in with_labels(request.parts):
            if isinstance(told, Image):
                tokens += self._image_tokens(read_image(told))
            else:
                tokens += text_tokens(told) + PART_TOKENS
        return self._usage(request, tokens)

    def _beginning(self, request: Request, read_image: ReadImage) -> _Beginning:
        last, fixed = self._last, request.parts[: request.fixed_parts]
        if last is not None and last.is_of(request):
            return last
        if last is not None and last.fits(request):
            # The next requests are of these objects, which is faster to see.
            self._last = same = replace(last, parts=fixed, schema=request.schema)
            return same
        strict = _strict(request)
        pieces = Pieces()
        pieces.add(self._start(request.system))
        tokens = self._frame_tokens(request, strict) + self._write(
            pieces, fixed, read_image, first=True
        )
        start, form = pieces.joined(), self._format(strict)
        made = _Beginning(request.system, fixed, request.schema, start, form, tokens)
        self._last = made
        return made

    def _start(self, system: str) -> bytes:
        model, url = dumps(self.wording.model), dumps(self.wording.endpoint)
        told = dumps(system)
        head = b'"method":"POST","url":' + url + b',"body":{"model":' + model
        if self.wording.endpoint == CHAT:
            author = dumps(self.wording.author)
            message = b',"messages":[{"role":' + author + b',"content":' + told + b"},"
        else:
            message = b',"instructions":' + told + b',"input":['
        return head + message + b'{"role":"user","content":['

    def _format(self, strict: dict[str, Any]) -> bytes:
        form = {"name": SCHEMA_NAME, "strict": True, "schema": strict}
        if self.wording.endpoint == CHAT:
            return b'"response_format":' + dumps({"type": "json_schema", "json_schema": form})
        return b'"text":' + dumps({"format": {"type": "json_schema", **form}})

    def _end(self, request: Request, form: bytes) -> bytes:
        wording, chat = self.wording, self.wording.endpoint == CHAT
        most = request.max_output_tokens + wording.room
        if wording.output_limit is not None:
            most = min(most, wording.output_limit)
        last: dict[str, Any] = {"max_completion_tokens" if chat else "max_output_tokens": most}
        if wording.temperature is not None:
            last["temperature"] = wording.temperature
        if wording.effort:
            effort = wording.effort
            last |= {"reasoning_effort": effort} if chat else {"reasoning": {"effort": effort}}
        if not chat:
            # Else the reply, which quotes a student, is kept there for a month.
            last["store"] = False
        return b"]}]," + form + b"," + dumps(last)[1:] + b"}"

    def _write(
        self, pieces: Pieces, parts: tuple[Part, ...], read_image: ReadImage, *, first: bool
    ) -> int:
        """Append the parts to the pieces of a line; gives their tokens."""
        chat, tokens = self.wording.endpoint == CHAT, 0
        for told in with_labels(parts):
            if not first:
                pieces.add(b",")
            first = False
            if isinstance(told, Image):
                picture = read_image(told)
                tokens += self._image_tokens(picture)
                self._add_picture(pieces, picture)
            else:
                tokens += text_tokens(told) + PART_TOKENS
                pieces.add(dumps({"type": "text" if chat else "input_text", "text": told}))
        return tokens

    def _add_picture(self, pieces: Pieces, picture: Picture) -> None:
        """Append a picture as a data URL."""
        start, end = b'{"type":"input_image","image_url":"', b"}"
        if self.wording.endpoint == CHAT:
            start, end = b'{"type":"image_url","image_url":{"url":"', b"}}"
        pieces.add(start, f"data:{picture.media_type};base64,".encode())
        pieces.add_picture(picture)
        pieces.add(b'","detail":', dumps(self.wording.detail), end)

    def _image_tokens(self, picture: Picture) -> int:
        return image_tokens(self.wording.rule, picture.width, picture.height)

    def _frame_tokens(self, request: Request, strict: dict[str, Any]) -> int:
        return text_tokens(request.system) + text_tokens(dumps(strict).decode()) + FRAME_TOKENS

    def _usage(self, request: Request, tokens: int) -> Usage:
        likely = request.likely_output_tokens + self.wording.thoughts
        return Usage(input_tokens=tokens, output_tokens=likely)


def _strict(request: Request) -> dict[str, Any]:
    try:
        return strict_schema(request.schema)
    except UnsupportedSchema as error:
        raise ProviderRefused(said.NO_SCHEMA.format(vendor="OpenAI", words=error)) from error
