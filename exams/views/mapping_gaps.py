"""What is still missing in an exam: students without a sheet, and sheets without a student.

In: an exam. Out: both lists, each line with what is known about it and what to do next, in a few
queries however many there are.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import Enrolment
from accounts.roles import teacher_required
from accounts.told import told
from exams import queries
from exams.models import Exam, Sheet, SheetState
from exams.suggestion_words import told_suggestion
from exams.views.addresses import address

SHOWN = 200


class Line(NamedTuple):
    """One student or sheet: `why` says what is known, `label` and `url` what to do next."""

    name: str
    roll_number: str
    why: str
    label: str
    url: str
    thumbnail: str = ""
    state: str = ""


@require_safe
@teacher_required
def mapping_gaps(request: HttpRequest, pk: int) -> HttpResponse:
    """Students of the class without a sheet, and sheets that belong to nobody yet."""
    exams = queries.exams_for(request.user).select_related("school_class")
    exam = get_object_or_404(exams.annotate(class_size=Count("school_class__enrolments")), pk=pk)
    students, sheets = students_without(exam), sheets_without(exam)
    context = {
        "exam": exam,
        "students": [student_line(exam, one) for one in students[:SHOWN]],
        "student_count": len(students),
        "sheets": [sheet_line(exam, one) for one in sheets[:SHOWN]],
        "sheet_count": len(sheets),
        "shown": SHOWN,
    }
    return render(request, "exams/mapping_gaps.html", context)


def students_without(exam: Exam) -> list[Enrolment]:
    """Students of the class who have no sheet in the exam, with the sheet suggested for each."""
    theirs = Sheet.objects.filter(exam=exam, enrolment=OuterRef("pk"))
    suggested = Sheet.objects.filter(
        exam=exam, suggested_enrolment=OuterRef("pk"), state=SheetState.PENDING_MAPPING
    ).order_by("-suggestion_certain", "pk")
    return list(
        Enrolment.objects.filter(school_class=exam.school_class_id)
        .exclude(Exists(theirs.exclude(state=SheetState.SKIPPED)))
        .annotate(suggested_name=Subquery(suggested.values("name")[:1]))
        .select_related("student")
        .order_by("roll_number")
    )


def sheets_without(exam: Exam) -> list[Sheet]:
    """Sheets without a student: to be mapped first, then failed, then left out.

    Samples, which wait aside as skipped sheets, are not among them.
    """
    rank = {SheetState.PENDING_MAPPING: 0, SheetState.FAILED: 1, SheetState.SKIPPED: 2}
    kept = Count("pages", filter=Q(pages__dropped_at__isnull=True))
    sheets = (
        exam.sheets.filter(enrolment__isnull=True, sample__isnull=True)
        .annotate(kept=kept)
        .order_by("name", "pk")
    )
    return sorted(sheets, key=lambda sheet: rank.get(sheet.state, 3))


def student_line(exam: Exam, one: Enrolment) -> Line:
    """A student with what to do next."""
    student = str(one.student)
    if one.suggested_name:
        why = _("“%(name)s” may be theirs.") % {"name": one.suggested_name}
        return Line(student, one.roll_number, why, _("Look at it"), mapping_address(exam, "open"))
    why = _("No sheet looks like theirs: not handed in, not uploaded, or under another student.")
    url = reverse("exams:upload_create", args=[exam.pk])
    return Line(student, one.roll_number, why, _("Upload it"), url)


def sheet_line(exam: Exam, sheet: Sheet) -> Line:
    """A sheet with what to do next."""
    pages = address("sheet_pages", sheet.pk)
    if sheet.state == SheetState.FAILED:
        found = (told(sheet.problem), _("Try again"), mapping_address(exam, "failed"))
    elif sheet.state == SheetState.SKIPPED:
        why = _("Left out of the exam. Take it in again if it is somebody's answer.")
        found = (why, _("Look at it"), mapping_address(exam, "skipped"))
    elif sheet.inspected_at is None:
        why = _("Is being read; a suggestion comes by itself.")
        found = (why, _("See its pages"), pages)
    elif not sheet.kept:
        why = _("No page is left in it: skip it, or restore a page.")
        found = (why, _("See its pages"), pages)
    elif sheet.suggested_enrolment_id:
        why = told_suggestion(sheet.suggestion_reason) or _("A student is suggested.")
        found = (why, _("Confirm or change"), mapping_address(exam, "open"))
    else:
        nothing = _("Neither the file name nor the first page tells whose.")
        why = told_suggestion(sheet.suggestion_reason) or nothing
        found = (why, _("Choose the student"), mapping_address(exam, "open"))
    return Line(sheet.name, "", *found, state=sheet.get_state_display())


def mapping_address(exam: Exam, tab: str) -> str:
    """One tab of the mapping page."""
    return f"{reverse('exams:mapping', args=[exam.pk])}?tab={tab}"
