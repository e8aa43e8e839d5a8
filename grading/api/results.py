"""Publishing and results over the API: what stands in the way, publish, take back, read, export.

Comes in: a teacher with the fingerprint of what was looked at, or a student. Goes out: results;
to a student the own published ones, without a word that is for staff.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, renderer_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import NO_STORE, Done, Reason, lists, page_of, sent
from accounts.api.gates import FileRenderer
from accounts.roles import student_required, teacher_required
from exams.api.exams import exam_or_404
from exams.api.pages import PageRow
from exams.api.sheets import StudentRow
from exams.models import MARKED_STATES, Exam, Sheet, SheetState
from exams.queries import pages_for
from grading import publish as publishing
from grading import queries
from grading.api.marks import Points
from grading.exports import results_csv
from grading.statistics import criterion_means, distribution


class BlockerRow(serializers.Serializer):
    """Why an exam cannot be published; `state` is that of the sheets, "" for uploads."""

    state = serializers.CharField()
    count = serializers.IntegerField()
    text = serializers.CharField()


class PublicationBody(serializers.Serializer):
    """What publishing would do now; `fingerprint` changes when any of it does."""

    blockers = BlockerRow(many=True)
    ready = serializers.IntegerField()
    published = serializers.IntegerField()
    skipped = serializers.IntegerField()
    fingerprint = serializers.CharField()


class Publish(serializers.Serializer):
    """The `fingerprint` of the publication that was looked at."""

    fingerprint = serializers.CharField(max_length=64)


class ResultRow(serializers.Serializer):
    """A sheet with its total."""

    sheet = serializers.IntegerField(source="pk")
    state = serializers.ChoiceField(SheetState.choices)
    student = StudentRow(source="enrolment", allow_null=True)
    total = serializers.DecimalField(9, 2, normalize_output=True)
    out_of = serializers.DecimalField(9, 2, allow_null=True, normalize_output=True)


class BinRow(serializers.Serializer):
    low = serializers.IntegerField()
    high = serializers.IntegerField()
    count = serializers.IntegerField()


class SpreadBody(serializers.Serializer):
    """How the totals spread; `bins` in percent of the full marks."""

    count = serializers.IntegerField()
    mean = serializers.FloatField()
    median = serializers.FloatField()
    lowest = serializers.FloatField()
    highest = serializers.FloatField()
    bins = BinRow(many=True)


class CriterionRow(serializers.Serializer):
    """How one criterion went; `share` of its range."""

    code = serializers.CharField()
    description = serializers.CharField()
    mean = serializers.FloatField()
    floor = Points()
    ceiling = Points()
    share = serializers.FloatField()
    count = serializers.IntegerField()


class StatisticsBody(serializers.Serializer):
    """The figures of the results page; `spread` is null without results."""

    spread = SpreadBody(allow_null=True)
    criteria = CriterionRow(many=True)


class ExamName(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    subject = serializers.CharField(source="subject.name")
    date = serializers.DateField(allow_null=True)


class OwnResultRow(serializers.Serializer):
    """A published result; `id` is its sheet's."""

    id = serializers.IntegerField(source="pk")
    exam = ExamName()
    total = serializers.DecimalField(9, 2, normalize_output=True)
    out_of = serializers.DecimalField(9, 2, allow_null=True, normalize_output=True)
    published_at = serializers.DateTimeField(allow_null=True)


class OwnMarkRow(serializers.Serializer):
    """What a student sees of a mark; `id` is what an appeal names."""

    id = serializers.IntegerField(source="pk")
    criterion = serializers.CharField(source="criterion.code")
    description = serializers.CharField(source="criterion.description")
    awarded = Points()
    floor = Points()
    ceiling = Points()
    feedback = serializers.CharField()


class OwnResultBody(OwnResultRow):
    """A published result; until `appeals_until` its student may object to marks (null: never)."""

    appeals_until = serializers.DateTimeField(source="exam.appeals_until", allow_null=True)
    marks = OwnMarkRow(many=True, source="own_marks")
    pages = PageRow(many=True, source="own_pages")


@extend_schema(responses=PublicationBody)
@api_view(["GET"])
@teacher_required
def publication(request: Request, pk: int) -> Response:
    """What publishing this exam would do now, and what stands in its way."""
    return Response(state_of(exam_or_404(request, pk)))


@extend_schema(request=Publish, responses=Done)
@api_view(["POST"])
@teacher_required
def publish(request: Request, pk: int) -> Response:
    """Show all reviewed sheets to their students, or none when something changed or is missing."""
    exam = exam_or_404(request, pk)
    count = publishing.publish_exam(exam, by=request.user, **sent(Publish, request))
    return Response({"count": count})


@extend_schema(request=Reason, responses=Done)
@api_view(["POST"])
@teacher_required
def take_back(request: Request, pk: int) -> Response:
    """Hide a whole exam's marks from its students again."""
    exam = exam_or_404(request, pk)
    count = publishing.take_back(exam, by=request.user, **sent(Reason, request))
    return Response({"count": count})


@lists(ResultRow)
@api_view(["GET"])
@teacher_required
def exam_results(request: Request, pk: int) -> Response:
    """Every sheet of an exam that has marks, with its total, by roll number."""
    rows = queries.results_for(request.user).filter(exam=exam_or_404(request, pk))
    rows = rows.select_related("enrolment__student").order_by("enrolment__roll_number", "pk")
    return page_of(request, rows, ResultRow)


@extend_schema(responses=StatisticsBody)
@api_view(["GET"])
@teacher_required
def exam_statistics(request: Request, pk: int) -> Response:
    """How the totals of an exam spread, and how each criterion went."""
    exam = exam_or_404(request, pk)
    sheets = Sheet.objects.filter(exam=exam, state__in=MARKED_STATES)
    totals = queries.with_totals(sheets).filter(total__isnull=False)
    pairs = [(total, out_of or 0) for total, out_of in totals.values_list("total", "out_of")]
    value = {"spread": distribution(pairs), "criteria": criterion_means(exam)}
    return Response(StatisticsBody(value).data)


@extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR})
@api_view(["GET"])
@renderer_classes([FileRenderer])
@teacher_required
def exam_results_csv(request: Request, pk: int) -> HttpResponse:
    """All results of an exam as CSV, one row for each student."""
    lines = results_csv(exam_or_404(request, pk))
    return HttpResponse(lines, content_type="text/csv; charset=utf-8", headers=NO_STORE)


@lists(OwnResultRow)
@api_view(["GET"])
@student_required
def own_results(request: Request) -> Response:
    """A student's own published results, newest first."""
    rows = queries.results_for(request.user).select_related("exam__subject")
    return page_of(request, rows.order_by("-published_at", "-pk"), OwnResultRow)


@extend_schema(responses=OwnResultBody)
@api_view(["GET"])
@student_required
def own_result(request: Request, pk: int) -> Response:
    """One published result of the student's own."""
    return Response(result_of(request, pk))


@extend_schema(responses=OwnResultBody)
@api_view(["GET"])
@teacher_required
def sheet_preview(request: Request, pk: int) -> Response:
    """What the student sees of this sheet, or will see."""
    return Response(result_of(request, pk))


def state_of(exam: Exam) -> dict[str, Any]:
    body: dict[str, Any] = PublicationBody(publishing.publication_state(exam)).data
    return body


def result_of(request: Request, pk: int) -> dict[str, Any]:
    """A result with its marks and pages; nothing that is for staff is even read."""
    rows = queries.results_for(request.user).select_related("exam__subject")
    sheet = rows.filter(pk=pk).first()
    if sheet is None:
        raise Http404
    marks = queries.marks_for(request.user).filter(sheet=pk).select_related("criterion")
    sheet.own_marks = marks.defer(*queries.FOR_STAFF).order_by("criterion__position")
    pages = pages_for(request.user).filter(sheet=pk, dropped_at=None)
    sheet.own_pages = pages.order_by("number")
    body: dict[str, Any] = OwnResultBody(sheet).data
    return body
