"""The review of one question across all sheets, and the list of questions to choose from.

Comes in: an exam and a criterion's code. Goes out: cards of many sheets, each beside the page it
was read from, a few at a time, in the same shuffled order as the sheets.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.roles import teacher_required
from batching import providers
from exams.models import MARKED_STATES, Criterion, Page
from exams.queries import exams_for
from grading import queries, review_accept, review_blind
from grading.appeals import appeals_shown, open_appeals
from grading.models import Appeal, Mark
from grading.review_flags import open_flags
from grading.views.mark_cards import MarkCard, card_of
from grading.views.review_desk import QUESTION_LISTS, Desk, context_for

CARDS_AT_ONCE = 10


def _marks(exam_pk: int) -> QuerySet[Mark]:
    return Mark.objects.filter(sheet__exam=exam_pk, sheet__state__in=MARKED_STATES)


def _conditions() -> dict[str, Q]:
    """By list of marks: what belongs to it."""
    here = {"sheet": OuterRef("sheet"), "code": OuterRef("criterion__code")}
    return {
        "open": ~review_accept.is_done(),
        "unsure": Q(part__confidence__lt=queries.UNSURE_BELOW),
        "flagged": Q(Exists(open_flags().filter(**here))),
        "appealed": Q(Exists(open_appeals().filter(**here))),
        "changed": Q(is_overridden=True),
        "all": Q(),
    }


def _counted() -> dict[str, Count]:
    """By `in_` and the name of a list: how many marks belong to it."""
    return {
        f"in_{show}": Count("pk", filter=condition) if condition else Count("pk")
        for show, condition in _conditions().items()
    }


def question_head(exam_pk: int, code: str) -> dict[str, Any]:
    """How far a question is, and how many of its marks each list holds; one query."""
    numbers = _marks(exam_pk).filter(criterion__code=code).aggregate(**_counted())
    total = numbers["in_all"]
    return {
        "code": code,
        "question_total": total,
        "question_done": total - numbers["in_open"],
        "tabs": [(show, label, numbers[f"in_{show}"]) for show, label in QUESTION_LISTS.items()],
    }


@require_GET
@teacher_required
def review_questions(request: HttpRequest, pk: int) -> HttpResponse:
    """The questions of an exam with what is done of each, to go through one by one."""
    exam = get_object_or_404(exams_for(request.user).select_related("school_class"), pk=pk)
    rows = _marks(exam.pk).order_by().values("criterion__code").annotate(**_counted())
    numbers = {row["criterion__code"]: row for row in rows}
    questions = [
        {
            "criterion": criterion,
            "done": row["in_all"] - row["in_open"],
            **row,
        }
        for criterion in questions_of(exam.pk)
        if (row := numbers.get(criterion.code))
    ]
    context = {
        "exam": exam,
        "questions": questions,
        "all_accepted": review_accept.sheets_all_accepted(exam).count(),
    }
    return render(request, "grading/review_questions.html", context)


def questions_of(exam_pk: int) -> list[Criterion]:
    """The leaves that have marks in this exam, each as in its newest rubric, in that order."""
    used = Mark.objects.filter(criterion=OuterRef("pk"), sheet__exam=exam_pk)
    rows = Criterion.objects.filter(Exists(used), rubric__exam=exam_pk)
    newest: dict[str, Criterion] = {}
    for criterion in rows.order_by("-rubric__version", "position"):
        newest.setdefault(criterion.code, criterion)
    return list(newest.values())


@require_GET
@teacher_required
def review_question(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """One question of all sheets, a few cards at a time."""
    return render_question(request, pk, code)


def render_question(
    request: HttpRequest,
    pk: int,
    code: str,
    card: MarkCard | None = None,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """The question's page as it is now, with one refused card in it or a problem above it."""
    exam = get_object_or_404(
        exams_for(request.user).select_related("school_class", "subject"), pk=pk
    )
    questions = questions_of(exam.pk)
    codes = [criterion.code for criterion in questions]
    if code not in codes:
        raise Http404(_("No sheet of this exam has a mark for this question."))
    here = codes.index(code)
    desk = Desk.of(request, by_question=True)
    head = question_head(exam.pk, code)
    show = desk.show or ("open" if head["tabs"][0][2] else "all")
    named = review_blind.exam_is_named(exam.pk, request.user)
    # All of the list in its order, and where to begin in it: what is done leaves the list, so
    # that pages by number would leave marks out.
    order = list(_of_list(exam, code, show, desk.start, request, named=named))
    at = order.index(desk.start) if desk.start in order else 0
    pks = order[at : at + CARDS_AT_ONCE]
    rows = _rows(pks, card, request, named=named)
    context = {
        **context_for(request, Desk(True, show, desk.start), exam),
        **head,
        "question": questions[here],
        "problem": problem,
        "named": named,
        "show": show,
        "rows": rows,
        "notices": providers.notices_of(row["card"].mark.part.assessment.provider for row in rows),
        "first": at + 1,
        "last": at + len(pks),
        "count": len(order),
        "previous": order[max(0, at - CARDS_AT_ONCE)] if at else None,
        "next": order[at + CARDS_AT_ONCE] if at + CARDS_AT_ONCE < len(order) else None,
        "previous_code": codes[here - 1] if here else None,
        "next_code": codes[here + 1] if here + 1 < len(codes) else None,
    }
    return render(request, "grading/review_question.html", context, status=status)


def _of_list(
    exam: Any, code: str, show: str, start: int, request: HttpRequest, *, named: bool
) -> QuerySet[Mark, int]:
    """The pks of a list's marks in their order; `start` is among them though it may be done."""
    order: list[Any] = (
        ["sheet__enrolment__roll_number", "sheet__name", "pk"]
        if named
        else [review_blind.shuffled(exam.pk, request.user.pk, "sheet_id"), "pk"]
    )
    wanted = _conditions()[show]
    marks = _marks(exam.pk).filter(criterion__code=code)
    if wanted:
        marks = marks.filter(wanted | Q(pk=start))
    return marks.order_by(*order).values_list("pk", flat=True)


def _rows(
    pks: list[int], refused: MarkCard | None, request: HttpRequest, *, named: bool
) -> list[dict[str, Any]]:
    """Each card with its sheet's pages, the one it was read from first to be seen."""
    kept = Page.objects.filter(dropped_at=None).order_by("number")
    found = (
        Mark.objects.select_related(
            "criterion__rubric",
            "part__assessment__item",
            "changed_by",
            "sheet__exam",
            "sheet__enrolment__student",
        )
        .prefetch_related(Prefetch("sheet__pages", kept, to_attr="kept_pages"))
        .annotate(is_accepted=review_accept.accepted())
        .in_bulk(pks)
    )
    marks = [found[pk] for pk in pks if pk in found]
    sheets = [mark.sheet_id for mark in marks]
    flags = {(flag.sheet_id, flag.code): flag for flag in open_flags().filter(sheet__in=sheets)}
    appeals: defaultdict[tuple[int, str], list[Appeal]] = defaultdict(list)
    for appeal in appeals_shown().filter(sheet__in=sheets):
        appeals[appeal.sheet_id, appeal.code].append(appeal)
    revealed = set(
        review_blind.open_reveals(request.user)
        .filter(sheet__in=sheets)
        .values_list("sheet", flat=True)
    )
    rows = []
    for mark in marks:
        place = (mark.sheet_id, mark.criterion.code)
        card = card_of(mark, flag=flags.get(place), appeals=appeals[place])
        if refused is not None and refused.mark.pk == mark.pk:
            card = refused
        pages = mark.sheet.kept_pages
        read_from = next((one for one in pages if one.number == mark.part.page_number), None)
        rows.append(
            {
                "card": card,
                "sheet": mark.sheet,
                "sheet_code": review_blind.sheet_code(mark.sheet_id),
                "named": named or mark.sheet_id in revealed,
                "pages": pages,
                "page": read_from or (pages[0] if pages else None),
            }
        )
    return rows
