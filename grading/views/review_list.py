"""The list of an exam's sheets in review: where each stands, its total, what to look at.

Comes in: an exam and which list is asked for. Goes out: one page of rows, in three queries
however many sheets there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.roles import teacher_required
from exams.models import GRADED_STATES, REVIEWED_STATES, Exam, Sheet, SheetState
from grading import queries
from grading.forms import ReasonForm
from grading.models import Mark
from grading.review import plain

PAGE_SIZE = 50
SHEET_ORDER = ("enrolment__roll_number", "name", "pk")
_HAVE_MARKS = (*GRADED_STATES, SheetState.PUBLISHED)
_STATES_OF = {
    "graded": (SheetState.GRADED,),
    "unsure": (SheetState.GRADED,),
    "reviewed": REVIEWED_STATES,
    "published": (SheetState.PUBLISHED,),
    "other": tuple(state for state in SheetState if state not in _HAVE_MARKS),
    "all": tuple(SheetState),
}
_TABS = (
    ("graded", "To review"),
    ("unsure", "Unsure first"),
    ("reviewed", "Reviewed"),
    ("published", "Published"),
    ("other", "Not graded"),
    ("all", "All"),
)


_FLAGS = ("unsure", "changed", "rubric_version", "looked")
_STUDENT = ("enrolment__roll_number", "enrolment__student__name")


@require_GET
@teacher_required
def review_list(request: HttpRequest, pk: int) -> HttpResponse:
    """The sheets of an exam with state, total and flags."""
    return render_list(request, exam_with_counts(request, pk), ReasonForm())


def exam_with_counts(request: HttpRequest, pk: int) -> Exam:
    """queries.exam_with_counts, or a 404."""
    try:
        return queries.exam_with_counts(request.user, pk)
    except Exam.DoesNotExist as error:
        raise Http404 from error


def render_list(
    request: HttpRequest, exam: Exam, form: ReasonForm, status: int = 200
) -> HttpResponse:
    """The list's page; `form` is that of approving unseen, refused or fresh."""
    show = request.GET.get("show", "")
    if show not in _STATES_OF:
        show = "graded" if exam.states[SheetState.GRADED] else "all"
    page = _page(exam, show, request.GET.get("page"), request.user)
    done = exam.states[SheetState.PUBLISHED] + _count(exam, "reviewed")
    context = {
        "exam": exam,
        "tabs": [
            (key, label, None if key == "unsure" else _count(exam, key)) for key, label in _TABS
        ],
        "show": show,
        "page": page,
        "rows": _rows(page, exam),
        "to_review": exam.states[SheetState.GRADED],
        "looked": exam.looked,
        "done": done,
        "total": _count(exam, "all") - exam.states[SheetState.SKIPPED] - exam.states["sample"],
        "form": form,
    }
    return render(request, "grading/review_list.html", context, status=status)


def _count(exam: Exam, show: str) -> int:
    states: tuple[str, ...] = _STATES_OF[show]
    if SheetState.MAPPED in states:
        states += ("sample",)
    return sum(exam.states[state] for state in states)


def _page(exam: Exam, show: str, number: str | None, user: Any) -> Any:
    sheets = Sheet.objects.filter(exam=exam.pk)
    if show != "all":
        sheets = sheets.filter(state__in=_STATES_OF[show])
    if show == "unsure":
        low = Mark.objects.filter(sheet=OuterRef("pk"), part__confidence__lt=queries.UNSURE_BELOW)
        sheets = sheets.filter(Exists(low))
    order: tuple[str, ...] = ("-unsure", *SHEET_ORDER) if show == "unsure" else SHEET_ORDER
    paginator = Paginator(_with_totals(sheets, user).order_by(*order), PAGE_SIZE)
    if show != "unsure":
        paginator.count = _count(exam, show)  # known already: no query for it
    return paginator.get_page(number)


def _with_totals(sheets: QuerySet[Sheet], user: Any) -> QuerySet[Sheet, dict[str, Any]]:
    return queries.with_looked(queries.with_flags(queries.with_totals(sheets)), user).values(
        "pk", "name", "state", "problem", "total", "out_of", *_FLAGS, *_STUDENT
    )


def _rows(sheets: Iterable[dict[str, Any]], exam: Exam) -> list[dict[str, Any]]:
    """What the template shows of each sheet: plain values, since there are fifty of them."""
    review, by_hand = _address("review_sheet"), _address("sheet_by_hand")
    mapping = reverse("exams:mapping", args=[exam.pk])
    rows = []
    for sheet in sheets:
        state, roll = SheetState(sheet["state"]), sheet["enrolment__roll_number"]
        graded = sheet["total"] is not None
        flags = []
        if sheet["unsure"]:
            flags.append(("unsure", f"{sheet['unsure']} unsure"))
        if sheet["changed"]:
            flags.append(("changed", f"{sheet['changed']} changed"))
        if graded and sheet["rubric_version"] != exam.newest_rubric_version:
            flags.append(("old", "older rubric"))
        if sheet["looked"] and state == SheetState.GRADED:
            flags.append(("looked", "looked at"))
        todo: tuple[str, ...] = ()
        if roll is not None and state in (SheetState.MAPPED, SheetState.FAILED):
            todo = (by_hand % sheet["pk"], "Grade by hand")
        elif state in (SheetState.PENDING_MAPPING, SheetState.FAILED):
            todo = (mapping, "Map it")
        rows.append(
            {
                "roll": roll or "–",
                "name": sheet["name"],
                "student": sheet["enrolment__student__name"] or "",
                "review": review % sheet["pk"] if graded else "",
                "state": state.value,
                "state_label": state.label,
                "notes": bool(flags or todo or sheet["problem"]),
                "flags": flags,
                "problem": sheet["problem"],
                "todo": todo,
                "total": plain(sheet["total"]) if graded else "–",
                "out_of": f"/ {plain(sheet['out_of'] or Decimal(0))}" if graded else "",
            }
        )
    return rows


def _address(name: str) -> str:
    """The address of a sheet's page with %d for the sheet: resolved once, not for every row."""
    return reverse(f"grading:{name}", args=[0]).replace("/0/", "/%d/")
