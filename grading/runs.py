"""Commands on grading runs: draft, send, stop, and send the failed sheets again."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from batching import jobs, providers
from batching.conflicts import Conflict, guarded
from batching.models import LIVE_ITEM_STATES, BatchItem, ItemState
from exams.models import CriterionKind, Exam, Rubric, Sheet, SheetState
from exams.rubrics import current_rubric, leaves, lock_exam, use_rubric
from grading.history import remove_rows
from grading.models import GradingRun, Mark
from grading.requests import PURPOSE
from grading.results import move_sheets
from grading.run_pages import why_outdated

AGAIN = gettext_noop("To be graded again")
MARKS_DROPPED = gettext_noop("Marks dropped: %(typed)s")
FAILED_ITEM_STATES = (ItemState.REJECTED, ItemState.LOST)


class NothingToGrade(ValidationError):
    """No sheet of the exam can be drafted; the message says what to do first."""


@transaction.atomic
def draft_run(
    exam: Exam, *, provider: str, by: User, second_provider: str = "", again: bool = False
) -> GradingRun:
    """Draft a run of all mapped sheets of an exam, by its current rubric; with `again` also of
    those whose marks nobody reviewed or changed.

    What `provider` fails at goes to `second_provider`. Raises NothingToGrade, Conflict (the
    sheets are in another run), UnknownProvider, ProviderNotReady.
    """
    exam = lock_exam(exam.pk)
    rubric = rubric_for(exam, provider, second_provider)
    dropped = grade_again(exam, by=by) if again else {}
    pks = list(sheets_to_grade(exam).order_by("pk").values_list("pk", flat=True))
    if not pks:
        raise NothingToGrade(
            _("No sheet is waiting to be graded. Confirm whose sheets they are first.")
        )
    run = _draft(exam, rubric, pks, provider=provider, second_provider=second_provider, by=by)
    run.graded_again = dropped
    run.save(update_fields=["graded_again"])
    return run


@transaction.atomic
def send_failed_again(
    run: GradingRun, *, provider: str, by: User, second_provider: str = ""
) -> GradingRun:
    """Draft a new run of the sheets that failed in this one, and of no others.

    Raises NothingToGrade when there is none (any more), and what draft_run raises.
    """
    exam = lock_exam(run.exam_id)
    rubric = rubric_for(exam, provider, second_provider)
    failed = failed_sheets(run).select_for_update(of=("self",)).order_by("pk")
    sheets = list(failed)
    if not sheets:
        raise NothingToGrade(_("No sheet of this run waits to be sent again."))
    for sheet in sheets:
        sheet.recover()
    move_sheets(sheets, gettext_noop("Sent again after a failed run"), by=by)
    pks = [sheet.pk for sheet in sheets]
    new = _draft(exam, rubric, pks, provider=provider, second_provider=second_provider, by=by)
    earlier = run.graded_again
    new.graded_again = {key: earlier[key] for key in map(str, pks) if key in earlier}
    new.save(update_fields=["graded_again"])
    return new


def failed_sheets(run: GradingRun) -> models.QuerySet[Sheet]:
    """The sheets that have failed in this run, and are in no later one."""
    items = BatchItem.objects.filter(purpose=PURPOSE, subject_id=OuterRef("pk"))
    return Sheet.objects.filter(
        Exists(items.filter(run=run.batch_run, state__in=FAILED_ITEM_STATES)),
        ~Exists(items.filter(run__gt=run.batch_run_id)),
        exam=run.exam_id,
        state=SheetState.FAILED,
        enrolment__isnull=False,
    )


def rubric_for(exam: Exam, *names: str) -> Rubric:
    """The exam's rubric, if providers of these names can assess by it. Raises NothingToGrade."""
    rubric = current_rubric(exam)
    if rubric is None:
        raise NothingToGrade(_("The exam has no rubric yet. Write one first."))
    if any(providers.get(name).needs_answer_key for name in names if name):
        missing = [
            leaf.code
            for leaf in leaves(rubric)
            if not leaf.answer.strip() and leaf.kind != CriterionKind.PENALTY
        ]
        if missing:
            raise NothingToGrade(
                _("The chosen provider needs an answer key. Missing for: %(codes)s.")
                % {"codes": ", ".join(missing)}
            )
    return rubric


def _draft(
    exam: Exam,
    rubric: Rubric,
    sheets: Sequence[int],
    *,
    provider: str,
    second_provider: str,
    by: User,
) -> GradingRun:
    use_rubric(rubric)
    batch_run = jobs.plan_run(
        PURPOSE,
        sheets,
        provider=provider,
        school_class=exam.school_class,
        title=exam.title,
        by=by,
        second_provider=second_provider,
        budget=exam.budget,
    )
    run = GradingRun.objects.create(batch_run=batch_run, exam=exam, rubric=rubric)
    jobs.start_building(batch_run)
    return run


def sheets_to_grade(exam: Exam) -> models.QuerySet[Sheet]:
    """The mapped sheets of an exam that no live run holds; samples are not graded."""
    held = BatchItem.objects.filter(purpose=PURPOSE, state__in=LIVE_ITEM_STATES)
    return Sheet.objects.filter(
        exam=exam, state=SheetState.MAPPED, sample__isnull=True, inspected_at__isnull=False
    ).exclude(pk__in=held.values("subject_id"))


def sheets_to_grade_again(exam: Exam) -> models.QuerySet[Sheet]:
    """Graded sheets that nobody reviewed and in which no person gave or changed a mark."""
    touched = Mark.objects.filter(
        Q(is_overridden=True) | Q(changed_by__isnull=False), sheet=OuterRef("pk")
    )
    return Sheet.objects.filter(
        ~Exists(touched), exam=exam, state=SheetState.GRADED, sample__isnull=True
    )


@transaction.atomic
def grade_again(exam: Exam, *, by: User) -> dict[str, dict[str, int]]:
    """Drop the marks of all sheets that no person reviewed or changed, for another run.

    The assessments stay, and the history keeps the marks as they were. Gives what
    GradingRun.graded_again keeps of them.
    """
    lock_exam(exam.pk)
    graded = Sheet.objects.filter(exam=exam, state=SheetState.GRADED)
    locked = list(graded.select_for_update(of=("self",)).order_by("pk"))
    # Read after the locks: a change of a mark that was on its way is there now.
    again = set(sheets_to_grade_again(exam).values_list("pk", flat=True))
    sheets = [sheet for sheet in locked if sheet.pk in again]
    if not sheets:
        return {}
    made_from = dict(
        Mark.objects.filter(sheet__in=again).values_list("sheet", "part__assessment").distinct()
    )
    dropped = {
        str(sheet.pk): {"assessment": made_from[sheet.pk], "enrolment": sheet.enrolment_id}
        for sheet in sheets
    }
    remove_rows(Mark.objects.filter(sheet__in=again), by=by, reason=AGAIN)
    for sheet in sheets:
        sheet.grade_again()
    move_sheets(sheets, AGAIN, by=by)
    return dropped


@transaction.atomic
def drop_marks(sheet: Sheet, *, by: User, reason: str) -> Sheet:
    """Drop one unreviewed sheet's marks, typed ones too, so that it can be mapped or graded anew.

    For a sheet under the wrong student, say. The history keeps the marks. Raises Conflict when
    the sheet is not open (take back or reopen it first), ValidationError without a reason.
    """
    if not reason.strip():
        raise ValidationError(_("Say why these marks are dropped; the history keeps it."))
    lock_exam(sheet.exam_id)
    sheet = Sheet.objects.select_for_update(of=("self",)).get(pk=sheet.pk)
    refusal = _("Only marks that wait for review can be dropped: open the review again first.")
    with guarded(refusal):
        sheet.grade_again()
    remove_rows(Mark.objects.filter(sheet=sheet), by=by, reason=reason)
    move_sheets([sheet], MARKS_DROPPED % {"typed": reason}, by=by)
    return sheet


@transaction.atomic
def send_run(run: GradingRun, *, by: User) -> int:
    """Send every job of a built run; gives their number. Raises Conflict.

    A draft whose exam has changed since (run_pages.why_outdated) is refused.
    """
    run.exam = lock_exam(run.exam_id)
    if reason := why_outdated(run):
        raise Conflict(reason)
    return jobs.send_run(run.batch_run, by=by)


def cancel_run(run: GradingRun, *, by: User) -> None:
    """Stop a run: what was answered is kept, all other sheets are free again. Raises Conflict."""
    jobs.cancel_run(run.batch_run, by=by)
