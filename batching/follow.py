"""Follow: a batch whose job was written off runs on at its provider, and is paid.

Comes in: a job that was given up while its provider has it, or may have it. Its batch is asked
to stop, and looked at for two days; once it has ended its result files are kept, and what it
cost is written on the job. Nothing is settled: the items of the job have their ends already, and
a late reply gives no marks.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from batching import pauses, spending
from batching.claims import Claim, claim, fenced, give_back, kept_alive
from batching.collect import chunks_of, keep_file, read_lines, refuse_foreign
from batching.models import BatchJob, JobState, ResultFile
from batching.poll import ENDED, ask_to_stop, batch_provider
from batching.providers.base import BatchProvider, ProviderBusy, ProviderRefused, Status, Usage
from batching.submit import OTHER_ACCOUNT, NotUsable

logger = logging.getLogger(__name__)

# As long as the slowest provider keeps a batch before it lets it expire.
FOLLOWED = timedelta(hours=48)
# A hand-in that was under way when the job was written off is in the provider's list by then.
LISTED = timedelta(hours=1)
NOT_THERE = Status("gone", "never arrived")

# What became of the batch, behind what stands on the job already.
NEVER_THERE = gettext_noop("%(why)s Its provider never had it.")
GONE = gettext_noop("%(why)s Its provider does not know it any more.")
KEPT = gettext_noop(
    "%(why)s Its batch ended later; %(replies)s late replies are kept, and none is taken."
)
NOTHING_LATE = gettext_noop("%(why)s Its batch ended later, without any reply.")
LEFT = gettext_noop("%(why)s Its batch is not followed any more: %(why_not)s")


def due_jobs(now: datetime | None = None) -> QuerySet[BatchJob]:
    """Jobs that were written off, and whose batch is to be looked at now.

    What a person stopped has its results kept, and what never reached a provider has the cost 0.
    """
    now = now or timezone.now()
    may_have_it = ~Q(remote_id="") | Q(submit_started_at__isnull=False, cost__isnull=True)
    return BatchJob.objects.filter(
        may_have_it,
        state=JobState.CANCELLED,
        kind="batch",
        results_kept_at__isnull=True,
        ended_at__gte=now - FOLLOWED,
        next_poll_at__lte=now,
    )


def follow_job(job_pk: int) -> None:
    """Look once at the batch of a job that was written off. Raises ProviderBusy and LostClaim."""
    held = claim(due_jobs(), job_pk)
    if held is None:
        return
    job = BatchJob.objects.get(pk=job_pk)
    try:
        if held.exhausted:
            raise NotUsable(gettext_noop("Looking after it failed several times."))
        provider = batch_provider(job)
        if seconds := pauses.seconds_left(provider):
            give_back(held, seconds=seconds)
            return
        with kept_alive(held):
            look_after(held, job, provider)
    except ProviderBusy as busy:
        give_back(held, seconds=pauses.pause(provider, busy))
        raise
    except (ProviderRefused, NotUsable) as problem:
        leave(held, str(problem))
        return
    pauses.end_pause(provider)


def look_after(held: Claim, job: BatchJob, provider: BatchProvider) -> None:
    """Have the batch stopped while it runs; keep what it left when it has ended.

    Raises NotUsable when it cannot be seen with the key that is configured now.
    """
    if not job.remote_id and job.submit_started_at:
        job.remote_id = provider.find(str(job.token), job.submit_started_at) or ""
    status = provider.status(job.remote_id) if job.remote_id else NOT_THERE
    if status.state == "gone" and job.account != provider.account:
        raise NotUsable(OTHER_ACCOUNT % {"provider": job.provider})
    if status.state not in ENDED:
        ask_to_stop(job, provider)
    # As in polling: an end without any result is believed when it is seen a second time.
    sure = status.has_results or job.remote_state == status.raw[:60]
    if not job.remote_id and job.ended_at:
        sure = timezone.now() - job.ended_at > LISTED
    if status.state in ENDED and sure:
        keep_what_it_left(held, job, provider, status)
    else:
        look_again(held, job, status)


def look_again(held: Claim, seen: BatchJob, status: Status) -> None:
    """Note where the batch is, and when to look again."""
    now = timezone.now()
    with fenced(held) as job:
        is_news = (job.remote_id, job.remote_state) != (seen.remote_id, status.raw[:60])
        note(job, seen, status)
        job.next_poll_at = now + timedelta(seconds=settings.SHEAF_POLL_SECONDS)
        if is_news:
            job.save()
        else:
            job.save_without_historical_record()


def note(job: BatchJob, seen: BatchJob, status: Status) -> None:
    """Write on a job what was seen of its batch."""
    job.remote_id = seen.remote_id
    job.remote_state = status.raw[:60]
    job.remote_done, job.remote_total = status.done, status.total
    job.polled_at = timezone.now()


def keep_what_it_left(held: Claim, seen: BatchJob, provider: BatchProvider, status: Status) -> None:
    """Keep the result files of an ended batch, and write what it cost. Raises LostClaim."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        paths = provider.download(seen.remote_id, Path(folder)) if seen.remote_id else []
        for path in paths:
            refuse_foreign(path, provider)
        replies, usage = count(paths, provider)
        # Where the exam was deleted meanwhile, the replies about its sheets are not kept either.
        rows = [
            keep_file(held, seen, number, path)
            for number, path in enumerate(paths if seen.lines_file else (), start=1)
        ]
    with fenced(held) as job:
        note(job, seen, status)
        if job.lines_file:
            ResultFile.objects.bulk_create(rows)
        if paths or status is NOT_THERE or (status.state != "gone" and not status.has_results):
            job.cost = spending.cost_of(usage, job.price)
        job.results_kept_at = timezone.now()
        job.next_poll_at = None
        job.problem = ending(replies, status) % {"why": job.problem, "replies": replies}
        job.save()


def count(paths: Sequence[Path], provider: BatchProvider) -> tuple[int, Usage]:
    """How many requests result files tell of, and the tokens that these used."""
    seen: set[str] = set()
    read = written = cached = 0
    for path in paths:
        with path.open("rb") as lines:
            for chunk, _ in chunks_of(lines, 0):
                for answer in read_lines(chunk, provider)[0]:
                    if answer.custom_id in seen:
                        continue
                    seen.add(answer.custom_id)
                    read += answer.usage.input_tokens
                    written += answer.usage.output_tokens
                    cached += answer.usage.cached_tokens
    return len(seen), Usage(read, written, cached)


def ending(replies: int, status: Status) -> str:
    """The shape of what is said of a batch that is over."""
    if status is NOT_THERE:
        return NEVER_THERE
    if status.state == "gone":
        return GONE
    return KEPT if replies else NOTHING_LATE


def leave(held: Claim, problem: str) -> None:
    """Nothing more can be learnt of the batch: say why on the job, and follow it no longer."""
    logger.info("job %s is no longer followed: %s", held.pk, problem)
    with fenced(held) as job:
        job.next_poll_at = None
        job.problem = LEFT % {"why": job.problem, "why_not": problem}
        job.save()
