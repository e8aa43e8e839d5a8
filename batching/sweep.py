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
from django.db.models import Q, QuerySet
from django.utils import timezone

FindDue = Callable[[datetime], Iterable[int] | QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class DueWork:
    """One call of one stage that nobody is doing."""

    task: Any
    pk: int

    def do(self) -> None:
        """Do it here and now, without broker or worker."""
        self.task(self.pk)


_sources: dict[str, tuple[Any, FindDue]] = {}


def register_due(task: Any, find: FindDue) -> None:
    """Make `task(pk)` known as the stage for every row that `find(now)` gives.

    `find` returns a queryset of claimable rows, or plain ids where the stage has no row.
    """
    _sources[task.name] = (task, find)


def due_work(now: datetime | None = None) -> Iterator[DueWork]:
    """All work that is due, stage by stage in the order of registration."""
    now = now or timezone.now()
    for task, find in list(_sources.values()):
        for pk in _ids(find(now)):
            yield DueWork(task, pk)


def sweep(now: datetime | None = None) -> dict[str, int]:
    """Ring for all due work that was not rung for within the last lease; counts by task name.

    Without that pause a long queue would receive the same message again every minute.
    """
    now = now or timezone.now()
    quiet = now - timedelta(seconds=settings.SHEAF_LEASE_SECONDS)
    rung: dict[str, int] = {}
    for task, find in list(_sources.values()):
        due = find(now)
        if isinstance(due, QuerySet):
            due = due.filter(Q(rung_at__isnull=True) | Q(rung_at__lt=quiet))
        pks = _ids(due)
        if isinstance(due, QuerySet):
            for start in range(0, len(pks), 500):
                chunk = pks[start : start + 500]
                due.model._default_manager.filter(pk__in=chunk).update(rung_at=now)
        for pk in pks:
            task.delay(pk)
        if pks:
            rung[task.name] = len(pks)
    return rung


def _ids(due: Iterable[int] | QuerySet[Any]) -> list[int]:
    return (
        list(due.order_by("pk").values_list("pk", flat=True))
        if isinstance(due, QuerySet)
        else list(due)
    )
