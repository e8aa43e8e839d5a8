"""Unpacking: an upload becomes sheets, and every file in it gets a line in the upload's report.

Comes in: the id of a received upload. Goes out: a sheet per PDF, per folder of images, per single
image outside a folder. In a folder that holds both, each PDF is a sheet and the images together
are another. Images whose names carry the same roll number belong together, and those of different
students apart. Papers that the exam has already are listed, not doubled.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import IO

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.translation import gettext_noop
from simple_history.utils import bulk_create_with_history

from accounts.models import Enrolment
from batching.claims import Claim, fenced, kept_alive
from exams.archives import BadArchive, BadMember, Budget, Member, counted, members_of, open_archive
from exams.archives import reading as reading_member
from exams.attempts import attempt, fail
from exams.content import ACCEPTED, HEAD, Kind, describe, is_archive, kind_of
from exams.due import uploads_to_unpack
from exams.models import Exam, MemberOutcome, Sheet, Upload, UploadMember, UploadState
from exams.natural import natural_key
from exams.roll_numbers import rolls_in_name
from exams.storage import (
    StoredFile,
    clean_folder,
    delete_after_commit,
    keep_file,
    undone_on_error,
)

COMMIT_SHEETS = 25
COMMIT_SECONDS = 2.0
SAME_HERE = gettext_noop("The same sheet as “%(name)s”, which was kept.")
SAME_EARLIER = gettext_noop("The same sheet as “%(name)s” from “%(upload)s”, which was kept.")
PACKED = gettext_noop("It is %(what)s inside the ZIP. Unpack it and put its files into the ZIP.")
NOT_ACCEPTED = gettext_noop("It is %(what)s. Accepted are %(what_else)s files.")


@dataclass(slots=True)
class Paper:
    """One sheet in the making: its stored files in page order, and the members they came from."""

    name: str
    members: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    hashes: list[str] = field(default_factory=list)

    def add(self, member: str, stored: StoredFile) -> None:
        self.members.append(member)
        self.files.append(stored.name)
        self.hashes.append(stored.sha256)

    @property
    def sha256(self) -> str:
        """The paper's own hash: the file's, or of the files' hashes in page order."""
        if len(self.hashes) == 1:
            return self.hashes[0]
        return hashlib.sha256("".join(self.hashes).encode()).hexdigest()


def unpack_upload(upload_pk: int) -> None:
    """The stage: unpack one upload, or go on where an earlier attempt stopped.

    Commits a handful of sheets at a time. Returns at once when there is nothing to do or when
    another worker has it.
    """
    attempt(uploads_to_unpack(), upload_pk, _attempt)


def _attempt(held: Claim) -> None:
    upload = Upload.objects.select_related("exam").get(pk=held.pk)
    folder = f"papers/{upload.pk}"
    written = upload.sheets.values_list("source_files", flat=True)
    clean_folder(folder, keep={name for names in written for name in names})
    if held.exhausted:
        problem = gettext_noop(
            "Unpacking stopped half-way several times. Upload the file in smaller parts."
        )
        fail(held, problem, reason=gettext_noop("Unpacking failed"))
        return
    try:
        with kept_alive(held):
            _Unpacking(held, upload, folder).run()
    except BadArchive as error:
        fail(held, " ".join(error.messages), reason=gettext_noop("Unpacking failed"))


class _Unpacking:
    """The state of one attempt: what is stored but not committed yet."""

    def __init__(self, held: Claim, upload: Upload, folder: str) -> None:
        self.held = held
        self.upload = upload
        self.folder = folder
        self.papers: list[Paper] = []
        self.lines: list[UploadMember] = []
        self.uncommitted: list[str] = []
        self.committed_at = time.monotonic()
        self.budget = Budget()

    def run(self) -> None:
        with (
            undone_on_error() as self.uncommitted,
            default_storage.open(self.upload.file, "rb") as file,
        ):
            if kind_of(file.read(HEAD)) is Kind.ZIP:
                self._unpack(file)
            else:
                self._take_whole()

    def _take_whole(self) -> None:
        """The upload is one PDF or one image: its own file is the paper."""
        upload = self.upload
        self._start(1)
        if not upload.members.exists():
            paper = Paper(upload.original_name)
            paper.add(upload.original_name, StoredFile(upload.file, upload.sha256, upload.size))
            self.papers.append(paper)
            self._commit(keep_files=True)
        self._finish()

    def _unpack(self, file: IO[bytes]) -> None:
        with open_archive(file) as archive:
            members = members_of(archive)
            if not members:
                raise BadArchive(
                    gettext_noop("The ZIP is empty. Put PDF, JPEG or PNG files into it.")
                )
            self._start(len(members))
            listed = set(self.upload.members.values_list("name", flat=True))
            if listed:
                self._spend_what_was_unpacked()
            for name, group in grouped(members, self._roll_numbers()):
                images = Paper(name)
                for member in group:
                    if member.name in listed:
                        continue
                    self._take(archive, member, images)
                    self._commit_sometimes()
                if images.files:
                    self.papers.append(images)
                    self._commit_sometimes()
            self._commit()
        self._finish()

    def _spend_what_was_unpacked(self) -> None:
        """Go on with the budget where an earlier attempt stopped.

        A repeated paper has the bytes of the sheet that was kept. Where the budget was the reason
        to refuse a member it is used up. What came out of members that were too large by
        themselves is not known any more.
        """
        lines = Counter(self.upload.members.exclude(sheet=None).values_list("sheet", flat=True))
        for sheet in Sheet.objects.filter(pk__in=lines):
            size = sum(map(default_storage.size, sheet.source_files))
            # Each file of each paper has its line.
            self.budget.left -= size * lines[sheet.pk] / len(sheet.source_files)
        refused = self.upload.members.filter(outcome=MemberOutcome.REFUSED)
        if refused.filter(reason=self.budget.problem).exists():
            self.budget.left = min(0, self.budget.left)

    def _roll_numbers(self) -> list[str]:
        return list(
            Enrolment.objects.filter(school_class=self.upload.exam.school_class_id).values_list(
                "roll_number", flat=True
            )
        )

    def _take(self, archive, member: Member, images: Paper) -> None:  # type: ignore[no-untyped-def]
        if member.ignored:
            self._line(member.name, MemberOutcome.IGNORED, member.ignored)
            return
        if member.refused:
            self._line(member.name, MemberOutcome.REFUSED, member.refused)
            return
        try:
            with reading_member(archive, member) as stream:
                head = stream.read(HEAD)
                kind = _accepted_kind(head)
                stored = keep_file(
                    _Rest(head, stream),  # type: ignore[arg-type]
                    self.folder,
                    kind.value,
                    check=counted(member, self.budget),
                )
        except BadMember as error:
            self._line(member.name, MemberOutcome.REFUSED, " ".join(error.messages))
            return
        self.uncommitted.append(stored.name)
        if kind.is_image:
            images.add(member.name, stored)
        else:
            paper = Paper(member.name)
            paper.add(member.name, stored)
            self.papers.append(paper)

    def _line(self, name: str, outcome: str, reason: str, sheet: Sheet | None = None) -> None:
        self.lines.append(
            UploadMember(upload=self.upload, name=name, outcome=outcome, reason=reason, sheet=sheet)
        )

    def _start(self, member_count: int) -> None:
        with fenced(self.held, done=False, progress=False) as upload:
            if upload.state == UploadState.RECEIVED:
                upload.start(member_count)
                upload._change_reason = gettext_noop("Unpacking began")
                upload.save()

    def _finish(self) -> None:
        with fenced(self.held) as upload:
            upload.finish()
            upload._change_reason = gettext_noop("Unpacked")
            upload.save()

    def _commit_sometimes(self) -> None:
        late = time.monotonic() - self.committed_at > COMMIT_SECONDS
        if late or len(self.papers) >= COMMIT_SHEETS:
            self._commit()

    def _commit(self, *, keep_files: bool = False) -> None:
        """Write the finished papers and lines in one transaction that owns the upload."""
        written = {name for paper in self.papers for name in paper.files}
        progress = bool(self.papers or self.lines)
        with fenced(self.held, done=False, progress=progress) as upload:
            transaction.on_commit(partial(self._no_longer_undone, written))
            # One import at a time writes into an exam, so that no paper comes in twice.
            Exam.objects.select_for_update(no_key=True).get(pk=upload.exam_id)
            self._write(upload, keep_files=keep_files)
        self._no_longer_undone(written)
        self.papers, self.lines = [], []
        self.committed_at = time.monotonic()

    def _no_longer_undone(self, written: set[str]) -> None:
        self.uncommitted[:] = [name for name in self.uncommitted if name not in written]

    def _write(self, upload: Upload, *, keep_files: bool) -> None:
        known = {
            sheet.source_sha256: sheet
            for sheet in Sheet.objects.filter(
                exam=upload.exam_id, source_sha256__in=[paper.sha256 for paper in self.papers]
            ).select_related("upload")
        }
        new: list[tuple[Paper, Sheet]] = []
        for paper in self.papers:
            if paper.sha256 in known:
                continue
            sheet = Sheet(
                exam=upload.exam,
                upload=upload,
                name=paper.name[-255:],
                source_files=paper.files,
                source_sha256=paper.sha256,
            )
            known[paper.sha256] = sheet
            new.append((paper, sheet))
        bulk_create_with_history(
            [sheet for _, sheet in new],
            Sheet,
            default_user=upload.uploaded_by,
            default_change_reason=gettext_noop("Unpacked"),
        )
        made = {id(paper): sheet for paper, sheet in new}
        for paper in self.papers:
            sheet = made.get(id(paper)) or known[paper.sha256]
            repeated = id(paper) not in made
            if repeated and not keep_files:
                delete_after_commit(*paper.files)
            for member in paper.members:
                if repeated:
                    self._line(member, MemberOutcome.REPEATED, _same_as(sheet, upload), sheet)
                else:
                    self._line(member, MemberOutcome.ACCEPTED, "", sheet)
        UploadMember.objects.bulk_create(self.lines)


def _same_as(sheet: Sheet, upload: Upload) -> str:
    if sheet.upload_id == upload.pk:
        return SAME_HERE % {"name": sheet.name}
    return SAME_EARLIER % {"name": sheet.name, "upload": sheet.upload.original_name}


def _accepted_kind(head: bytes) -> Kind:
    kind = kind_of(head)
    if is_archive(head):
        raise BadMember(PACKED % {"what": describe(head)})
    if kind is None:
        raise BadMember(NOT_ACCEPTED % {"what": describe(head), "what_else": ACCEPTED})
    return kind


class _Rest:
    """A stream that gives back first what was already read from it."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self.head, self.stream = head, stream

    def read(self, size: int) -> bytes:
        if self.head:
            head, self.head = self.head, b""
            return head
        return self.stream.read(size)


def grouped(members: list[Member], roll_numbers: list[str]) -> Iterator[tuple[str, list[Member]]]:
    """(name, members in natural order) of what forms one sheet if it is images.

    A folder, or a file outside of one; but roll numbers in the files' names keep what is one
    student's together and what is two students' apart, unless the folder names a student itself.
    """
    folders: dict[str, list[Member]] = {}
    for member in members:
        folders.setdefault(member.folder, []).append(member)
    for folder in sorted(folders, key=natural_key):
        inside = sorted(folders[folder], key=lambda member: natural_key(member.name))
        names = {
            member.name: rolls_in_name(member.name.rpartition("/")[2], roll_numbers)
            for member in inside
        }
        of_one_student = bool(folder) and (
            bool(rolls_in_name(folder, roll_numbers))
            or len({rolls[0] for rolls in names.values() if len(rolls) == 1}) < 2
        )
        if of_one_student:
            yield folder, inside
            continue
        papers: dict[str, list[Member]] = {}
        for member in inside:
            rolls = names[member.name]
            papers.setdefault(rolls[0] if len(rolls) == 1 else f"/{member.name}", []).append(member)
        for group in papers.values():
            yield group[0].name, group
