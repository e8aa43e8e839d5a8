"""The export of an exam's results as a CSV download."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from accounts.roles import teacher_required
from exams.queries import exams_for
from grading.exports import results_csv


@require_GET
@teacher_required
def export_csv(request: HttpRequest, pk: int) -> HttpResponse:
    """All results of an exam, one row per student."""
    exam = get_object_or_404(exams_for(request.user), pk=pk)
    name = slugify(exam.title) or f"exam-{exam.pk}"
    return HttpResponse(
        results_csv(exam),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}-results.csv"',
            "Cache-Control": "no-store",
        },
    )
