"""The pages of runs: draft one, look at it, send it, watch it, stop it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.roles import teacher_required
from batching import providers
from batching.models import LIVE_JOB_STATES, OPEN_JOB_STATES, BatchJob, ItemState, JobState
from batching.queries import count_items_of
from exams.queries import exams_for
from grading.models import GradingRun
from grading.queries import runs_for
from grading.runs import (
    cancel_run,
    draft_run,
    grade_again,
    send_run,
    sheets_to_grade,
    sheets_to_grade_again,
)

ITEMS_ON_A_PAGE = 50


class RunForm(forms.Form):
    """Which provider shall assess the sheets."""

    provider = forms.ChoiceField(label="Assessed by", widget=forms.RadioSelect)
    again = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = providers.choices()
        self.fields["provider"].choices = choices  # type: ignore[attr-defined]
        self.fields["provider"].initial = settings.SHEAF_DEFAULT_PROVIDER


@require_GET
@teacher_required
def run_list(request: HttpRequest, pk: int) -> HttpResponse:
    """All runs of an exam, newest first."""
    exam = get_object_or_404(exams_for(request.user), pk=pk)
    runs = runs_for(request.user).filter(exam=exam).order_by("-batch_run__created_at")
    page = Paginator(runs, ITEMS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"exam": exam, "page": page, "rows": list_rows(page.object_list)}
    return render(request, "grading/run_list.html", context)


@require_http_methods(["GET", "POST"])
@teacher_required
def run_create(request: HttpRequest, pk: int) -> HttpResponse:
    """Draft a run of all mapped sheets of an exam."""
    exam = get_object_or_404(exams_for(request.user), pk=pk)
    form = RunForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                if form.cleaned_data["again"]:
                    grade_again(exam, by=request.user)
                run = draft_run(exam, provider=form.cleaned_data["provider"], by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("grading:run_detail", run.pk)
    context = {
        "exam": exam,
        "form": form,
        "sheets": sheets_to_grade(exam).count(),
        "again": sheets_to_grade_again(exam).count(),
        "unmapped": exam.sheets.filter(state="pending_mapping").count(),
        "providers": [(name, providers.get(name)) for name in providers.names()],
    }
    return render(request, "grading/run_create.html", context, status=422 if form.is_bound else 200)


@require_GET
@teacher_required
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One run: where its jobs are, and how their numbers add up."""
    run = get_object_or_404(runs_for(request.user), pk=pk)
    return render(request, "grading/run_detail.html", standing(run))


@require_GET
@teacher_required
def run_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The living part of a run's page."""
    run = get_object_or_404(runs_for(request.user), pk=pk)
    return render(request, "grading/_run_progress.html", standing(run))


@require_GET
@teacher_required
def run_items(request: HttpRequest, pk: int) -> HttpResponse:
    """What became of each sheet of a run."""
    run = get_object_or_404(runs_for(request.user), pk=pk)
    items = run.batch_run.items.order_by("number")
    state = request.GET.get("state", "")
    if state in ItemState.values:
        items = items.filter(state=state)
    page = Paginator(items, ITEMS_ON_A_PAGE).get_page(request.GET.get("page"))
    names = dict(
        run.exam.sheets.filter(pk__in=[item.subject_id for item in page]).values_list("pk", "name")
    )
    rows = [(item, names.get(item.subject_id, "deleted")) for item in page]
    context = {"run": run, "page": page, "rows": rows, "state": state, "states": ItemState.choices}
    context["query"] = f"&state={state}" if state in ItemState.values else ""
    return render(request, "grading/run_items.html", context)


@require_POST
@teacher_required
def run_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve the draft: all its jobs go to the provider."""
    run = get_object_or_404(runs_for(request.user), pk=pk)
    number = send_run(run, by=request.user)
    messages.success(request, f"Sent: {number} job{'s' if number != 1 else ''}.")
    return redirect(reverse("grading:run_detail", args=[run.pk]))


@require_POST
@teacher_required
def run_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a run; what was answered stays."""
    run = get_object_or_404(runs_for(request.user), pk=pk)
    cancel_run(run, by=request.user)
    messages.success(request, "The run was stopped. Sheets without marks can be drafted again.")
    return redirect(reverse("grading:run_detail", args=[run.pk]))


def list_rows(runs: Iterable[GradingRun]) -> list[dict[str, Any]]:
    """Each run with where it is and how much of it was graded; two queries for all."""
    runs = list(runs)
    jobs = list(BatchJob.objects.filter(run__in=[run.pk for run in runs]).order_by("number"))
    counts = count_items_of(jobs)
    rows = []
    for run in runs:
        own = [job for job in jobs if job.run_id == run.pk]
        states = dict.fromkeys(job.get_state_display() for job in own)
        if not own:
            stopped = bool(run.batch_run.problem or run.batch_run.built_at)
            states = {"Stopped" if stopped else "Being built": None}
        rows.append(
            {
                "run": run,
                "states": ", ".join(states),
                "accepted": sum(counts[job.pk].accepted for job in own),
                "total": sum(counts[job.pk].submitted for job in own),
            }
        )
    return rows


def standing(run: GradingRun) -> dict[str, Any]:
    """Everything a run's page shows, in a few queries whatever its size."""
    batch_run = run.batch_run
    jobs = list(batch_run.jobs.order_by("number"))
    counts = count_items_of(jobs)
    planned = batch_run.items.filter(state=ItemState.PLANNED).count()
    total = batch_run.items.count()
    is_built = batch_run.built_at is not None
    states = {job.state for job in jobs}
    is_open = bool(states & set(OPEN_JOB_STATES))
    is_building = not is_built and not batch_run.problem
    return {
        "run": run,
        "exam": run.exam,
        "provider": providers.about(batch_run.provider),
        "jobs": [(job, counts[job.pk]) for job in jobs],
        "total": total,
        "built": total - planned,
        "ended": sum(count.ended for count in counts.values()),
        "accepted": sum(count.accepted for count in counts.values()),
        "sent": sum(count.submitted - count.released for count in counts.values()),
        "is_stopping": any(job.cancel_asked_at and job.state in LIVE_JOB_STATES for job in jobs),
        "is_building": is_building,
        "can_send": is_built and JobState.REVIEW in states,
        "can_cancel": is_building or is_open,
        "is_live": is_building or bool(states & set(LIVE_JOB_STATES)),
        "is_over": is_built and not is_open,
    }
