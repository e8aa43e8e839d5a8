"""The page that deletes an exam: what would go, what stands in the way, and the button.

Comes in: a teacher's click with the fingerprint of the page. Goes out: the page again with 422
(it must stay) or 409 (something changed), or the list of exams without it.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams.models import Exam
from exams.views.exams import exam_or_404
from grading import exam_delete as deletion


@require_http_methods(["GET", "POST"])
@teacher_required
def exam_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what deleting the exam would take away; POST does it."""
    exam = exam_or_404(request, pk)
    if request.method == "GET":
        return _render(request, exam)
    shown = request.POST.get("fingerprint", "")
    try:
        gone = deletion.delete_exam(exam, by=request.user, fingerprint=shown)
    except deletion.MustStay:
        return _render(request, exam, status=422)
    except Conflict as error:
        if not Exam.objects.filter(pk=pk).exists():
            raise
        return _render(request, exam, problem=str(error), status=409)
    told = _("%(title)s was deleted.")
    if gone.sheets:
        told = ngettext(
            "%(title)s was deleted, with %(n)d sheet.",
            "%(title)s was deleted, with %(n)d sheets.",
            gone.sheets,
        )
    messages.success(request, told % {"title": exam.title, "n": gone.sheets})
    return redirect("exams:exam_list")


def _render(
    request: HttpRequest, exam: Exam, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {"exam": exam, "now": deletion.deletion_state(exam), "problem": problem}
    return render(request, "grading/exam_delete.html", context, status=status)
