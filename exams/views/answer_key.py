"""The answer key page: the expected answer of each criterion, typed in or read from a PDF.

Comes in: texts, or a PDF. Goes out: a saved rubric (by the versions' own rule), or proposals
that stand in the fields, marked as such, until the teacher saves them. Proposals wait in the
session: reading a PDF changes nothing of the exam.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams.answer_key import MAX_BYTES, read_answer_key
from exams.forms import AnswerKeyFileForm
from exams.models import Criterion, Exam, Rubric
from exams.rubric_items import clean_text
from exams.rubrics import current_rubric, items_of, leaves, save_answers
from exams.views.exams import exam_or_404


@require_http_methods(["GET", "POST"])
@teacher_required
def answer_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a field for each criterion; POST saves them all."""
    exam = exam_or_404(request, pk)
    rubric = current_rubric(exam)
    if request.method == "GET" or rubric is None:
        return answer_key_page(request, exam, rubric)
    typed = {
        leaf.code: request.POST[f"answer-{leaf.code}"]
        for leaf in leaves(rubric)
        if f"answer-{leaf.code}" in request.POST
    }
    try:
        saved = save_answers(exam, typed, by=request.user, seen=request.POST.get("seen", ""))
    except ValidationError as error:
        problems = error.messages
        return answer_key_page(request, exam, rubric, typed=typed, problems=problems, status=422)
    except Conflict as error:
        return answer_key_page(
            request, exam, current_rubric(exam), typed=typed, conflict=str(error), status=409
        )
    request.session.pop(session_key(exam), None)
    messages.success(request, f"The answer key is saved in version {saved.version} of the rubric.")
    return redirect("exams:answer_key", pk=exam.pk)


@require_POST
@teacher_required
def answer_key_read(request: HttpRequest, pk: int) -> HttpResponse:
    """Read a PDF and propose its answers; nothing of the exam changes."""
    exam = exam_or_404(request, pk)
    rubric = current_rubric(exam)
    if rubric is None:
        return answer_key_page(request, exam, None, status=422)
    form = AnswerKeyFileForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            data = form.cleaned_data["pdf"].read(MAX_BYTES + 1)
            proposed = read_answer_key(data, items_of(rubric))
        except ValidationError as error:
            form.add_error("pdf", error)
        else:
            request.session[session_key(exam)] = proposed
            return redirect("exams:answer_key", pk=exam.pk)
    return answer_key_page(request, exam, rubric, pdf_form=form, status=422)


@require_POST
@teacher_required
def answer_key_drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the proposals."""
    exam = exam_or_404(request, pk)
    request.session.pop(session_key(exam), None)
    return redirect("exams:answer_key", pk=exam.pk)


def session_key(exam: Exam) -> str:
    return f"answer_key:{exam.pk}"


def answer_key_page(
    request: HttpRequest,
    exam: Exam,
    rubric: Rubric | None,
    *,
    typed: dict[str, str] | None = None,
    pdf_form: AnswerKeyFileForm | None = None,
    problems: list[str] | None = None,
    conflict: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page: what was typed wins over a proposal, a proposal over what is saved."""
    proposed = request.session.get(session_key(exam), {}) if typed is None else {}
    criteria = leaves(rubric) if rubric else []
    context = {
        "exam": exam,
        "rubric": rubric,
        "rows": [answer_row(criterion, proposed, typed or {}) for criterion in criteria],
        "proposed": [criterion.code for criterion in criteria if criterion.code in proposed],
        "unread": [criterion.code for criterion in criteria if criterion.code not in proposed],
        "pdf_form": pdf_form or AnswerKeyFileForm(),
        "problems": problems,
        "conflict": conflict,
    }
    return render(request, "exams/answer_key.html", context, status=status)


def answer_row(
    criterion: Criterion, proposed: dict[str, str], typed: dict[str, str]
) -> dict[str, Any]:
    """One criterion's field: the text in it, and whether that differs from what is saved."""
    text = typed.get(criterion.code, proposed.get(criterion.code, criterion.answer))
    differs = clean_text(text) != criterion.answer
    return {
        "criterion": criterion,
        "text": text,
        "lines": min(12, max(3, text.count("\n") + len(text) // 90 + 1)),
        "is_proposal": differs and criterion.code in proposed,
        "saved": criterion.answer if differs else "",
    }
