"""Deleting an exam that came to nothing: made by mistake, twice, or only to try Sheaf out.

Comes in: an exam and the fingerprint of what the page showed. Goes out: all of its rows and files
gone, or nothing at all. What was assessed is never deleted, nor what a worker or a provider still
has. The history rows stay, and so does the engine's account of what was asked of providers, but
not what was asked nor what came back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from accounts.models import Notification, User
from accounts.seen import fingerprint as fingerprint_of
from batching.conflicts import Conflict
from batching.forget import forget_content, live_runs
from batching.models import BatchRun
from exams import key_request, transcribe
from exams.models import (
    Exam,
    KeyProposal,
    Page,
    SampleSheet,
    Sheet,
    SheetState,
    Upload,
    UploadMember,
)
from exams.storage import delete_after_commit
from grading.history import remove_rows
from grading.models import Assessment, Look

REASON = gettext_noop("The exam was deleted")


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
    keys: int
    rubrics: int
    runs: int
    fingerprint: str


def deletion_state(exam: Exam) -> DeletionState:
    """What would go with this exam now, and what stands in the way."""
    uploads = list(exam.uploads.order_by("pk").values_list("pk", "state"))
    sheets = list(exam.sheets.order_by("pk").values_list("pk", "state", "enrolment"))
    pages = list(Page.objects.filter(sheet__exam=exam).order_by("pk").values_list("pk", flat=True))
    shown = ("pk", "title", "marks", "transcription", "proposal")
    samples = list(exam.samples.order_by("pk").values_list(*shown))
    keys = list(exam.key_proposals.order_by("pk").values_list("pk", "state", "batch_run"))
    rubrics = list(exam.rubrics.order_by("version").values_list("version", "content_hash"))
    runs = list(runs_of(exam).order_by("pk").values_list("pk", flat=True))
    facts = (exam.pk, exam.title, exam.date, exam.instructions)
    return DeletionState(
        hindrances=tuple(_hindrances(exam)),
        uploads=len(uploads),
        sheets=len(sheets),
        pages=len(pages),
        samples=len(samples),
        keys=len(keys),
        rubrics=len(rubrics),
        runs=len(runs),
        fingerprint=fingerprint_of(facts, uploads, sheets, pages, samples, keys, rubrics, runs),
    )


def _hindrances(exam: Exam) -> Iterator[Hindrance]:
    # The first of each purpose: one sentence each.
    live = {run.purpose: run for run in live_runs(runs_of(exam)).order_by("-pk")}
    for run in live.values():
        yield _live(exam, run)
    if published := exam.sheets.filter(state=SheetState.PUBLISHED).count():
        yield Hindrance(
            ngettext(
                "%(n)d sheet is published: students see their marks. To hide them, take the"
                " results back.",
                "%(n)d sheets are published: students see their marks. To hide them, take the"
                " results back.",
                published,
            )
            % {"n": published},
            _("To the results"),
            reverse("grading:publish", args=[exam.pk]),
        )
    if assessed := exam.sheets.filter(Exists(_assessments())).count():
        yield Hindrance(
            ngettext(
                "%(n)d sheet is assessed. What was assessed is kept for good, so that every mark"
                " can be explained later, and the exam with it. If its title is in the way, change"
                " that.",
                "%(n)d sheets are assessed. What was assessed is kept for good, so that every mark"
                " can be explained later, and the exam with it. If its title is in the way, change"
                " that.",
                assessed,
            )
            % {"n": assessed},
            _("Edit the exam"),
            reverse("exams:exam_edit", args=[exam.pk]),
        )
    held = Q(lease_until__gte=timezone.now())
    if exam.uploads.filter(held).exists() or exam.sheets.filter(held).exists():
        yield Hindrance(
            _(
                "Sheets are being unpacked or read just now. Wait until that is done, or leave the"
                " upload out first."
            ),
            _("To the uploads"),
            reverse("exams:upload_list", args=[exam.pk]),
        )
    if key := exam.key_proposals.filter(held).first():
        yield Hindrance(
            _(
                "The pages of an answer key are being made just now. Wait until that is done, or"
                " discard it first."
            ),
            _("To the answer key"),
            reverse("exams:key_detail", args=[key.pk]),
        )


def runs_of(exam: Exam) -> QuerySet[BatchRun]:
    """All that was asked of providers for this exam: to assess, to read keys and samples.

    By its budget, under which each of them counts: what a run spoke about may be gone.
    """
    return BatchRun.objects.filter(Q(budget=exam.budget) | Q(grading_run__exam=exam))


def _live(exam: Exam, run: BatchRun) -> Hindrance:
    subject = run.items.order_by("pk").values_list("subject_id", flat=True).first()
    if run.purpose == key_request.PURPOSE:
        return Hindrance(
            _("An answer key is drafted or being read by a model. Let it end, or discard it."),
            _("To the answer key"),
            reverse("exams:key_detail", args=[subject]),
        )
    if run.purpose != transcribe.PURPOSE:
        return Hindrance(
            _("A run of this exam is drafted or under way. Let it end, or stop it."),
            _("To the run"),
            reverse("grading:run_detail", args=[run.pk]),
        )
    if exam.samples.filter(pk=subject).exists():
        return Hindrance(
            _("The reading of a sample is drafted or under way. Let it end, or stop it."),
            _("To the sample"),
            reverse("exams:sample_text", args=[subject]),
        )
    return Hindrance(
        _(
            "The reading of a sample that was removed is drafted or under way. Let it end, or ask"
            " an admin to stop its job."
        ),
        _("To the samples"),
        reverse("exams:samples", args=[exam.pk]),
    )


def _assessments() -> QuerySet[Assessment]:
    return Assessment.objects.filter(sheet=OuterRef("pk"))


@transaction.atomic
def delete_exam(exam: Exam, *, by: User, fingerprint: str) -> DeletionState:
    """Delete an exam with everything that was handed in for it; gives what has gone.

    Raises MustStay while a run is live or a worker has a sheet or an answer key of it, and for
    good once a sheet was assessed; Conflict when it is not what the page showed any more.
    """
    exam = _lock(exam)
    now = deletion_state(exam)
    if now.hindrances:
        raise MustStay([hindrance.text for hindrance in now.hindrances])
    if fingerprint != now.fingerprint:
        raise Conflict(
            _("The exam has changed since this page was shown. Nothing was deleted: look again.")
        )
    _forget_runs(exam, by)
    _delete_keys(exam, by)
    _delete_sheets(exam, by)
    exam._history_user = by
    exam._change_reason = REASON
    exam.delete()
    return now


def _lock(exam: Exam) -> Exam:
    """The uploads, answer keys, the exam, its sheets and samples, in the order of other commands.

    The exam wholly: a sheet that comes in meanwhile waits, and finds no exam. What came between the
    first lock and that of the exam is nothing that the page showed.
    """
    _lock_all(Upload.objects.filter(exam=exam))
    _lock_all(KeyProposal.objects.filter(exam=exam))
    locked = Exam.objects.select_for_update().filter(pk=exam.pk).first()
    if locked is None:
        raise Conflict(_("Somebody else has deleted this exam already."))
    _lock_all(Sheet.objects.filter(exam=exam))
    _lock_all(SampleSheet.objects.filter(exam=exam))
    return locked


def _lock_all(rows: QuerySet[Any]) -> None:
    len(rows.order_by("pk").select_for_update(of=("self",)).values_list("pk"))


def _forget_runs(exam: Exam, by: User) -> None:
    """Part the ended runs from the exam. Their numbers stay, what was asked and answered goes."""
    forget_content(runs_of(exam), by=by, reason=REASON)
    keys = exam.key_proposals.values_list("pk", flat=True)
    samples = exam.samples.values_list("pk", flat=True)
    # What leads to the pages of these goes too.
    addresses = [reverse("grading:run_detail", args=[run.pk]) for run in exam.runs.all()]
    for page, pks in (("key_detail", keys), ("key_review", keys), ("sample_text", samples)):
        addresses += [reverse(f"exams:{page}", args=[pk]) for pk in pks]
    Notification.objects.filter(url__in=addresses).delete()
    exam.runs.all().delete()


def _delete_keys(exam: Exam, by: User) -> None:
    keys = KeyProposal.objects.filter(exam=exam)
    for file, pages in keys.values_list("file", "pages"):
        delete_after_commit(file, *(page["image"] for page in pages))
    remove_rows(keys, by=by, reason=REASON)


def _delete_sheets(exam: Exam, by: User) -> None:
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
