"""Submit: hand an approved job to its provider exactly once.

The intention (our token and the time) is committed before the provider is called. When an
earlier attempt may have reached the provider, the answer is found by looking, never by
sending again. A direct job has nobody to be handed to: it simply starts.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from batching import providers, purposes
from batching.build import release
from batching.claims import Claim, claim, fenced, give_back, kept_alive
from batching.models import BatchItem, BatchJob, ItemState, JobState
from batching.providers.base import BatchProvider, ProviderBusy, ProviderRefused

logger = logging.getLogger(__name__)


def submit_job(job_pk: int) -> None:
    """Start a submitted job. Raises ProviderBusy (try later) and LostClaim."""
    held = claim(BatchJob.objects.filter(state=JobState.SUBMITTED), job_pk)
    if held is None:
        return
    if held.exhausted:
        refuse(held, "Handing in failed several times. Ask an admin to look at the log.")
        return
    job = BatchJob.objects.select_related("run").get(pk=job_pk)
    provider = providers.get(job.run.provider)
    remote_id = ""
    if isinstance(provider, BatchProvider):
        try:
            with kept_alive(held):
                remote_id = hand_in(held, job, provider)
        except ProviderBusy as busy:
            give_back(held, seconds=busy.retry_after or 60)
            raise
        except ProviderRefused as refusal:
            refuse(held, str(refusal))
            return
    with fenced(held) as job:
        job.start(remote_id)
        job.save()
        items = list(job.items.filter(state=ItemState.BUILT).order_by("pk"))
        for item in items:
            item.send()
        BatchItem.objects.bulk_update(items, ["state"], batch_size=500)
        purposes.get(job.run.purpose).submitted(items)


def hand_in(held: Claim, job: BatchJob, provider: BatchProvider) -> str:
    """The remote id of the job's batch: found, or submitted now."""
    if job.submit_started_at is not None:
        found = provider.find(str(job.token), job.submit_started_at)
        if found is not None:
            logger.info("job %s: found again as %s", job.pk, found)
            return found
    else:
        with fenced(held, done=False) as row:
            row.submit_started_at = timezone.now()
            row.save()
    with local_copy(job) as lines:
        return provider.submit(lines, str(job.token))


def refuse(held: Claim, problem: str) -> None:
    """The whole job was refused: it fails and everything in it is set free."""
    with fenced(held) as job:
        job.fail(problem)
        job.save()
        release(job.items.filter(state__in=[ItemState.BUILT, ItemState.SENT]), problem)


@contextmanager
def local_copy(job: BatchJob) -> Iterator[Path]:
    """The job's file of lines as a file on this machine."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path = Path(folder) / f"{job.token}.jsonl"
        with default_storage.open(job.lines_file, "rb") as stored, path.open("wb") as file:
            while block := stored.read(1 << 20):
                file.write(block)
        yield path
