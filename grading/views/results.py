"""Results: the student's own, the teacher's preview of them, and an exam's as a whole.

Comes in: who asks. Goes out: pages. A student's page holds points, feedback and their own
pages; nothing that is for staff is even fetched into its context.
"""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.roles import student_required, teacher_required
from exams.models import GRADED_STATES, Sheet, SheetState
from exams.queries import pages_for
from exams.views.exams import exam_or_404
from grading import queries
from grading.statistics import criterion_means, distribution

PAGE_SIZE = 50
_STAFF_ONLY = ("criterion__guidance", "criterion__answer")


@require_GET
@student_required
def my_results(request: HttpRequest) -> HttpResponse:
    """A student's published results, newest first."""
    sheets = (
        queries.results_for(request.user)
        .select_related("exam__subject")
        .order_by("-published_at", "-pk")
    )
    return render(request, "grading/my_results.html", {"sheets": sheets})


@require_GET
@student_required
def my_result(request: HttpRequest, pk: int) -> HttpResponse:
    """One published result of the student's own."""
    return _render_result(request, pk)


@require_GET
@teacher_required
def sheet_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What the student sees of this sheet, or will see."""
    return _render_result(request, pk, preview=True)


def _render_result(request: HttpRequest, pk: int, preview: bool = False) -> HttpResponse:
    marks = list(
        queries.marks_for(request.user)
        .filter(sheet=pk)
        .select_related("criterion", "sheet__exam__subject", "sheet__enrolment__student")
        .defer(*_STAFF_ONLY)
        .order_by("criterion__position")
    )
    if not marks:
        raise Http404
    total, out_of = queries.total_of(marks)
    context = {
        "sheet": marks[0].sheet,
        "exam": marks[0].sheet.exam,
        "marks": marks,
        "pages": pages_for(request.user).filter(sheet=pk, dropped_at=None).order_by("number"),
        "total": total,
        "out_of": out_of,
        "preview": preview,
    }
    return render(request, "grading/my_result.html", context)


@require_GET
@teacher_required
def exam_results(request: HttpRequest, pk: int) -> HttpResponse:
    """An exam's results: the spread, each criterion's mean, and every sheet's total."""
    exam = exam_or_404(request, pk)
    graded = queries.with_totals(
        Sheet.objects.filter(exam=exam, state__in=(*GRADED_STATES, SheetState.PUBLISHED))
    ).filter(total__isnull=False)
    sheets = list(
        graded.select_related("enrolment__student")
        .only("state", "name", "enrolment__roll_number", "enrolment__student__name", "exam_id")
        .order_by("enrolment__roll_number", "pk")
    )
    context = {
        "exam": exam,
        "spread": distribution([(sheet.total, sheet.out_of or 0) for sheet in sheets]),
        "criteria": criterion_means(exam),
        "page": Paginator(sheets, PAGE_SIZE).get_page(request.GET.get("page")),
        "out_of": sheets[-1].out_of if sheets else None,
        "unreviewed": sum(sheet.state == SheetState.GRADED for sheet in sheets),
    }
    return render(request, "grading/results.html", context)
