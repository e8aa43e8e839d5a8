"""The review pages: the sheets of an exam, one sheet beside its pages, one mark at a time.

Comes in: a teacher's clicks. Goes out: pages, and for a saved mark its fragment alone. What
is allowed is decided in grading/review.py; here it becomes 422 (fix it) or 409 (look again).
"""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams.models import GRADED_STATES, Sheet, SheetState
from exams.queries import exams_for, sheets_for
from exams.rubrics import current_rubric, leaves
from exams.views.clicks import outcome_of
from grading import queries, review, runs
from grading.forms import ByHandForm, MarkForm, PutBackForm, ReasonForm
from grading.models import Mark
from grading.views.mark_cards import MarkCard, card_of, sheet_cards, sheet_head
from grading.views.review_list import SHEET_ORDER, exam_with_counts, render_list


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
                messages.success(request, f"Approved {approved} sheet{pluralize(approved)}.")
            else:
                messages.info(
                    request,
                    "Nothing to approve: open each sheet first, and approve changed ones there.",
                )
            return redirect("grading:review_list", pk=exam.pk)
    return render_list(request, exam, form, status=422)


@require_GET
@teacher_required
def review_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """One sheet: its pages beside a form for every mark."""
    return render_sheet(request, pk)


def _sheet(request: HttpRequest, pk: int) -> Sheet:
    sheets = queries.results_for(request.user).select_related(
        "exam__school_class", "exam__subject", "enrolment__student", "reviewed_by"
    )
    return get_object_or_404(sheets, pk=pk)


def render_sheet(
    request: HttpRequest,
    pk: int,
    card: MarkCard | None = None,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """The sheet's page as it is now, with one refused card in it or a problem above it."""
    sheet = _sheet(request, pk)
    cards = sheet_cards(sheet)
    if card is not None:
        cards = [card if one.mark.pk == card.mark.pk else one for one in cards]
    order = list(
        Sheet.objects.filter(exam=sheet.exam, state__in=(*GRADED_STATES, SheetState.PUBLISHED))
        .order_by(*SHEET_ORDER)
        .values_list("pk", flat=True)
    )
    place = order.index(sheet.pk) if sheet.pk in order else 0
    context = {
        "sheet": sheet,
        "exam": sheet.exam,
        "problem": problem,
        "cards": cards,
        "pages": sheet.pages.filter(dropped_at=None).order_by("number"),
        "place": place + 1,
        "count": len(order),
        "previous": order[place - 1] if place else None,
        "next": order[place + 1] if place + 1 < len(order) else None,
        **sheet_head(sheet, cards),
    }
    return render(request, "grading/review_sheet.html", context, status=status)


@require_POST
@teacher_required
def sheet_look(request: HttpRequest, pk: int) -> HttpResponse:
    """Remember that these marks were looked at; without script, go on to the next sheet."""
    sheet = _sheet(request, pk)
    shown = request.POST.get("marks_version", "")[:40]
    review.record_look(sheet, marks_version=shown, by=request.user)
    if request.htmx:
        return HttpResponse(status=204)
    return _to_next(sheet)


@require_POST
@teacher_required
def sheet_approve(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve one sheet as it was shown, and go on to the next one."""
    sheet = _sheet(request, pk)
    try:
        review.approve_sheet(
            sheet, marks_version=request.POST.get("marks_version", ""), by=request.user
        )
    except Conflict as error:
        return render_sheet(request, pk, problem=str(error), status=409)
    messages.success(request, f"{sheet.name} approved.")
    return _to_next(sheet)


def _to_next(sheet: Sheet) -> HttpResponse:
    """The next sheet to review after this one (then from the start), else the list."""
    order = list(
        Sheet.objects.filter(exam_id=sheet.exam_id, state__in=(*GRADED_STATES, "published"))
        .order_by(*SHEET_ORDER)
        .values_list("pk", "state")
    )
    here = next((place for place, (pk, _) in enumerate(order) if pk == sheet.pk), 0)
    for pk, state in (*order[here + 1 :], *order[:here]):
        if state == SheetState.GRADED:
            return redirect("grading:review_sheet", pk=pk)
    return redirect("grading:review_list", pk=sheet.exam_id)


@require_POST
@teacher_required
def sheet_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one sheet's review back."""
    sheet = _sheet(request, pk)
    try:
        review.reopen_sheet(sheet, by=request.user, reason=request.POST.get("reason", "")[:500])
    except Conflict as error:
        return render_sheet(request, pk, problem=str(error), status=409)
    messages.success(request, f"{sheet.name} is open for review again.")
    return redirect("grading:review_sheet", pk=sheet.pk)


@require_POST
@teacher_required
def sheet_drop_marks(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a paper out of the review: its marks are dropped, it can be mapped or graded anew."""
    sheet = _sheet(request, pk)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why these marks are dropped; the history keeps it.")
        return redirect("grading:review_sheet", pk=sheet.pk)
    runs.drop_marks(sheet, by=request.user, reason=form.cleaned_data["reason"])
    messages.success(request, f"{sheet.name} has no marks any more. Change its student here.")
    return redirect(f"{reverse('exams:mapping', args=[sheet.exam_id])}?tab=mapped")


def _mark(request: HttpRequest, pk: int) -> Mark:
    marks = queries.marks_for(request.user).select_related(
        "criterion__rubric", "part__assessment", "changed_by", "sheet__exam"
    )
    return get_object_or_404(marks, pk=pk)


@require_http_methods(["GET", "POST"])
@teacher_required
def mark_save(request: HttpRequest, pk: int) -> HttpResponse:
    """Save one mark; GET gives its card as it is now."""
    mark = _mark(request, pk)
    if request.method == "GET":
        if not request.htmx:
            return redirect(_place(mark))
        return _render_card(request, card_of(mark))
    form = MarkForm(request.POST)
    conflict: Conflict | None = None
    if form.is_valid():
        try:
            review.change_mark(mark.pk, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        except Conflict as error:
            conflict = error
        else:
            return _saved(request, mark)
    card = card_of(_mark(request, pk), form=form, conflict=conflict)
    status = 409 if conflict else 422
    if request.htmx:
        return _render_card(request, card, status)
    return render_sheet(request, mark.sheet_id, card, status=status)


@require_POST
@teacher_required
def mark_put_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo: give a mark an earlier value of its history."""
    mark = _mark(request, pk)
    form = PutBackForm(request.POST)
    if not form.is_valid():
        message = "This form is not complete. Reload the history of the mark."
        return _refused(request, mark, message, 422)
    problem, status = outcome_of(
        lambda: review.put_back(mark.pk, by=request.user, **form.cleaned_data)
    )
    if problem:
        return _refused(request, mark, problem, status)
    return _saved(request, mark)


def _refused(request: HttpRequest, mark: Mark, problem: str, status: int) -> HttpResponse:
    """The card as it is now with what was refused: 422 to be fixed, 409 to be looked at."""
    if request.htmx:
        return _render_card(request, card_of(_mark(request, mark.pk), refused=problem), status)
    return render_sheet(request, mark.sheet_id, problem=problem, status=status)


def _saved(request: HttpRequest, mark: Mark) -> HttpResponse:
    if request.htmx:
        return _render_card(request, card_of(_mark(request, mark.pk), saved=True))
    messages.success(request, f"{mark.criterion.code} saved.")
    return redirect(_place(mark))


def _place(mark: Mark) -> str:
    return f"{reverse('grading:review_sheet', args=[mark.sheet_id])}#mark-{mark.pk}"


def _render_card(request: HttpRequest, card: MarkCard, status: int = 200) -> HttpResponse:
    """The card alone, with the sheet's head to be swapped along with it."""
    sheet = _sheet(request, card.mark.sheet_id)
    context = {"card": card, "sheet": sheet, "alone": True, **sheet_head(sheet)}
    return render(request, "grading/_mark_saved.html", context, status=status)


@require_GET
@teacher_required
def mark_history(request: HttpRequest, pk: int) -> HttpResponse:
    """What a mark was before: who changed it, when, why, from what to what."""
    mark = _mark(request, pk)
    rows = list(
        mark.history.select_related("history_user").order_by("-history_date", "-history_id")
    )
    changes = [
        {"now": row, "before": rows[place + 1] if place + 1 < len(rows) else None}
        for place, row in enumerate(rows)
    ]
    template = "grading/_mark_history.html" if request.htmx else "grading/mark_history.html"
    context = {"mark": mark, "changes": changes, "open": mark.sheet.state in GRADED_STATES}
    return render(request, template, context)


@require_http_methods(["GET", "POST"])
@teacher_required
def sheet_by_hand(request: HttpRequest, pk: int) -> HttpResponse:
    """Grade a sheet that no model saw: points and feedback for every leaf."""
    sheets = sheets_for(request.user).select_related("exam__school_class", "enrolment__student")
    sheet = get_object_or_404(sheets, pk=pk)
    if sheet.state in (*GRADED_STATES, SheetState.PUBLISHED):
        if request.method == "POST":
            raise Conflict(f"{sheet.name} has marks already. Change them in its review.")
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
            messages.success(request, f"{sheet.name} graded. Look it over and approve it.")
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
