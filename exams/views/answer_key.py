"""The answer key page: the expected answer of each criterion, typed in or read from a PDF.

Comes in: texts, or a PDF. Goes out: a saved rubric (by the versions' own rule), or proposals
beside what stands in the fields, until the teacher saves. A proposal fills only an empty field;
elsewhere the teacher says which of the two it is. What was read, and what was typed and not yet
saved, waits in the session: reading a PDF changes nothing of the exam and loses no word.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
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
    typed = typed_texts(request, rubric)
    proposed = reading_of(request, exam)["proposed"]
    chosen = chosen_proposals(request)
    answers = typed | {code: proposed[code] for code in chosen if code in proposed}
    try:
        saved = save_answers(exam, answers, by=request.user, seen=request.POST.get("seen", ""))
    except ValidationError as error:
        problems = error.messages
        return answer_key_page(
            request, exam, rubric, typed=typed, chosen=chosen, problems=problems, status=422
        )
    except Conflict as error:
        rubric = current_rubric(exam)
        return answer_key_page(
            request, exam, rubric, typed=typed, chosen=chosen, conflict=str(error), status=409
        )
    request.session.pop(session_key(exam), None)
    messages.success(
        request,
        _("The answer key is saved in version %(version)s of the rubric.")
        % {"version": saved.version},
    )
    if unread := request.POST.get("pdf"):
        messages.warning(
            request,
            _("“%(name)s” was chosen but not read: press “Read the PDF”.") % {"name": unread},
        )
    return redirect("exams:answer_key", pk=exam.pk)


@require_POST
@teacher_required
def answer_key_read(request: HttpRequest, pk: int) -> HttpResponse:
    """Read a PDF and propose its answers; nothing of the exam changes, nothing typed is lost."""
    exam = exam_or_404(request, pk)
    rubric = current_rubric(exam)
    if rubric is None:
        return answer_key_page(request, exam, None, status=422)
    form = AnswerKeyFileForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            data = form.cleaned_data["pdf"].read(MAX_BYTES + 1)
            found = read_answer_key(data, items_of(rubric))
        except ValidationError as error:
            form.add_error("pdf", error)
        else:
            keep_reading(
                request,
                exam,
                proposed=found.answers,
                leftovers=[[left.label, left.why, left.text] for left in found.leftovers],
                typed=unsaved_texts(request, exam, rubric),
            )
            return redirect("exams:answer_key", pk=exam.pk)
    typed = typed_texts(request, rubric)
    return answer_key_page(request, exam, rubric, typed=typed, pdf_form=form, status=422)


@require_POST
@teacher_required
def answer_key_drop(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the proposals; what was typed beside them stays in the fields."""
    exam = exam_or_404(request, pk)
    rubric = current_rubric(exam)
    typed = unsaved_texts(request, exam, rubric) if rubric else {}
    keep_reading(request, exam, proposed={}, leftovers=[], typed=typed)
    return redirect("exams:answer_key", pk=exam.pk)


# -- what waits in the session ------------------------------------------------------------


def session_key(exam: Exam) -> str:
    return f"answer_key_reading:{exam.pk}"


def reading_of(request: HttpRequest, exam: Exam) -> dict[str, Any]:
    """What was read from a PDF, and what was typed and is not saved yet."""
    nothing: dict[str, Any] = {"proposed": {}, "leftovers": [], "typed": {}}
    return nothing | request.session.get(session_key(exam), {})


def keep_reading(request: HttpRequest, exam: Exam, **reading: Any) -> None:
    if any(reading.values()):
        request.session[session_key(exam)] = reading
    else:
        request.session.pop(session_key(exam), None)


def typed_texts(request: HttpRequest, rubric: Rubric) -> dict[str, str]:
    """What stands in the fields of the form that came in, by criterion."""
    return {
        leaf.code: request.POST[f"answer-{leaf.code}"]
        for leaf in leaves(rubric)
        if f"answer-{leaf.code}" in request.POST
    }


def unsaved_texts(request: HttpRequest, exam: Exam, rubric: Rubric) -> dict[str, str]:
    """Those fields that a person filled differently from what is saved.

    A proposal that nobody touched is none of them. A field that did not come in is as before.
    """
    before = reading_of(request, exam)
    saved = {leaf.code: leaf.answer for leaf in leaves(rubric)}
    texts = {code: clean_text(text) for code, text in typed_texts(request, rubric).items()}
    typed = {
        code: text
        for code, text in texts.items()
        if text != saved[code] and text != before["proposed"].get(code)
    }
    return {code: text for code, text in before["typed"].items() if code not in texts} | typed


def chosen_proposals(request: HttpRequest) -> set[str]:
    """The criteria whose field the teacher wants replaced by what the PDF says."""
    offered = request.POST.getlist("offered")
    return {code for code in offered if "use-all" in request.POST or f"use-{code}" in request.POST}


# -- the page -----------------------------------------------------------------------------


def answer_key_page(
    request: HttpRequest,
    exam: Exam,
    rubric: Rubric | None,
    *,
    typed: dict[str, str] | None = None,
    chosen: Collection[str] = (),
    pdf_form: AnswerKeyFileForm | None = None,
    problems: list[str] | None = None,
    conflict: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page: what was typed wins over what is saved, and both over a proposal."""
    reading = reading_of(request, exam)
    proposed = reading["proposed"]
    criteria = leaves(rubric) if rubric else []
    mine = reading["typed"] if typed is None else typed
    rows = [
        answer_row(criterion, mine, proposed, chosen, fills=typed is None) for criterion in criteria
    ]
    context = {
        "exam": exam,
        "rubric": rubric,
        "rows": rows,
        "proposed": [criterion.code for criterion in criteria if criterion.code in proposed],
        "unread": [criterion.code for criterion in criteria if criterion.code not in proposed],
        "leftovers": reading["leftovers"],
        "offered": [row["criterion"].code for row in rows if row["offer"]],
        "unsaved": [row["criterion"].code for row in rows if row["is_unsaved"]],
        "pdf_form": pdf_form or AnswerKeyFileForm(),
        "problems": problems,
        "conflict": conflict,
    }
    return render(request, "exams/answer_key.html", context, status=status)


def answer_row(
    criterion: Criterion,
    typed: dict[str, str],
    proposed: dict[str, str],
    chosen: Collection[str],
    *,
    fills: bool,
) -> dict[str, Any]:
    """One criterion's field: the text in it, and beside it what else there is to choose from.

    With `fills` a proposal stands in a field that would be empty.
    """
    code = criterion.code
    text, proposal = typed.get(code, criterion.answer), proposed.get(code, "")
    is_proposal = fills and bool(proposal) and not text.strip()
    if is_proposal:
        text = proposal
    differs = clean_text(text) != criterion.answer
    return {
        "criterion": criterion,
        "text": text,
        "lines": min(12, max(3, text.count("\n") + len(text) // 90 + 1)),
        "is_proposal": is_proposal and differs,
        "is_unsaved": differs and not is_proposal and code in typed,
        "offer": proposal if clean_text(text) != proposal else "",
        "is_chosen": code in chosen,
        "saved": criterion.answer if differs else "",
    }
