"""Deleting an exam that came to nothing: made by mistake, twice, or only to try Sheaf out.

Comes in: an exam and the fingerprint of what the page showed. Goes out: all of its rows and files
gone, or nothing at all. What was assessed is never deleted, nor what a worker or a provider still
has. The history rows stay, and so does the engine's account of what was asked of providers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification, User
from batching.conflicts import Conflict
from batching.models import LIVE_ITEM_STATES, OPEN_JOB_STATES, BatchItem, BatchJob
from exams.models import Exam, Page, SampleSheet, Sheet, SheetState, Upload, UploadMember
from exams.seen import fingerprint as fingerprint_of
from exams.storage import delete_after_commit
from grading.history import remove_rows
from grading.models import Assessment, GradingRun, Look

REASON = "The exam was deleted"


class MustStay(ValidationError):
    """The exam cannot be deleted (now); every message says why and what to do instead."""


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why an exam cannot be deleted, and where to go instead."""

    text: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class DeletionState:
    """What deleting this exam would take away; `fingerprint` changes when any of it does."""

    hindrances: tuple[Hindrance, ...]
    uploads: int
    sheets: int
    pages: int
    samples: int
    rubrics: int
    runs: int
    fingerprint: str


def deletion_state(exam: Exam) -> DeletionState:
    """What would go with this exam now, and what stands in the way."""
    uploads = list(exam.uploads.order_by("pk").values_list("pk", "state"))
    sheets = list(exam.sheets.order_by("pk").values_list("pk", "state", "enrolment"))
    pages = list(Page.objects.filter(sheet__exam=exam).order_by("pk").values_list("pk", flat=True))
    samples = list(exam.samples.order_by("pk").values_list("pk", "title", "marks"))
    rubrics = list(exam.rubrics.order_by("version").values_list("version", "content_hash"))
    runs = list(exam.runs.order_by("pk").values_list("pk", flat=True))
    facts = (exam.pk, exam.title, exam.date, exam.instructions)
    return DeletionState(
        hindrances=tuple(_hindrances(exam)),
        uploads=len(uploads),
        sheets=len(sheets),
        pages=len(pages),
        samples=len(samples),
        rubrics=len(rubrics),
        runs=len(runs),
        fingerprint=fingerprint_of(facts, uploads, sheets, pages, samples, rubrics, runs),
    )


def _hindrances(exam: Exam) -> Iterator[Hindrance]:
    if run := live_runs(exam).order_by("pk").first():
        yield Hindrance(
            "A run of this exam is drafted or under way. Let it end, or stop it.",
            "To the run",
            reverse("grading:run_detail", args=[run.pk]),
        )
    if published := exam.sheets.filter(state=SheetState.PUBLISHED).count():
        yield Hindrance(
            f"{_papers(published)} published: students see their marks. To hide them, take the"
            " results back.",
            "To the results",
            reverse("grading:publish", args=[exam.pk]),
        )
    if assessed := exam.sheets.filter(Exists(_assessments())).count():
        yield Hindrance(
            f"{_papers(assessed)} assessed. What was assessed is kept for good, so that every mark"
            " can be explained later, and the exam with it. If its title is in the way, change"
            " that.",
            "Edit the exam",
            reverse("exams:exam_edit", args=[exam.pk]),
        )
    held = Q(lease_until__gte=timezone.now())
    if exam.uploads.filter(held).exists() or exam.sheets.filter(held).exists():
        yield Hindrance(
            "Papers are being unpacked or read just now. Wait until that is done, or leave the"
            " upload out first.",
            "To the uploads",
            reverse("exams:upload_list", args=[exam.pk]),
        )


def live_runs(exam: Exam) -> QuerySet[GradingRun]:
    """The runs that are being built, wait to be sent, or are with a provider."""
    jobs = BatchJob.objects.filter(run=OuterRef("batch_run"), state__in=OPEN_JOB_STATES)
    items = BatchItem.objects.filter(run=OuterRef("batch_run"), state__in=LIVE_ITEM_STATES)
    is_building = Q(batch_run__built_at__isnull=True, batch_run__problem="")
    return GradingRun.objects.filter(is_building | Exists(jobs) | Exists(items), exam=exam)


def _assessments() -> QuerySet[Assessment]:
    return Assessment.objects.filter(sheet=OuterRef("pk"))


def _papers(count: int) -> str:
    return "1 paper is" if count == 1 else f"{count} papers are"


@transaction.atomic
def delete_exam(exam: Exam, *, by: User, fingerprint: str) -> DeletionState:
    """Delete an exam with everything that was handed in for it; gives what has gone.

    Raises MustStay while a run is live or a worker has a paper of it, and for good once a paper
    was assessed; Conflict when it is not what the page showed any more.
    """
    exam = _lock(exam)
    now = deletion_state(exam)
    if now.hindrances:
        raise MustStay([hindrance.text for hindrance in now.hindrances])
    if fingerprint != now.fingerprint:
        raise Conflict(
            "The exam has changed since this page was shown. Nothing was deleted: look again."
        )
    _forget_runs(exam, by)
    _delete_papers(exam, by)
    exam._history_user = by
    exam._change_reason = REASON
    exam.delete()
    return now


def _lock(exam: Exam) -> Exam:
    """The uploads, the exam and its sheets, in the order in which intake locks them.

    The exam wholly: a paper that comes in meanwhile waits, and finds no exam. An upload that came
    between the first lock and the second is none of those that the page showed.
    """
    uploads = Upload.objects.filter(exam=exam).order_by("pk")
    len(uploads.select_for_update(of=("self",)).values_list("pk"))
    locked = Exam.objects.select_for_update().filter(pk=exam.pk).first()
    if locked is None:
        raise Conflict("Somebody else has deleted this exam already.")
    sheets = Sheet.objects.filter(exam=exam).order_by("pk")
    len(sheets.select_for_update(of=("self",)).values_list("pk"))
    return locked


def _forget_runs(exam: Exam, by: User) -> None:
    """Part the ended runs from the exam. Their numbers stay, the pages in their lines go."""
    runs = exam.runs.values_list("pk", flat=True)
    jobs = BatchJob.objects.filter(run__in=runs).exclude(lines_file="")
    for job in jobs.select_for_update().order_by("pk"):
        delete_after_commit(job.lines_file)
        job.lines_file = ""
        job._history_user = by
        job._change_reason = REASON
        job.save()
    # They lead to the pages of these runs.
    addresses = [reverse("grading:run_detail", args=[pk]) for pk in runs]
    Notification.objects.filter(url__in=addresses).delete()
    exam.runs.all().delete()


def _delete_papers(exam: Exam, by: User) -> None:
    pages = Page.objects.filter(sheet__exam=exam)
    for image, thumbnail in pages.values_list("image", "thumbnail"):
        delete_after_commit(image, thumbnail)
    for names in exam.sheets.values_list("source_files", flat=True):
        delete_after_commit(*names)
    delete_after_commit(*exam.uploads.values_list("file", flat=True))
    remove_rows(SampleSheet.objects.filter(exam=exam), by=by, reason=REASON)
    Look.objects.filter(sheet__exam=exam).delete()
    pages.delete()
    UploadMember.objects.filter(upload__exam=exam).delete()
    remove_rows(Sheet.objects.filter(exam=exam), by=by, reason=REASON)
    remove_rows(Upload.objects.filter(exam=exam), by=by, reason=REASON)
