"""Mapping: a person says whose each sheet is, or that it is left out, and takes it back.

Comes in: sheets, students or whole uploads, and who decides. Goes out: sheets moved, with history.
The suggestions that a person starts from are made in exams/suggestions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from simple_history.utils import bulk_update_with_history

from accounts.models import Enrolment, User
from batching.conflicts import Conflict, guarded
from batching.sweep import ring
from exams import tasks
from exams.due import INSPECTED_IN
from exams.inspection import forget_reading
from exams.models import Exam, Sheet, SheetState, Upload, UploadState
from exams.suggestions import (
    SUGGESTION_FIELDS,
    certain_hash,
    certain_sheets,
    needs_suggestions,
    suggest_students,
    withdraw_suggestions,
    work_out,
)

__all__ = [
    "AlreadyHasASheet",
    "NotInThisClass",
    "map_certain",
    "map_sheet",
    "retry_failed",
    "retry_sheet",
    "skip_sheet",
    "skip_upload",
    "suggest_students",
    "unmap_sheet",
    "unskip_sheet",
    "unskip_upload",
]

LEAVABLE = (SheetState.PENDING_MAPPING, SheetState.MAPPED, SheetState.FAILED)
READ_FIELDS = ["inspected_at", "roll_number_read", "name_read", *SUGGESTION_FIELDS]
MOVED_FIELDS = ["state", "enrolment", "problem", "tries", "lease_until", *READ_FIELDS]

# Moves a locked sheet, unsaved, and gives the reason that its history will show.
Move = Callable[[Sheet], str]


class AlreadyHasASheet(ValidationError):
    """The student has another sheet in this exam; `other` is that sheet."""

    def __init__(self, enrolment: Enrolment, other: Sheet) -> None:
        super().__init__(
            _(
                "%(student)s already has the sheet “%(sheet)s”. Take that one back first, or"
                " choose another student."
            )
            % {"student": enrolment, "sheet": other.name},
            code="already_has_a_sheet",
        )
        self.other = other


class NotInThisClass(ValidationError):
    """The student is not in the class of the exam."""


# -- one sheet ----------------------------------------------------------------------------


def map_sheet(sheet: Sheet, enrolment: Enrolment, *, by: User) -> Sheet:
    """Say whose sheet it is; a mapped sheet may be given to another student.

    Doing it again changes nothing. Raises AlreadyHasASheet, NotInThisClass, ValidationError where
    no page is left, or Conflict where the sheet is past mapping.
    """
    with _locked(sheet, _("This sheet can no longer be mapped")) as row:
        if enrolment.school_class_id != row.exam.school_class_id:
            raise NotInThisClass(
                _("%(student)s is not in %(school_class)s. Choose a student of that class.")
                % {"student": enrolment, "school_class": row.exam.school_class}
            )
        if row.state == SheetState.MAPPED and row.enrolment_id == enrolment.pk:
            return row
        if row.rendered_at is None:
            raise Conflict(
                _("The pages of “%(sheet)s” are not ready yet. Try again in a moment.")
                % {"sheet": row.name}
            )
        if not row.pages.filter(dropped_at__isnull=True).exists():
            raise ValidationError(
                _(
                    "All pages of “%(sheet)s” were dropped, so that there is nothing to grade."
                    " Restore a page, or skip the sheet."
                )
                % {"sheet": row.name}
            )
        if other := _sheet_of(enrolment, row):
            raise AlreadyHasASheet(enrolment, other)
        if row.state == SheetState.MAPPED:
            row.unmap()
        row.map_to(enrolment)
        try:
            with transaction.atomic():
                _save(row, by, f"Mapped to {enrolment.roll_number}")
        except IntegrityError:
            # Somebody mapped another sheet to this student a moment ago.
            if other := _sheet_of(enrolment, row):
                raise AlreadyHasASheet(enrolment, other) from None
            raise
        _go_on(row.exam, [row])
        return row


def unmap_sheet(sheet: Sheet, *, by: User) -> Sheet:
    """Take a mapping back. Raises Conflict where the sheet is not mapped, or past it."""
    done, refusal = SheetState.PENDING_MAPPING, _("This sheet cannot be taken back")
    return _move_one(sheet, _unmap, by=by, done=done, refusal=refusal)


def skip_sheet(sheet: Sheet, *, by: User) -> Sheet:
    """Leave a sheet out of the exam. Raises Conflict where it is past mapping."""
    done, refusal = SheetState.SKIPPED, _("This sheet cannot be left out")
    return _move_one(sheet, _skip, by=by, done=done, refusal=refusal)


def unskip_sheet(sheet: Sheet, *, by: User) -> Sheet:
    """Take a skipped sheet in again. Raises Conflict where it is not skipped."""
    done, refusal = SheetState.PENDING_MAPPING, _("This sheet is not left out")
    return _move_one(sheet, _unskip, by=by, done=done, refusal=refusal)


def retry_sheet(sheet: Sheet, *, by: User) -> Sheet:
    """Let a failed sheet go on where it stopped, with its student if it has one.

    Raises Conflict where it has not failed.
    """
    done, refusal = SheetState.PENDING_MAPPING, _("This sheet has not failed")
    return _move_one(sheet, _retry, by=by, done=done, refusal=refusal)


# -- many sheets --------------------------------------------------------------------------


def map_certain(exam: Exam, *, by: User, seen: str | None = None) -> int:
    """Confirm every suggestion that is certain; how many sheets were mapped.

    `seen` is the certain_hash of what the person was shown, None for whatever is certain now.
    Raises Conflict, mapping nothing, when other suggestions are certain by now.
    """
    with transaction.atomic():
        exam = Exam.objects.select_for_update(no_key=True).get(pk=exam.pk)
        if needs_suggestions(exam):
            work_out(exam)
        sheets = list(
            certain_sheets(exam)
            .select_for_update(of=("self",))
            .select_related("suggested_enrolment")
        )
        now = certain_hash((sheet.pk, sheet.suggested_enrolment_id) for sheet in sheets)
        is_as_seen = seen in (None, now)
        if is_as_seen:
            for sheet in sheets:
                sheet.map_to(sheet.suggested_enrolment)
                sheet._change_reason = gettext_noop("Certain suggestion confirmed")
            _save_all(exam, sheets, by)
    # After the commit, so that what was worked out is there when the page is shown again.
    if not is_as_seen:
        raise Conflict(
            _(
                "Other suggestions are certain than those you were shown. Nothing was mapped:"
                " look at them, then confirm again."
            )
        )
    return len(sheets)


def retry_failed(exam: Exam, *, by: User) -> int:
    """Let every failed sheet of an exam go on where it stopped; how many there were."""
    with transaction.atomic():
        Exam.objects.select_for_update(no_key=True).get(pk=exam.pk)
        return _move_all(exam, exam.sheets.filter(state=SheetState.FAILED), _retry, by)


def skip_upload(upload: Upload, *, by: User) -> int:
    """Leave an upload out of the exam, with all of its sheets that are not past mapping.

    Gives how many sheets were left out. Raises Conflict while it is still being unpacked.
    """
    with _locked_upload(upload, _("This file is still being unpacked")) as row:
        if row.state != UploadState.SKIPPED:
            row.skip()
            _save(row, by, gettext_noop("Left out"))
        return _move_all(row.exam, row.sheets.filter(state__in=LEAVABLE), _skip, by)


def unskip_upload(upload: Upload, *, by: User) -> int:
    """Take an upload in again, with all of its skipped sheets; how many there were.

    Samples, which wait aside as skipped sheets too, stay. Raises Conflict where it was never left
    out; doing it again changes nothing.
    """
    with _locked_upload(upload, _("This file was not left out")) as row:
        if row.state in (UploadState.UNPACKED, UploadState.FAILED):
            return 0
        row.unskip()
        _save(row, by, gettext_noop("Taken in again"))
        skipped = row.sheets.filter(state=SheetState.SKIPPED, sample__isnull=True)
        return _move_all(row.exam, skipped, _unskip, by)


# -- moves --------------------------------------------------------------------------------


def _unmap(sheet: Sheet) -> str:
    sheet.unmap()
    if sheet.suggested_at is None:
        # Its first page may be another one since: nothing read on it stands any more.
        forget_reading(sheet)
    return gettext_noop("Mapping taken back")


def _skip(sheet: Sheet) -> str:
    failure = sheet.problem if sheet.state == SheetState.FAILED else ""
    had_student = sheet.enrolment_id is not None
    sheet.skip()
    if had_student and sheet.suggested_at is None:
        forget_reading(sheet)  # as when its mapping is taken back
    return f"Left out; it had failed: {failure}" if failure else gettext_noop("Left out")


def _unskip(sheet: Sheet) -> str:
    sheet.unskip()
    _begin_anew(sheet)
    return gettext_noop("Taken in again")


def _retry(sheet: Sheet) -> str:
    if sheet.enrolment_id and sheet.rendered_at:
        sheet.recover()
    else:
        sheet.retry()
    _begin_anew(sheet)
    return gettext_noop("Tried again")


def _begin_anew(sheet: Sheet) -> None:
    """Whatever workers tried on this sheet does not count any more."""
    sheet.tries = 0
    sheet.lease_until = None


def _move_one(sheet: Sheet, move: Move, *, by: User, done: SheetState, refusal: str) -> Sheet:
    """Make one move and have the work go on; where the sheet is `done` already, nothing."""
    with _locked(sheet, refusal) as row:
        if row.state != done:
            _save(row, by, move(row))
            _go_on(row.exam, [row])
        return row


def _move_all(exam: Exam, sheets: QuerySet[Sheet], move: Move, by: User) -> int:
    """Make one move with many sheets of an exam that the caller has locked."""
    rows = list(sheets.select_for_update(of=("self",)).order_by("pk"))
    for row in rows:
        row._change_reason = move(row)
    _save_all(exam, rows, by)
    return len(rows)


@contextmanager
def _locked(sheet: Sheet, refusal: str) -> Iterator[Sheet]:
    """The sheet, locked and freshly read; an illegal transition is a Conflict with `refusal`."""
    with transaction.atomic():
        # The exam first: whoever maps in it touches the suggestions of its other sheets.
        Exam.objects.select_for_update(no_key=True).get(pk=sheet.exam_id)
        row = (
            Sheet.objects.select_for_update(of=("self",))
            .select_related("exam__school_class")
            .get(pk=sheet.pk)
        )
        state = row.get_state_display()
        with guarded(
            _("%(refusal)s: its state is %(state)s.") % {"refusal": refusal, "state": state}
        ):
            yield row


@contextmanager
def _locked_upload(upload: Upload, refusal: str) -> Iterator[Upload]:
    """The upload and its exam, locked in the order in which unpacking locks them."""
    with transaction.atomic():
        row = (
            Upload.objects.select_for_update(of=("self",)).select_related("exam").get(pk=upload.pk)
        )
        Exam.objects.select_for_update(no_key=True).get(pk=row.exam_id)
        state = row.get_state_display()
        with guarded(
            _("%(refusal)s: its state is %(state)s.") % {"refusal": refusal, "state": state}
        ):
            yield row


def _save(row: Sheet | Upload, by: User, reason: str) -> None:
    row._history_user = by
    row._change_reason = reason
    row.save()


def _save_all(exam: Exam, rows: list[Sheet], by: User) -> None:
    """Write moved sheets, whose `_change_reason` is set, and have the work go on."""
    if rows:
        bulk_update_with_history(rows, Sheet, MOVED_FIELDS, batch_size=500, default_user=by)
        _go_on(exam, rows)


def _sheet_of(enrolment: Enrolment, but: Sheet) -> Sheet | None:
    return (
        Sheet.objects.filter(exam=but.exam_id, enrolment=enrolment)
        .exclude(state=SheetState.SKIPPED)
        .exclude(pk=but.pk)
        .first()
    )


def _go_on(exam: Exam, moved: Collection[Sheet]) -> None:
    """Ring for what the moved sheets need next. What was decided changes what fits the others:
    the exam is solved again."""
    withdraw_suggestions(exam, {sheet.enrolment_id for sheet in moved if sheet.enrolment_id})
    ring(tasks.suggest_students, exam.pk)
    for sheet in moved:
        if sheet.state == SheetState.PENDING_MAPPING and sheet.rendered_at is None:
            ring(tasks.rasterize_sheet, sheet.pk)
        elif sheet.state in INSPECTED_IN and sheet.inspected_at is None:
            ring(tasks.inspect_sheet, sheet.pk)
