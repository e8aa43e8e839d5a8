"""Poll: ask the provider where a batch is, and note it. Never guesses.

The interval grows from one minute to the configured one. An unknown state is logged and
waits; every end with results is marked for collecting.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from batching import providers
from batching.claims import claim, fenced, give_back
from batching.models import BatchJob, JobState
from batching.providers.base import BatchProvider, ProviderBusy, Status
from batching.submit import refuse

logger = logging.getLogger(__name__)

FIRST_INTERVAL = timedelta(minutes=1)
ENDED = ("ended", "cancelled", "gone")


def due_jobs() -> QuerySet[BatchJob]:
    """Remote jobs whose next look is due."""
    return BatchJob.objects.filter(
        state=JobState.IN_PROGRESS,
        kind="batch",
        results_ready_at__isnull=True,
        next_poll_at__lte=timezone.now(),
    )


def poll_job(job_pk: int) -> None:
    """Look once at a remote job. Raises ProviderBusy and LostClaim."""
    held = claim(due_jobs(), job_pk)
    if held is None:
        return
    job = BatchJob.objects.select_related("run").get(pk=job_pk)
    provider = providers.get(job.run.provider)
    if not isinstance(provider, BatchProvider):
        raise TypeError(f"{job.run.provider} has no batches to poll.")
    try:
        if job.cancel_asked_at:
            provider.cancel(job.remote_id)
        status = provider.status(job.remote_id)
    except ProviderBusy as busy:
        give_back(held, seconds=busy.retry_after or 60)
        raise
    if status.state == "refused" and not status.has_results:
        refuse(held, status.problem or "The provider refused the whole job.")
        return
    with fenced(held) as job:
        note(job, status)
        job.save()


def note(job: BatchJob, status: Status) -> None:
    """Write what was seen on the job, and when to look again."""
    now = timezone.now()
    if status.state == "unknown":
        logger.warning("job %s: the provider reports the unknown state %r", job.pk, status.raw)
    job.remote_state = status.raw
    job.problem = status.problem
    waited = now - (job.submitted_at or now)
    longest = timedelta(seconds=settings.SHEAF_POLL_SECONDS)
    job.polled_at = now
    job.next_poll_at = now + min(max(FIRST_INTERVAL, waited / 4), longest)
    if status.state in ENDED or status.has_results:
        job.results_ready_at = now
