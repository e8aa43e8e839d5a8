"""The rubric page: the current version as a table, the versions, and the editor.

Comes in: the rubric part of an exam file as text. Goes out: the next version (or the unused
one written over), or the same page with every error (422) or with both texts (409).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams.forms import RubricForm
from exams.models import Criterion, Exam, Rubric
from exams.rubric_files import read_rubric_text, write_rubric_text
from exams.rubrics import current_rubric, items_of, rubric_total, save_rubric
from exams.views.exams import exam_or_404

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
def rubric(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a version (the current one, or ?version=2); POST saves the edited text."""
    exam = exam_or_404(request, pk)
    if request.method == "GET":
        return rubric_page(request, exam)
    form = RubricForm(request.POST)
    if not form.is_valid():
        return rubric_page(request, exam, form=form, status=422)
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
        return rubric_page(request, exam, form=form, status=422)
    except Conflict as error:
        return rubric_page(request, exam, form=form, conflict=str(error), status=409)
    if before and before.content_hash == saved.content_hash:
        messages.info(request, "Nothing was changed.")
    else:
        messages.success(request, f"Version {saved.version} of the rubric was saved.")
    return redirect("exams:rubric", pk=exam.pk)


def rubric_page(
    request: HttpRequest,
    exam: Exam,
    *,
    form: RubricForm | None = None,
    conflict: str = "",
    status: int = 200,
) -> HttpResponse:
    """The page with the given form, or with a fresh one for the current version."""
    versions = list(exam.rubrics.select_related("created_by").order_by("-version"))
    current = versions[0] if versions else None
    shown = shown_version(request, exam, versions)
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
        "versions": versions,
        "current": current,
        "shown": shown,
        "rows": tree_rows(shown) if shown else [],
        "total": rubric_total(shown) if shown else None,
        "conflict": conflict,
        "current_text": current_text,
    }
    return render(request, "exams/rubric.html", context, status=status)


def shown_version(request: HttpRequest, exam: Exam, versions: list[Rubric]) -> Rubric | None:
    """The version that the address asks for, else the current one."""
    asked = request.GET.get("version", "")
    if asked:
        number = int(asked) if asked.isdecimal() and len(asked) < 9 else 0
        return get_object_or_404(exam.rubrics, version=number)
    return versions[0] if versions else None


def tree_rows(rubric: Rubric) -> list[dict[str, Any]]:
    """Every criterion in order with its depth and its marks; inner ones sum up their leaves."""
    criteria = list(rubric.criteria.order_by("position"))
    children: dict[int | None, list[Criterion]] = {}
    for criterion in criteria:
        children.setdefault(criterion.parent_id, []).append(criterion)
    rows: list[dict[str, Any]] = []

    def add(criterion: Criterion, depth: int) -> Any:
        row = {"criterion": criterion, "depth": depth, "marks": criterion.max_marks}
        rows.append(row)
        if not criterion.is_leaf:
            sums = [(child, add(child, depth + 1)) for child in children.get(criterion.pk, ())]
            same = (marks for child, marks in sums if child.kind == criterion.kind)
            row["marks"] = sum(same, Decimal(0))
        return row["marks"]

    for criterion in children.get(None, ()):
        add(criterion, 0)
    return rows
