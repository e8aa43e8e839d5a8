"""Deleting an exam over the API: what would go with it, what stands in the way, and the deed."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import sent
from accounts.roles import teacher_required
from exams.api.exams import exam_or_404
from grading import exam_delete as deletion


class HindranceRow(serializers.Serializer):
    text = serializers.CharField()
    url = serializers.CharField()


class DeletionBody(serializers.Serializer):
    """What goes, or would go, with an exam; `fingerprint` changes when any of it does."""

    hindrances = HindranceRow(many=True)
    uploads = serializers.IntegerField()
    sheets = serializers.IntegerField()
    pages = serializers.IntegerField()
    samples = serializers.IntegerField()
    keys = serializers.IntegerField()
    rubrics = serializers.IntegerField()
    runs = serializers.IntegerField()
    fingerprint = serializers.CharField()


class Delete(serializers.Serializer):
    """The `fingerprint` of the deletion that was looked at."""

    fingerprint = serializers.CharField(max_length=64)


@extend_schema(methods=["GET"], responses=DeletionBody)
@extend_schema(methods=["POST"], request=Delete, responses=DeletionBody)
@api_view(["GET", "POST"])
@teacher_required
def exam_deletion(request: Request, pk: int) -> Response:
    """What deleting this exam would take away; POST deletes it when that is still the same."""
    exam = exam_or_404(request, pk)
    if request.method == "GET":
        return Response(DeletionBody(deletion.deletion_state(exam)).data)
    gone = deletion.delete_exam(exam, by=request.user, **sent(Delete, request))
    return Response(DeletionBody(gone).data)
