"""Claims: how a stage makes a row its own for a while, on any database.

A stage claims its row with one conditional UPDATE, works, and writes everything in one
transaction that first checks that the claim is still its own. A worker that died loses its
claim when the lease ends; a worker that slept past its lease writes nothing.

`attempt` only ever grows (it is the fence); `tries` counts the unfinished attempts since the
last success (it ends poison); `rung_at` is when the sweeper last rang for the row.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

logger = logging.getLogger(__name__)

CLAIM_FIELDS = ["attempt", "tries", "lease_until", "rung_at"]


class LostClaim(Exception):
    """The lease ended or somebody else holds the row: what was worked out must be dropped."""


class Claimable(models.Model):
    """A row that stages work on, one worker at a time."""

    attempt = models.PositiveIntegerField(default=0, editable=False)
    tries = models.PositiveSmallIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False, db_index=True)
    rung_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write one row. `exhausted` says that earlier tries all died."""

    model: type[Claimable]
    pk: int
    attempt: int
    tries: int

    @property
    def exhausted(self) -> bool:
        return self.tries > settings.SHEAF_MAX_TRIES


def free(now: datetime | None = None) -> Q:
    """The condition that nobody holds a row."""
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now or timezone.now())


def claim(rows: models.QuerySet[Any], pk: int) -> Claim | None:
    """Claim row `pk` if it is among `rows` (which carry the state) and free; else None.

    The try is counted before the work, so that a row that kills its worker runs out of tries:
    when `exhausted` is true the caller fails the row instead of working on it.
    """
    now = timezone.now()
    model = rows.model
    with transaction.atomic():
        taken = (
            rows.filter(free(now), pk=pk)
            .order_by()
            .update(
                attempt=F("attempt") + 1,
                tries=F("tries") + 1,
                lease_until=now + timedelta(seconds=settings.SHEAF_LEASE_SECONDS),
                rung_at=None,
            )
        )
        if not taken:
            return None
        attempt, tries = model.objects.values_list("attempt", "tries").get(pk=pk)
    return Claim(model, pk, attempt, tries)


@contextmanager
def fenced(held: Claim, *, done: bool = True, progress: bool = True) -> Iterator[Any]:
    """One transaction that owns the claimed row, locked and freshly read.

    Yields the row; the caller transitions and saves it. With `done` the claim ends with the
    transaction; without, the lease goes on. With `progress` (something was finished, so the
    row is no poison) the tries start anew. Raises LostClaim, writing nothing, when the claim
    is no longer ours.
    """
    with transaction.atomic():
        row = (
            held.model._default_manager.select_for_update(of=("self",))
            .filter(pk=held.pk, attempt=held.attempt, lease_until__gte=timezone.now())
            .first()
        )
        if row is None:
            raise LostClaim(f"{held.model.__name__} {held.pk}, attempt {held.attempt}")
        if done:
            row.lease_until = None
        if progress:
            row.tries = 0
        yield row
        held.model._default_manager.filter(pk=held.pk).update(
            tries=row.tries, lease_until=None if done else lease_end()
        )


@contextmanager
def kept_alive(held: Claim) -> Iterator[None]:
    """Prolong the claim while the block works, however long one unit takes.

    A thread of this process does it: when the worker is killed or stopped, so is the thread,
    and the claim runs out.
    """
    over = threading.Event()
    beating = threading.Thread(target=_prolong_until, args=(held, over), daemon=True)
    beating.start()
    try:
        yield
    finally:
        over.set()
        beating.join()


def _prolong_until(held: Claim, over: threading.Event) -> None:
    rows = held.model._default_manager.filter(pk=held.pk, attempt=held.attempt)
    try:
        while not over.wait(settings.SHEAF_LEASE_SECONDS / 3):
            try:
                if not rows.filter(lease_until__gte=timezone.now()).update(lease_until=lease_end()):
                    return
            except OperationalError:
                logger.warning("%s %s: the claim could not be prolonged", held.model, held.pk)
    finally:
        connection.close()


def lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.SHEAF_LEASE_SECONDS)


def give_back(held: Claim, *, seconds: float = 0) -> None:
    """End a claim that did no work (the provider was busy): no try is lost; wait `seconds`."""
    until = timezone.now() + timedelta(seconds=seconds) if seconds else None
    held.model._default_manager.filter(pk=held.pk, attempt=held.attempt).update(
        lease_until=until,
        tries=models.Case(models.When(tries__gt=0, then=F("tries") - 1), default=0),
    )
