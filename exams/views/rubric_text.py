"""The rubric as text: the rubric part of an exam file, for those who would rather type than click.

Comes in: the text. Goes out: the next version (or the unused one written over), or the same page
with every error and its line (422) or with both texts (409).
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams.forms import RubricForm
from exams.models import Exam
from exams.rubric_files import read_rubric_text, write_rubric_text
from exams.rubrics import current_rubric, items_of, save_rubric
from exams.views.exams import exam_or_404
from exams.views.rubric_edit import tell_saved

EXAMPLE = """\
rubric_items:
  - id: Q1
    description: What is photosynthesis?
    max_marks: 2
    step: 0.5
    answer: Green plants make glucose from carbon dioxide and water, using light energy.
  - id: Q2
    description: The heart
    items:
      - id: Q2a
        description: Name its four chambers.
        max_marks: 4
        answer: Left and right atrium, left and right ventricle.
      - id: Q2b
        description: Which of them has the thickest wall?
        max_marks: 1
        binary: true
        answer: The left ventricle.
"""


@require_http_methods(["GET", "POST"])
@teacher_required
def rubric_text(request: HttpRequest, pk: int) -> HttpResponse:
    """The current version as text; POST saves what was typed."""
    exam = exam_or_404(request, pk)
    if request.method == "GET":
        return text_page(request, exam)
    form = RubricForm(request.POST)
    if not form.is_valid():
        return text_page(request, exam, form=form, status=422)
    before = current_rubric(exam)
    try:
        saved = save_rubric(
            exam,
            read_rubric_text(form.cleaned_data["text"]),
            by=request.user,
            seen=form.cleaned_data["seen"],
        )
    except ValidationError as error:
        form.add_error("text", error)
        return text_page(request, exam, form=form, status=422)
    except Conflict as error:
        return text_page(request, exam, form=form, conflict=str(error), status=409)
    tell_saved(request, before, saved)
    return redirect("exams:rubric", pk=exam.pk)


def text_page(
    request: HttpRequest,
    exam: Exam,
    *,
    form: RubricForm | None = None,
    conflict: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page with the given form, or with a fresh one for the current version."""
    current = current_rubric(exam)
    current_text = write_rubric_text(items_of(current)) if current else EXAMPLE
    seen = current.content_hash if current else ""
    if form is None:
        form = RubricForm(initial={"text": current_text, "seen": seen})
    elif conflict:
        # Their text stays; saving it again means that they have seen the other one.
        form.data = form.data.copy()
        form.data["seen"] = seen
    context = {
        "exam": exam,
        "form": form,
        "current": current,
        "conflict": conflict,
        "current_text": current_text,
    }
    return render(request, "exams/rubric_text.html", context, status=status)
