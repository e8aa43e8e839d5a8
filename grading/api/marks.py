"""Marks over the API: lists, one, its change with a reason, its history, and putting back.

Comes in: points, feedback, a reason, and the version that was seen (`version` in the body, or
If-Match with the ETag). Goes out: the mark, or 409 with both values: nothing that somebody typed
is overwritten unseen.
"""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import Person, VersionMissing, asked, lists, page_of, sent, versioned
from accounts.roles import teacher_required
from exams.api.exams import exam_or_404
from grading import queries, review
from grading.forms import FEEDBACK_LENGTH, REASON_LENGTH
from grading.models import Mark

ETAG = re.compile(r'(?:W/)?"(?P<version>\d{1,9})"\Z')
IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the mark as it was seen; instead of `version` in the body.",
)


class Points(serializers.DecimalField):
    """Points as people write them: "2", "1.5"."""

    def __init__(self, **options: Any) -> None:
        super().__init__(7, 2, normalize_output=True, **options)


class ProposalBody(serializers.Serializer):
    """What the assessment proposed; `reasoning` is for staff only."""

    source = serializers.CharField(source="assessment.source")
    provider = serializers.CharField(source="assessment.provider")
    model = serializers.CharField(source="assessment.model")
    awarded = Points()
    transcription = serializers.CharField()
    feedback = serializers.CharField()
    reasoning = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    page_number = serializers.IntegerField(allow_null=True)


class MarkRow(serializers.Serializer):
    """The points of one criterion of one sheet; `version` counts its changes."""

    id = serializers.IntegerField(source="pk")
    sheet = serializers.IntegerField(source="sheet_id")
    criterion = serializers.CharField(source="criterion.code")
    description = serializers.CharField(source="criterion.description")
    awarded = Points()
    floor = Points()
    ceiling = Points()
    step = Points(source="criterion.step")
    feedback = serializers.CharField()
    is_overridden = serializers.BooleanField()
    changed_by = Person(allow_null=True)
    changed_at = serializers.DateTimeField()
    version = serializers.IntegerField()
    proposal = ProposalBody(source="part")


class MarkFilters(serializers.Serializer):
    sheet = serializers.IntegerField(required=False, min_value=1, max_value=2**53 - 1)
    criterion = serializers.CharField(required=False, max_length=40, help_text="Its id: Q2a.")
    overridden = serializers.BooleanField(required=False, allow_null=True, default=None)
    unsure = serializers.BooleanField(
        default=False, help_text="Only those that the assessor was not sure of."
    )


class MarkChange(serializers.Serializer):
    """What is left out stays. Changing points needs a reason."""

    awarded = Points(required=False)
    feedback = serializers.CharField(
        required=False, allow_blank=True, max_length=FEEDBACK_LENGTH, trim_whitespace=False
    )
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=REASON_LENGTH, default=""
    )
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)


class PutBack(serializers.Serializer):
    """The `history_id` of the earlier value, over the version that was seen."""

    history_id = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = serializers.CharField(
        required=False, allow_blank=True, max_length=REASON_LENGTH, default=""
    )
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)


class HistoryRow(serializers.Serializer):
    """A mark as it was: who made it so, when and why."""

    history_id = serializers.IntegerField()
    awarded = Points()
    feedback = serializers.CharField()
    version = serializers.IntegerField()
    by = Person(source="history_user", allow_null=True)
    at = serializers.DateTimeField(source="history_date")
    reason = serializers.CharField(source="history_change_reason", allow_null=True)


@lists(MarkRow, MarkFilters)
@api_view(["GET"])
@teacher_required
def marks(request: Request, pk: int) -> Response:
    """The marks of an exam, sheet by sheet."""
    wanted = asked(MarkFilters, request)
    rows = shown(request).filter(sheet__exam=exam_or_404(request, pk))
    if "sheet" in wanted:
        rows = rows.filter(sheet=wanted["sheet"])
    if "criterion" in wanted:
        rows = rows.filter(criterion__code=wanted["criterion"])
    if wanted["overridden"] is not None:
        rows = rows.filter(is_overridden=wanted["overridden"])
    if wanted["unsure"]:
        rows = rows.filter(part__confidence__lt=queries.UNSURE_BELOW)
    return page_of(request, rows.order_by("sheet", "criterion__position", "pk"), MarkRow)


@extend_schema(methods=["GET"], responses=MarkRow)
@extend_schema(
    methods=["PATCH"], parameters=[IF_MATCH], request=MarkChange, responses=versioned(MarkRow)
)
@api_view(["GET", "PATCH"])
@teacher_required
def mark_detail(request: Request, pk: int) -> Response:
    """One mark with its ETag; PATCH changes it."""
    mark = visible(request, pk)
    if request.method == "PATCH":
        change = sent(MarkChange, request)
        review.change_mark(
            mark.pk,
            awarded=change.get("awarded", mark.awarded),
            feedback=change.get("feedback", mark.feedback),
            reason=change["reason"],
            version=version_seen(request, change),
            by=request.user,
        )
    return answer(request, pk)


@lists(HistoryRow)
@api_view(["GET"])
@teacher_required
def mark_history(request: Request, pk: int) -> Response:
    """What a mark was before, newest first."""
    rows = visible(request, pk).history.select_related("history_user")
    return page_of(request, rows.order_by("-history_date", "-history_id"), HistoryRow)


@extend_schema(parameters=[IF_MATCH], request=PutBack, responses=versioned(MarkRow))
@api_view(["POST"])
@teacher_required
def mark_put_back(request: Request, pk: int) -> Response:
    """Undo: give a mark the points and feedback of an earlier row of its history."""
    mark = visible(request, pk)
    wanted = sent(PutBack, request)
    review.put_back(
        mark.pk,
        wanted["history_id"],
        version=version_seen(request, wanted),
        reason=wanted["reason"],
        by=request.user,
    )
    return answer(request, pk)


def version_seen(request: Request, data: dict[str, Any]) -> int:
    """The version that the client has seen. Raises VersionMissing, ValidationError."""
    if "version" in data:
        return int(data["version"])
    told = request.headers.get("If-Match")
    if told is None:
        raise VersionMissing
    if (etag := ETAG.match(told.strip())) is None:
        raise ValidationError({"If-Match": _("This is not the ETag of a mark.")})
    return int(etag["version"])


def shown(request: Request) -> QuerySet[Mark]:
    return queries.marks_for(request.user).select_related(
        "criterion", "part__assessment", "changed_by"
    )


def visible(request: Request, pk: int) -> Mark:
    return get_object_or_404(shown(request), pk=pk)


def answer(request: Request, pk: int) -> Response:
    mark = visible(request, pk)
    return Response(MarkRow(mark).data, headers={"ETag": f'"{mark.version}"'})
