"""Reading runs, jobs and items: who may see them, and how the numbers add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, QuerySet

from accounts.models import User
from accounts.queries import classes_for
from batching.models import (
    COUNTED_ITEM_STATES,
    LIVE_ITEM_STATES,
    OPEN_JOB_STATES,
    BatchItem,
    BatchJob,
    BatchRun,
    ItemState,
)


@dataclass(frozen=True, slots=True)
class Counts:
    """The account of a job: every submitted item is in exactly one of the other numbers."""

    submitted: int
    accepted: int = 0
    rejected: int = 0
    lost: int = 0
    superseded: int = 0
    discarded: int = 0
    released: int = 0
    open: int = 0

    @property
    def ended(self) -> int:
        return self.accepted + self.rejected + self.lost + self.superseded + self.discarded

    @property
    def add_up(self) -> bool:
        """submitted = accepted + rejected + lost + superseded + discarded."""
        return self.submitted == self.ended

    @property
    def percent(self) -> int:
        return 100 * (self.ended + self.released) // self.submitted if self.submitted else 100


def runs_for(user: User) -> QuerySet[BatchRun]:
    """The runs of the classes that the user may see."""
    return BatchRun.objects.filter(school_class__in=classes_for(user))


def is_over(run: BatchRun) -> bool:
    """Whether nothing of a run is open any more: no job, and nothing to be sent again."""
    return not (
        run.jobs.filter(state__in=OPEN_JOB_STATES).exists()
        or run.items.filter(state__in=LIVE_ITEM_STATES).exists()
    )


def count_items(job: BatchJob) -> Counts:
    """The account of one job."""
    return count_items_of([job])[job.pk]


def count_items_of(jobs: Iterable[BatchJob]) -> dict[int, Counts]:
    """The accounts of many jobs by job pk, in one query."""
    jobs = list(jobs)
    states: dict[int, dict[str, int]] = {job.pk: {} for job in jobs}
    rows = BatchItem.objects.filter(job__in=jobs).order_by().values_list("job", "state")
    for job_pk, state, number in rows.annotate(number=Count("pk")):
        states[job_pk][state] = number
    return {job.pk: counts_of(job, states[job.pk]) for job in jobs}


def counts_of(job: BatchJob, states: Mapping[str, int]) -> Counts:
    """The account of a job whose items are in these states, so many in each."""
    return Counts(
        submitted=job.item_count,
        **{state.value: states.get(state, 0) for state in COUNTED_ITEM_STATES},
        released=states.get(ItemState.RELEASED, 0),
        open=sum(states.get(state, 0) for state in LIVE_ITEM_STATES),
    )
