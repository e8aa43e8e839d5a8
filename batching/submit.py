"""Submit: hand an approved job to its provider exactly once.

The intention (our token and the time) is committed before the provider is called. When an
earlier attempt may have reached the provider, the answer is found by looking, never by
sending again. A direct job has nobody to be handed to: it simply starts.
"""

from __future__ import annotations

import hashlib
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


class LinesChanged(Exception):
    """The stored file is not the one that a person approved."""


def submit_job(job_pk: int) -> None:
    """Start a submitted job. Raises ProviderBusy (try later) and LostClaim."""
    held = claim(BatchJob.objects.filter(state=JobState.SUBMITTED), job_pk)
    if held is None:
        return
    job = BatchJob.objects.select_related("run").get(pk=job_pk)
    if held.exhausted and job.submit_started_at is None:
        refuse(held, "Handing in failed several times. Ask an admin to look at the log.")
        return
    provider = providers.get(job.run.provider)
    remote_id = ""
    if isinstance(provider, BatchProvider):
        try:
            with kept_alive(held):
                remote_id = find_earlier(job, provider)
                if not remote_id and (job.cancel_asked_at or held.exhausted):
                    call_off(held, job)
                    return
                remote_id = remote_id or hand_in(held, job, provider)
        except ProviderBusy as busy:
            give_back(held, seconds=busy.retry_after or 60)
            raise
        except (ProviderRefused, LinesChanged) as refusal:
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


def find_earlier(job: BatchJob, provider: BatchProvider) -> str:
    """The remote id that an earlier attempt got without our hearing of it, or ""."""
    if job.submit_started_at is None:
        return ""
    try:
        found = provider.find(str(job.token), job.submit_started_at)
    except ProviderRefused as refusal:
        # It may be there: nothing is set free before the provider let us look.
        raise ProviderBusy(str(refusal), retry_after=300) from refusal
    if found is not None:
        logger.info("job %s: found again as %s", job.pk, found)
    return found or ""


def hand_in(held: Claim, job: BatchJob, provider: BatchProvider) -> str:
    """Commit the intention, then hand the job in; gives the remote id."""
    with fenced(held, done=False, progress=False) as row:
        row.submit_started_at = row.submit_started_at or timezone.now()
        row.save()
    with local_copy(job) as lines:
        return provider.submit(lines, str(job.token))


def call_off(held: Claim, job: BatchJob) -> None:
    """The provider does not have it and shall not: its items are free again."""
    if not job.cancel_asked_at:
        refuse(held, "Handing in failed several times, and the provider does not have the job.")
        return
    problem = "Cancelled before it was sent."
    with fenced(held) as row:
        row.cancel(problem)
        row.save()
        release(row.items.filter(state=ItemState.BUILT), problem)


def refuse(held: Claim, problem: str) -> None:
    """The whole job was refused: it fails and everything in it is set free."""
    with fenced(held) as job:
        job.fail(problem)
        job.save()
        purposes.get(job.run.purpose).ended(job)
        release(job.items.filter(state__in=[ItemState.BUILT, ItemState.SENT]), problem)


@contextmanager
def local_copy(job: BatchJob) -> Iterator[Path]:
    """The job's file of lines as a file on this machine. Raises LinesChanged."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path, digest = Path(folder) / f"{job.token}.jsonl", hashlib.sha256()
        with default_storage.open(job.lines_file, "rb") as stored, path.open("wb") as file:
            while block := stored.read(1 << 20):
                file.write(block)
                digest.update(block)
        if digest.hexdigest() != job.lines_sha256:
            raise LinesChanged("The stored lines are not those that were drafted. Draft again.")
        yield path
