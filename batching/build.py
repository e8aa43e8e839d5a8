"""Build: from the planned items of a run to jobs in draft, each with its file of lines.

Streaming, one line in memory at a time. One job (a shard no larger than the provider's
limits) is written and committed at a time; a build that died goes on with the items that
have no job yet, and makes the same bytes.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone

from batching import providers, purposes
from batching.claims import Claim, LostClaim, claim, fenced, kept_alive
from batching.images import read_image
from batching.jsonl import encode_request
from batching.models import BatchItem, BatchJob, BatchRun, ItemState
from batching.providers.base import BatchProvider, DirectProvider, Limits

ITEMS_AT_ONCE = 50
LINES_PER_JOB = 5000
BUILD_SECONDS = 240


class OutOfDate(Exception):
    """What a line speaks about changed before the line was kept."""


@dataclass(slots=True)
class Shard:
    """What was written to one file, before it becomes a job."""

    path: Path
    built: list[BatchItem] = field(default_factory=list)
    refused: list[BatchItem] = field(default_factory=list)
    bytes: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)


def build_run(run_pk: int) -> bool:
    """Freeze every planned item of a run as a line of a job; then present the jobs.

    True when its time is up and more is to be built. Does nothing when the run is built or
    another worker builds it. Raises LostClaim.
    """
    held = claim(BatchRun.objects.filter(built_at__isnull=True, problem=""), run_pk)
    if held is None:
        return False
    run = BatchRun.objects.get(pk=run_pk)
    if held.exhausted:
        give_up(
            held, "Building the requests failed several times. Ask an admin to look at the log."
        )
        return False
    provider = providers.get(run.provider)
    end = time.monotonic() + BUILD_SECONDS
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        while run.items.filter(state=ItemState.PLANNED, job=None).exists():
            if time.monotonic() > end:
                with fenced(held):
                    return True
            with kept_alive(held):
                shard = write_shard(run, provider, Path(folder) / "lines.jsonl")
            keep_shard(held, provider, shard)
    with fenced(held) as run:
        for job in run.jobs.select_for_update().filter(state="draft").order_by("pk"):
            job.present()
            job.save()
        run.built_at = timezone.now()
        run.save()
    return False


def write_shard(run: BatchRun, provider: DirectProvider | BatchProvider, path: Path) -> Shard:
    """Write lines from the next planned items on, until one more would pass a limit."""
    shard = Shard(path)
    limits = provider.limits
    with path.open("wb") as file:
        for item, line in _lines(run, provider):
            if isinstance(line, str):
                item.reason = line
                shard.refused.append(item)
                continue
            if shard.built and _full(shard, line, limits):
                break
            item.line_offset, item.line_bytes = shard.bytes, len(line)
            item.request_hash = hashlib.sha256(line).hexdigest()
            file.write(line + b"\n")
            shard.digest.update(line + b"\n")
            shard.bytes += len(line) + 1
            shard.built.append(item)
    return shard


def keep_shard(held: Claim, provider: DirectProvider | BatchProvider, shard: Shard) -> None:
    """Store the file, then its job and items in one transaction.

    When something changed between writing the lines and this transaction, nothing is kept:
    the lines are written again. Raises LostClaim, leaving no file behind.
    """
    run = BatchRun.objects.get(pk=held.pk)
    number = run.jobs.count() + 1
    name = store_lines(run, number, held.attempt, shard) if shard.built else ""
    try:
        with fenced(held, done=False) as run:
            purpose = purposes.get(run.purpose)
            for item in shard.refused:
                item.release(item.reason)
            BatchItem.objects.bulk_update(
                shard.refused, ["state", "reason", "ended_at"], batch_size=500
            )
            if shard.refused:
                purpose.released(shard.refused)
            if shard.built:
                make_job(run, number, name, provider, shard)
                if purpose.built(shard.built):
                    raise OutOfDate
    except OutOfDate:
        default_storage.delete(name)
    except LostClaim:
        if name:
            default_storage.delete(name)
        raise


def store_lines(run: BatchRun, number: int, attempt: int, shard: Shard) -> str:
    """The storage name of the shard's file; files of attempts that died are taken away."""

    def name_of(attempt: int) -> str:
        return f"jobs/{run.token}-{number:04d}-{attempt}.jsonl"

    for earlier in range(1, attempt + 1):
        default_storage.delete(name_of(earlier))
    with shard.path.open("rb") as file:
        return str(default_storage.save(name_of(attempt), File(file)))


def make_job(
    run: BatchRun,
    number: int,
    name: str,
    provider: DirectProvider | BatchProvider,
    shard: Shard,
) -> None:
    """The row of a job and of everything in it."""
    job = BatchJob.objects.create(
        run=run,
        number=number,
        kind=provider.kind,
        model=provider.model[:100],
        lines_file=name,
        lines_sha256=shard.digest.hexdigest(),
        lines_bytes=shard.bytes,
        item_count=len(shard.built),
    )
    for item in shard.built:
        item.job = job
        item.build()
    BatchItem.objects.bulk_update(
        shard.built,
        ["job", "state", "fence", "line_offset", "line_bytes", "request_hash"],
        batch_size=500,
    )


def give_up(held: Claim, problem: str) -> None:
    """End a run that cannot be built: everything in it is set free."""
    with fenced(held) as run:
        run.problem = problem
        run.save()
        for job in run.jobs.select_for_update().filter(state="draft").order_by("pk"):
            job.cancel(problem)
            job.save()
        release(run.items.filter(state__in=[ItemState.PLANNED, ItemState.BUILT]), problem)


def release(items: models.QuerySet[BatchItem], reason: str) -> None:
    """Set items free that were never answered, and tell their purpose."""
    rows = list(items.select_for_update().order_by("pk"))
    for item in rows:
        item.release(reason)
    BatchItem.objects.bulk_update(rows, ["state", "reason", "ended_at"], batch_size=500)
    if rows:
        purposes.get(rows[0].purpose).released(rows)


def _lines(
    run: BatchRun, provider: DirectProvider | BatchProvider
) -> Iterator[tuple[BatchItem, bytes | str]]:
    purpose = purposes.get(run.purpose)
    planned = run.items.filter(state=ItemState.PLANNED, job=None).order_by("number")
    last = 0
    while chunk := list(planned.filter(number__gt=last)[:ITEMS_AT_ONCE]):
        last = chunk[-1].number
        drafts = purpose.drafts(chunk)
        for item in chunk:
            draft = drafts[item.pk]
            if isinstance(draft, str):
                yield item, draft
                continue
            item.fence = draft.fence
            if isinstance(provider, BatchProvider):
                yield item, provider.encode(draft.request, read_image)
            else:
                yield item, encode_request(draft.request)


def _full(shard: Shard, line: bytes, limits: Limits) -> bool:
    lines = min(limits.lines or LINES_PER_JOB, LINES_PER_JOB)
    return len(shard.built) >= lines or (
        limits.bytes is not None and shard.bytes + len(line) + 1 > limits.bytes
    )
