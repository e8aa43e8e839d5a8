"""The contract between the batch engine and a provider: values in, values out.

No Django and no app is imported here or in any provider: the configuration comes in as a
dictionary, images as bytes. Two kinds: a DirectProvider answers one request, a BatchProvider
takes a file of lines and is asked later. Two errors: no, and try later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from batching.requests import Image, Request

ReadImage = Callable[[Image], bytes]
"""Gives the bytes of an image of a request, masked and checked against its hash."""


class ProviderRefused(Exception):
    """The provider said no, and would say no again. The message is for a person."""


class ProviderBusy(Exception):
    """Try later; `retry_after` in seconds when the provider named it."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job of this provider may hold; None is no limit."""

    lines: int | None = None
    bytes: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; 0 where it does not count."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


Finish = Literal["complete", "truncated", "refused", "error"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request.

    `text` is the model's text (JSON is expected in it), `raw` the whole line as received,
    `problem` a reason for a person when `finish` is not "complete"; `retryable` says whether
    asking again can help.
    """

    custom_id: str
    text: str
    raw: str
    finish: Finish = "complete"
    problem: str = ""
    retryable: bool = False
    model: str = ""
    usage: Usage = Usage()


RemoteState = Literal["waiting", "running", "ended", "refused", "cancelled", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class Status:
    """Where a remote batch is. `raw` is the provider's own word for it.

    "ended", "cancelled" and "refused" are final; `has_results` says that there are lines to
    collect, which is possible in every final state.
    """

    state: RemoteState
    raw: str
    has_results: bool = False
    done: int | None = None
    total: int | None = None
    problem: str = ""


class Provider(Protocol):
    """What both kinds tell about themselves.

    `title` is shown to people; `notice` is an honest sentence shown wherever its marks are
    ("" for none); `model` is the model's name and `assessor` the kind of judge, as kept with
    every assessment; `needs_answer_key` says that it cannot assess a criterion without one.
    """

    kind: Literal["direct", "batch"]
    assessor: Literal["ai_batch", "local_model", "offline"]
    needs_answer_key: bool
    title: str
    notice: str
    model: str
    limits: Limits


@runtime_checkable
class DirectProvider(Provider, Protocol):
    concurrency: int

    def answer(self, request: Request, read_image: ReadImage) -> Answer:
        """Answer one request. Raises ProviderRefused or ProviderBusy."""


@runtime_checkable
class BatchProvider(Provider, Protocol):
    def encode(self, request: Request, read_image: ReadImage) -> bytes:
        """The request as one line of the provider's own JSONL, without a line end."""

    def submit(self, lines: Path, token: str) -> str:
        """Hand in a file of lines once, marked with our token; gives the remote id."""

    def find(self, token: str, since: datetime) -> str | None:
        """The remote id of the batch that carries our token, reading the whole list."""

    def status(self, remote_id: str) -> Status:
        """Where the batch is now."""

    def replies(self, remote_id: str) -> Iterator[Answer]:
        """Every line that there is, in any order, good and bad."""

    def cancel(self, remote_id: str) -> None:
        """Ask the provider to stop; what was finished stays collectable."""
