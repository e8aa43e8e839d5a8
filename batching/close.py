"""Close: a job ends when every one of its items has an end, and the numbers add up."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_noop

from batching import purposes, spending
from batching.models import BatchJob, ItemState, JobState
from batching.queries import count_items


class MiscountedJob(Exception):
    """Items are missing or doubled: a bug, never to be passed over."""


def close_job(job_pk: int) -> bool:
    """Complete (or, when a person asked for it, cancel) a job without open items.

    True when the job is closed now. Raises MiscountedJob when submitted != accepted +
    rejected + lost + superseded + discarded.
    """
    with transaction.atomic():
        job = BatchJob.objects.select_for_update().get(pk=job_pk)
        if job.state != JobState.IN_PROGRESS:
            return job.state in (JobState.COMPLETED, JobState.CANCELLED)
        if job.items.filter(state=ItemState.SENT).exists():
            return False
        counts = count_items(job)
        if not counts.add_up:
            raise MiscountedJob(f"Job {job.pk}: {counts}")
        if job.kind == "direct" and job.problem:
            job.fail(job.problem)
        elif job.cancel_asked_at:
            job.cancel(gettext_noop("Cancelled by a person; what was answered before was kept."))
        else:
            job.complete()
        job.cost = spending.cost_of(spending.usage_of(job), job.price)
        job.save()
        purposes.get(job.run.purpose).ended(job)
    return True
