"""Integrity: do rows, files and hashes agree, in both directions?

Every file a row speaks of must be there with its size and hash; every file that is there
must belong to a row; every graded sheet has one mark per criterion. `differences` says what
differs and changes nothing; `delete_orphans` is the housekeeping: it deletes the files that
killed workers left without a row.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from batching.models import BatchJob, BatchRun, ResultFile
from batching.stored_lines import LinesChanged, check_lines
from exams.models import (
    MARKED_STATES,
    Criterion,
    KeyProposal,
    Page,
    Sheet,
    Upload,
)

logger = logging.getLogger(__name__)

BLOCK = 1 << 20
# However short the leases are: a file of an upload is there a moment before its row.
YOUNG = timedelta(minutes=10)
FEW = 100


class TooManyOrphans(Exception):
    """Most stored files belong to no row: the database is rather the wrong one."""


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that a row speaks of; `sha256` and `size` are empty where the row has none."""

    owner: str
    name: str
    sha256: str = ""
    size: int | None = None


def kept_files() -> Iterator[KeptFile]:
    """Every file that some row speaks of."""
    for upload in Upload.objects.iterator():
        yield KeptFile(f"upload {upload.pk}", upload.file, upload.sha256, upload.size)
    for sheet in Sheet.objects.iterator():
        for name in sheet.source_files:
            yield KeptFile(f"sheet {sheet.pk}", name)
    for page in Page.objects.iterator():
        yield KeptFile(f"page {page.pk}", page.image, page.sha256)
        yield KeptFile(f"page {page.pk}", page.thumbnail, page.thumbnail_sha256)
    for key in KeyProposal.objects.iterator():
        yield KeptFile(f"answer key {key.pk}", key.file, key.sha256, key.size)
        for page in key.pages:
            yield KeptFile(f"answer key {key.pk}", page["image"], page["sha256"])
    for job in BatchJob.objects.exclude(lines_file="").iterator():
        yield KeptFile(f"job {job.pk}", job.lines_file, size=job.lines_bytes)
    for file in ResultFile.objects.iterator():
        yield KeptFile(f"results of job {file.job_id}", file.name, file.sha256, file.bytes)


def delete_orphans() -> int:
    """Delete the stored files that no row speaks of and that are old enough; how many.

    Old is older than two leases, and not in a folder whose row is being worked on: a file is
    there before its row. Raises TooManyOrphans, deleting nothing, when they outnumber the
    others, as after starting with an empty database beside a full storage.
    """
    # In this order, whatever is committed meanwhile: first the files, then who is at work, and
    # then the rows that those have written who are not.
    orphans, named = set(stored_files()), 0
    at_work = folders_at_work()
    for kept in kept_files():
        if kept.name in orphans:
            orphans.discard(kept.name)
            named += 1
    old = sorted(name for name in orphans if not name.startswith(at_work) and _is_old(name))
    if len(old) > max(FEW, named):
        raise TooManyOrphans(
            f"{len(old)} stored files belong to no row of this database and {named} do. Is it the "
            "right one (DATABASE_URL)? Nothing was deleted."
        )
    for name in old:
        default_storage.delete(name)
    if old:
        logger.warning("%d stored files belonged to no row and were deleted", len(old))
    return len(old)


def folders_at_work() -> tuple[str, ...]:
    """How the names of files begin whose row a worker holds, and may be about to write."""
    held = Q(lease_until__gte=timezone.now())
    uploads = Upload.objects.filter(held).values_list("pk", flat=True)
    sheets = Sheet.objects.filter(held).values_list("pk", flat=True)
    keys = KeyProposal.objects.filter(held).values_list("pk", flat=True)
    runs = BatchRun.objects.filter(held).values_list("token", flat=True)
    jobs = BatchJob.objects.filter(held).values_list("token", flat=True)
    return (
        *(f"papers/{pk}/" for pk in uploads),
        *(f"sheets/{pk}/" for pk in sheets),
        *(f"keys/{pk}/" for pk in keys),
        *(f"jobs/{token}-" for token in runs),
        *(f"results/{token}-" for token in jobs),
    )


def _is_old(name: str) -> bool:
    age = max(YOUNG, timedelta(seconds=2 * settings.SHEAF_LEASE_SECONDS))
    try:
        return bool(default_storage.get_modified_time(name) < timezone.now() - age)
    except FileNotFoundError:
        return False


def differences() -> Iterator[str]:
    """One sentence for each disagreement; nothing when all is well."""
    known: set[str] = set()
    for kept in kept_files():
        known.add(kept.name)
        yield from _file_problems(kept)
    for job in BatchJob.objects.exclude(lines_file="").iterator():
        yield from _line_problems(job)
    for name in sorted(set(stored_files()) - known):
        yield f"{name}: no row speaks of this file"
    for sheet in miscounted_sheets():
        yield f"sheet {sheet.pk}: {sheet.mark_count} marks for {sheet.leaf_count} criteria"


def miscounted_sheets() -> list[Sheet]:
    """Graded sheets whose marks are not exactly one for each leaf of their rubric."""
    leaves = (
        Criterion.objects.filter(
            rubric=OuterRef("marks__criterion__rubric"), max_marks__isnull=False
        )
        .order_by()
        .values("rubric")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return list(
        Sheet.objects.filter(state__in=MARKED_STATES)
        .annotate(mark_count=Count("marks"), leaf_count=Coalesce(Subquery(leaves), 0))
        .filter(~Q(mark_count=F("leaf_count")) | Q(mark_count=0))
    )


def stored_files(folder: str = "") -> Iterator[str]:
    """The name of every file in storage."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in files:
        yield f"{folder}{name}"
    for name in folders:
        yield from stored_files(f"{folder}{name}/")


def _file_problems(kept: KeptFile) -> Iterator[str]:
    if not default_storage.exists(kept.name):
        yield f"{kept.owner}: the file {kept.name} is missing"
        return
    if not kept.sha256 and kept.size is None:
        return
    digest, size = hashlib.sha256(), 0
    with default_storage.open(kept.name, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    if kept.size is not None and size != kept.size:
        yield f"{kept.owner}: {kept.name} has {size} bytes, its row says {kept.size}"
    elif kept.sha256 and digest.hexdigest() != kept.sha256:
        yield f"{kept.owner}: {kept.name} does not have the hash of its row"


def _line_problems(job: BatchJob) -> Iterator[str]:
    try:
        with default_storage.open(job.lines_file, "rb") as file:
            check_lines(job, file)
    except FileNotFoundError:
        return  # said already
    except LinesChanged:
        yield f"job {job.pk}: {job.lines_file} does not hold the lines of its requests"
