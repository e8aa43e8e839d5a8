"""The contract between the batch engine and a provider: values in, values out.

No Django and no app is imported here or in any provider: the configuration comes in as a
dictionary, images as bytes. Two kinds: a DirectProvider answers one request, a BatchProvider
takes a file of lines and is asked later. Two errors: no, and try later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import pybase64

from batching.requests import Image, Request

MediaType = Literal["image/jpeg", "image/png"]


@dataclass(frozen=True, slots=True)
class Rendition:
    """How a provider wants images: `long_side` in pixels (None: as they are), JPEG `quality`
    (1 to 95) of those that must be encoded anew, and whether they lose their colours.
    """

    long_side: int | None = None
    quality: int = 85
    gray: bool = False

    def keeps(self, width: int, height: int) -> bool:
        """Whether an image of this size and without masks leaves as it is."""
        return not self.gray and self.fit(width, height) == (width, height)

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The size in pixels at which an image of this size leaves: shrunk, never enlarged."""
        longest = max(width, height)
        if self.long_side is None or longest <= self.long_side:
            return width, height
        # In whole numbers: the same for the estimate and for the picture itself.
        half = longest // 2
        return (
            max(1, (width * self.long_side + half) // longest),
            max(1, (height * self.long_side + half) // longest),
        )


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of an image as they leave, their sha256 (hex), and its size in pixels."""

    content: bytes
    sha256: str
    media_type: MediaType
    width: int
    height: int

    @classmethod
    def of(cls, content: bytes, media_type: MediaType, width: int, height: int) -> Picture:
        """A picture whose hash is not known yet."""
        return cls(content, hashlib.sha256(content).hexdigest(), media_type, width, height)


ReadImage = Callable[[Image], Picture]
"""Gives an image of a request: checked against its hash, masked, in the provider's rendition."""


class ProviderRefused(Exception):
    """The provider said no, and would say no again. The message is for a person."""


class ProviderBusy(Exception):
    """Try later; `retry_after` in seconds when the provider named it."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnreadableLine(ValueError):
    """A line of a result file that says for no request what became of it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job of this provider may hold; None is no limit."""

    lines: int | None = None
    bytes: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them, or as they are estimated; 0 where nobody counts.

    `cached_tokens` are those of `input_tokens` that came from the prompt cache;
    `output_tokens` include what the model thought.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens costs in `currency`, the discount of a batch already taken off."""

    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)
    cached: Decimal = Decimal(0)
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Line:
    """One request as a provider takes it (no line end), the hash that it is known by (see
    lines.py), and the tokens it is expected to use. Where a piece is a picture, its base64 stands.
    """

    pieces: tuple[bytes | Picture, ...]
    sha256: str
    estimate: Usage

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(
            len(piece) if isinstance(piece, bytes) else (len(piece.content) + 2) // 3 * 4
            for piece in self.pieces
        )

    def blocks(self) -> Iterator[bytes]:
        """Its bytes, each picture encoded only when it is its turn."""
        for piece in self.pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                yield pybase64.b64encode(piece.content)

    @property
    def content(self) -> bytes:
        """All its bytes."""
        return b"".join(self.blocks())


Finish = Literal["complete", "truncated", "refused", "error", "unanswered"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request.

    `text` is the model's text (JSON is expected in it), `raw` the whole line as received,
    `problem` a reason for a person when `finish` is not "complete"; `retryable` says whether
    asking again can help. The ways to finish: "complete"; "truncated" at the token limit;
    "refused" or blocked by the model or the provider, which is for a person; "error" for this
    request alone; "unanswered" when the provider never ran it (expired, cancelled).
    """

    custom_id: str
    text: str
    raw: str
    finish: Finish = "complete"
    problem: str = ""
    retryable: bool = False
    model: str = ""
    usage: Usage = Usage()


RemoteState = Literal[
    "waiting", "running", "ended", "refused", "full", "cancelled", "gone", "unknown"
]


@dataclass(frozen=True, slots=True)
class Status:
    """Where a remote batch is. `raw` is the provider's own word for it.

    "ended" (completed or expired), "cancelled", "refused" (failed as a whole) and "gone" (the
    provider does not know it any more) are final; `has_results` says that there are lines to
    collect, which is possible in every final state. "full": nothing of it ran because too many
    tokens are enqueued; it may be handed in again later. "unknown" waits.
    """

    state: RemoteState
    raw: str
    has_results: bool = False
    done: int | None = None
    failed: int | None = None
    total: int | None = None
    problem: str = ""


class Provider(Protocol):
    """What both kinds tell about themselves.

    `title` is shown to people; `notice` is an honest sentence shown wherever its marks are
    ("" for none); `model` is the model's name and `assessor` the kind of judge, as kept with
    every assessment; `needs_answer_key` says that it cannot assess a criterion without one.
    `missing` says which setting is not there and how to set it ("" when it is ready).
    `account` names whose limits it shares: configurations with one key pause together.
    """

    kind: Literal["direct", "batch"]
    assessor: Literal["ai_batch", "local_model", "offline"]
    needs_answer_key: bool
    title: str
    notice: str
    model: str
    missing: str
    account: str
    limits: Limits
    price: Price
    rendition: Rendition

    def estimate(self, request: Request, read_image: ReadImage) -> Usage:
        """The tokens that a request is expected to use, by the provider's own rules."""

    def image_note(self, width: int, height: int) -> str:
        """For a person: how large a page of this size is sent, and what it counts as."""


@runtime_checkable
class DirectProvider(Provider, Protocol):
    concurrency: int

    def answer(self, request: Request, read_image: ReadImage) -> Answer:
        """Answer one request. Raises ProviderRefused or ProviderBusy."""


@runtime_checkable
class BatchProvider(Provider, Protocol):
    """`enqueued_tokens` is how many input tokens may wait at the provider at once (None: any)."""

    enqueued_tokens: int | None

    def encode(self, request: Request, read_image: ReadImage) -> Line:
        """The request as one line of the provider's own JSONL. The same bytes every time."""

    def submit(self, lines: Path, token: str) -> str:
        """Hand in a file of lines once, marked with our token; gives the remote id."""

    def find(self, token: str, since: datetime) -> str | None:
        """The remote id of the batch that carries our token, reading the whole list."""

    def status(self, remote_id: str) -> Status:
        """Where the batch is now."""

    def download(self, remote_id: str, folder: Path) -> list[Path]:
        """Every result file that there is, whole, in `folder`; none when it has no results.

        Raises ProviderBusy when a file came short or is not there yet.
        """

    def read_line(self, line: bytes) -> Answer:
        """One line of a result file. Raises UnreadableLine."""

    def cancel(self, remote_id: str) -> None:
        """Ask the provider to stop; what was finished stays collectable."""
