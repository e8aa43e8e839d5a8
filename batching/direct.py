"""Direct jobs: the engine asks the provider itself, item by item, on the workers.

A lane is one worker going through a job: it claims the next item, asks, settles, and goes
on for a while. The number of items under way at one provider is bounded by its
configuration, whatever the number of lanes.
"""

from __future__ import annotations

import logging
import time

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from batching import providers
from batching.claims import Claim, LostClaim, claim, fenced, free, give_back, kept_alive
from batching.close import close_job
from batching.images import ImageChanged, read_image
from batching.jsonl import decode_request
from batching.models import BatchItem, BatchJob, ItemState, JobState
from batching.providers.base import Answer, DirectProvider, ProviderBusy, ProviderRefused
from batching.settle import lose, settle

logger = logging.getLogger(__name__)

LANE_SECONDS = 240


def work_job(job_pk: int) -> bool:
    """Answer items of a direct job until none is left, the lanes are full, or time is up.

    True when items are left that this lane could go on with. Raises ProviderBusy.
    """
    job = BatchJob.objects.select_related("run").get(pk=job_pk)
    if job.state != JobState.IN_PROGRESS or job.kind != "direct":
        return False
    provider = providers.get_direct(job.run.provider)
    end = time.monotonic() + LANE_SECONDS
    while time.monotonic() < end:
        # Never refresh_from_db: it lifts the state's protection for every thread.
        job = BatchJob.objects.select_related("run").get(pk=job_pk)
        if job.cancel_asked_at:
            lose_waiting(job)
        held = claim_next(job, provider)
        if held is None:
            close_job(job.pk)
            return False
        try:
            answer_item(held, job, provider)
        except LostClaim:
            logger.warning("item %s: the claim was lost, its answer is dropped", held.pk)
    return True


def claim_next(job: BatchJob, provider: DirectProvider) -> Claim | None:
    """Claim the job's next unanswered item, within the provider's bound of concurrency."""
    now = timezone.now()
    with transaction.atomic():
        # One lock per provider: two lanes must not both see the last free place.
        same = BatchJob.objects.filter(state=JobState.IN_PROGRESS, run__provider=job.run.provider)
        list(same.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
        under_way = BatchItem.objects.filter(
            state=ItemState.SENT, run__provider=job.run.provider, lease_until__gte=now
        )
        if under_way.count() >= provider.concurrency:
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
            problem="Answering this request stopped the worker several times.",
        )
    else:
        try:
            with kept_alive(held):
                answer = provider.answer(decode_request(read_line(job, item)), read_image)
        except ImageChanged as changed:
            answer = Answer(item.custom_id, "", "", finish="error", problem=str(changed))
        except ProviderBusy as busy:
            give_back(held, seconds=busy.retry_after or 30)
            raise
        except ProviderRefused as refusal:
            stop_job(held, job, str(refusal))
            return
    with fenced(held) as item:
        settle(job.run, [(item, answer)])


def read_line(job: BatchJob, item: BatchItem) -> bytes:
    """The frozen line of an item."""
    with default_storage.open(job.lines_file, "rb") as file:
        file.seek(item.line_offset)
        line: bytes = file.read(item.line_bytes)
    return line


def lose_waiting(job: BatchJob) -> None:
    """After a stop: items that no worker holds will not be answered."""
    reason = job.problem or "Cancelled before it was answered."
    with transaction.atomic():
        waiting = job.items.select_for_update().filter(free(), state=ItemState.SENT)
        lose(job.run, list(waiting.order_by("pk")), reason, free=True)


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
            lose(job.run, [item], problem, free=True)
        lose_waiting(row)
