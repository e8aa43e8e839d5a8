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
from batching.claims import Claim, claim, fenced, give_back
from batching.models import BatchJob, JobState
from batching.providers import UnknownProvider
from batching.providers.base import BatchProvider, ProviderBusy, ProviderRefused, Status
from batching.submit import refuse

logger = logging.getLogger(__name__)

FIRST_INTERVAL = timedelta(minutes=1)
ENDED = ("ended", "cancelled", "gone", "refused")
REST_SECONDS = 3600


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
    try:
        if held.exhausted:
            raise UnknownProvider("Looking at this job failed several times.")
        status = look(job, providers.get_batch(job.run.provider))
    except ProviderBusy as busy:
        give_back(held, seconds=busy.retry_after or 60)
        raise
    except (ProviderRefused, UnknownProvider) as problem:
        rest(held, str(problem))
        return
    if status.state == "refused" and not status.has_results:
        refuse(held, status.problem or "The provider refused the whole job.")
        return
    with fenced(held) as job:
        note(job, status)
        job.save()


def look(job: BatchJob, provider: BatchProvider) -> Status:
    """Where the job is; one that shall stop and has not ended is asked to stop."""
    status = provider.status(job.remote_id)
    if job.cancel_asked_at and status.state in ("waiting", "running", "unknown"):
        try:
            provider.cancel(job.remote_id)
        except ProviderRefused as refusal:
            logger.info("job %s: not cancelled: %s", job.pk, refusal)
    return status


def rest(held: Claim, problem: str) -> None:
    """Say on the job what keeps it, and look again in an hour. A person can write it off."""
    logger.warning("job %s rests: %s", held.pk, problem)
    with fenced(held) as job:
        job.problem = f"{problem} It is tried again every hour; an admin can write the job off."
        job.save()
    give_back(held, seconds=REST_SECONDS)


def note(job: BatchJob, status: Status) -> None:
    """Write what was seen on the job, and when to look again."""
    now = timezone.now()
    if status.state == "unknown":
        logger.warning("job %s: the provider reports the unknown state %r", job.pk, status.raw)
    job.remote_state = status.raw[:60]
    job.problem = status.problem
    waited = now - (job.submitted_at or now)
    longest = timedelta(seconds=settings.SHEAF_POLL_SECONDS)
    job.polled_at = now
    job.next_poll_at = now + min(max(FIRST_INTERVAL, waited / 4), longest)
    if status.state in ENDED:
        job.results_ready_at = now
