"""Accepting mark by mark, for those who review one question across all sheets.

Comes in: a mark in the version that the page showed. Goes out: Accepted rows, and at the end
sheets that are reviewed or overridden, because every one of their marks was accepted as it is.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from batching.conflicts import Conflict
from exams.models import DONE_STATES, Exam, Sheet, SheetState
from exams.rubrics import lock_exam
from grading.history import move_rows
from grading.models import Accepted, Mark
from grading.review import SHEETS_AT_ONCE, StaleMark


def accept_mark(mark: Mark, *, version: int, by: User) -> Accepted:
    """Stand by one mark as the page showed it. Raises StaleMark when it changed since."""
    with transaction.atomic():
        sheet = Sheet.objects.select_for_update(of=("self",)).get(pk=mark.sheet_id)
        now = Mark.objects.select_related("criterion", "changed_by").filter(pk=mark.pk).first()
        if now is None:
            raise Conflict(_("These marks were dropped meanwhile: the sheet is graded again."))
        if now.version != version:
            raise StaleMark(now)
        row, _new = Accepted.objects.update_or_create(
            mark_pk=mark.pk,
            defaults={
                "sheet": sheet,
                "version": version,
                "teacher": by,
                "accepted_at": timezone.now(),
            },
        )
    return row


def accepted(mark: str = "") -> Exists:
    """Whether the mark of the outer query (`mark` leads to it) is accepted as it is now."""
    rows = Accepted.objects.filter(
        mark_pk=OuterRef(f"{mark}pk"), version=OuterRef(f"{mark}version")
    )
    return Exists(rows)


def is_done() -> Q:
    """A mark that needs no more work: accepted as it is, or on a sheet that is approved."""
    return Q(accepted()) | Q(sheet__state__in=DONE_STATES)


def sheets_all_accepted(exam: Exam) -> QuerySet[Sheet]:
    """Sheets to review of which every mark was accepted as it is now."""
    left = Mark.objects.filter(~accepted(), sheet=OuterRef("pk"))
    there = Mark.objects.filter(sheet=OuterRef("pk"))
    return Sheet.objects.filter(~Exists(left), Exists(there), exam=exam, state=SheetState.GRADED)


def approve_accepted(exam: Exam, *, by: User) -> int:
    """Approve every sheet whose marks were all accepted one by one; gives how many."""
    with transaction.atomic():
        lock_exam(exam.pk)
        chosen = sheets_all_accepted(exam)
        locked = list(
            chosen.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
        )
        changed = set(
            Mark.objects.filter(sheet__in=locked, is_overridden=True).values_list(
                "sheet", flat=True
            )
        )
        moved = 0
        for state, about in (
            (SheetState.REVIEWED, [pk for pk in locked if pk not in changed]),
            (SheetState.OVERRIDDEN, [pk for pk in locked if pk in changed]),
        ):
            for start in range(0, len(about), SHEETS_AT_ONCE):
                # Again with the condition: a mark may have changed while the locks were taken.
                rows = sheets_all_accepted(exam).filter(
                    pk__in=about[start : start + SHEETS_AT_ONCE]
                )
                moved += move_rows(
                    rows,
                    by=by,
                    reason=gettext_noop("Approved: every mark was accepted question by question."),
                    state=state,
                    reviewed_by=by,
                    reviewed_at=timezone.now(),
                )
    return moved
