"""Answer keys that a model reads, over the API: hand in a PDF, send it, correct it, confirm it.

Comes in: a PDF and a provider, later the corrected items of a rubric. Goes out: where the proposal
is; nothing reaches the rubric before a teacher confirms it (exams/key_proposals.py).
"""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, parser_classes, renderer_classes
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import (
    Nothing,
    Person,
    cleaned,
    lists,
    page_of,
    sent,
    sent_with_seen,
    versioned,
)
from accounts.api.gates import FileRenderer
from accounts.roles import teacher_required
from exams import key_proposals
from exams.api.exams import exam_or_404
from exams.api.pages import PICTURE
from exams.api.rubrics import RubricBody, RubricChange
from exams.api.rubrics import body_of as rubric_body
from exams.forms_keys import KeyFileForm
from exams.key_extraction import rubric_hash, rubric_items
from exams.key_rows import rows_of
from exams.models import KeyProposal, KeyState
from exams.queries import keys_for
from exams.views.key_extraction import standing
from exams.views.media import picture


class KeyRow(serializers.Serializer):
    """A PDF of an answer key, and how far it is; `problem` says why it failed."""

    id = serializers.IntegerField(source="pk")
    exam = serializers.IntegerField(source="exam_id")
    name = serializers.CharField(source="original_name")
    provider = serializers.CharField()
    state = serializers.ChoiceField(KeyState.choices)
    problem = serializers.CharField()
    created_by = Person()
    created_at = serializers.DateTimeField()


class ProposedRow(serializers.Serializer):
    """One criterion as it is proposed; `was` is the rubric's own id, "" for a new one."""

    was = serializers.CharField()
    code = serializers.CharField()
    description = serializers.CharField()
    max_marks = serializers.CharField()
    step = serializers.CharField()
    answer = serializers.CharField()
    guidance = serializers.CharField()
    page = serializers.IntegerField(allow_null=True)
    confidence = serializers.FloatField(allow_null=True)
    problems = serializers.ListField(child=serializers.CharField())


class KeyBody(KeyRow):
    """With what can be done next, and what is proposed; `seen` is the hash of the rubric now."""

    page_count = serializers.IntegerField()
    can_send = serializers.BooleanField()
    is_out_of_date = serializers.BooleanField()
    told = serializers.ListField(child=serializers.CharField(), help_text="What will be sent.")
    proposed = ProposedRow(many=True)
    seen = serializers.CharField()


class KeyFile(serializers.Serializer):
    pdf = serializers.FileField()
    provider = serializers.CharField(max_length=60)


class KeyProvider(serializers.Serializer):
    provider = serializers.CharField(max_length=60)


@lists(KeyRow)
@extend_schema(methods=["POST"], request={"multipart/form-data": KeyFile}, responses={202: KeyBody})
@api_view(["GET", "POST"])
@parser_classes([MultiPartParser])
@teacher_required
def keys(request: Request, pk: int) -> Response:
    """The PDFs of answer keys of an exam; POST hands one in, to be drafted by a worker."""
    exam = exam_or_404(request, pk)
    if request.method == "POST":
        chosen = cleaned(KeyFileForm(request.data, request.FILES))
        file, provider = chosen["pdf"], chosen["provider"]
        key = key_proposals.propose_key(
            exam, file, name=file.name or "key.pdf", provider=provider, by=request.user
        )
        return Response(body_of(request, key.pk), status=202)
    rows = keys_for(request.user).filter(exam=exam).select_related("created_by")
    return page_of(request, rows.order_by("-created_at", "-pk"), KeyRow)


@extend_schema(responses=KeyBody)
@api_view(["GET"])
@teacher_required
def key_detail(request: Request, pk: int) -> Response:
    """One answer key: how far it is, and what is proposed."""
    return Response(body_of(request, pk))


@extend_schema(request=Nothing, responses=KeyBody)
@api_view(["POST"])
@teacher_required
def key_send(request: Request, pk: int) -> Response:
    """Approve the draft: its request goes to the provider."""
    key_proposals.send_key(visible(request, pk), by=request.user)
    return Response(body_of(request, pk))


@extend_schema(request=KeyProvider, responses=KeyBody)
@api_view(["POST"])
@teacher_required
def key_retry(request: Request, pk: int) -> Response:
    """Draft it once more, perhaps for another provider."""
    key = visible(request, pk)
    key_proposals.retry_key(key, by=request.user, **sent(KeyProvider, request))
    return Response(body_of(request, pk))


@extend_schema(request=Nothing, responses=KeyBody)
@api_view(["POST"])
@teacher_required
def key_discard(request: Request, pk: int) -> Response:
    """Give it up; the rubric stays as it is."""
    key_proposals.discard_key(visible(request, pk), by=request.user)
    return Response(body_of(request, pk))


@extend_schema(request=RubricChange, responses=versioned(RubricBody))
@api_view(["POST"])
@teacher_required
def key_confirm(request: Request, pk: int) -> Response:
    """Make the corrected items the rubric's next version."""
    key = visible(request, pk)
    change = sent_with_seen(RubricChange, request)
    items, seen = change["rubric_items"], change["seen"]
    rubric = key_proposals.confirm_key(key, items, by=request.user, seen=seen)
    return Response(rubric_body(rubric))


@extend_schema(responses=PICTURE)
@api_view(["GET"])
@renderer_classes([FileRenderer])
@teacher_required
def key_page(request: Request, pk: int, page: int) -> FileResponse:
    """The picture of one page of the PDF as it is read."""
    key = visible(request, pk)
    found = next((one for one in key.pages if one["number"] == page), None)
    if found is None:
        raise Http404
    return picture(key, found["image"], f"key-page-{page}")


def visible(request: Request, pk: int) -> KeyProposal:
    rows = keys_for(request.user).select_related(
        "exam__school_class", "exam__subject", "batch_run", "item", "created_by", "rubric"
    )
    return get_object_or_404(rows, pk=pk)


def body_of(request: Request, pk: int) -> dict[str, Any]:
    key = visible(request, pk)
    found = standing(key)
    key.page_count = len(key.pages)
    for name in ("can_send", "is_out_of_date", "told"):
        setattr(key, name, found[name])
    rows = rows_of(key.criteria, rubric_items(key.exam)) if key.state == KeyState.PROPOSED else []
    key.proposed = [
        row.values | {"page": row.page, "confidence": row.confidence, "problems": row.problems}
        for row in rows
    ]
    key.seen = rubric_hash(key.exam)
    body: dict[str, Any] = KeyBody(key).data
    return body
