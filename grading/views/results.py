"""Results: the student's own, the teacher's preview of them, and an exam's as a whole.

Comes in: who asks. Goes out: pages. A student's page holds points, feedback and their own
pages; nothing that is for staff is even fetched into its context.
"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.roles import student_required, teacher_required
from batching import providers
from exams.models import GRADED_STATES, REVIEWED_STATES, Exam, Sheet, SheetState
from exams.queries import pages_for
from exams.views.exams import exam_or_404
from grading import queries, review_blind
from grading.exam_statistics import class_distribution
from grading.forms import ReasonForm
from grading.statistics import criterion_means, distribution, tenth

PAGE_SIZE = 50
CARDS = 48
_STAFF_ONLY = ("criterion__guidance", "criterion__answer")


@require_GET
@student_required
def my_results(request: HttpRequest) -> HttpResponse:
    """A student's published results of all classes, newest first."""
    sheets = (
        queries.results_for(request.user)
        .select_related("exam__subject", "exam__school_class")
        .order_by("-published_at", "-pk")
    )
    page = Paginator(sheets, CARDS).get_page(request.GET.get("page"))
    return render(request, "grading/my_results.html", {"page": page})


@require_GET
@student_required
def my_result(request: HttpRequest, pk: int) -> HttpResponse:
    """One published result of the student's own."""
    return render(request, "grading/my_result.html", result_of(request.user, pk))


@require_GET
@teacher_required
def sheet_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What the student sees of this sheet, or will see."""
    return render(request, "grading/my_result.html", preview_of(request.user, pk))


def preview_of(user: User, pk: int) -> dict[str, Any]:
    """result_of with the way to the papers before and after it, and the form to take it back."""
    context = result_of(user, pk, SHOWN_SOON)
    order = list(previewed(context["exam"]).values_list("pk", flat=True))
    place = order.index(pk)
    return context | {
        "preview": True,
        "notices": queries.notices_on(context["exam"]),
        "place": place + 1,
        "count": len(order),
        "previous": order[place - 1] if place else None,
        "next": order[place + 1] if place + 1 < len(order) else None,
        "form": ReasonForm(),
    }


SHOWN_SOON = (*REVIEWED_STATES, SheetState.PUBLISHED)


def previewed(exam: Exam) -> Any:
    """The sheets of an exam whose results can be looked at, by roll number."""
    marked = Sheet.objects.filter(exam=exam, state__in=(*GRADED_STATES, SheetState.PUBLISHED))
    return marked.order_by("enrolment__roll_number", "pk")


def result_of(
    user: User, pk: int, counted: tuple[str, ...] = (SheetState.PUBLISHED,)
) -> dict[str, Any]:
    """One sheet's result for its page; 404 for what the person may not see.

    The class's distribution is among it if the teacher lets students see it, over the sheets in
    the states `counted`.
    """
    marks = list(
        queries.marks_for(user)
        .filter(sheet=pk)
        .select_related(
            "criterion",
            "sheet__exam__subject",
            "sheet__exam__school_class",
            "sheet__enrolment__student",
        )
        .annotate(
            seen_on=F("part__page_number"),
            part_of=F("criterion__parent__code"),
            part_of_text=F("criterion__parent__description"),
        )
        .defer(*_STAFF_ONLY)
        .order_by("criterion__position")
    )
    if not marks:
        raise Http404
    total, out_of = queries.total_of(marks)
    sheet, exam = marks[0].sheet, marks[0].sheet.exam
    pages = list(pages_for(user).filter(sheet=pk, dropped_at=None).order_by("number"))
    numbers = {page.number for page in pages}
    for mark in marks:
        mark.seen_on = mark.seen_on if mark.seen_on in numbers else None
    return {
        "sheet": sheet,
        "exam": exam,
        "marks": marks,
        "pages": pages,
        "total": total,
        "out_of": out_of,
        "class_spread": class_distribution(exam, counted) if exam.show_distribution else None,
        "own_bin": tenth(total, out_of),
    }


@require_GET
@teacher_required
def exam_results(request: HttpRequest, pk: int) -> HttpResponse:
    """An exam's results: the spread, each criterion's mean, and every sheet's total.

    Papers that wait for a review which is blind come last, by their codes.
    """
    exam = exam_or_404(request, pk)
    graded = queries.with_totals(
        Sheet.objects.filter(exam=exam, state__in=(*GRADED_STATES, SheetState.PUBLISHED))
    ).filter(total__isnull=False)
    graded = graded.annotate(provider=queries.assessed_by())
    graded = review_blind.with_name_shown(graded, request.user)
    sheets = list(
        graded.select_related("enrolment__student")
        .only("state", "name", "enrolment__roll_number", "enrolment__student__name", "exam_id")
        .order_by("enrolment__roll_number", "pk")
    )
    for sheet in sheets:
        is_blind = sheet.state == SheetState.GRADED and not sheet.name_shown
        sheet.paper = review_blind.paper_code(sheet.pk) if is_blind else ""
    # Among the others its place would tell whose paper it is.
    rows = sorted(sheets, key=lambda sheet: sheet.paper)
    context = {
        "exam": exam,
        "spread": distribution([(sheet.total, sheet.out_of or 0) for sheet in sheets]),
        "criteria": criterion_means(exam),
        "notices": providers.notices_of(one.provider for one in sheets if one.provider),
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "out_of": sheets[-1].out_of if sheets else None,
        "unreviewed": sum(sheet.state == SheetState.GRADED for sheet in sheets),
    }
    return render(request, "grading/results.html", context)
