"""The statistics page of an exam: its figures as tables, drawn by charts.js where it runs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.roles import teacher_required
from exams.views.exams import exam_or_404
from grading import queries
from grading.exam_statistics import exam_statistics
from grading.statistics import FEW


@require_GET
@teacher_required
def statistics(request: HttpRequest, pk: int) -> HttpResponse:
    """Distribution, criteria, reliability, and proposals against final marks."""
    exam = exam_or_404(request, pk)
    context = {
        "exam": exam,
        "now": exam_statistics(exam),
        "few": FEW,
        "notices": queries.notices_on(exam),
    }
    return render(request, "grading/statistics.html", context)
