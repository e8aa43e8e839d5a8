"""The archive of an exam: one ZIP with everything that is needed to defend its results later.

Comes in: an exam and who asks. Goes out: the bytes of the ZIP, a piece at a time, while it is
being written: results (CSV, JSON), the exam file, the pages as images, the history of sheets and
marks, all assessments with their raw replies, a README, and last a manifest with the sha256 of
every file. Nothing is kept in memory but one page and a piece of rows. What changes meanwhile,
is missing, or is not what its row says stands in the manifest: an archive never hides a gap.
"""

from __future__ import annotations

import hashlib
import logging
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.models import User
from exams.models import Exam, Page
from exams.rubric_files import write_exam_file
from exams.storage import CHUNK
from grading import export_history
from grading.export_json import dump, results_json
from grading.exports import marks_csv, results_csv
from grading.publish import publication_state

logger = logging.getLogger(__name__)

FORMAT = "sheaf-archive"
VERSION = 1
# The same for every file, so that two archives of one state differ in their manifest alone.
MOMENT = (1980, 1, 1, 0, 0, 0)


@dataclass(slots=True)
class _Archive:
    """A ZIP being written to nowhere: what was written is taken away piece by piece."""

    written: list[bytes] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def write(self, data: bytes) -> int:
        self.written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def take(self) -> Iterator[bytes]:
        """What was written since the last time."""
        if self.written:
            pieces, self.written = self.written, []
            yield b"".join(pieces)


def archive(exam: Exam, *, by: User) -> Iterator[bytes]:
    """The whole ZIP, piece by piece."""
    out = _Archive()
    before = publication_state(exam).fingerprint
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:  # type: ignore[arg-type]
        for name, pieces in _texts(exam):
            yield from _member(out, zipped, name, (piece.encode() for piece in pieces))
        for page, name in _pages(exam):
            yield from _page(out, zipped, page, name)
        if publication_state(exam).fingerprint != before:
            out.problems.append("Marks or sheets changed while this archive was written.")
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "exam": exam.title,
            "class": exam.school_class.name,
            "exported_at": timezone.now().isoformat(timespec="seconds"),
            "exported_by": by.name,
            "problems": out.problems,
            "files": out.files,
        }
        yield from _member(out, zipped, "manifest.json", [f"{dump(manifest)}\n".encode()])
    yield from out.take()


def _texts(exam: Exam) -> Iterator[tuple[str, Iterable[str]]]:
    yield "README.txt", [_readme(exam)]
    yield "exam.yaml", [write_exam_file(exam)]
    yield "results.csv", results_csv(exam)
    yield "marks.csv", marks_csv(exam)
    yield "results.json", results_json(exam)
    yield "history-of-marks.csv", export_history.marks_history_csv(exam)
    yield "history-of-sheets.csv", export_history.sheets_history_csv(exam)
    yield "appeals.csv", export_history.appeals_csv(exam)
    yield "assessments.jsonl", export_history.assessments_jsonl(exam)


def _member(
    out: _Archive,
    zipped: zipfile.ZipFile,
    name: str,
    pieces: Iterable[bytes],
    *,
    packed: bool = True,
) -> Iterator[bytes]:
    about = zipfile.ZipInfo(name, MOMENT)
    about.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    about.external_attr = 0o600 << 16
    digest, size = hashlib.sha256(), 0
    with zipped.open(about, "w", force_zip64=True) as member:
        for piece in pieces:
            member.write(piece)
            digest.update(piece)
            size += len(piece)
            yield from out.take()
    out.files.append({"name": name, "sha256": digest.hexdigest(), "size": size})
    yield from out.take()


def _pages(exam: Exam) -> Iterator[tuple[Page, str]]:
    """Every page with its name in the archive: a folder for each sheet, by roll number."""
    pages = (
        Page.objects.filter(sheet__exam=exam)
        .select_related("sheet__enrolment")
        .order_by("sheet__enrolment__roll_number", "sheet", "number")
    )
    for page in pages.iterator(500):
        enrolment = page.sheet.enrolment
        whose = f"{_plain_name(enrolment.roll_number)}-" if enrolment else "without-student-"
        dropped = "-dropped" if page.dropped_at else ""
        suffix = re.search(r"\.\w+$", page.image)
        ending = suffix[0] if suffix else ""
        yield page, f"pages/{whose}{page.sheet_id}/page-{page.number:02d}{dropped}{ending}"


def _plain_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)


def _page(out: _Archive, zipped: zipfile.ZipFile, page: Page, name: str) -> Iterator[bytes]:
    try:
        file = default_storage.open(page.image, "rb")
    except FileNotFoundError:
        logger.error("page %s: its picture is missing in the storage", page.pk)
        out.problems.append(f"{name}: the picture is missing in the storage.")
        return
    with file:
        # A picture is packed already: packing it again only costs time.
        yield from _member(out, zipped, name, iter(lambda: file.read(CHUNK), b""), packed=False)
    if out.files[-1]["sha256"] != page.sha256:
        logger.error("page %s: its picture is not the one of its row", page.pk)
        out.problems.append(f"{name}: the picture is not the one that was stored for it.")


def _readme(exam: Exam) -> str:
    return f"""{exam.title}, {exam.school_class.name}: archive of the exam from Sheaf

results.csv            a row for each student, a column for each criterion
marks.csv              a row for each mark: points, feedback, proposal, last change and its reason
results.json           the same for programs (described in Sheaf's docs/exports.md)
exam.yaml              the exam file: rubric and answer key, to be read by Sheaf again
history-of-marks.csv   every change of every mark: who, when, why, the value after it
history-of-sheets.csv  every step of every sheet: who, when, why, the state after it
appeals.csv            every appeal of a student with its answer
assessments.jsonl      every assessment with its parts, hashes and raw reply, one on each line
pages/                 the pages of the sheets, a folder for each sheet
manifest.json          sha256 and size of all these files, and what was odd while writing them

This archive holds names, marks, reasoning for staff and pages of students. Keep it as you keep
the sheets themselves.
"""
