"""Direct jobs: the engine asks the provider itself, item by item, on the workers.

A lane is one worker going through a job: it claims the next item, asks, settles, and goes
on for a while. The number of items under way at one provider is bounded by its
configuration, whatever the number of lanes.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from batching import pauses, providers
from batching.claims import Claim, LostClaim, claim, fenced, free, give_back, kept_alive
from batching.close import close_job
from batching.images import ImageChanged, reader
from batching.jsonl import decode_request
from batching.models import BatchItem, BatchJob, ItemState, JobState
from batching.providers.base import Answer, DirectProvider, ProviderBusy, ProviderRefused
from batching.settle import lose, settle
from batching.stored_lines import LinesChanged, approved_line

logger = logging.getLogger(__name__)

LANE_SECONDS = 240
PUT_BACK = gettext_noop("%(why)s Put it back, or stop the job.")


def work_job(job_pk: int) -> bool:
    """Answer items of a direct job until none is left, the lanes are full, or time is up.

    True when items are left that this lane could go on with. Raises ProviderBusy.
    """
    job = BatchJob.objects.select_related("run").get(pk=job_pk)
    if job.state != JobState.IN_PROGRESS or job.kind != "direct":
        return False
    try:
        provider = providers.get_direct(job.provider)
    except providers.UnknownProvider as problem:
        say(job, PUT_BACK % {"why": problem})
        return False
    if job.problem and not job.cancel_asked_at:
        say(job, "")
    end = time.monotonic() + LANE_SECONDS
    while time.monotonic() < end:
        # Never refresh_from_db: it lifts the state's protection for every thread.
        job = BatchJob.objects.select_related("run").get(pk=job_pk)
        if job.cancel_asked_at:
            lose_waiting(job)
        if pauses.seconds_left(provider):
            return False
        held = claim_next(job, provider)
        if held is None:
            close_job(job.pk)
            return False
        try:
            answer_item(held, job, provider)
        except LostClaim:
            logger.warning("item %s: the claim was lost, its answer is dropped", held.pk)
    return True


def under_way(job_pk: int) -> int:
    """How many items workers hold at the provider of a job."""
    name = BatchJob.objects.values_list("provider", flat=True).get(pk=job_pk)
    return _held(name, timezone.now()).count()


def say(job: BatchJob, problem: str) -> None:
    """Say on a job what keeps it, once."""
    with transaction.atomic():
        row = BatchJob.objects.select_for_update().get(pk=job.pk)
        if row.problem != problem and row.state == JobState.IN_PROGRESS:
            row.problem = problem
            row.save()


def _held(provider_name: str, now: datetime) -> QuerySet[BatchItem]:
    return BatchItem.objects.filter(
        state=ItemState.SENT, provider=provider_name, lease_until__gte=now
    )


def claim_next(job: BatchJob, provider: DirectProvider) -> Claim | None:
    """Claim the job's next unanswered item, within the provider's bound of concurrency."""
    now = timezone.now()
    with transaction.atomic():
        # One lock per provider: two lanes must not both see the last free place.
        same = BatchJob.objects.filter(state=JobState.IN_PROGRESS, provider=job.provider)
        list(same.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
        if _held(job.provider, now).count() >= provider.concurrency:
            return None
        waiting = job.items.filter(free(now), state=ItemState.SENT)
        pk = waiting.order_by("number").values_list("pk", flat=True).first()
        return None if pk is None else claim(job.items.filter(state=ItemState.SENT), pk)


def answer_item(held: Claim, job: BatchJob, provider: DirectProvider) -> None:
    """Ask the provider for one claimed item and settle what it answers."""
    item = BatchItem.objects.get(pk=held.pk)
    if held.exhausted:
        answer = Answer(
            item.custom_id,
            "",
            "",
            finish="error",
            problem=gettext_noop("Answering this request stopped the worker several times."),
        )
    else:
        try:
            with kept_alive(held):
                answer = provider.answer(
                    decode_request(approved_line(job, item)), reader(provider.rendition)
                )
        except (ImageChanged, LinesChanged) as changed:
            answer = Answer(item.custom_id, "", "", finish="error", problem=str(changed))
        except ProviderBusy as busy:
            give_back(held, seconds=pauses.pause(provider, busy))
            raise
        except ProviderRefused as refusal:
            stop_job(held, job, str(refusal))
            return
    pauses.end_pause(provider)
    with fenced(held) as item:
        settle(BatchJob.objects.select_related("run").get(pk=job.pk), [(item, answer)])


def lose_waiting(job: BatchJob) -> None:
    """After a stop: items that no worker holds will not be answered."""
    reason = job.problem or gettext_noop("Cancelled before it was answered.")
    with transaction.atomic():
        waiting = job.items.select_for_update().filter(free(), state=ItemState.SENT)
        lose(job, list(waiting.order_by("pk")), reason, free=True)


def stop_job(held: Claim, job: BatchJob, problem: str) -> None:
    """The provider refuses everything: nothing more is asked, the open items are set free.

    Items that other lanes hold are settled by those; the last lane closes the job.
    """
    with transaction.atomic():
        row = BatchJob.objects.select_for_update().get(pk=job.pk)  # always before its items
        if row.state == JobState.IN_PROGRESS and not row.cancel_asked_at:
            row.cancel_asked_at, row.problem = timezone.now(), problem
            row.save()
        with fenced(held) as item:
            lose(row, [item], problem, free=True)
        lose_waiting(row)
