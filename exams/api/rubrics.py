"""Rubrics and answer keys over the API: versions, the next one, answers, answers read from a PDF.

Comes in: the nested items of an exam file, or answers by criterion, and the hash of the version
that was seen. Goes out: a saved version; 409 when somebody saved another one meanwhile.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import api_view, parser_classes
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import (
    Person,
    asked,
    cleaned,
    lists,
    page_of,
    sent_with_seen,
    versioned,
)
from accounts.roles import teacher_required
from exams.answer_key import MAX_BYTES, read_answer_key
from exams.api.exams import exam_or_404
from exams.forms import AnswerKeyFileForm
from exams.models import Rubric
from exams.rubric_items import ITEM_SCHEMA, RubricError, items_as_values
from exams.rubrics import (
    current_rubric,
    items_of,
    leaves,
    rubric_total,
    save_answers,
    save_rubric,
)

# The schema of an item names itself; here it is written out as deep as a rubric may be.
ITEM: dict[str, Any] = {
    "type": "object",
    "required": ["id", "description"],
    "properties": {
        **ITEM_SCHEMA["properties"],
        "kind": {"type": "string", "enum": ["base", "bonus", "penalty"]},
        "items": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
    },
}
for _name in ("max_marks", "step"):
    ITEM["properties"][_name] = {"type": "number", "minimum": 0, "maximum": 1000}


@extend_schema_field({"type": "array", "items": ITEM})
class Items(serializers.JSONField):
    """The items of a rubric as an exam file has them (docs/exam-file.md)."""


class RubricVersion(serializers.Serializer):
    """A version; once somebody was graded by it (`used_at`) it never changes."""

    version = serializers.IntegerField()
    hash = serializers.CharField(source="content_hash")
    created_by = Person()
    created_at = serializers.DateTimeField()
    used_at = serializers.DateTimeField(allow_null=True)


class RubricBody(RubricVersion):
    """A version with its items; `hash` is what the next edit sends as `seen`."""

    total = serializers.DecimalField(9, 2, normalize_output=True)
    rubric_items = Items()


class RubricChange(serializers.Serializer):
    """All items of the next version; `seen` is the hash of the current one, "" for none."""

    rubric_items = Items()
    seen = serializers.CharField(required=False, allow_blank=True, max_length=64)


class RubricWanted(serializers.Serializer):
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)


class AnswerKeyBody(serializers.Serializer):
    """The expected answer of each leaf by its id."""

    version = serializers.IntegerField()
    hash = serializers.CharField()
    answers = serializers.DictField(child=serializers.CharField(allow_blank=True))


class AnswerKeyChange(serializers.Serializer):
    """Answers by the ids of leaves; those left out stay."""

    answers = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=20_000)
    )
    seen = serializers.CharField(required=False, max_length=64)


class AnswerKeyFile(serializers.Serializer):
    pdf = serializers.FileField()


class LeftoverRow(serializers.Serializer):
    label = serializers.CharField()
    why = serializers.CharField()
    text = serializers.CharField()


class AnswerKeyRead(serializers.Serializer):
    """What a PDF proposes; nothing of it is saved."""

    answers = serializers.DictField(child=serializers.CharField())
    leftovers = LeftoverRow(many=True)


@extend_schema(methods=["GET"], parameters=[RubricWanted], responses=RubricBody)
@extend_schema(methods=["PUT"], request=RubricChange, responses=versioned(RubricBody))
@api_view(["GET", "PUT"])
@teacher_required
def rubric(request: Request, pk: int) -> Response:
    """The current version, or the one asked for; PUT saves the next."""
    exam = exam_or_404(request, pk)
    if request.method == "PUT":
        change = sent_with_seen(RubricChange, request)
        saved = save_rubric(exam, change["rubric_items"], by=request.user, seen=change["seen"])
        return Response(body_of(saved))
    wanted = asked(RubricWanted, request)
    versions = exam.rubrics.select_related("created_by").order_by("-version")
    return Response(body_of(get_object_or_404(versions, **wanted) if wanted else versions.first()))


@lists(RubricVersion)
@api_view(["GET"])
@teacher_required
def rubric_versions(request: Request, pk: int) -> Response:
    """All versions of an exam's rubric, newest first."""
    versions = exam_or_404(request, pk).rubrics.select_related("created_by")
    return page_of(request, versions.order_by("-version"), RubricVersion)


@extend_schema(methods=["GET"], responses=AnswerKeyBody)
@extend_schema(methods=["PATCH"], request=AnswerKeyChange, responses=versioned(AnswerKeyBody))
@api_view(["GET", "PATCH"])
@teacher_required
def answer_key(request: Request, pk: int) -> Response:
    """The answer key; PATCH puts answers into it, by the versions' own rule."""
    exam = exam_or_404(request, pk)
    current = rubric_or_404(exam)
    if request.method == "PATCH":
        change = sent_with_seen(AnswerKeyChange, request)
        known = {leaf.code for leaf in leaves(current)}
        if unknown := sorted(set(change["answers"]) - known):
            raise RubricError(
                _("The rubric has no leaf %(codes)s.") % {"codes": ", ".join(unknown)}
            )
        current = save_answers(exam, change["answers"], by=request.user, seen=change["seen"])
    answers = {leaf.code: leaf.answer for leaf in leaves(current)}
    value = {"version": current.version, "hash": current.content_hash, "answers": answers}
    return Response(AnswerKeyBody(value).data)


@extend_schema(request={"multipart/form-data": AnswerKeyFile}, responses=AnswerKeyRead)
@api_view(["POST"])
@parser_classes([MultiPartParser])
@teacher_required
def answer_key_read(request: Request, pk: int) -> Response:
    """Read an answer key from a PDF's text and propose its answers; nothing is saved."""
    current = rubric_or_404(exam_or_404(request, pk))
    file = cleaned(AnswerKeyFileForm(request.data, request.FILES))["pdf"]
    return Response(
        AnswerKeyRead(read_answer_key(file.read(MAX_BYTES + 1), items_of(current))).data
    )


def rubric_or_404(exam: Any) -> Rubric:
    if (current := current_rubric(exam)) is None:
        raise Http404
    return current


def body_of(rubric: Rubric | None) -> dict[str, Any]:
    """A version with its items. Raises Http404 where an exam has none."""
    if rubric is None:
        raise Http404
    rubric.total = rubric_total(rubric)
    rubric.rubric_items = items_as_values(items_of(rubric))
    body: dict[str, Any] = RubricBody(rubric).data
    return body
