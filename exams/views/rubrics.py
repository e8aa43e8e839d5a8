"""The rubric's pages for reading: one version as a table, and what changed between two of them.

Comes in: a teacher or admin. Goes out: the current version or another one with advice on its
wording; the list of versions, who saved them and when, and a readable difference between any two.
Writing is in exams/views/rubric_edit.py (as a tree) and rubric_text.py (as an exam file).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.roles import teacher_required
from exams.models import Criterion, Exam, Rubric
from exams.rubric_advice import advise
from exams.rubric_diff import diff_rubrics
from exams.rubrics import items_of, rubric_total
from exams.views.exams import exam_or_404


@require_safe
@teacher_required
def rubric(request: HttpRequest, pk: int) -> HttpResponse:
    """A version of the rubric: the current one, or ?version=2."""
    exam = exam_or_404(request, pk)
    versions = versions_of(exam)
    shown = shown_version(request.GET.get("version", ""), exam, versions)
    advice: dict[str, list[Any]] = {}
    for one in advise(items_of(shown)) if shown else ():
        advice.setdefault(one.code, []).append(one)
    context = {
        "exam": exam,
        "versions": versions,
        "current": versions[0] if versions else None,
        "shown": shown,
        "rows": tree_rows(shown, advice) if shown else [],
        "total": rubric_total(shown) if shown else None,
        "advice_count": sum(len(found) for found in advice.values()),
    }
    return render(request, "exams/rubric.html", context)


@require_safe
@teacher_required
def rubric_versions(request: HttpRequest, pk: int) -> HttpResponse:
    """Every version, and the difference from one to another: the last change unless asked."""
    exam = exam_or_404(request, pk)
    versions = versions_of(exam)
    if not versions:
        raise Http404
    asked_new, asked_old = request.GET.get("to", ""), request.GET.get("from", "")
    new = shown_version(asked_new, exam, versions)
    assert new is not None
    before = [one for one in versions if one.version < new.version]
    old = shown_version(asked_old, exam, before or versions[-1:])
    assert old is not None
    difference = diff_rubrics(items_of(old), items_of(new)) if old.pk != new.pk else None
    context = {"exam": exam, "versions": versions, "old": old, "new": new, "diff": difference}
    return render(request, "exams/rubric_versions.html", context)


def versions_of(exam: Exam) -> list[Rubric]:
    """Every version of an exam's rubric, newest first, with who saved it."""
    return list(exam.rubrics.select_related("created_by").order_by("-version"))


def shown_version(asked: str, exam: Exam, versions: list[Rubric]) -> Rubric | None:
    """The version that the address asks for, else the first of these. Raises Http404."""
    if asked:
        number = int(asked) if asked.isdecimal() and len(asked) < 9 else 0
        return get_object_or_404(exam.rubrics.select_related("created_by"), version=number)
    return versions[0] if versions else None


def tree_rows(rubric: Rubric, advice: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every criterion in order with its depth and its marks; inner ones sum up their leaves."""
    criteria = list(rubric.criteria.order_by("position"))
    children: dict[int | None, list[Criterion]] = {}
    for criterion in criteria:
        children.setdefault(criterion.parent_id, []).append(criterion)
    rows: list[dict[str, Any]] = []

    def add(criterion: Criterion, depth: int) -> Any:
        row = {
            "criterion": criterion,
            "depth": depth,
            "marks": criterion.max_marks,
            "advice": advice.get(criterion.code, []),
        }
        rows.append(row)
        if not criterion.is_leaf:
            sums = [(child, add(child, depth + 1)) for child in children.get(criterion.pk, ())]
            same = (marks for child, marks in sums if child.kind == criterion.kind)
            row["marks"] = sum(same, Decimal(0))
        return row["marks"]

    for criterion in children.get(None, ()):
        add(criterion, 0)
    return rows
