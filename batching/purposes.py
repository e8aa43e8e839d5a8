"""Purposes: who asked, and who receives what becomes of each request.

A domain app registers one Purpose when Django starts. The engine calls it with lists of
items, inside its own transactions, and never learns what the items speak about.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from batching.requests import Request

if TYPE_CHECKING:
    from batching.models import BatchItem, BatchJob, BatchRun


@dataclass(frozen=True, slots=True)
class Draft:
    """A request together with what it was frozen on (kept on the item as its fence)."""

    request: Request
    fence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the purpose made of a valid reply."""

    outcome: Literal["accepted", "superseded", "discarded", "rejected"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that passed the schema: the parsed value of one item."""

    item: BatchItem
    value: dict[str, Any]


class Purpose(ABC):
    """One way of using a model. All but `drafts` and `schema` run in the engine's transaction."""

    name: str

    @abstractmethod
    def drafts(self, items: Sequence[BatchItem]) -> dict[int, Draft | str]:
        """By item pk: the request to freeze, or the reason why there is none."""

    @abstractmethod
    def schema(self, run: BatchRun) -> dict[str, Any]:
        """The JSON Schema that every reply of this run must satisfy."""

    def built(self, items: Sequence[BatchItem]) -> bool:
        """Their lines are frozen in a draft. True: some are out of date already, build again."""
        return False

    def submitted(self, items: Sequence[BatchItem]) -> None:
        """A person sent them."""

    def released(self, items: Sequence[BatchItem]) -> None:
        """They were set free without being answered; each item's reason says why."""

    @abstractmethod
    def accept(self, replies: Sequence[Reply]) -> dict[int, Verdict]:
        """Take over valid replies; by item pk: what was made of each."""

    def ended(self, job: BatchJob) -> None:
        """A job has come to its end: completed, failed or cancelled."""

    def late(self, job: BatchJob) -> None:
        """A job has been at its provider for longer than such jobs take."""

    def waits(self, job: BatchJob) -> None:
        """A job of requests that are sent again waits for a person; its problem says why."""

    def cap(self, run: BatchRun) -> Decimal | None:
        """The most that all runs of the run's budget may cost together; None for no limit."""
        return None

    @abstractmethod
    def fail(self, items: Sequence[BatchItem]) -> None:
        """They ended without a valid reply and are not sent again; each item's reason says why."""


_purposes: dict[str, Purpose] = {}


def register(purpose: Purpose) -> None:
    _purposes[purpose.name] = purpose


def get(name: str) -> Purpose:
    return _purposes[name]
