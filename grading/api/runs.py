"""Runs over the API: draft one, read what will be sent, send it, watch it, stop it.

Comes in: a teacher's choice of a provider, and a yes to a draft with its cost. Goes out: where
the run stands, as its page shows it (grading/run_standing.py).
"""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import Nothing, Person, asked, cleaned, lists, page_of, sent
from accounts.roles import teacher_required
from batching.models import ItemState, JobState
from exams.api.exams import exam_or_404
from grading import runs as commands
from grading.forms_runs import AgainForm, RunForm
from grading.models import GradingRun
from grading.queries import runs_for
from grading.run_list import list_rows
from grading.run_standing import standing
from grading.run_story import ENDS, last_items, stories_of


class UsageBody(serializers.Serializer):
    """Tokens, as a provider counts them."""

    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    cached_tokens = serializers.IntegerField()


class CostBody(serializers.Serializer):
    """Tokens and money; money is a number to be trusted only where `is_known`."""

    estimated = UsageBody()
    estimated_cost = serializers.DecimalField(14, 6)
    used = UsageBody()
    cost = serializers.DecimalField(14, 6)
    currency = serializers.CharField()
    is_known = serializers.BooleanField()


class SheetCounts(serializers.Serializer):
    """The sheets of a run, each counted once however often it was sent."""

    total = serializers.IntegerField()
    waiting = serializers.IntegerField()
    free = serializers.IntegerField()
    accepted = serializers.IntegerField()
    failed = serializers.IntegerField()
    overtaken = serializers.IntegerField()
    stopped = serializers.IntegerField()


class RunFacts(serializers.Serializer):
    """What is the same of a run in the list and alone."""

    id = serializers.IntegerField(source="run.pk")
    exam = serializers.IntegerField(source="run.exam_id")
    provider = serializers.CharField(source="run.batch_run.provider")
    second_provider = serializers.CharField(source="run.batch_run.second_provider")
    rubric_version = serializers.IntegerField(source="run.rubric.version")
    created_by = Person(source="run.batch_run.created_by")
    created_at = serializers.DateTimeField(source="run.batch_run.created_at")


class RunRow(RunFacts):
    """A run in the list; `state` in words."""

    state = serializers.CharField(source="where")
    is_sent = serializers.BooleanField()
    sheets = SheetCounts()
    cost = CostBody()


class JobCounts(serializers.Serializer):
    """submitted = accepted + rejected + lost + superseded + discarded, once a job has ended."""

    submitted = serializers.IntegerField()
    accepted = serializers.IntegerField()
    rejected = serializers.IntegerField()
    lost = serializers.IntegerField()
    superseded = serializers.IntegerField()
    discarded = serializers.IntegerField()
    released = serializers.IntegerField()
    open = serializers.IntegerField()


class JobBody(serializers.Serializer):
    """One provider batch of a run."""

    number = serializers.IntegerField(source="job.number")
    provider = serializers.CharField(source="job.provider")
    state = serializers.ChoiceField(JobState.choices, source="job.state")
    attempt = serializers.IntegerField()
    problem = serializers.CharField(source="job.problem")
    remote_id = serializers.CharField(source="job.remote_id")
    counts = JobCounts()
    cost = CostBody()
    paused_until = serializers.DateTimeField(allow_null=True)


class CapBody(serializers.Serializer):
    """A limit on money: what of it is used or promised, and what the draft asks."""

    whose = serializers.CharField()
    limit = serializers.DecimalField(14, 6, allow_null=True)
    spent = serializers.DecimalField(14, 6)
    asked = serializers.DecimalField(14, 6)
    fits = serializers.BooleanField()


class RunBody(RunFacts):
    """Where a run stands. `can_send` once the draft is built; `cost.estimated_cost` is before."""

    notice = serializers.CharField(source="provider.notice")
    problem = serializers.CharField(source="run.batch_run.problem")
    is_building = serializers.BooleanField()
    can_send = serializers.BooleanField()
    can_cancel = serializers.BooleanField()
    can_send_again = serializers.IntegerField(help_text="How many sheets failed.")
    is_live = serializers.BooleanField()
    is_stopping = serializers.BooleanField()
    is_over = serializers.BooleanField()
    sheets = SheetCounts()
    jobs = JobBody(many=True, source="rows")
    cost = CostBody(source="total")
    caps = CapBody(many=True)


class Again(serializers.Serializer):
    """Who gets the sheets that failed."""

    provider = serializers.CharField(max_length=60)
    second_provider = serializers.CharField(
        max_length=60, required=False, allow_blank=True, default=""
    )


class NewRun(Again):
    """Who assesses the mapped sheets; `again` drops marks that nobody reviewed or changed first."""

    again = serializers.BooleanField(default=False)


class AttemptBody(serializers.Serializer):
    """One request for a sheet. `item` is its number in the run."""

    item = serializers.IntegerField(source="item.number")
    number = serializers.IntegerField()
    provider = serializers.CharField(source="item.provider")
    model = serializers.CharField(source="item.model")
    state = serializers.ChoiceField(ItemState.choices, source="item.state")
    reason = serializers.CharField(source="item.reason")
    cost = CostBody(allow_null=True)


END_NAMES = [(name, words) for name, (words, _) in ENDS.items()]


class StoryRow(serializers.Serializer):
    """What became of one sheet of a run, attempt by attempt; `sheet` is null once it is deleted."""

    sheet = serializers.IntegerField(source="sheet.pk", allow_null=True, default=None)
    name = serializers.CharField(source="sheet.name", allow_null=True, default=None)
    end = serializers.ChoiceField(END_NAMES)
    attempts = AttemptBody(many=True)


class StoryFilters(serializers.Serializer):
    end = serializers.ChoiceField(END_NAMES, required=False)


@lists(RunRow)
@extend_schema(methods=["POST"], request=NewRun, responses={202: RunBody})
@api_view(["GET", "POST"])
@teacher_required
def runs(request: Request, pk: int) -> Response:
    """All runs of an exam, newest first; POST drafts one of all mapped sheets, to be built."""
    exam = exam_or_404(request, pk)
    if request.method == "POST":
        form = RunForm(sent(NewRun, request), exam=exam)
        again = cleaned(form)["again"]
        run = commands.draft_run(exam, by=request.user, again=again, **form.chosen)
        return Response(body_of(request, run.pk), status=202)
    rows = runs_for(request.user).filter(exam=exam).order_by("-batch_run__created_at", "-pk")
    return page_of(request, rows, RunRow, prepare=list_rows)


@extend_schema(responses=RunBody)
@api_view(["GET"])
@teacher_required
def run_detail(request: Request, pk: int) -> Response:
    """One run: its estimate or its cost, its jobs and how they add up, what can be done next."""
    return Response(body_of(request, pk))


@lists(StoryRow, StoryFilters)
@api_view(["GET"])
@teacher_required
def run_items(request: Request, pk: int) -> Response:
    """What became of each sheet of a run, the failed ones first."""
    run = visible(request, pk)
    items = last_items(run, asked(StoryFilters, request).get("end", ""))
    return page_of(request, items, StoryRow, prepare=lambda page: stories_of(run, page))


@extend_schema(request=Nothing, responses=RunBody)
@api_view(["POST"])
@teacher_required
def run_send(request: Request, pk: int) -> Response:
    """Approve the draft: all its jobs go to the provider, or none when a cap forbids it."""
    commands.send_run(visible(request, pk), by=request.user)
    return Response(body_of(request, pk))


@extend_schema(request=Nothing, responses=RunBody)
@api_view(["POST"])
@teacher_required
def run_cancel(request: Request, pk: int) -> Response:
    """Stop a run; what was answered stays."""
    commands.cancel_run(visible(request, pk), by=request.user)
    return Response(body_of(request, pk))


@extend_schema(request=Again, responses={202: RunBody})
@api_view(["POST"])
@teacher_required
def run_again(request: Request, pk: int) -> Response:
    """Draft a new run of the sheets that failed in this one."""
    run = visible(request, pk)
    form = AgainForm(sent(Again, request), run=run.batch_run)
    cleaned(form)
    drafted = commands.send_failed_again(run, by=request.user, **form.chosen)
    return Response(body_of(request, drafted.pk), status=202)


def visible(request: Request, pk: int) -> GradingRun:
    # By the run's own id: a number beyond what a database holds is then not there, and no error.
    return get_object_or_404(runs_for(request.user), batch_run__id=pk)


def body_of(request: Request, pk: int) -> dict[str, Any]:
    body: dict[str, Any] = RunBody(standing(visible(request, pk))).data
    return body
