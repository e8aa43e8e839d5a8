"""One mark on the desk: saved, accepted, flagged, undone, put back, and its history.

Comes in: the form of a card. Goes out: to htmx the parts of the card that changed (what is being
typed stays), a dialog when somebody was faster, or the whole card; without script the whole page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams.models import GRADED_STATES
from exams.views.clicks import outcome_of
from grading import review, review_accept, review_blind, review_comments, review_flags, review_undo
from grading.forms import FlagForm, MarkForm, PutBackForm, wrong_with
from grading.models import Comment, Mark
from grading.views.mark_cards import MarkCard, card_now, sheet_head
from grading.views.review import render_sheet
from grading.views.review_desk import (
    Desk,
    context_for,
    mark_on_desk,
    remember_reason,
    remembered_reason,
    sheet_with_marks,
)
from grading.views.review_question import question_head, render_question


@require_http_methods(["GET", "POST"])
@teacher_required
def mark_save(request: HttpRequest, pk: int) -> HttpResponse:
    """Save one mark; GET gives its card as it is now."""
    mark = mark_on_desk(request, pk)
    desk = Desk.of(request)
    if request.method == "GET":
        if not request.htmx:
            return redirect(desk.place_of(mark))
        return _render_card(request, card_now(mark))
    data = request.POST
    comment = _comment_of(request, mark)
    if comment:
        data = data.copy()
        data["feedback"] = review_comments.joined(data.get("feedback", ""), comment.text)
    form = MarkForm(data)
    conflict: Conflict | None = None
    if form.is_valid():
        try:
            because = _save(request, mark, form.cleaned_data, comment)
        except ValidationError as error:
            form.add_error(None, error)
        except Conflict as error:
            conflict = error
        else:
            whole = comment is not None or data.get("dialog") == "1"
            return _saved(request, pk, whole=whole, because=because)
    mark = mark_on_desk(request, pk)
    card = card_now(mark, form=form, conflict=conflict)
    status = 409 if conflict else 422
    if not request.htmx:
        return _render_page(request, card, status=status)
    if comment:
        return _render_card(request, card, status)
    return _render_parts(request, card, status)


def _save(request: HttpRequest, mark: Mark, values: dict[str, Any], comment: Comment | None) -> str:
    """Save what the form says; gives why the points changed, "" where they did not.

    The reason that was only proposed is for points alone.
    """
    awarded, reason = values["awarded"], values["reason"].strip()
    moved = awarded != mark.awarded
    if not moved and reason == remembered_reason(request):
        reason = ""
    changed = review.change_mark(
        mark.pk,
        awarded=awarded,
        feedback=values["feedback"],
        reason=reason,
        version=values["version"],
        by=request.user,
    )
    if moved and reason:
        remember_reason(request, reason)
    if comment:
        review_comments.count_use(comment)
    if request.POST.get("accept") == "1":
        review_accept.accept_mark(changed, version=changed.version, by=request.user)
    return reason if moved else ""


def _comment_of(request: HttpRequest, mark: Mark) -> Comment | None:
    """The comment of this question's bank that is to be put into the feedback."""
    number = request.POST.get("insert", "")
    if not number.isdecimal() or len(number) > 18:
        return None
    bank = review_comments.comments_for(request.user)
    return bank.filter(pk=int(number), exam=mark.sheet.exam_id, code=mark.criterion.code).first()


@require_POST
@teacher_required
def mark_flag(request: HttpRequest, pk: int) -> HttpResponse:
    """Flag a mark for a colleague or for later."""
    mark = mark_on_desk(request, pk)
    form = FlagForm(review_flags.colleagues_of(mark.sheet.exam, request.user), request.POST)
    if not form.is_valid():
        return _refused(request, mark, wrong_with(form), 422)
    return carry_out(
        request, pk, lambda: review_flags.raise_flag(mark, by=request.user, **form.cleaned_data)
    )


@require_POST
@teacher_required
def mark_unflag(request: HttpRequest, pk: int) -> HttpResponse:
    """Lower the flag of a mark."""
    mark = mark_on_desk(request, pk)
    return carry_out(request, pk, lambda: review_flags.lower_flag(mark, by=request.user))


@require_POST
@teacher_required
def mark_put_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo: give a mark an earlier value of its history."""
    mark = mark_on_desk(request, pk)
    form = PutBackForm(request.POST)
    if not form.is_valid():
        return _refused(
            request, mark, _("This form is not complete. Reload the history of the mark."), 422
        )
    return carry_out(
        request, pk, lambda: review.put_back(mark.pk, by=request.user, **form.cleaned_data)
    )


@require_POST
@teacher_required
def mark_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back one's own last change of this mark."""
    mark = mark_on_desk(request, pk)
    marks = Mark.objects.filter(pk=mark.pk)
    return carry_out(request, pk, lambda: review_undo.undo_last(marks, by=request.user))


@require_POST
@teacher_required
def sheet_undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back one's own last change on this sheet, whichever mark it was."""
    sheet = sheet_with_marks(request, pk)
    try:
        mark = review_undo.undo_last(Mark.objects.filter(sheet=sheet), by=request.user)
    except Conflict as error:
        if request.htmx:
            return _say(request, str(error), 409)
        return render_sheet(request, pk, problem=str(error), status=409)
    return _saved(request, mark.pk, whole=True)


def carry_out(
    request: HttpRequest, pk: int, command: Callable[[], object], *, unsent: str = ""
) -> HttpResponse:
    """Run a command on a mark and show what came of it; `unsent` was typed for it."""
    problem, status = outcome_of(command)
    if problem:
        return _refused(request, mark_on_desk(request, pk), problem, status, unsent)
    return _saved(request, pk, whole=True)


def _refused(
    request: HttpRequest, mark: Mark, problem: str, status: int, unsent: str = ""
) -> HttpResponse:
    """The card as it is now with what was refused: 422 to be fixed, 409 to be looked at."""
    card = card_now(mark, refused=problem, unsent=unsent)
    if request.htmx:
        return _render_card(request, card, status)
    return _render_page(request, card, problem=problem, status=status)


def _saved(request: HttpRequest, pk: int, *, whole: bool, because: str = "") -> HttpResponse:
    mark = mark_on_desk(request, pk)
    if request.htmx:
        card = card_now(mark, saved=True)
        return (
            _render_card(request, card) if whole else _render_parts(request, card, because=because)
        )
    messages.success(request, _("%s saved.") % mark.criterion.code)
    return redirect(Desk.of(request).place_of(mark))


def _render_page(
    request: HttpRequest, card: MarkCard, *, problem: str = "", status: int
) -> HttpResponse:
    """The whole page the card stands on, with the refused card in it."""
    if Desk.of(request).by_question:
        mark = card.mark
        return render_question(
            request, mark.sheet.exam_id, mark.criterion.code, card, problem=problem, status=status
        )
    return render_sheet(request, card.mark.sheet_id, card, problem=problem, status=status)


def _render_card(request: HttpRequest, card: MarkCard, status: int = 200) -> HttpResponse:
    """The card alone, in the place of the one on the page, with the head of the desk."""
    answer = _render(request, "grading/_mark_alone.html", card, status)
    answer["HX-Retarget"] = f"#mark-{card.mark.pk}"
    answer["HX-Reswap"] = "outerHTML"
    return answer


def _render_parts(
    request: HttpRequest, card: MarkCard, status: int = 200, *, because: str = ""
) -> HttpResponse:
    """What changed on the card, and nothing that somebody may be typing in."""
    return _render(request, "grading/_mark_saved.html", card, status, because)


def _render(
    request: HttpRequest, template: str, card: MarkCard, status: int, because: str = ""
) -> HttpResponse:
    desk = Desk.of(request)
    mark = card.mark
    if desk.by_question:
        sheet = mark.sheet
        head = question_head(mark.sheet.exam_id, mark.criterion.code)
    else:
        sheet = sheet_with_marks(request, mark.sheet_id)
        head = {
            **sheet_head(sheet),
            "named": review_blind.is_named(sheet, request.user),
            "sheet_code": review_blind.sheet_code(sheet.pk),
        }
    context = {
        **context_for(request, desk, mark.sheet.exam),
        **head,
        "card": card,
        "sheet": sheet,
        "alone": True,
        "status": status,
        "because": because,
    }
    return render(request, template, context, status=status)


def _say(request: HttpRequest, text: str, status: int) -> HttpResponse:
    """A line above the page, and nothing else."""
    return render(request, "grading/_review_say.html", {"text": text}, status=status)


@require_GET
@teacher_required
def mark_history(request: HttpRequest, pk: int) -> HttpResponse:
    """What a mark was before: who changed it, when, why, from what to what."""
    mark = mark_on_desk(request, pk)
    rows = list(
        mark.history.select_related("history_user").order_by("-history_date", "-history_id")
    )
    changes = [
        {"now": row, "before": rows[place + 1] if place + 1 < len(rows) else None}
        for place, row in enumerate(rows)
    ]
    template = "grading/_mark_history.html" if request.htmx else "grading/mark_history.html"
    context = {
        "mark": mark,
        "changes": changes,
        "open": mark.sheet.state in GRADED_STATES,
        "desk": Desk.of(request),
        "reveals": mark.sheet.reveals.select_related("teacher"),
        "sheet_code": review_blind.sheet_code(mark.sheet_id),
        "named": review_blind.is_named(mark.sheet, request.user),
    }
    return render(request, template, context)
