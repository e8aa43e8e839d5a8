"""The review of one sheet: its pages beside its marks, approving it, going on to the next.

Comes in: a teacher's clicks. Goes out: pages. What is allowed is decided in grading/review.py;
here it becomes 422 (fix it) or 409 (look again). One mark at a time: review_marks.py.
"""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams.models import DONE_STATES, MARKED_STATES, Sheet, SheetState
from exams.queries import exams_for, sheets_for
from exams.rubrics import current_rubric, leaves
from grading import review, review_accept, review_blind, review_eyes, runs
from grading.forms import ByHandForm, ReasonForm
from grading.views.mark_cards import MarkCard, sheet_cards, sheet_head
from grading.views.review_desk import Desk, called, context_for, sheet_with_marks
from grading.views.review_list import exam_with_counts, render_list


@require_POST
@teacher_required
def approve_all(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve all unchanged sheets that were looked at, or, by a reasoned choice, all unchanged."""
    exam = exam_with_counts(request, pk)
    without_look = request.POST.get("without_look") == "1"
    form = ReasonForm(request.POST)
    if form.is_valid() or not without_look:
        try:
            approved = review.approve_unchanged(
                exam,
                by=request.user,
                without_look=without_look,
                reason=form.cleaned_data.get("reason", ""),
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            if approved:
                messages.success(request, _approved(approved))
            else:
                messages.info(
                    request,
                    _("Nothing to approve: open each sheet first, and approve changed ones there."),
                )
            return redirect("grading:review_list", pk=exam.pk)
    return render_list(request, exam, form, status=422)


@require_POST
@teacher_required
def approve_accepted(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve all sheets of which every mark was accepted question by question."""
    exam = exam_with_counts(request, pk)
    approved = review_accept.approve_accepted(exam, by=request.user)
    if approved:
        messages.success(request, _approved(approved))
    else:
        messages.info(request, _("No sheet has all its questions accepted yet."))
    return redirect("grading:review_list", pk=exam.pk)


def _approved(count: int) -> str:
    return ngettext("Approved %d sheet.", "Approved %d sheets.", count) % count


@require_GET
@teacher_required
def review_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """One sheet: its pages beside a form for every mark."""
    return render_sheet(request, pk)


def render_sheet(
    request: HttpRequest,
    pk: int,
    card: MarkCard | None = None,
    *,
    problem: str = "",
    status: int = 200,
    unsent: str = "",
) -> HttpResponse:
    """The sheet's page as it is now, with one refused card in it or a problem above it.

    `unsent` is a refused answer to an appeal that has no card, since its question has gone.
    """
    sheet = sheet_with_marks(request, pk)
    desk = Desk.of(request, by_question=False)
    cards = sheet_cards(sheet)
    if card is not None:
        cards = [card if one.mark.pk == card.mark.pk else one for one in cards]
    exam_named = review_blind.exam_is_named(sheet.exam_id, request.user)
    order = _order(request, sheet, desk, named=exam_named)
    place = next((number for number, (pk, _state) in enumerate(order) if pk == sheet.pk), 0)
    context = {
        **context_for(request, desk, sheet.exam),
        "sheet": sheet,
        "sheet_code": review_blind.sheet_code(sheet.pk),
        "named": exam_named or review_blind.is_named(sheet, request.user),
        "exam_named": exam_named,
        "problem": problem,
        "unsent": unsent,
        "cards": cards,
        "pages": sheet.pages.filter(dropped_at=None).order_by("number"),
        "place": place + 1,
        "count": len(order),
        "previous": order[place - 1][0] if place else None,
        "next": order[place + 1][0] if place + 1 < len(order) else None,
        "approved": sum(state in DONE_STATES for _pk, state in order),
        "list_label": dict((*review_eyes.STATE_LISTS, *review_eyes.REASON_LISTS)).get(desk.show),
        **sheet_head(sheet, cards),
    }
    return render(request, "grading/review_sheet.html", context, status=status)


def _order(request: HttpRequest, sheet: Sheet, desk: Desk, *, named: bool) -> list[tuple[int, str]]:
    """The sheets of the list that is walked through, this one in any case: (pk, state)."""
    if desk.show:
        sheets = review_eyes.sheets_of(sheet.exam, desk.show, besides=sheet.pk)
    else:
        sheets = sheet.exam.sheets.all()
    rows = sheets.filter(state__in=MARKED_STATES).order_by(
        *review_eyes.order_of(sheet.exam, request.user, desk.show, named=named)
    )
    return list(rows.values_list("pk", "state"))


@require_POST
@teacher_required
def sheet_look(request: HttpRequest, pk: int) -> HttpResponse:
    """Remember that these marks were looked at; without script, go on to the next sheet."""
    sheet = sheet_with_marks(request, pk)
    shown = request.POST.get("marks_version", "").replace("\x00", "")[:40]
    review.record_look(sheet, marks_version=shown, by=request.user)
    if request.htmx:
        return HttpResponse(status=204)
    return _to_next(request, sheet)


@require_POST
@teacher_required
def sheet_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve one sheet as it was shown, and go on to the next one."""
    sheet = sheet_with_marks(request, pk)
    try:
        review.approve_sheet(
            sheet, marks_version=request.POST.get("marks_version", ""), by=request.user
        )
    except Conflict as error:
        return render_sheet(request, pk, problem=str(error), status=409)
    messages.success(request, _("%s approved.") % called(sheet, request.user))
    return _to_next(request, sheet)


def _to_next(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """The next sheet to review after this one (then from the start), else the list."""
    desk = Desk.of(request, by_question=False)
    named = review_blind.exam_is_named(sheet.exam_id, request.user)
    order = _order(request, sheet, desk, named=named)
    here = next((place for place, (pk, _state) in enumerate(order) if pk == sheet.pk), 0)
    for pk, state in (*order[here + 1 :], *order[:here]):
        if state == SheetState.GRADED:
            return redirect(reverse("grading:review_sheet", args=[pk]) + desk.query)
    return redirect(reverse("grading:review_list", args=[sheet.exam_id]) + desk.query)


@require_POST
@teacher_required
def sheet_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one sheet's review back."""
    sheet = sheet_with_marks(request, pk)
    try:
        review.reopen_sheet(sheet, by=request.user, reason=request.POST.get("reason", "")[:500])
    except Conflict as error:
        return render_sheet(request, pk, problem=str(error), status=409)
    messages.success(request, _("%s is open for review again.") % called(sheet, request.user))
    desk = Desk.of(request, by_question=False)
    return redirect(reverse("grading:review_sheet", args=[sheet.pk]) + desk.query)


@require_POST
@teacher_required
def sheet_drop_marks(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a sheet out of the review: its marks are dropped, it can be mapped or graded anew."""
    sheet = sheet_with_marks(request, pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        problem = _("Say why these marks are dropped; the history keeps it.")
        return render_sheet(request, pk, problem=problem, status=422)
    runs.drop_marks(sheet, by=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, _("%s has no marks any more. Change its student here.") % sheet.name)
    return redirect(f"{reverse('exams:mapping', args=[sheet.exam_id])}?tab=mapped")


@require_http_methods(["GET", "POST"])
@teacher_required
def sheet_by_hand(request: HttpRequest, pk: int) -> HttpResponse:
    """Grade a sheet that no model saw: points and feedback for every leaf."""
    sheets = sheets_for(request.user).select_related("exam__school_class", "enrolment__student")
    sheet = get_object_or_404(sheets, pk=pk)
    if sheet.state in MARKED_STATES:
        if request.method == "POST":
            told = _("%(name)s has marks already. Change them in its review.")
            raise Conflict(told % {"name": sheet.name})
        return redirect("grading:review_sheet", pk=sheet.pk)
    get_object_or_404(exams_for(request.user), pk=sheet.exam_id)
    rubric = current_rubric(sheet.exam)
    form = ByHandForm(leaves(rubric) if rubric else [], request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            review.grade_by_hand(sheet, awards=form.awards(), by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Graded. Look it over and approve it."))
            return redirect("grading:review_sheet", pk=sheet.pk)
    context = {
        "sheet": sheet,
        "exam": sheet.exam,
        "form": form,
        "rubric": rubric,
        "possible": sheet.state == SheetState.MAPPED
        or (sheet.state == SheetState.FAILED and sheet.enrolment_id is not None),
        "pages": sheet.pages.filter(dropped_at=None).order_by("number"),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "grading/sheet_by_hand.html", context, status=status)
