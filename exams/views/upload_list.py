"""All uploads of an exam, newest first: the exam's own page has room for a few.

Comes in: a teacher or admin. Goes out: a page of rows, each leading to the upload's own page.
"""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.roles import teacher_required
from exams.queries import exams_for, uploads_for

PAGE_SIZE = 50


@require_safe
@teacher_required
def upload_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Every upload of one exam, with who brought it and how many sheets came out of it."""
    exams = exams_for(request.user).select_related("school_class")
    exam = get_object_or_404(exams.annotate(upload_count=Count("uploads")), pk=pk)
    uploads = (
        uploads_for(request.user)
        .filter(exam=exam)
        .select_related("uploaded_by")
        .annotate(sheet_count=Count("sheets"))
        .order_by("-uploaded_at", "-pk")
    )
    paginator = Paginator(uploads, PAGE_SIZE)
    paginator.count = exam.upload_count
    page = paginator.get_page(request.GET.get("page"))
    return render(request, "exams/upload_list.html", {"exam": exam, "page": page})
