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
from django.utils.translation import gettext_noop

from batching import pauses, providers, purposes
from batching.claims import Claim, claim, fenced, give_back
from batching.models import BatchJob, JobState
from batching.providers import UnknownProvider
from batching.providers.base import BatchProvider, ProviderBusy, ProviderRefused, Status
from batching.submit import OTHER_ACCOUNT, NotUsable, refuse, rest, tokens_waiting

logger = logging.getLogger(__name__)

FIRST_INTERVAL = timedelta(minutes=1)
ENDED = ("ended", "cancelled", "gone", "refused", "full")
# How long a job waits that the provider had no room for, although our own count said so.
FULL_SECONDS = 900
# So often a job that has the provider's queue for itself is handed in again, and no more.
MOST_TIMES_FULL = 3
HANDED_IN_AGAIN = gettext_noop("%(why)s It is handed in again by itself.")
TOO_LARGE = gettext_noop(
    "%(why)s No other job waits there: this one is too large. Set enqueued_tokens of %(provider)s"
    " to what its account allows, and draft again."
)


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
            raise NotUsable(gettext_noop("Looking at this job failed several times."))
        provider = batch_provider(job)
        if seconds := pauses.seconds_left(provider):
            give_back(held, seconds=seconds)
            return
        status = look(job, provider)
    except ProviderBusy as busy:
        give_back(held, seconds=pauses.pause(provider, busy))
        raise
    except (ProviderRefused, NotUsable) as problem:
        rest(held, str(problem))
        return
    pauses.end_pause(provider)
    if status.state == "refused" and not status.has_results:
        refuse(held, status.problem or gettext_noop("The provider refused the whole job."))
    elif status.state == "full" and not job.cancel_asked_at:
        queue_again(held, job, status)
    elif status.state == "gone" and job.account != provider.account:
        rest(held, OTHER_ACCOUNT % {"provider": job.provider})
    else:
        with fenced(held) as job:
            note(job, status)
            tell_if_late(job)


def batch_provider(job: BatchJob) -> BatchProvider:
    """The provider that has a job. Raises NotUsable when it cannot be asked."""
    try:
        provider = providers.get_batch(job.provider)
    except UnknownProvider as problem:
        raise NotUsable(str(problem)) from problem
    if provider.missing:
        raise NotUsable(provider.missing)
    return provider


def queue_again(held: Claim, job: BatchJob, status: Status) -> None:
    """The provider ran nothing for want of room: hand the job in again in a while, as a new one.

    One that had all the room for itself several times is too large, and is refused.
    """
    logger.info("job %s: no room at the provider", held.pk)
    reason = status.problem or gettext_noop("Too many tokens wait at the provider.")
    if job.times_full >= MOST_TIMES_FULL and not tokens_waiting(job, job.account):
        refuse(held, TOO_LARGE % {"why": reason, "provider": job.provider})
        return
    with fenced(held) as row:
        row.remote_state = status.raw[:60]
        if row.cancel_asked_at:
            row.results_ready_at = timezone.now()
        else:
            row.queue_again(HANDED_IN_AGAIN % {"why": reason})
        row.save()
        tell_if_late(row)
    if row.state == JobState.SUBMITTED:
        give_back(held, seconds=FULL_SECONDS)


def tell_if_late(job: BatchJob) -> None:
    """Tell once about a job that takes longer than such jobs do, handing in included."""
    age = timezone.now() - (job.submit_asked_at or timezone.now())
    if job.late_at or job.results_kept_at or age < timedelta(hours=settings.SHEAF_LATE_HOURS):
        return
    job.late_at = timezone.now()
    job.save()
    purposes.get(job.run.purpose).late(job)


def look(job: BatchJob, provider: BatchProvider) -> Status:
    """Where the job is; one that shall stop and has not ended is asked to stop."""
    status = provider.status(job.remote_id)
    if job.cancel_asked_at and status.state in ("waiting", "running", "unknown"):
        ask_to_stop(job, provider)
    return status


def ask_to_stop(job: BatchJob, provider: BatchProvider) -> None:
    """What the provider has not run by now is then not paid."""
    try:
        provider.cancel(job.remote_id)
    except ProviderRefused as refusal:
        logger.info("job %s: not cancelled: %s", job.pk, refusal)


def note(job: BatchJob, status: Status) -> None:
    """Write what was seen on the job, and when to look again."""
    now = timezone.now()
    if status.state == "unknown":
        logger.warning("job %s: the provider reports the unknown state %r", job.pk, status.raw)
    before = (job.remote_state, job.problem)
    seen_before = job.remote_state == status.raw[:60]
    job.remote_state = status.raw[:60]
    job.remote_done, job.remote_total = status.done, status.total
    job.problem = status.problem
    waited = now - (job.submitted_at or now)
    longest = timedelta(seconds=settings.SHEAF_POLL_SECONDS)
    job.polled_at = now
    job.next_poll_at = now + min(max(FIRST_INTERVAL, waited / 4), longest)
    # An end without any result is a loss: it is believed when it is seen a second time.
    if status.state in ENDED and (status.has_results or seen_before):
        job.results_ready_at = now
    if before == (job.remote_state, job.problem) and not job.results_ready_at:
        job.save_without_historical_record()  # a day of looking is no history
    else:
        job.save()
