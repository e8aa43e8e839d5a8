"""Collect: take in every line a provider has for a job, and account for every item.

First the result files are kept, byte for byte under their hash; then their lines are settled
from there, in chunks of a few hundred, each one fenced transaction that also notes how far it
came. Lines are matched by our own ids only; a line nobody waits for is logged and ignored; an
item without a line is lost.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import gettext_noop

from batching import pauses
from batching.claims import Claim, claim, fenced, give_back, kept_alive
from batching.close import close_job
from batching.models import BatchItem, BatchJob, ItemState, JobState, ResultFile
from batching.poll import batch_provider, tell_if_late
from batching.providers.base import (
    Answer,
    BatchProvider,
    ProviderBusy,
    ProviderRefused,
    UnreadableLine,
)
from batching.settle import lose, settle
from batching.submit import RESTS, NotUsable, rest

logger = logging.getLogger(__name__)

LINES_AT_ONCE = 600
COLLECT_SECONDS = 240
ASKED_AGAIN = gettext_noop("%(why)s The results are asked for again.")
# How a problem ends that the results put an end to.
UNTIL_THEY_CAME = tuple(shape.removeprefix("%(why)s") for shape in (ASKED_AGAIN, RESTS))
# A line is one reply; a longer one is no reply and is not read into memory.
LONGEST_LINE = 20_000_000


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
            raise NotUsable(gettext_noop("Collecting this job failed several times."))
        provider = batch_provider(job)
        if job.results_kept_at is None and (seconds := pauses.seconds_left(provider)):
            give_back(held, seconds=seconds)
            return False
        with kept_alive(held):
            if job.results_kept_at is None:
                keep_results(held, job, provider)
            for file in job.result_files.order_by("number"):
                if not settle_file(held, job, file, provider, end):
                    with fenced(held):
                        return True
    except ProviderBusy as busy:
        wait_for_results(held, str(busy), pauses.pause(provider, busy))
        raise
    except (ProviderRefused, NotUsable) as problem:
        rest(held, str(problem))
        return False
    with fenced(held) as job:
        missing = list(job.items.filter(state=ItemState.SENT).order_by("pk"))
        if job.cancel_asked_at:
            lose(job, missing, gettext_noop("Cancelled before it was answered."), free=True)
        else:
            lose(job, missing, gettext_noop("The provider returned no line for this request."))
    close_job(job.pk)
    return False


def wait_for_results(held: Claim, problem: str, seconds: float) -> None:
    """The results cannot be had now: say so on the job, tell when it takes too long, try later."""
    with fenced(held, progress=False) as job:
        told = ASKED_AGAIN % {"why": problem}
        if job.problem != told:
            job.problem = told
            job.save()
        tell_if_late(job)
    give_back(held, seconds=seconds)


def keep_results(held: Claim, job: BatchJob, provider: BatchProvider) -> None:
    """Download the result files and keep each under its hash. Raises LostClaim."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        paths = provider.download(job.remote_id, Path(folder))
        for path in paths:
            refuse_foreign(path, provider)
        rows = [keep_file(held, job, number, path) for number, path in enumerate(paths, start=1)]
    with fenced(held, done=False, progress=False) as row:
        ResultFile.objects.filter(job=row).delete()
        ResultFile.objects.bulk_create(rows)
        row.results_kept_at = timezone.now()
        if row.problem.endswith(UNTIL_THEY_CAME):
            row.problem = ""
        row.save()
    pauses.end_pause(provider)


def refuse_foreign(path: Path, provider: BatchProvider) -> None:
    """Raise ProviderBusy when none of a file's first lines is a result: the page of a proxy, say.

    Taken for results it would mean that every request was lost, and paid again.
    """
    if not path.stat().st_size:
        return
    with path.open("rb") as file:
        first = islice(iter(partial(file.readline, LONGEST_LINE), b""), 100)
        answers = (read_lines([line], provider) for line in first)
        if not any(answered or not unreadable for answered, unreadable in answers):
            raise ProviderBusy(gettext_noop("What was downloaded are no results."), retry_after=300)


def keep_file(held: Claim, job: BatchJob, number: int, path: Path) -> ResultFile:
    """The row of a result file whose bytes are in storage now."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    # The attempt is in the name: a worker that was given up cannot touch its successor's file.
    name = f"results/{job.token}-{number}-{held.attempt}-{digest.hexdigest()}.jsonl"
    with path.open("rb") as file:
        name = default_storage.save(name, File(file))
    return ResultFile(
        job=job, number=number, name=name, sha256=digest.hexdigest(), bytes=path.stat().st_size
    )


def settle_file(
    held: Claim, job: BatchJob, file: ResultFile, provider: BatchProvider, end: float
) -> bool:
    """Settle the lines of a file that are not settled yet; False when the time is up."""
    if file.position >= file.bytes:
        return True
    with default_storage.open(file.name, "rb") as lines:
        lines.seek(file.position)
        for chunk, position in chunks_of(lines, file.position):
            answers, unreadable = read_lines(chunk, provider)
            with fenced(held, done=False) as row:
                # One run for all chunks: what a purpose reads for it is read once.
                row.run = job.run
                settle(row, list(matched(row, answers)))
                file.position = position
                file.unreadable_lines += unreadable
                file.save()
            if unreadable:
                logger.warning("job %s: %d lines cannot be read", job.pk, unreadable)
            if position < file.bytes and time.monotonic() > end:
                return False
    return True


def chunks_of(lines: IO[bytes], position: int) -> Iterator[tuple[list[bytes], int]]:
    """A few hundred lines at a time, with the position in bytes after them."""
    chunk: list[bytes] = []
    while line := lines.readline(LONGEST_LINE):
        position += len(line)
        chunk.append(line)
        if len(chunk) == LINES_AT_ONCE:
            yield chunk, position
            chunk = []
    if chunk:
        yield chunk, position


def read_lines(lines: Sequence[bytes], provider: BatchProvider) -> tuple[list[Answer], int]:
    """What the lines say, and how many say nothing of any request."""
    answers, unreadable = [], 0
    for line in lines:
        if not line.strip():
            continue
        try:
            answers.append(provider.read_line(line))
        except UnreadableLine:
            unreadable += 1
    return answers, unreadable


def matched(job: BatchJob, answers: Sequence[Answer]) -> Iterator[tuple[BatchItem, Answer]]:
    """Each waiting item of the job with its line; the first line of an id counts."""
    waiting = {
        item.custom_id: item
        for item in job.items.filter(
            state=ItemState.SENT, custom_id__in=[answer.custom_id for answer in answers]
        )
    }
    ignored = 0
    for answer in answers:
        item = waiting.pop(answer.custom_id, None)
        if item is None:
            ignored += 1
            continue
        item.run = job.run
        yield item, answer
    if ignored:
        logger.warning("job %s: %d lines that nobody waits for were ignored", job.pk, ignored)
