"""The sweeper: looks into the database for work that is due and rings its doorbell.

Each app registers its stages when Django starts: a task, and a function that finds the ids
whose state says that the task is due and whom no worker holds. A lost message, an emptied
broker or a killed worker therefore cost at most one lease and one sweep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

FindDue = Callable[[datetime], Iterable[int] | QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """A stage as the sweeper knows it: `lanes(pk)` workers may be on one row at once, and
    `idle_lanes(pk)` of these places nobody has now.
    """

    task: Any
    find: FindDue
    lanes: Callable[[int], int]
    idle_lanes: Callable[[int], int]

    @property
    def has_lanes(self) -> bool:
        return self.lanes is not _one_lane


@dataclass(frozen=True, slots=True)
class DueWork:
    """One call of one stage that may be made now, by up to `lanes` workers at once."""

    task: Any
    pk: int
    lanes: int = 1

    def do(self) -> None:
        """Do it here and now, without broker or worker."""
        self.task(self.pk)


def _one_lane(pk: int) -> int:
    return 1


_sources: dict[str, Source] = {}


def register_due(
    task: Any,
    find: FindDue,
    lanes: Callable[[int], int] = _one_lane,
    idle_lanes: Callable[[int], int] = _one_lane,
) -> None:
    """Make `task(pk)` known as the stage for every row that `find(now)` gives.

    `find` returns a queryset of claimable rows, or plain ids where the stage has no row.
    """
    _sources[task.name] = Source(task, find, lanes, idle_lanes)


def due_work(now: datetime | None = None) -> Iterator[DueWork]:
    """All work that is due, stage by stage in the order of registration."""
    now = now or timezone.now()
    for source in list(_sources.values()):
        for pk in _ids(source.find(now)):
            yield DueWork(source.task, pk, source.lanes(pk))


def due_rows(now: datetime) -> Iterator[tuple[str, Iterable[int] | QuerySet[Any]]]:
    """What each stage's `find` gives, by the name of its task; nothing is fetched yet."""
    for source in list(_sources.values()):
        yield source.task.name, source.find(now)


def sweep(now: datetime | None = None) -> dict[str, int]:
    """Ring for all due work that was not rung for within the last lease; counts by task name.

    Without that pause a long queue would receive the same message again every minute. Rows
    with several lanes are rung for every time, as often as they have idle ones; a message that
    no worker took until the next sweep is void.
    """
    now = now or timezone.now()
    quiet = now - timedelta(seconds=settings.SHEAF_LEASE_SECONDS)
    rung: dict[str, int] = {}
    for source in list(_sources.values()):
        due = source.find(now)
        if isinstance(due, QuerySet) and not source.has_lanes:
            due = due.filter(Q(rung_at__isnull=True) | Q(rung_at__lt=quiet))
        pks = _ids(due)
        for start in range(0, len(pks), 500):
            chunk = pks[start : start + 500]
            for pk in chunk:
                if not source.has_lanes:
                    source.task.delay(pk)
                    continue
                for _ in range(source.idle_lanes(pk)):
                    source.task.apply_async((pk,), expires=settings.SHEAF_SWEEP_SECONDS)
            if isinstance(due, QuerySet):
                due.model._default_manager.filter(pk__in=chunk).update(rung_at=now)
        if pks:
            rung[source.task.name] = len(pks)
    return rung


def ring(task: Any, pk: int) -> None:
    """Ask a worker for `task(pk)` once the transaction is committed.

    A broker that is down is logged and no error of the person's: the sweeper rings again.
    """

    def rung() -> None:  # Django logs a hook that failed by its name, which a partial has not
        task.delay(pk)

    transaction.on_commit(rung, robust=True)


def _ids(due: Iterable[int] | QuerySet[Any]) -> list[int]:
    if isinstance(due, QuerySet):
        return list(due.order_by("pk").values_list("pk", flat=True))
    return list(due)
