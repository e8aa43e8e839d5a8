"""Uploads: the bytes of a ZIP, a PDF or images are taken in, and unpacking is asked for.

Comes in: an exam, an open file, its name, who brought it. Goes out: an Upload whose file is
complete in storage. The same bytes in the same exam are refused and the first is named.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable
from typing import IO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import User
from batching.conflicts import Conflict, guarded
from batching.sweep import ring
from exams import tasks
from exams.content import ACCEPTED, HEAD, describe, kind_of
from exams.models import Exam, Upload
from exams.storage import (
    CHUNK,
    keep_file,
    limit_of,
    no_room_is_clear,
    undone_on_error,
)


class DuplicateUpload(ValidationError):
    """The same bytes were uploaded to this exam before; `first` is that upload."""

    def __init__(self, first: Upload) -> None:
        uploaded = timezone.localtime(first.uploaded_at)
        super().__init__(
            _(
                "This file was uploaded before, as “%(name)s” on %(date)s at %(time)s."
                " Nothing was changed."
            )
            % {
                "name": first.original_name,
                "date": date_format(uploaded, _("j F Y")),
                "time": date_format(uploaded, "H:i"),
            },
            code="duplicate_upload",
        )
        self.first = first


class UnknownContent(ValidationError):
    """The file is nothing that intake takes."""


def receive_upload(exam: Exam, file: IO[bytes], *, name: str, by: User) -> Upload:
    """Store a ZIP, PDF, JPEG or PNG and ask for it to be unpacked.

    `file` is read from its start. Raises UnknownContent, DuplicateUpload, TooLarge or
    StorageFull, and Conflict when the exam is deleted meanwhile; then nothing is kept.
    """
    file.seek(0)
    head = file.read(HEAD)
    kind = kind_of(head)
    if kind is None:
        raise UnknownContent(
            _("“%(name)s” is %(what)s. Upload a ZIP, or a %(accepted)s file.")
            % {"name": name, "what": _(describe(head)), "accepted": _(ACCEPTED)},
            code="unknown_content",
        )
    file.seek(0)
    megabytes = settings.SHEAF_UPLOAD_MAX_MB
    too_large = _("“%(name)s” is larger than %(size)s MB. Upload it in parts.") % {
        "name": name,
        "size": f"{megabytes:g}",
    }
    with undone_on_error() as kept:
        stored = keep_file(
            file, "uploads", kind.value, check=limit_of(megabytes, too_large), durable=True
        )
        kept.append(stored.name)
        same = Upload.objects.filter(exam=exam, sha256=stored.sha256)
        if first := same.first():
            raise DuplicateUpload(first)
        try:
            with transaction.atomic():
                transaction.on_commit(kept.clear)
                upload = Upload(
                    exam=exam,
                    uploaded_by=by,
                    original_name=name[-255:],
                    file=stored.name,
                    sha256=stored.sha256,
                    size=stored.size,
                )
                upload._history_user = by
                upload.save()
                ring(tasks.unpack_upload, upload.pk)
        except IntegrityError:
            # Two people (or one twice) at once: the other was a moment earlier.
            if first := same.first():
                raise DuplicateUpload(first) from None
            if not Exam.objects.filter(pk=exam.pk).exists():
                raise Conflict(
                    _("This exam was deleted meanwhile. The file was not kept.")
                ) from None
            raise
    return upload


def receive_images(
    exam: Exam, files: Iterable[tuple[str, IO[bytes]]], *, name: str, by: User
) -> Upload:
    """Take several loose images, given as (name, open file), as the pages of one sheet.

    They are packed into one ZIP with one folder; the same images give the same bytes, so that a
    second try is recognised. Raises like receive_upload.
    """
    folder = name.replace("/", " ").replace("\\", " ").strip(" .") or "images"
    limit = settings.SHEAF_UPLOAD_MAX_MB
    check = limit_of(
        limit,
        _("The images are larger than %(size)s MB. Upload fewer at once.") % {"size": f"{limit:g}"},
    )
    size = 0
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as packed:
        with no_room_is_clear(), zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            for number, (image_name, image) in enumerate(files, start=1):
                # The number keeps the order in which the person gave them.
                plain = image_name.replace("/", " ").replace("\\", " ")
                info = zipfile.ZipInfo(f"{folder}/{number:03d} {plain}")
                image.seek(0)
                with archive.open(info, "w", force_zip64=True) as target:
                    while block := image.read(CHUNK):
                        size += len(block)
                        check(size)
                        target.write(block)
        return receive_upload(exam, packed, name=f"{folder}.zip", by=by)


def retry_upload(upload: Upload, *, by: User) -> None:
    """Let a failed upload be unpacked once more. Raises Conflict when it has not failed."""
    with transaction.atomic(), guarded(_("This upload is not waiting for another try.")):
        locked = Upload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
        locked.retry()
        locked.tries = 0
        locked.lease_until = None
        locked._history_user = by
        locked.save()
        ring(tasks.unpack_upload, locked.pk)
