"""The first page after signing in, by role, and the page of the person on call.

Comes in: who is signed in. Goes out: for a teacher the classes and every exam with its way and the
next thing to do; for an admin also people, providers, spending and health; for a student what is
new and the latest results.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.models import Notification, SchoolClass, User
from accounts.queries import class_rows
from accounts.roles import admin_required
from exams.models import Exam
from exams.queries import exams_for
from exams.standing import standings
from grading import queries, system_health

PAGE_SIZE = 20
CLASSES_SHOWN = 12
NEWS_SHOWN = 5
RESULTS_SHOWN = 6


@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    """Where everything stands, by role."""
    user = request.user
    if user.is_student:
        return render(request, "grading/dashboard_student.html", student_context(user))
    exams = exams_for(user).select_related("school_class", "subject")
    page = Paginator(exams.order_by("-created_at", "-pk"), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    standing = standings(page)
    classes = list(class_rows(user).prefetch_related(None)[: CLASSES_SHOWN + 1])
    context: dict[str, Any] = {
        "page": page,
        "rows": [(exam, standing[exam.pk]) for exam in page],
        "waiting": sum(one.next.urgent for one in standing.values()),
        "classes": with_exam_counts(classes[:CLASSES_SHOWN]),
        "more_classes": len(classes) > CLASSES_SHOWN,
    }
    if user.is_admin:
        context |= admin_context()
    return render(request, "grading/dashboard.html", context)


@require_GET
@admin_required
def system(request: HttpRequest) -> HttpResponse:
    """Every stage's due work and last success, providers and spending; red on silence."""
    context = {
        "health": system_health.system_health(),
        "patience": system_health.patience(),
        "providers": system_health.provider_rows(),
        "spending": system_health.spending_rows(),
        "flower_url": settings.SHEAF_FLOWER_URL,
    }
    return render(request, "grading/dashboard_system.html", context)


def student_context(user: User) -> dict[str, Any]:
    """What a student has not read yet, and the latest published results."""
    unread = Notification.objects.filter(recipient=user, read_at__isnull=True)
    results = queries.results_for(user).select_related("exam__subject")
    return {
        "news": list(unread.order_by("-created_at", "-pk")[:NEWS_SHOWN]),
        "results": list(results.order_by("-published_at", "-pk")[:RESULTS_SHOWN]),
    }


def with_exam_counts(classes: list[SchoolClass]) -> list[tuple[SchoolClass, int]]:
    """The classes with how many exams each has."""
    counts = dict(
        Exam.objects.filter(school_class__in=classes)
        .order_by()
        .values_list("school_class")
        .annotate(count=Count("pk"))
    )
    return [(one, counts.get(one.pk, 0)) for one in classes]


def admin_context() -> dict[str, Any]:
    """People, providers, spending and health, for the admin's start page."""
    roles = dict(
        User.objects.filter(is_active=True)
        .order_by()
        .values_list("role")
        .annotate(count=Count("pk"))
    )
    providers = system_health.provider_rows()
    return {
        "people": {role: roles.get(role, 0) for role in ("teacher", "student")},
        "class_count": SchoolClass.objects.count(),
        "health": system_health.system_health(),
        "providers": [one for one in providers if not one.problem or one.is_proposed],
        "site_spending": system_health.spending_rows()[0],
    }
