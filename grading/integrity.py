"""Integrity: do rows, files and hashes agree, in both directions?

Every file a row speaks of must be there with its size and hash; every file that is there
must belong to a row; every graded sheet has one mark per criterion. Says what differs and
changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.files.storage import default_storage
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from batching.models import BatchJob
from exams.models import GRADED_STATES, Criterion, Page, Sheet, SheetState, Upload

BLOCK = 1 << 20


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
    for job in BatchJob.objects.iterator():
        yield KeptFile(f"job {job.pk}", job.lines_file, job.lines_sha256, job.lines_bytes)


def differences() -> Iterator[str]:
    """One sentence for each disagreement; nothing when all is well."""
    known: set[str] = set()
    for kept in kept_files():
        known.add(kept.name)
        yield from _file_problems(kept)
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
        Sheet.objects.filter(state__in=[*GRADED_STATES, SheetState.PUBLISHED])
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
    if not kept.sha256:
        return
    digest, size = hashlib.sha256(), 0
    with default_storage.open(kept.name, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            size += len(block)
    if kept.size is not None and size != kept.size:
        yield f"{kept.owner}: {kept.name} has {size} bytes, its row says {kept.size}"
    elif digest.hexdigest() != kept.sha256:
        yield f"{kept.owner}: {kept.name} does not have the hash of its row"
