"""Results: the student's own, the teacher's preview of them, and an exam's as a whole.

Comes in: who asks. Goes out: pages. A student's page holds points, feedback and their own
pages; nothing that is for staff is even fetched into its context.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Case, F, JSONField, OuterRef, QuerySet, When
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.roles import student_required, teacher_required
from batching import providers
from exams.json_rows import Rows, of_group
from exams.models import (
    DONE_STATES,
    MARKED_STATES,
    Exam,
    Page,
    Sheet,
    SheetState,
)
from exams.queries import sheets_for
from exams.views.exams import exam_or_404
from grading import queries, review_blind
from grading.exam_statistics import class_distribution, class_marks
from grading.forms import ReasonForm
from grading.models import Appeal, Mark
from grading.models.appeals import APPEAL_LENGTH
from grading.statistics import criterion_means, distribution, tenth

PAGE_SIZE = 50
CARDS = 48
APPEAL_FIELDS = ("pk", "code", "text", "awarded_then", "answer", "raised_at", "answered_at")


class Refused(NamedTuple):
    """What a student wanted and was refused: at which mark (None: it has gone), why, and what was
    typed."""

    mark: int | None
    problem: str
    text: str


class ResultPage(NamedTuple):
    """What a result shows of a page of the sheet."""

    number: int
    public_id: UUID
    width: int
    height: int


@require_GET
@student_required
def my_results(request: HttpRequest) -> HttpResponse:
    """A student's published results of all classes, newest first; with `exam`, the one of that."""
    results = queries.results_for(request.user)
    exam = request.GET.get("exam", "")
    if exam.isdecimal() and len(exam) < 10:
        own = results.filter(exam=int(exam)).values_list("pk", flat=True).first()
        if own is not None:
            return redirect("grading:my_result", own)
    sheets = results.select_related("exam__subject", "exam__school_class").order_by(
        "-published_at", "-pk"
    )
    page = Paginator(sheets, CARDS).get_page(request.GET.get("page"))
    return render(request, "grading/my_results.html", {"page": page})


@require_GET
@student_required
def my_result(request: HttpRequest, pk: int) -> HttpResponse:
    """One published result of the student's own."""
    return render_result(request, pk)


def render_result(
    request: HttpRequest, pk: int, *, refused: Refused | None = None, status: int = 200
) -> HttpResponse:
    """The result's page as it is now; what was refused stands at its mark."""
    context = result_of(request.user, pk) | {"refused": refused}
    context["news_url"] = queries.result_url(context["exam"])
    return render(request, "grading/my_result.html", context, status=status)


@require_GET
@teacher_required
def sheet_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What the student sees of this sheet, or will see."""
    return render(request, "grading/my_result.html", preview_of(request.user, pk))


def preview_of(user: User, pk: int) -> dict[str, Any]:
    """result_of with the way to the sheets before and after it, the form to take it back, and the
    code that stands for the name of a sheet which is reviewed without it."""
    context = result_of(user, pk, DONE_STATES)
    sheets = previewed(context["exam"], user)
    order = [sheet.pk for sheet in sheets]
    place = order.index(pk)
    return context | {
        "preview": True,
        "sheet_code": sheets[place].code,
        "notices": queries.notices_on(context["exam"]),
        "place": place + 1,
        "count": len(order),
        "previous": order[place - 1] if place else None,
        "next": order[place + 1] if place + 1 < len(order) else None,
        "form": ReasonForm(),
    }


def previewed(exam: Exam, user: User) -> list[Sheet]:
    """The sheets of an exam whose results can be looked at, by roll number; at the end those that
    this teacher reviews without names, by their codes."""
    marked = Sheet.objects.filter(exam=exam, state__in=MARKED_STATES).select_related("enrolment")
    marked = marked.only("state", "exam_id", "enrolment__roll_number")
    return review_blind.with_codes(marked.order_by("enrolment__roll_number", "pk"), user)


def result_of(
    user: User, pk: int, counted: tuple[str, ...] = (SheetState.PUBLISHED,)
) -> dict[str, Any]:
    """One sheet's result for its page; 404 for what the person may not see.

    The class's distribution is among it if the teacher lets students see it, over the sheets in
    the states `counted`. Each mark gets the student's own `appeals` to it, `strays` are those to
    questions that the rubric does not have any more. Two queries: the sheet with its pages, appeals
    and the class, and its marks.
    """
    sheet = get_object_or_404(_sheet_with_rows(user, counted), pk=pk)
    exam = sheet.exam
    marks = list(
        Mark.objects.filter(sheet=sheet)
        .select_related("criterion")
        .annotate(
            seen_on=F("part__page_number"),
            part_of=F("criterion__parent__code"),
            part_of_text=F("criterion__parent__description"),
        )
        .defer(*queries.FOR_STAFF)
        .order_by("criterion__position")
    )
    if not marks:
        raise Http404
    total, out_of = queries.total_of(marks)
    # SQLite knows a UUID as text without its hyphens.
    pages = sorted(
        ResultPage(number, UUID(public_id), *size)
        for number, public_id, *size in sheet.page_rows or ()
    )
    numbers = {page.number for page in pages}
    appeals = own_appeals(sheet.appeal_rows or ())
    for mark in marks:
        mark.seen_on = mark.seen_on if mark.seen_on in numbers else None
        mark.appeals = appeals.pop(mark.criterion.code, [])
        mark.is_appealed = any(one.is_open for one in mark.appeals)
        # What came of an appeal is what the next one, or the result, begins with.
        afterwards = [later.awarded_then for later in mark.appeals[1:]] + [mark.awarded]
        for one, after in zip(mark.appeals, afterwards, strict=False):
            one.awarded_after = after
    return {
        "sheet": sheet,
        "exam": exam,
        "marks": marks,
        "strays": [one for group in appeals.values() for one in group],
        "appeal_length": APPEAL_LENGTH,
        "pages": pages,
        "total": total,
        "out_of": out_of,
        "class_spread": class_distribution(sheet.class_rows or ()),
        "own_bin": tenth(total, out_of),
    }


def _sheet_with_rows(user: User, counted: tuple[str, ...]) -> QuerySet[Sheet]:
    """Sheets the person may see, with `page_rows` (see ResultPage), `appeal_rows` (see
    own_appeals) and the class's marks."""
    pages = Page.objects.filter(sheet=OuterRef("pk"), dropped_at=None)
    appeals = Appeal.objects.filter(
        sheet=OuterRef("pk"), raised_by=OuterRef("enrolment__student"), withdrawn_at=None
    )
    shown = When(exam__show_distribution=True, then=class_marks(counted))
    return (
        sheets_for(user)
        .select_related("exam__subject", "exam__school_class", "enrolment__student")
        .annotate(
            appeal_rows=of_group(appeals, "sheet", Rows(*APPEAL_FIELDS)),
            page_rows=of_group(pages, "sheet", Rows(*ResultPage._fields)),
            class_rows=Case(shown, default=None, output_field=JSONField()),
        )
    )


def own_appeals(rows: Iterable[list[Any]]) -> dict[str, list[Appeal]]:
    """By code, oldest first: a student's own appeals from the JSON of APPEAL_FIELDS."""
    found: dict[str, list[Appeal]] = {}
    for pk, code, text, awarded, answer, *moments in sorted(rows):
        raised_at, answered_at = (_moment(one) for one in moments)
        appeal = Appeal(
            pk=pk,
            code=code,
            text=text,
            awarded_then=Decimal(str(awarded)),
            answer=answer,
            raised_at=raised_at,
            answered_at=answered_at,
        )
        found.setdefault(code, []).append(appeal)
    return found


def _moment(text: str | None) -> datetime | None:
    """A time of a row's JSON; SQLite knows it without its zone, which is UTC."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@require_GET
@teacher_required
def exam_results(request: HttpRequest, pk: int) -> HttpResponse:
    """An exam's results: the spread, each criterion's mean, and every sheet's total.

    Sheets that wait for a review which is blind come last, by their codes.
    """
    exam = exam_or_404(request, pk)
    graded = queries.with_totals(Sheet.objects.filter(exam=exam, state__in=MARKED_STATES)).filter(
        total__isnull=False
    )
    graded = graded.annotate(provider=queries.assessed_by())
    sheets = review_blind.with_codes(
        graded.select_related("enrolment__student")
        .only("state", "name", "enrolment__roll_number", "enrolment__student__name", "exam_id")
        .order_by("enrolment__roll_number", "pk"),
        request.user,
    )
    context = {
        "exam": exam,
        "spread": distribution([(sheet.total, sheet.out_of or 0) for sheet in sheets]),
        "criteria": criterion_means(exam),
        "notices": providers.notices_of(one.provider for one in sheets if one.provider),
        "page": Paginator(sheets, PAGE_SIZE).get_page(request.GET.get("page")),
        "out_of": sheets[-1].out_of if sheets else None,
        "unreviewed": sum(sheet.state == SheetState.GRADED for sheet in sheets),
    }
    return render(request, "grading/results.html", context)
