"""Commands on grading runs: draft, send, cancel."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, OuterRef

from accounts.models import User
from batching import jobs, providers
from batching.build import release
from batching.conflicts import Conflict
from batching.models import BatchRun, ItemState, JobState
from exams.models import CriterionKind, Exam, Sheet, SheetState
from exams.rubrics import current_rubric, leaves, lock_exam, use_rubric
from grading.history import remove_rows
from grading.models import GradingRun, Mark
from grading.results import move_sheets

AGAIN = "To be graded again"


class NothingToGrade(ValidationError):
    """No sheet of the exam can be drafted; the message says what to do first."""


@transaction.atomic
def draft_run(exam: Exam, *, provider: str, by: User) -> GradingRun:
    """Draft a run of all mapped sheets of an exam, by its current rubric.

    Raises NothingToGrade, Conflict (the sheets are in another run), UnknownProvider.
    """
    exam = lock_exam(exam.pk)
    rubric = current_rubric(exam)
    if rubric is None:
        raise NothingToGrade("The exam has no rubric yet. Write one first.")
    if providers.get(provider).needs_answer_key:
        missing = [
            leaf.code
            for leaf in leaves(rubric)
            if not leaf.answer.strip() and leaf.kind != CriterionKind.PENALTY
        ]
        if missing:
            raise NothingToGrade(
                f"{providers.get(provider).title} needs an answer key. Missing for: "
                f"{', '.join(missing)}."
            )
    sheets = sheets_to_grade(exam)
    pks = list(sheets.order_by("pk").values_list("pk", flat=True))
    if not pks:
        raise NothingToGrade(
            "No sheet is waiting to be graded. Confirm whose sheets they are first."
        )
    use_rubric(rubric)
    batch_run = jobs.plan_run(
        "grade_sheet",
        pks,
        provider=provider,
        school_class=exam.school_class,
        title=exam.title,
        by=by,
    )
    run = GradingRun.objects.create(batch_run=batch_run, exam=exam, rubric=rubric)
    jobs.start_building(batch_run)
    return run


def sheets_to_grade(exam: Exam) -> models.QuerySet[Sheet]:
    """The mapped sheets of an exam that no live run holds; samples are not graded."""
    return Sheet.objects.filter(
        exam=exam, state=SheetState.MAPPED, sample__isnull=True, inspected_at__isnull=False
    )


def sheets_to_grade_again(exam: Exam) -> models.QuerySet[Sheet]:
    """Graded sheets that nobody reviewed and in which nobody changed a mark."""
    changed = Mark.objects.filter(sheet=OuterRef("pk"), is_overridden=True)
    return Sheet.objects.filter(~Exists(changed), exam=exam, state=SheetState.GRADED)


@transaction.atomic
def grade_again(exam: Exam, *, by: User) -> int:
    """Drop the marks of all sheets that nobody reviewed or changed, for another run; how many.

    The assessments stay, and the history keeps the marks as they were.
    """
    lock_exam(exam.pk)
    sheets = list(sheets_to_grade_again(exam).select_for_update(of=("self",)).order_by("pk"))
    if not sheets:
        return 0
    remove_rows(Mark.objects.filter(sheet__in=[sheet.pk for sheet in sheets]), by=by, reason=AGAIN)
    for sheet in sheets:
        sheet.grade_again()
    move_sheets(sheets, AGAIN, by=by)
    return len(sheets)


@transaction.atomic
def send_run(run: GradingRun, *, by: User) -> int:
    """Send every job of a built run that waits for it; gives their number. Raises Conflict."""
    batch_run = BatchRun.objects.select_for_update().get(pk=run.pk)
    if batch_run.built_at is None:
        raise Conflict("The requests are still being built. Wait until the draft is complete.")
    waiting = list(batch_run.jobs.filter(state=JobState.REVIEW).order_by("pk"))
    if not waiting:
        raise Conflict("No job of this run waits to be sent: it was sent or cancelled already.")
    for job in waiting:
        jobs.send_job(job, by=by)
    return len(waiting)


@transaction.atomic
def cancel_run(run: GradingRun, *, by: User) -> None:
    """Stop a run: what was answered is kept, all other sheets are free again. Raises Conflict."""
    batch_run = BatchRun.objects.select_for_update().get(pk=run.pk)
    open_states = (JobState.DRAFT, JobState.REVIEW, JobState.SUBMITTED, JobState.IN_PROGRESS)
    open_jobs = list(batch_run.jobs.filter(state__in=open_states).order_by("pk"))
    if batch_run.built_at is None and not batch_run.problem:
        batch_run.problem = "Cancelled before it was built."
        # The build that may be under way loses its claim and writes nothing more.
        batch_run.attempt += 1
        batch_run.save()
        release(batch_run.items.filter(state=ItemState.PLANNED), "Cancelled before it was built.")
    elif not open_jobs:
        raise Conflict("This run has ended; there is nothing left to cancel.")
    for job in open_jobs:
        jobs.cancel_job(job, by=by)
