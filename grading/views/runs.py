"""The pages of runs: draft one, look at it, send it, watch it, stop it, send what failed again.

Comes in: a teacher's choice of a provider, and yes or no to a draft with its cost. Goes out: one
page for a run, living while it is under way; 422 with what to do where a run cannot be sent.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from accounts.roles import teacher_required
from accounts.told import told
from batching.providers import ProviderNotReady, UnknownProvider
from batching.queries import is_over
from exams.models import MARKED_STATES
from exams.queries import exams_for
from exams.standing import standings
from grading.forms_runs import AgainForm, RunForm
from grading.models import GradingRun
from grading.queries import runs_for
from grading.review_blind import codes_of
from grading.run_list import list_rows
from grading.run_standing import standing
from grading.run_story import ENDS, last_items, stories_of
from grading.runs import (
    cancel_run,
    draft_run,
    send_failed_again,
    send_run,
    sheets_to_grade,
    sheets_to_grade_again,
)

RUNS_ON_A_PAGE = 50
SHEETS_ON_A_PAGE = 50
# What a provider that cannot be used raises: a person reads it and chooses another one.
UNUSABLE = (ValidationError, ProviderNotReady, UnknownProvider)


@require_GET
@teacher_required
def run_list(request: HttpRequest, pk: int) -> HttpResponse:
    """All runs of an exam, newest first."""
    exam = get_object_or_404(exams_for(request.user), pk=pk)
    runs = runs_for(request.user).filter(exam=exam).order_by("-batch_run__created_at")
    page = Paginator(runs, RUNS_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"exam": exam, "page": page, "rows": list_rows(page.object_list)}
    return render(request, "grading/run_list.html", context)


@require_http_methods(["GET", "POST"])
@teacher_required
def run_create(request: HttpRequest, pk: int) -> HttpResponse:
    """Draft a run of all mapped sheets of an exam."""
    exam = get_object_or_404(exams_for(request.user), pk=pk)
    form = RunForm(request.POST or None, exam=exam)
    if request.method == "POST" and form.is_valid():
        try:
            run = draft_run(exam, by=request.user, again=form.cleaned_data["again"], **form.chosen)
        except UNUSABLE as error:
            form.add_error(None, error if isinstance(error, ValidationError) else told(str(error)))
        else:
            return redirect("grading:run_detail", run.pk)
    context = {
        "exam": exam,
        "form": form,
        "sheets": sheets_to_grade(exam).count(),
        "again": sheets_to_grade_again(exam).count(),
        "unmapped": exam.sheets.filter(state="pending_mapping").count(),
        "next": standings([exam])[exam.pk].next,
    }
    return render(request, "grading/run_create.html", context, status=422 if form.is_bound else 200)


@require_GET
@teacher_required
def run_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One run: what it is expected to cost or did cost, where its jobs are, how they add up."""
    run = get_object_or_404(runs_for(request.user), batch_run__id=pk)
    return run_page(request, run)


@require_GET
@teacher_required
def run_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The living part of a run's page."""
    run = get_object_or_404(runs_for(request.user), batch_run__id=pk)
    return render(request, "grading/_run_progress.html", page_context(run))


@require_GET
@teacher_required
def run_items(request: HttpRequest, pk: int) -> HttpResponse:
    """What became of each sheet of a run, attempt by attempt, the failed ones first."""
    run = get_object_or_404(runs_for(request.user), batch_run__id=pk)
    asked = request.GET.get("end", "")
    end = asked if asked in ENDS else ""
    page = Paginator(last_items(run, end), SHEETS_ON_A_PAGE).get_page(request.GET.get("page"))
    codes = codes_of((item.subject_id for item in page), request.user, MARKED_STATES)
    stories = stories_of(run, page.object_list)
    context = {
        "run": run,
        "exam": run.exam,
        "page": page,
        "stories": stories,
        "rows": [(one, codes.get(one.sheet.pk, "") if one.sheet else "") for one in stories],
        "end": end,
        "ends": [(name, words) for name, (words, _states) in ENDS.items()],
        "query": f"&end={end}" if end else "",
    }
    return render(request, "grading/run_items.html", context)


@require_http_methods(["GET", "POST"])
@teacher_required
def run_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve the draft: all its jobs go to the provider, or none when a cap forbids it.

    GET, as when the page of a refusal is loaded again, leads to the run.
    """
    run = get_object_or_404(runs_for(request.user), batch_run__id=pk)
    if request.method == "GET":
        return redirect("grading:run_detail", run.pk)
    try:
        number = send_run(run, by=request.user)
    except ValidationError as error:
        return run_page(request, run, problems=error.messages, status=422)
    told = ngettext("Sent: %(n)d job.", "Sent: %(n)d jobs.", number) % {"n": number}
    messages.success(request, told)
    return redirect("grading:run_detail", run.pk)


@require_http_methods(["GET", "POST"])
@teacher_required
def run_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a run; what was answered stays. One that was sent is not stopped without asking.

    A draft is discarded at once, since it can be made again; unless somebody has sent it meanwhile.
    """
    run = get_object_or_404(runs_for(request.user), batch_run__id=pk)
    was_sent = run.batch_run.jobs.filter(approved_by__isnull=False).exists()
    if request.method == "GET":
        found = standing(run)
        if not (found.can_cancel and found.was_sent):
            return redirect("grading:run_detail", run.pk)
        context = {"run": run, "exam": run.exam, "standing": found}
        return render(request, "grading/run_cancel.html", context)
    if was_sent and not request.POST.get("sure"):
        return redirect("grading:run_cancel", run.pk)
    cancel_run(run, by=request.user)
    if was_sent and is_over(run.batch_run):
        told = _("The run was stopped. What was answered is kept, the rest can be drafted again.")
    elif was_sent:
        told = _(
            "The run is being stopped. What is answered by then is kept, the rest is set free."
        )
    else:
        told = _("The draft was discarded. Nothing was sent.")
    messages.success(request, told)
    return redirect("grading:run_detail", run.pk)


@require_http_methods(["GET", "POST"])
@teacher_required
def run_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Draft a new run of the sheets that failed in this one; GET leads to the run."""
    run = get_object_or_404(runs_for(request.user), batch_run__id=pk)
    if request.method == "GET":
        return redirect("grading:run_detail", run.pk)
    form = AgainForm(request.POST, run=run.batch_run)
    if not form.is_valid():
        problems = [error for errors in form.errors.values() for error in errors]
        return run_page(request, run, problems=problems, status=422)
    try:
        drafted = send_failed_again(run, by=request.user, **form.chosen)
    except UNUSABLE as error:
        problems = error.messages if isinstance(error, ValidationError) else [told(str(error))]
        return run_page(request, run, problems=problems, status=422)
    messages.success(request, _("Drafted. Nothing is sent before you have looked at it."))
    return redirect("grading:run_detail", drafted.pk)


def run_page(
    request: HttpRequest,
    run: GradingRun,
    *,
    problems: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of a run, with what went wrong in the last step on it."""
    context = page_context(run) | {"problems": problems}
    return render(request, "grading/run_detail.html", context, status=status)


def page_context(run: GradingRun) -> dict[str, Any]:
    found = standing(run)
    context: dict[str, Any] = {"run": run, "exam": run.exam, "standing": found}
    if found.can_send_again:
        context["again"] = AgainForm(run=run.batch_run)
    return context
