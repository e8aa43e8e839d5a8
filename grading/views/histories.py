"""The history pages: all that happened to an exam, or to one sheet of it, with filters.

Comes in: a teacher and what to look for. Goes out: one page of entries; a mark's earlier value
has the button that puts it back.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.roles import teacher_required
from exams.models import MARKED_STATES, Exam, Sheet, SheetState
from exams.queries import sheets_for
from exams.views.exams import exam_or_404
from grading import histories
from grading.export_rows import criteria_of
from grading.histories import KINDS, Filters
from grading.review_blind import blind_sheets, codes_of, exam_is_named

PAGE_SIZE = 50


@require_GET
@teacher_required
def exam_history(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened to an exam: its marks, sheets, rubric and itself."""
    return _render(request, exam_or_404(request, pk))


@require_GET
@teacher_required
def sheet_history(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened to one sheet and its marks."""
    sheets = sheets_for(request.user).select_related("exam__school_class", "enrolment")
    sheet = get_object_or_404(sheets, pk=pk)
    return _render(request, sheet.exam, sheet)


def _render(request: HttpRequest, exam: Exam, sheet: Sheet | None = None) -> HttpResponse:
    filters = _filters(request)
    people = list(histories.people_of(exam))
    if filters.person not in {person.pk for person in people}:
        filters = replace(filters, person=None)
    rows = histories.entries(exam, filters, sheet, reader=request.user)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    asked = {name: value for name, value in request.GET.items() if name != "page" and value}
    context = {
        "exam": exam,
        "sheet": sheet,
        "is_marked": sheet is not None and sheet.state in MARKED_STATES,
        "filters": filters,
        "page": page,
        "entries": histories.details_of(exam, page.object_list, reader=request.user),
        "people": people,
        **_names(exam, sheet, request.user),
        "codes": [criterion.code for criterion in criteria_of(exam)],
        "query": f"&{urlencode(asked)}" if asked else "",
    }
    return render(request, "grading/history.html", context)


def _names(exam: Exam, sheet: Sheet | None, user: User) -> dict[str, Any]:
    """What a sheet is called here, and whether names are hidden or shown while it is reviewed."""
    if sheet is None:
        is_named = exam_is_named(exam.pk, user)
        return {"is_named": is_named, "is_blind": blind_sheets(exam, user).exists()}
    codes = codes_of([sheet.pk], user)
    roll = sheet.enrolment.roll_number if sheet.enrolment else ""
    return {
        "called": codes.get(sheet.pk) or roll or sheet.name,
        "is_blind": bool(codes),
        "is_named": not codes and sheet.state == SheetState.GRADED,
    }


def _filters(request: HttpRequest) -> Filters:
    """What was asked for; what makes no sense is as if it were not asked."""
    person, kind = request.GET.get("person", ""), request.GET.get("kind", "")
    return Filters(
        person=int(person) if person.isdecimal() and len(person) < 18 else None,
        criterion=request.GET.get("criterion", "")[:40].replace("\x00", ""),
        kind=kind if kind in KINDS else "",
        system=request.GET.get("system") == "1",
    )
