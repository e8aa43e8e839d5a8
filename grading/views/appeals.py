"""Appeals on pages: a student asks about a mark of the own result, a teacher answers on the desk.

Comes in: the small forms of the result's page and of a card. Goes out: the same page or card again
with what was refused (what was typed stays), or the way back to where the mark stands.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.roles import student_required, teacher_required
from exams.models import MARKED_STATES
from exams.views.clicks import outcome_of
from grading import appeals, queries
from grading.forms import AnswerForm, AppealForm, wrong_with
from grading.models import Appeal
from grading.views.results import Refused, render_result
from grading.views.review import render_sheet
from grading.views.review_desk import Desk
from grading.views.review_marks import carry_out


@require_POST
@student_required
def mark_appeal(request: HttpRequest, pk: int) -> HttpResponse:
    """Object to one mark of the own result."""
    mark = get_object_or_404(queries.marks_for(request.user), pk=pk)
    form = AppealForm(request.POST)
    if not form.is_valid():
        refused = Refused(mark.pk, wrong_with(form), "")
        return render_result(request, mark.sheet_id, refused=refused, status=422)
    text = form.cleaned_data["text"]
    return _back_to_result(
        request,
        mark.sheet_id,
        mark.pk,
        lambda: appeals.raise_appeal(mark, by=request.user, text=text),
        done=_("Your appeal was sent. You will be told when it is answered."),
        typed=text,
    )


@require_POST
@student_required
def appeal_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the own appeal back."""
    appeal = _visible(request, pk)
    return _back_to_result(
        request,
        appeal.sheet_id,
        appeal.mark_pk,
        lambda: appeals.withdraw_appeal(appeal, by=request.user),
        done=_("Your appeal was withdrawn."),
    )


def _back_to_result(
    request: HttpRequest,
    sheet_pk: int,
    mark_pk: int | None,
    command: Callable[[], object],
    *,
    done: str,
    typed: str = "",
) -> HttpResponse:
    """Run a student's command and lead back to the mark (None: it has gone), or show there why it
    was refused, with what was typed."""
    problem, status = outcome_of(command)
    if problem:
        refused = Refused(mark_pk, problem, typed)
        return render_result(request, sheet_pk, refused=refused, status=status)
    messages.success(request, done)
    address = reverse("grading:my_result", args=[sheet_pk])
    return redirect(f"{address}#mark-{mark_pk}" if mark_pk else address)


@require_POST
@teacher_required
def appeal_answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer a student, on the card of its mark."""
    appeal = _visible(request, pk)
    form = AnswerForm(request.POST)
    answer = form.cleaned_data["answer"] if form.is_valid() else ""

    def command() -> Appeal:
        return appeals.answer_appeal(appeal, by=request.user, answer=answer)

    if appeal.mark_pk is not None:
        return carry_out(request, appeal.mark_pk, command, unsent=answer)
    # Its question is not in the rubric any more, or its sheet has no marks just now.
    problem, status = outcome_of(command)
    if appeal.sheet.state not in MARKED_STATES:
        messages.add_message(
            request,
            messages.ERROR if problem else messages.SUCCESS,
            problem or _("Your answer was sent."),
        )
        return redirect("grading:review_list", pk=appeal.sheet.exam_id)
    if problem:
        return render_sheet(request, appeal.sheet_id, problem=problem, status=status, unsent=answer)
    messages.success(request, _("Your answer was sent."))
    address = reverse("grading:review_sheet", args=[appeal.sheet_id])
    return redirect(address + Desk.of(request, by_question=False).query)


def _visible(request: HttpRequest, pk: int) -> Appeal:
    """An appeal that this person may see, or a 404."""
    rows = appeals.with_marks(appeals.appeals_for(request.user)).select_related("sheet")
    appeal: Appeal = get_object_or_404(rows, pk=pk)
    return appeal
