"""Build: from the planned items of a run to jobs in draft, each with its file of lines.

Streaming, one line in memory at a time. One job (a shard no larger than the provider's
limits) is written and committed at a time; a build that died goes on with the items that
have no job yet, and makes the same bytes. Items that are sent again after a failure become
jobs of their own, which go off without a person as long as the money allows it.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone, translation
from django.utils.translation import gettext_noop

from batching import providers, purposes, spending
from batching.claims import Claim, LostClaim, claim, fenced, kept_alive
from batching.images import ImageChanged, reader
from batching.jsonl import encode_request
from batching.models import FINAL_JOB_STATES, BatchItem, BatchJob, BatchRun, ItemState, JobState
from batching.providers.base import (
    BatchProvider,
    DirectProvider,
    Line,
    ProviderRefused,
    Usage,
)
from batching.providers.lines import hash_of_line
from batching.requests import Request, Text
from batching.rows import update_rows

ITEMS_AT_ONCE = 200
LINES_PER_JOB = 5000
BUILD_SECONDS = 240
BUILT_FIELDS = [
    "job",
    "state",
    "fence",
    "line_offset",
    "line_bytes",
    "request_hash",
    "estimated_input_tokens",
    "estimated_output_tokens",
]
RELEASED_FIELDS = ["state", "reason", "ended_at"]


COMPLAINT = (
    "An earlier reply to this request could not be used: {complaint} "
    "Begin afresh, and reply with one JSON object that fits the schema."
)


class WrittenFile(File):
    """A file on its way into storage: renamed where that is on the same disk, else copied."""

    def temporary_file_path(self) -> str:
        return str(self.name)


class OutOfDate(Exception):
    """What a line speaks about changed before the line was kept."""


@dataclass(slots=True)
class Shard:
    """What was written to one file, before it becomes a job."""

    provider: str
    path: Path
    built: list[BatchItem] = field(default_factory=list)
    refused: list[BatchItem] = field(default_factory=list)
    bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


def runs_to_build() -> models.QuerySet[BatchRun]:
    """Runs with planned items that may be built (of a new run, or of an ended job), or with
    drafts that were built and not presented yet.
    """
    ready = ready_items().filter(run=models.OuterRef("pk"))
    # A worker may have died after it kept a job and before it presented the run's.
    drafts = BatchJob.objects.filter(run=models.OuterRef("pk"), state=JobState.DRAFT)
    return BatchRun.objects.filter(
        models.Q(built_at__isnull=True) | models.Exists(ready) | models.Exists(drafts), problem=""
    )


def ready_items() -> models.QuerySet[BatchItem]:
    """Planned items without a job; what is sent again waits until its first job has ended."""
    return BatchItem.objects.filter(
        models.Q(previous=None) | models.Q(previous__job__state__in=FINAL_JOB_STATES),
        state=ItemState.PLANNED,
        job=None,
    )


def build_run(run_pk: int) -> bool:
    """Freeze every planned item of a run as a line of a job; then present the jobs.

    True when its time is up and more is to be built. Does nothing when nothing is to be built
    or another worker builds it. Raises LostClaim.
    """
    held = claim(runs_to_build(), run_pk)
    if held is None:
        return False
    run = BatchRun.objects.get(pk=run_pk)
    drop_stopped(held)
    if held.exhausted:
        give_up(
            held,
            gettext_noop(
                "Building the requests failed several times. Ask an admin to look at the log."
            ),
        )
        return False
    end = time.monotonic() + BUILD_SECONDS
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        while names := sorted(set(_next_items(run).values_list("provider", flat=True))):
            if time.monotonic() > end:
                with fenced(held):
                    return True
            with kept_alive(held):
                shard = write_shard(run, names[0], Path(folder) / "lines.jsonl")
            keep_shard(held, shard)
    present(held)
    return False


def drop_stopped(held: Claim) -> None:
    """Set free what was to be sent again by a job that a person stopped in the meantime."""
    with fenced(held, done=False, progress=False) as run:
        stopped = models.Q(previous__job__cancel_asked_at__isnull=False) | models.Q(
            previous__job__state=JobState.CANCELLED
        )
        planned = run.items.filter(stopped, state=ItemState.PLANNED, job=None)
        release(planned, gettext_noop("Its job was stopped before this was sent again."))


def present(held: Claim) -> None:
    """The drafts are complete: those of a new run wait for a person, later rounds go off."""
    with fenced(held) as run:
        drafts = run.jobs.select_for_update().filter(state=JobState.DRAFT).order_by("pk")
        for job in drafts:
            job.present()
            if job.round:
                send_round(run, job)
            job.save()
        run.built_at = run.built_at or timezone.now()
        run.save()


def send_round(run: BatchRun, job: BatchJob) -> None:
    """Approve a job of requests that are sent again, in the name of who sent them first.

    Where the money does not allow it the job waits for a person, and says so.
    """
    first = run.jobs.filter(round=0, approved_by__isnull=False).order_by("pk").first()
    try:
        with translation.override("en"):  # the message stands in a row
            spending.check_caps(run, run.jobs.filter(pk=job.pk))
    except spending.OverBudget as over:
        job.problem = over.message
        purposes.get(run.purpose).waits(job)
        return
    if first is not None and first.approved_by is not None:
        job.submit(first.approved_by)


def write_shard(run: BatchRun, provider_name: str, path: Path) -> Shard:
    """Write lines from the provider's next planned items on, until one more passes a limit."""
    shard = Shard(provider_name, path)
    provider = providers.get(provider_name)
    lines, most_bytes, most_tokens = limits_of(provider)
    with path.open("wb") as file:
        for item, line in _lines(run, provider_name, provider):
            if isinstance(line, str):
                item.reason = line
                shard.refused.append(item)
                continue
            size, estimate = line.size, line.estimate
            if shard.built and (
                len(shard.built) >= lines
                or shard.bytes + size + 1 > most_bytes
                or shard.input_tokens + estimate.input_tokens > most_tokens
            ):
                break
            item.line_offset, item.line_bytes = shard.bytes, size
            item.request_hash = line.sha256
            item.estimated_input_tokens = estimate.input_tokens
            item.estimated_output_tokens = estimate.output_tokens
            file.writelines(line.blocks())
            file.write(b"\n")
            shard.bytes += size + 1
            shard.input_tokens += estimate.input_tokens
            shard.output_tokens += estimate.output_tokens
            shard.built.append(item)
    return shard


def limits_of(provider: DirectProvider | BatchProvider) -> tuple[int, float, float]:
    """The most lines, bytes and input tokens of one job."""
    limits = provider.limits
    tokens = [limits.tokens]
    if isinstance(provider, BatchProvider):
        tokens.append(provider.enqueued_tokens)
    return (
        min(limits.lines or LINES_PER_JOB, LINES_PER_JOB),
        math.inf if limits.bytes is None else limits.bytes,
        min((one for one in tokens if one is not None), default=math.inf),
    )


def keep_shard(held: Claim, shard: Shard) -> None:
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
            refuse_stopped(shard)
            for item in shard.refused:
                item.release(item.reason)
            update_rows(shard.refused, RELEASED_FIELDS)
            if shard.refused:
                purpose.released(shard.refused)
            if shard.built:
                make_job(run, number, name, shard)
                if purpose.built(shard.built):
                    raise OutOfDate
    except OutOfDate:
        if name:
            default_storage.delete(name)
    except LostClaim:
        if name:
            default_storage.delete(name)
        raise


def refuse_stopped(shard: Shard) -> None:
    """Raise OutOfDate when somebody set an item of the shard free since its line was written."""
    pks = [item.pk for item in (*shard.built, *shard.refused)]
    planned = BatchItem.objects.filter(pk__in=pks, state=ItemState.PLANNED, job=None)
    if len(planned.select_for_update().order_by("pk").values_list("pk")) != len(pks):
        raise OutOfDate


def store_lines(run: BatchRun, number: int, attempt: int, shard: Shard) -> str:
    """The storage name of the shard's file; files of attempts that died are taken away."""

    def name_of(attempt: int) -> str:
        return f"jobs/{run.token}-{number:04d}-{attempt}.jsonl"

    for earlier in range(1, attempt + 1):
        default_storage.delete(name_of(earlier))
    with shard.path.open("rb") as file:
        return str(default_storage.save(name_of(attempt), WrittenFile(file)))


def make_job(run: BatchRun, number: int, name: str, shard: Shard) -> None:
    """The row of a job and of everything in it."""
    provider = providers.get(shard.provider)
    estimate = Usage(shard.input_tokens, shard.output_tokens)
    price = spending.price_value(provider.price)
    job = BatchJob.objects.create(
        run=run,
        number=number,
        round=shard.built[0].round,
        provider=shard.provider,
        kind=provider.kind,
        price=price,
        estimated_input_tokens=shard.input_tokens,
        estimated_output_tokens=shard.output_tokens,
        estimated_cost=spending.cost_of(estimate, price),
        model=provider.model[:100],
        lines_file=name,
        lines_bytes=shard.bytes,
        item_count=len(shard.built),
    )
    for item in shard.built:
        item.job = job
        item.build()
    update_rows(shard.built, BUILT_FIELDS)


def give_up(held: Claim, problem: str) -> None:
    """End what cannot be built. A new run ends with it; of a run that was sent, only what was to
    be sent again fails, and its other jobs go on.
    """
    with fenced(held) as run:
        for job in run.jobs.select_for_update().filter(state=JobState.DRAFT).order_by("pk"):
            release(job.items.filter(state=ItemState.BUILT), problem, failed=bool(job.round))
            job.cancel(problem)
            job.cost = 0
            job.save()
        if run.built_at is None:
            run.problem = problem
            run.save()
            release(run.items.filter(state=ItemState.PLANNED), problem)
        else:
            release(_next_items(run), problem, failed=True)


def release(items: models.QuerySet[BatchItem], reason: str, *, failed: bool = False) -> None:
    """Set items free that were never answered, and tell their purpose; with `failed` that this
    was their last chance.
    """
    rows = list(items.select_for_update(of=("self",)).order_by("pk"))
    for item in rows:
        item.release(reason)
    update_rows(rows, RELEASED_FIELDS)
    if rows:
        purpose = purposes.get(rows[0].purpose)
        (purpose.fail if failed else purpose.released)(rows)


def _next_items(run: BatchRun) -> models.QuerySet[BatchItem]:
    return ready_items().filter(run=run)


def _lines(
    run: BatchRun, name: str, provider: DirectProvider | BatchProvider
) -> Iterator[tuple[BatchItem, Line | str]]:
    purpose = purposes.get(run.purpose)
    line_of = line_maker(provider)
    planned = _next_items(run).filter(provider=name).order_by("number")
    # A job holds requests of one round, so that its account tells how that round went.
    first = planned.values_list("round", flat=True).first()
    planned = planned.filter(round=first)
    last = 0
    while chunk := list(planned.filter(number__gt=last)[:ITEMS_AT_ONCE]):
        last = chunk[-1].number
        for item in chunk:
            item.run = run
        drafts = purpose.drafts(chunk)
        for item in chunk:
            draft = drafts[item.pk]
            if isinstance(draft, str):
                yield item, draft
                continue
            item.fence = draft.fence
            try:
                line = line_of(again(draft.request, item))
            except (ProviderRefused, ImageChanged) as refusal:
                yield item, str(refusal)
            except FileNotFoundError:
                yield item, gettext_noop("An image of this request is no longer stored.")
            else:
                yield item, line


def again(request: Request, item: BatchItem) -> Request:
    """The request as it is asked after a failure: with the complaint, and with more room."""
    if item.complaint:
        complaint = Text(COMPLAINT.format(complaint=item.complaint))
        request = replace(request, parts=(*request.parts, complaint))
    return replace(request, max_output_tokens=request.max_output_tokens * item.output_factor)


def line_maker(provider: DirectProvider | BatchProvider) -> Callable[[Request], Line]:
    """A function that gives the line of a request, as this provider takes it."""
    read_image = reader(provider.rendition)
    # Asked once: whether something is of a protocol takes as long as a page.
    if isinstance(provider, BatchProvider):
        encode = provider.encode
        return lambda request: encode(request, read_image)

    def neutral(request: Request) -> Line:
        line = encode_request(request)
        return Line((line,), hash_of_line(line), provider.estimate(request, read_image))

    return neutral
