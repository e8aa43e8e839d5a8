"""The first page after signing in: for staff where every exam stands and what comes next.

Comes in: who is signed in. Goes out: for a teacher or admin the exams they may see, each with
one line of where it stands and its next step; a student goes on to the own results.
"""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts.models import User
from accounts.queries import classes_for
from exams.queries import exams_for
from exams.standing import standings

PAGE_SIZE = 20


@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    """Where everything stands, by role."""
    if request.user.is_student:
        return redirect("grading:my_results")
    exams = exams_for(request.user).select_related("school_class", "subject")
    page = Paginator(exams.order_by("-created_at", "-pk"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    standing = standings(page)
    context = {
        "page": page,
        "rows": [(exam, standing[exam.pk]) for exam in page],
        "class_count": classes_for(request.user).count(),
    }
    if request.user.is_admin:
        context["people"] = {
            role: User.objects.filter(role=role).count() for role in ("teacher", "student")
        }
    return render(request, "grading/dashboard.html", context)
