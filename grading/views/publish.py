"""The publish page: what stands in the way, the button, and the way back.

Comes in: a teacher's click with the fingerprint of the page. Goes out: the page again with
422 (not ready) or 409 (something changed), or a redirect after it was done.
"""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams.models import REVIEWED_STATES, Exam, Sheet, SheetState
from exams.views.exams import exam_or_404
from grading import publish as publishing
from grading import queries
from grading.forms import ReasonForm
from grading.views.review import render_sheet


@require_http_methods(["GET", "POST"])
@teacher_required
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what publishing would do; POST does it."""
    exam = exam_or_404(request, pk)
    if request.method == "GET":
        return _render(request, exam)
    try:
        published = publishing.publish_exam(
            exam, fingerprint=request.POST.get("fingerprint", ""), by=request.user
        )
    except publishing.NotReady as error:
        return _render(request, exam, problems=error.messages, status=422)
    except Conflict as error:
        return _render(request, exam, problems=[str(error)], status=409)
    messages.success(
        request, f"Published {published} sheet{pluralize(published)}. The students were told."
    )
    return redirect("grading:publish", pk=exam.pk)


@require_POST
@teacher_required
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Hide a whole exam's marks from its students again."""
    exam = exam_or_404(request, pk)
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            hidden = publishing.take_back(exam, by=request.user, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        except Conflict as error:
            return _render(request, exam, problems=[str(error)], status=409)
        else:
            messages.success(
                request, f"Took {hidden} sheet{pluralize(hidden)} back. Students see nothing now."
            )
            return redirect("grading:publish", pk=exam.pk)
    return _render(request, exam, form=form, status=422)


@require_POST
@teacher_required
def sheet_take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Hide one sheet's marks from its student again."""
    sheet = get_object_or_404(queries.results_for(request.user), pk=pk)
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        publishing.take_back_sheet(sheet, by=request.user, reason=reason)
    except ValidationError as error:
        return render_sheet(request, pk, problem=" ".join(error.messages), status=422)
    except Conflict as error:
        return render_sheet(request, pk, problem=str(error), status=409)
    messages.success(request, f"{sheet.name} was taken back and can be changed.")
    return redirect("grading:review_sheet", pk=sheet.pk)


def _render(
    request: HttpRequest,
    exam: Exam,
    *,
    problems: list[str] | None = None,
    form: ReasonForm | None = None,
    status: int = 200,
) -> HttpResponse:
    now = publishing.publication_state(exam)
    example = Sheet.objects.filter(
        exam=exam, state__in=(*REVIEWED_STATES, SheetState.PUBLISHED)
    ).order_by("pk")
    context = {
        "exam": exam,
        "now": now,
        "blockers": [(blocker, _where(exam, blocker.state)) for blocker in now.blockers],
        "example": example.first(),
        "problems": problems or [],
        "form": form or ReasonForm(),
    }
    return render(request, "grading/publish.html", context, status=status)


def _where(exam: Exam, state: str) -> str:
    """Where a blocker is dealt with."""
    if state == SheetState.PENDING_MAPPING:
        return reverse("exams:mapping", args=[exam.pk])
    if state == SheetState.GRADED:
        return reverse("grading:review_list", args=[exam.pk])
    if state == SheetState.MAPPED:
        return reverse("grading:run_create", args=[exam.pk])
    if state == SheetState.FAILED:
        return reverse("grading:review_list", args=[exam.pk]) + "?show=other"
    return reverse("exams:exam_detail", args=[exam.pk])
