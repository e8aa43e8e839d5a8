"""Names while reviewing: shown after one click, hidden again, and the log of both; the pages of a
sheet with its name and roll number painted over.

Comes in: a click, or a page's public id. Goes out: a redirect, the log, a picture.
"""

from __future__ import annotations

from uuid import UUID

from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts.roles import teacher_required
from batching.images import render as render_picture
from batching.providers.base import Rendition
from exams.pages import kept_pages
from exams.queries import exams_for, pages_for
from exams.transcription import masks_of
from exams.views.media import picture
from grading import review_blind
from grading.views.review_desk import Desk, sheet_with_marks

AS_IT_IS = Rendition()
LINES = 50


@require_POST
@teacher_required
def sheet_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    """Show whose sheet this is; the click is kept."""
    sheet = sheet_with_marks(request, pk)
    review_blind.reveal_sheet(sheet, by=request.user)
    return redirect(_back(request, sheet.pk))


@require_POST
@teacher_required
def sheet_hide(request: HttpRequest, pk: int) -> HttpResponse:
    """Review this sheet blind again."""
    sheet = sheet_with_marks(request, pk)
    review_blind.hide_sheet(sheet, by=request.user)
    return redirect(_back(request, sheet.pk))


def _back(request: HttpRequest, sheet_pk: int) -> str:
    if request.POST.get("to") == "history":
        return reverse("grading:sheet_history", args=[sheet_pk])
    desk = Desk.of(request, by_question=False)
    return reverse("grading:review_sheet", args=[sheet_pk]) + desk.query


@require_POST
@teacher_required
def exam_names(request: HttpRequest, pk: int) -> HttpResponse:
    """Review this exam with names from now on, or blind again; both are kept."""
    exam = get_object_or_404(exams_for(request.user), pk=pk)
    if request.POST.get("names") == "show":
        review_blind.reveal_exam(exam, by=request.user)
    else:
        review_blind.hide_exam(exam, by=request.user)
    if request.POST.get("to") == "history":
        return redirect("grading:exam_history", pk=exam.pk)
    address = reverse("grading:review_list", args=[exam.pk])
    return redirect(f"{address}{Desk.of(request, by_question=False).query}")


@require_GET
@teacher_required
def reveal_log(request: HttpRequest, pk: int) -> HttpResponse:
    """Who let which names be shown while marking, and when."""
    exam = get_object_or_404(exams_for(request.user), pk=pk)
    page = Paginator(review_blind.reveals_for(request.user, exam), LINES).get_page(
        request.GET.get("page")
    )
    rows = [(row, review_blind.sheet_code(row.sheet_id) if row.sheet_id else "") for row in page]
    return render(request, "grading/review_names.html", {"exam": exam, "page": page, "rows": rows})


@require_safe
@teacher_required
def blind_page(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A page with the exam's regions of names and roll numbers painted over."""
    pages = pages_for(request.user).select_related("sheet__exam")
    page = get_object_or_404(pages, public_id=public_id)
    exam = page.sheet.exam
    masks = masks_of(exam, page, kept_pages(page.sheet)) if exam.regions else ()
    if not masks:
        return picture(page, page.image, f"page-{page.number}")
    try:
        with default_storage.open(page.image) as file:
            painted = render_picture(file.read(), AS_IT_IS, masks)
    except FileNotFoundError as error:
        raise Http404 from error
    return HttpResponse(
        painted.content,
        content_type=painted.media_type,
        headers={"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"},
    )
