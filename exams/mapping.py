"""Mapping: a person says whose each sheet is, or that it is left out, and takes it back.

Comes in: sheets and students, and who decides. Goes out: mapped or skipped sheets with history.
The suggestions that a person starts from are made in exams/suggestions.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from simple_history.utils import bulk_update_with_history

from accounts.models import Enrolment, User
from batching.conflicts import Conflict, guarded
from exams import tasks
from exams.models import Exam, Sheet, SheetState
from exams.suggestions import suggest_students, withdraw_suggestions

__all__ = [
    "AlreadyHasASheet",
    "NotInThisClass",
    "map_certain",
    "map_sheet",
    "retry_sheet",
    "skip_sheet",
    "suggest_students",
    "unmap_sheet",
    "unskip_sheet",
]


class AlreadyHasASheet(ValidationError):
    """The student has another sheet in this exam; `other` is that sheet."""

    def __init__(self, enrolment: Enrolment, other: Sheet) -> None:
        super().__init__(
            f"{enrolment} already has the sheet “{other.name}”. "
            "Take that one back first, or choose another student.",
            code="already_has_a_sheet",
        )
        self.other = other


class NotInThisClass(ValidationError):
    """The student is not in the class of the exam."""


def map_sheet(sheet: Sheet, enrolment: Enrolment, *, by: User) -> Sheet:
    """Say whose sheet it is; a mapped sheet may be given to another student.

    Doing it again changes nothing. Raises AlreadyHasASheet, NotInThisClass, or Conflict where the
    sheet is past mapping.
    """
    with _locked(sheet, "This sheet can no longer be mapped: its state is {state}.") as row:
        if enrolment.school_class_id != row.exam.school_class_id:
            raise NotInThisClass(
                f"{enrolment} is not in {row.exam.school_class}. Choose a student of that class."
            )
        if row.state == SheetState.MAPPED and row.enrolment_id == enrolment.pk:
            return row
        if row.rendered_at is None:
            raise Conflict(f"The pages of “{row.name}” are not ready yet. Try again in a moment.")
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
        _suggest_again(row.exam, [enrolment])
        return row


def map_certain(exam: Exam, *, by: User) -> int:
    """Confirm every suggestion that is certain; how many sheets were mapped."""
    with transaction.atomic():
        Exam.objects.select_for_update(no_key=True).get(pk=exam.pk)
        sheets = list(
            Sheet.objects.select_for_update(of=("self",))
            .filter(
                exam=exam,
                state=SheetState.PENDING_MAPPING,
                suggestion_certain=True,
                suggested_enrolment__isnull=False,
                rendered_at__isnull=False,
            )
            .select_related("suggested_enrolment")
            .order_by("pk")
        )
        taken = set(
            Sheet.objects.filter(exam=exam, enrolment__isnull=False)
            .exclude(state=SheetState.SKIPPED)
            .values_list("enrolment", flat=True)
        )
        mapped = []
        for sheet in sheets:
            student = sheet.suggested_enrolment
            if student.pk in taken or student.school_class_id != exam.school_class_id:
                continue
            taken.add(student.pk)
            sheet.map_to(student)
            mapped.append(sheet)
        if mapped:
            bulk_update_with_history(
                mapped,
                Sheet,
                ["state", "enrolment"],
                batch_size=500,
                default_user=by,
                default_change_reason="Certain suggestion confirmed",
            )
            _suggest_again(exam, [sheet.enrolment for sheet in mapped])
    return len(mapped)


def unmap_sheet(sheet: Sheet, *, by: User) -> Sheet:
    """Take a mapping back. Raises Conflict where the sheet is not mapped, or past it."""
    with _locked(sheet, "This sheet cannot be taken back: its state is {state}.") as row:
        if row.state == SheetState.PENDING_MAPPING:
            return row
        row.unmap()
        _save(row, by, "Mapping taken back")
        _suggest_again(row.exam)
        return row


def skip_sheet(sheet: Sheet, *, by: User) -> Sheet:
    """Leave a sheet out of the exam. Raises Conflict where it is past mapping."""
    with _locked(sheet, "This sheet cannot be left out: its state is {state}.") as row:
        if row.state == SheetState.SKIPPED:
            return row
        row.skip()
        _save(row, by, "Left out")
        _suggest_again(row.exam)
        return row


def unskip_sheet(sheet: Sheet, *, by: User) -> Sheet:
    """Take a skipped sheet in again. Raises Conflict where it is not skipped."""
    with _locked(sheet, "This sheet is not left out: its state is {state}.") as row:
        if row.state == SheetState.PENDING_MAPPING:
            return row
        row.unskip()
        _save(row, by, "Taken in again")
        _suggest_again(row.exam)
        return row


def retry_sheet(sheet: Sheet, *, by: User) -> Sheet:
    """Let a failed sheet begin anew where it stopped. Raises Conflict where it has not failed."""
    with _locked(sheet, "This sheet has not failed: its state is {state}.") as row:
        if row.state == SheetState.PENDING_MAPPING:
            return row
        row.retry()
        row.tries = 0
        row.lease_until = None
        _save(row, by, "Tried again")
        if row.rendered_at is None:
            tasks.rasterize_sheet.delay_on_commit(row.pk)
        elif row.inspected_at is None:
            tasks.inspect_sheet.delay_on_commit(row.pk)
        else:
            _suggest_again(row.exam)
        return row


@contextmanager
def _locked(sheet: Sheet, message: str) -> Iterator[Sheet]:
    """The sheet, locked and freshly read; an illegal transition is a Conflict with `message`."""
    with transaction.atomic():
        # The exam first: whoever maps in it touches the suggestions of its other sheets.
        Exam.objects.select_for_update(no_key=True).get(pk=sheet.exam_id)
        row = (
            Sheet.objects.select_for_update(of=("self",))
            .select_related("exam__school_class")
            .get(pk=sheet.pk)
        )
        with guarded(message.format(state=row.get_state_display())):
            yield row


def _save(row: Sheet, by: User, reason: str) -> None:
    row._history_user = by
    row._change_reason = reason
    row.save()


def _sheet_of(enrolment: Enrolment, but: Sheet) -> Sheet | None:
    return (
        Sheet.objects.filter(exam=but.exam_id, enrolment=enrolment)
        .exclude(state=SheetState.SKIPPED)
        .exclude(pk=but.pk)
        .first()
    )


def _suggest_again(exam: Exam, taken: Collection[Enrolment] = ()) -> None:
    """What was decided changes what fits the other sheets: have the exam solved again."""
    withdraw_suggestions(exam, {student.pk for student in taken})
    tasks.suggest_students.delay_on_commit(exam.pk)
