"""The stored lines of a job, read again: each must be the one that a person approved.

Comes in: a job, its items with the places and hashes of their lines, and its file. Goes out: the
lines, or LinesChanged.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.translation import gettext_noop

from batching.models import BatchItem, BatchJob
from batching.providers.lines import hash_of_line


class LinesChanged(Exception):
    """What is stored is not what a person approved."""


def stored_line(job: BatchJob, item: BatchItem) -> bytes:
    """What stands in the job's file where the line of an item was written."""
    with default_storage.open(job.lines_file, "rb") as file:
        file.seek(item.line_offset)
        line: bytes = file.read(item.line_bytes)
    return line


def approved_line(job: BatchJob, item: BatchItem) -> bytes:
    """The line of an item. Raises LinesChanged."""
    line = stored_line(job, item)
    if hash_of_line(line) != item.request_hash:
        raise LinesChanged(
            gettext_noop("The stored request is not the one that was drafted. Draft it again.")
        )
    return line


@contextmanager
def approved_lines(job: BatchJob) -> Iterator[Path]:
    """The job's file of lines as a file on this machine. Raises LinesChanged."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path = Path(folder) / f"{job.token}.jsonl"
        with default_storage.open(job.lines_file, "rb") as stored, path.open("w+b") as file:
            shutil.copyfileobj(stored, file, 1 << 20)
            file.seek(0)
            check_lines(job, file)
        yield path


def check_lines(job: BatchJob, file: IO[bytes]) -> None:
    """Raise LinesChanged unless the file holds the lines of the job's items and nothing else."""
    items = BatchItem.objects.filter(job=job).order_by("line_offset")
    end = 0
    for offset, size, digest in items.values_list(
        "line_offset", "line_bytes", "request_hash"
    ).iterator():
        line = file.read(size)
        if offset != end or hash_of_line(line) != digest or file.read(1) != b"\n":
            break
        end += size + 1
    else:
        if not file.read(1):
            return
    raise LinesChanged(
        gettext_noop("The stored lines are not those that were drafted. Draft again.")
    )
