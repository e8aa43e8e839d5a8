"""The review of sheets over the API: their marks with a version, a look, approving, reopening.

Comes in: a sheet and the `marks_version` that was seen. Goes out: the sheet with its marks as
they are; 409 when a mark changed since. The rules are grading/review.py's and grading/runs.py's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import Done, Person, Reason, asked, lists, page_of, sent
from accounts.roles import teacher_required
from exams.api.exams import exam_or_404
from exams.api.sheets import StudentRow
from exams.api.sheets import visible as visible_sheet
from exams.models import Sheet, SheetState
from exams.queries import sheets_for
from grading import publish, queries, review, runs
from grading.api.marks import MarkRow, Points
from grading.forms import FEEDBACK_LENGTH
from grading.models import Mark


class ReviewRow(serializers.Serializer):
    """A sheet in review: its total and what needs a person's eyes."""

    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    state = serializers.ChoiceField(SheetState.choices)
    student = StudentRow(source="enrolment", allow_null=True)
    total = serializers.DecimalField(9, 2, allow_null=True, normalize_output=True)
    out_of = serializers.DecimalField(9, 2, allow_null=True, normalize_output=True)
    unsure = serializers.IntegerField()
    changed = serializers.IntegerField()
    looked = serializers.BooleanField()
    rubric_version = serializers.IntegerField(allow_null=True)


class ReviewBody(ReviewRow):
    """A sheet with all its marks; `marks_version` names exactly these."""

    exam = serializers.IntegerField(source="exam_id")
    reviewed_by = Person(allow_null=True)
    reviewed_at = serializers.DateTimeField(allow_null=True)
    published_at = serializers.DateTimeField(allow_null=True)
    marks_version = serializers.CharField(allow_null=True)
    marks = MarkRow(many=True, source="own_marks")


class ReviewFilters(serializers.Serializer):
    state = serializers.ChoiceField(SheetState.choices, required=False)
    unsure_first = serializers.BooleanField(default=False)


class Seen(serializers.Serializer):
    """The `marks_version` that was looked at."""

    marks_version = serializers.CharField(max_length=40)


class MaybeReason(serializers.Serializer):
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, default="")


class ApproveAll(MaybeReason):
    """All unchanged sheets that you looked at; `without_look`: the others too, for a reason."""

    without_look = serializers.BooleanField(default=False)


class Award(serializers.Serializer):
    awarded = Points()
    feedback = serializers.CharField(
        required=False, allow_blank=True, max_length=FEEDBACK_LENGTH, default=""
    )


class Awards(serializers.Serializer):
    """Points and feedback for every leaf, by its id."""

    awards = serializers.DictField(child=Award())


@lists(ReviewRow, ReviewFilters)
@api_view(["GET"])
@teacher_required
def review_list(request: Request, pk: int) -> Response:
    """The sheets of an exam with totals and flags, by roll number."""
    wanted = asked(ReviewFilters, request)
    rows = sheets_for(request.user).filter(exam=exam_or_404(request, pk))
    if "state" in wanted:
        rows = rows.filter(state=wanted["state"])
    order = ["-unsure"] if wanted["unsure_first"] else []
    rows = flagged(request, rows).order_by(*order, "enrolment__roll_number", "name", "pk")
    return page_of(request, rows, ReviewRow)


@extend_schema(responses=ReviewBody)
@api_view(["GET"])
@teacher_required
def sheet_review(request: Request, pk: int) -> Response:
    """One sheet with all its marks."""
    return Response(body_of(request, pk))


@extend_schema(request=ApproveAll, responses=Done)
@api_view(["POST"])
@teacher_required
def approve_all(request: Request, pk: int) -> Response:
    """Approve all sheets whose marks nobody changed and that were looked at."""
    exam = exam_or_404(request, pk)
    count = review.approve_unchanged(exam, by=request.user, **sent(ApproveAll, request))
    return Response({"count": count})


@extend_schema(request=Seen, responses=ReviewBody)
@api_view(["POST"])
@teacher_required
def sheet_look(request: Request, pk: int) -> Response:
    """Remember that exactly these marks were looked at."""
    sheet = visible(request, pk)
    review.record_look(sheet, by=request.user, **sent(Seen, request))
    return Response(body_of(request, pk))


@extend_schema(request=Seen, responses=ReviewBody)
@api_view(["POST"])
@teacher_required
def sheet_approve(request: Request, pk: int) -> Response:
    """Stand by the marks that were seen."""
    review.approve_sheet(visible(request, pk), by=request.user, **sent(Seen, request))
    return Response(body_of(request, pk))


@extend_schema(request=MaybeReason, responses=ReviewBody)
@api_view(["POST"])
@teacher_required
def sheet_reopen(request: Request, pk: int) -> Response:
    """Take a review back; the marks stay."""
    review.reopen_sheet(visible(request, pk), by=request.user, **sent(MaybeReason, request))
    return Response(body_of(request, pk))


@extend_schema(request=Reason, responses=ReviewBody)
@api_view(["POST"])
@teacher_required
def sheet_drop_marks(request: Request, pk: int) -> Response:
    """Drop a sheet's unreviewed marks, so that it can be mapped or graded anew."""
    runs.drop_marks(visible(request, pk), by=request.user, **sent(Reason, request))
    return Response(body_of(request, pk))


@extend_schema(request=Awards, responses=ReviewBody)
@api_view(["POST"])
@teacher_required
def sheet_by_hand(request: Request, pk: int) -> Response:
    """Grade a mapped or failed sheet that no model saw."""
    sheet = visible_sheet(request, pk)
    awards: dict[str, tuple[Decimal, str]] = {
        code: (award["awarded"], award["feedback"])
        for code, award in sent(Awards, request)["awards"].items()
    }
    review.grade_by_hand(sheet, awards=awards, by=request.user)
    return Response(body_of(request, pk))


@extend_schema(request=Reason, responses=ReviewBody)
@api_view(["POST"])
@teacher_required
def sheet_take_back(request: Request, pk: int) -> Response:
    """Hide one sheet's published marks from its student again."""
    publish.take_back_sheet(visible(request, pk), by=request.user, **sent(Reason, request))
    return Response(body_of(request, pk))


def visible(request: Request, pk: int) -> Sheet:
    """A sheet that has marks."""
    return get_object_or_404(queries.results_for(request.user), pk=pk)


def flagged(request: Request, sheets: Any) -> Any:
    rows = queries.with_flags(queries.with_totals(sheets))
    return queries.with_looked(rows, request.user).select_related("enrolment__student")


def body_of(request: Request, pk: int) -> dict[str, Any]:
    rows = flagged(request, sheets_for(request.user)).select_related(
        "enrolment__student", "reviewed_by"
    )
    sheet = get_object_or_404(rows, pk=pk)
    marks = Mark.objects.filter(sheet=sheet).select_related(
        "criterion", "part__assessment", "changed_by"
    )
    sheet.own_marks = list(marks.order_by("criterion__position"))
    sheet.marks_version = queries.marks_version(sheet.own_marks) if sheet.own_marks else None
    body: dict[str, Any] = ReviewBody(sheet).data
    return body
