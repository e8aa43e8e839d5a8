"""Flags: a teacher asks a colleague, or themselves for later, to look at one mark.

Comes in: a mark and a note. Goes out: at most one open flag for a mark; lowered ones stay.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Role, User
from batching.conflicts import Conflict
from exams.models import MARKED_STATES, Exam, Sheet
from grading.models import Flag, Mark


def open_flags() -> QuerySet[Flag]:
    """Flags that wait for somebody."""
    return Flag.objects.filter(lowered_at__isnull=True).select_related("raised_by", "colleague")


def flagged_sheets(exam: Exam) -> int:
    """How many sheets of an exam hold a mark that waits for somebody's look."""
    flags = open_flags().filter(sheet__exam=exam, sheet__state__in=MARKED_STATES)
    return flags.aggregate(count=Count("sheet", distinct=True))["count"]


def colleagues_of(exam: Exam, user: User) -> QuerySet[User]:
    """Whom this person may ask: the other teachers of the class."""
    return User.objects.filter(classes=exam.school_class_id, role=Role.TEACHER).exclude(pk=user.pk)


def raise_flag(mark: Mark, *, note: str, by: User, colleague: User | None = None) -> Flag:
    """Flag a mark with what there is to look at. The same flag again changes nothing.

    Raises ValidationError without a note or for somebody who does not teach the class, Conflict
    when another flag is up.
    """
    note = note.strip()
    if not note:
        raise ValidationError({"note": _("Say what there is to look at.")})
    with transaction.atomic():
        sheet = _lock(mark)
        if colleague and not colleagues_of(sheet.exam, by).filter(pk=colleague.pk).exists():
            raise ValidationError({"colleague": _("Choose a teacher of this class.")})
        flag = open_flags().filter(sheet=sheet, code=mark.criterion.code).first()
        if flag is None:
            return Flag.objects.create(
                sheet=sheet, code=mark.criterion.code, note=note, colleague=colleague, raised_by=by
            )
        if (flag.note, flag.raised_by, flag.colleague) != (note, by, colleague):
            raise Conflict(
                _("%(person)s has flagged this already: “%(note)s”. Lower that flag first.")
                % {"person": flag.raised_by, "note": flag.note}
            )
        return flag


def lower_flag(mark: Mark, *, by: User) -> None:
    """The flag has done its work. Without a flag nothing changes."""
    with transaction.atomic():
        sheet = _lock(mark)
        for flag in open_flags().filter(sheet=sheet, code=mark.criterion.code):
            flag.lowered_by, flag.lowered_at = by, timezone.now()
            flag.save()


def _lock(mark: Mark) -> Sheet:
    sheets = Sheet.objects.select_for_update(of=("self",), no_key=True).select_related("exam")
    return sheets.get(pk=mark.sheet_id)
