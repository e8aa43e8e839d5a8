"""One request of a run over the API, exactly as it is sent, and the pictures in it."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, renderer_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import asked
from accounts.api.gates import FileRenderer
from accounts.roles import teacher_required
from batching.conflicts import Conflict
from grading.api.runs import visible
from grading.run_example import (
    MEDIA_TYPES,
    NoExample,
    drafted_items,
    example_of,
)
from grading.views.run_example import sent_picture


class RequestPart(serializers.Serializer):
    """A piece of the request in its order: prose, a named value, or a picture's address."""

    kind = serializers.ChoiceField([("text", "text"), ("data", "data"), ("picture", "picture")])
    text = serializers.CharField()
    name = serializers.CharField()
    value = serializers.JSONField(allow_null=True)
    picture = serializers.CharField(allow_null=True)


class ExampleBody(serializers.Serializer):
    """A request as it is sent. `is_as_drafted`: its line has the hash it was drafted with."""

    item = serializers.IntegerField()
    provider = serializers.CharField()
    request_hash = serializers.CharField()
    is_as_drafted = serializers.BooleanField()
    line_bytes = serializers.IntegerField()
    system = serializers.CharField()
    parts = RequestPart(many=True)
    schema = serializers.JSONField(allow_null=True)


class ExampleWanted(serializers.Serializer):
    item = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="Its number; the first one."
    )


@extend_schema(parameters=[ExampleWanted], responses=ExampleBody)
@api_view(["GET"])
@teacher_required
def run_example(request: Request, pk: int) -> Response:
    """A request of the run as the provider gets it; 404 before the draft is built."""
    items = drafted_items(visible(request, pk))
    wanted = asked(ExampleWanted, request)
    item = get_object_or_404(items, number=wanted["item"]) if wanted else items.first()
    if item is None:
        raise Http404
    try:
        example = example_of(item)
    except NoExample as error:
        raise Conflict(str(error)) from error
    parts = [
        {
            "kind": part.kind,
            "text": part.text,
            "name": part.name,
            "value": part.value,
            "picture": reverse("api:run_example_image", args=[pk, item.number, part.number])
            if part.kind == "picture"
            else None,
        }
        for part in example.parts
    ]
    value = {
        "item": item.number,
        "provider": item.provider,
        "request_hash": item.request_hash,
        "is_as_drafted": example.is_as_drafted,
        "line_bytes": example.line_bytes,
        "system": example.system,
        "parts": parts,
        "schema": example.schema,
    }
    return Response(ExampleBody(value).data)


@extend_schema(
    responses={(200, media_type): OpenApiTypes.BINARY for media_type in MEDIA_TYPES}
    | {(200, "application/octet-stream"): OpenApiTypes.BINARY}
)
@api_view(["GET"])
@renderer_classes([FileRenderer])
@teacher_required
def run_example_image(request: Request, pk: int, item: int, number: int) -> HttpResponse:
    """A picture of a request: the bytes that are sent."""
    return sent_picture(visible(request, pk), item, number)
