"""The list of an exam's sheets in review: where each stands, its total, what to look at.

Comes in: an exam and which list is asked for. Goes out: one page of rows, in three queries
however many sheets there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.roles import teacher_required
from batching import providers
from exams.models import Exam, Sheet, SheetState
from exams.points import shown
from exams.queries import exams_for
from grading import queries, review_blind, review_eyes
from grading.forms import ReasonForm

PAGE_SIZE = 50
_VALUES = (
    "pk",
    "name",
    "state",
    "problem",
    "total",
    "out_of",
    "unsure",
    "changed",
    "rubric_version",
    "looked",
    "named",
    "provider",
    "flags_up",
    "appeals_open",
    "enrolment__roll_number",
    "enrolment__student__name",
)


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


@require_GET
@teacher_required
def review_counts(request: HttpRequest, pk: int) -> HttpResponse:
    """How many sheets there are for each reason to look; comes after the list, as it counts all."""
    exam = get_object_or_404(exams_for(request.user), pk=pk)
    context = {"exam": exam, "reasons": _reasons(review_eyes.counts(exam)), "show": _show(request)}
    return render(request, "grading/_review_reasons.html", context)


def _show(request: HttpRequest) -> str:
    show = request.GET.get("show", "")
    return show if show in review_eyes.STATES_OF else ""


def _reasons(counts: dict[str, int] | None = None) -> list[tuple[str, Any, int | None]]:
    return [
        (key, label, counts[key] if counts else None) for key, label in review_eyes.REASON_LISTS
    ]


def render_list(
    request: HttpRequest, exam: Exam, form: ReasonForm, status: int = 200
) -> HttpResponse:
    """The list's page; `form` is that of approving unseen, refused or fresh."""
    show = _show(request) or ("graded" if exam.states[SheetState.GRADED] else "all")
    page = _page(exam, show, request.GET.get("page"), request.user)
    done = exam.states[SheetState.PUBLISHED] + _count(exam, "reviewed")
    rows = _rows(page, exam, show)
    context = {
        "exam": exam,
        "tabs": [(key, label, _count(exam, key)) for key, label in review_eyes.STATE_LISTS],
        "reasons": _reasons(),
        "show": show,
        "page": page,
        "rows": rows,
        "any_named": any(row["named"] for row in rows),
        "notices": providers.notices_of(row["provider"] for row in rows if row["provider"]),
        "first": next((row["review"] for row in rows if row["review"]), ""),
        "to_review": exam.states[SheetState.GRADED],
        "looked": exam.looked,
        "done": done,
        "total": _count(exam, "all") - exam.states[SheetState.SKIPPED] - exam.states["sample"],
        "form": form,
    }
    return render(request, "grading/review_list.html", context, status=status)


def _count(exam: Exam, show: str) -> int:
    states: tuple[str, ...] = review_eyes.STATES_OF[show]
    if SheetState.MAPPED in states:
        states += ("sample",)
    return sum(exam.states[state] for state in states)


def _page(exam: Exam, show: str, number: str | None, user: User) -> Any:
    order = review_eyes.order_of(exam, user, show, named=exam.named)
    paginator = Paginator(review_eyes.sheets_of(exam, show).order_by(*order), PAGE_SIZE)
    if show not in review_eyes.REASONS:
        paginator.count = _count(exam, show)  # known already: no query for it
    page = paginator.get_page(number)
    # The reasons of these sheets alone: to tell them of all would cost on every one of them.
    here = Sheet.objects.filter(pk__in=page.object_list.values("pk"))
    signs = review_eyes.with_eyes if "-weight" in order else review_eyes.with_checks
    here = signs(here)
    told = review_eyes.with_reasons(here, user)
    told = queries.with_looked(review_blind.with_named(told, user), user)
    told = told.annotate(provider=queries.assessed_by())
    page.object_list = told.order_by(*order).values(*_VALUES, *review_eyes.CHECKS)
    return page


def _rows(sheets: Iterable[dict[str, Any]], exam: Exam, show: str) -> list[dict[str, Any]]:
    """What the template shows of each sheet: plain values, since there are fifty of them."""
    review, by_hand = _address("review_sheet"), _address("sheet_by_hand")
    mapping = reverse("exams:mapping", args=[exam.pk])
    rows = []
    for sheet in sheets:
        state, roll = SheetState(sheet["state"]), sheet["enrolment__roll_number"]
        graded = sheet["total"] is not None
        # Who has no marks yet is not under review: the name says what is missing.
        named = exam.named or sheet["named"] or not graded
        flags = review_eyes.reasons_of(sheet) if graded else []
        if graded and sheet["rubric_version"] != exam.newest_rubric_version:
            flags.append(("old", _("older rubric")))
        if sheet["looked"] and state == SheetState.GRADED:
            flags.append(("looked", _("looked at")))
        todo: tuple[str, ...] = ()
        if roll is not None and state in (SheetState.MAPPED, SheetState.FAILED):
            todo = (by_hand % sheet["pk"], _("Grade by hand"))
        elif state in (SheetState.PENDING_MAPPING, SheetState.FAILED):
            todo = (mapping, _("Map it"))
        rows.append(
            {
                "sheet_code": review_blind.sheet_code(sheet["pk"]),
                "named": named,
                "roll": roll or "–",
                "name": sheet["name"],
                "student": sheet["enrolment__student__name"] or "",
                "review": f"{review % sheet['pk']}?show={show}" if graded else "",
                "state": state.value,
                "state_label": state.label,
                "provider": sheet["provider"],
                "notes": bool(flags or todo or sheet["problem"]),
                "flags": flags,
                "problem": sheet["problem"],
                "todo": todo,
                "total": shown(sheet["total"]) if graded else "–",
                "out_of": f"/ {shown(sheet['out_of'] or 0)}" if graded else "",
            }
        )
    return rows


def _address(name: str) -> str:
    """The address of a sheet's page with %d for the sheet: resolved once, not for every row."""
    return reverse(f"grading:{name}", args=[0]).replace("/0/", "/%d/")
