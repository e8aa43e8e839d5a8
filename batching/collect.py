"""Collect: take in every line a provider has for a job, and account for every item.

Chunks of a few hundred lines, each one fenced transaction. Lines are matched by our own
ids only; a line nobody waits for is logged and ignored; an item without a line is lost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import islice

from django.db import transaction

from batching import providers
from batching.claims import claim, fenced, give_back, kept_alive
from batching.close import close_job
from batching.models import BatchItem, BatchJob, ItemState, JobState
from batching.poll import rest
from batching.providers import UnknownProvider
from batching.providers.base import Answer, ProviderBusy, ProviderRefused
from batching.settle import lose, settle

logger = logging.getLogger(__name__)

LINES_AT_ONCE = 250
COLLECT_SECONDS = 240


def collect_job(job_pk: int) -> bool:
    """Settle all items of an ended remote job; True when its time is up and more is to come.

    Raises ProviderBusy and LostClaim.
    """
    held = claim(
        BatchJob.objects.filter(state=JobState.IN_PROGRESS, results_ready_at__isnull=False), job_pk
    )
    if held is None:
        return False
    job = BatchJob.objects.select_related("run").get(pk=job_pk)
    end = time.monotonic() + COLLECT_SECONDS
    try:
        if held.exhausted:
            raise UnknownProvider("Collecting this job failed several times.")
        with kept_alive(held):
            answers = providers.get_batch(job.run.provider).replies(job.remote_id)
            while chunk := list(islice(answers, LINES_AT_ONCE)):
                with transaction.atomic():
                    waiting = list(matched(job, chunk))
                    with fenced(held, done=False, progress=bool(waiting)) as job:
                        settle(job.run, waiting)
                if time.monotonic() > end:
                    with fenced(held):
                        return True
    except ProviderBusy as busy:
        give_back(held, seconds=busy.retry_after or 60)
        raise
    except (ProviderRefused, UnknownProvider) as problem:
        rest(held, str(problem))
        return False
    with fenced(held) as job:
        missing = list(job.items.filter(state=ItemState.SENT).order_by("pk"))
        if job.cancel_asked_at:
            lose(job.run, missing, "Cancelled before it was answered.", free=True)
        else:
            lose(job.run, missing, "The provider returned no line for this request.")
    close_job(job.pk)
    return False


def matched(job: BatchJob, answers: list[Answer]) -> Iterator[tuple[BatchItem, Answer]]:
    """Each waiting item of the job with its line; the first line of an id counts."""
    waiting = {
        item.custom_id: item
        for item in job.items.select_related("run").filter(
            state=ItemState.SENT, custom_id__in=[answer.custom_id for answer in answers]
        )
    }
    for answer in answers:
        item = waiting.pop(answer.custom_id, None)
        if item is None:
            logger.warning("job %s: a line that nobody waits for was ignored", job.pk)
            continue
        yield item, answer
