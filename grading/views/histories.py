"""The history pages: all that happened to an exam, or to one sheet of it, with filters.

Comes in: a teacher and what to look for. Goes out: one page of entries; a mark's earlier value
has the button that puts it back.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.roles import teacher_required
from exams.models import GRADED_STATES, Exam, Sheet, SheetState
from exams.queries import sheets_for
from exams.views.exams import exam_or_404
from grading import histories
from grading.export_rows import criteria_of
from grading.histories import KINDS, Filters

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
    rows = histories.entries(exam, filters, sheet)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    asked = {name: value for name, value in request.GET.items() if name != "page" and value}
    context = {
        "exam": exam,
        "sheet": sheet,
        "is_marked": sheet is not None and sheet.state in (*GRADED_STATES, SheetState.PUBLISHED),
        "filters": filters,
        "page": page,
        "entries": histories.details_of(exam, page.object_list),
        "people": histories.people_of(exam),
        "codes": [criterion.code for criterion in criteria_of(exam)],
        "query": f"&{urlencode(asked)}" if asked else "",
    }
    return render(request, "grading/history.html", context)


def _filters(request: HttpRequest) -> Filters:
    """What was asked for; what makes no sense is as if it were not asked."""
    person, kind = request.GET.get("person", ""), request.GET.get("kind", "")
    return Filters(
        person=int(person) if person.isdecimal() and len(person) < 18 else None,
        criterion=request.GET.get("criterion", "")[:40].replace("\x00", ""),
        kind=kind if kind in KINDS else "",
        system=request.GET.get("system") == "1",
    )
