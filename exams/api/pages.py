"""The pages of a sheet over the API: their pictures, and turning, dropping, moving them.

Comes in: a page's public id. Goes out: the page as it is then, or its bytes, never cached. A
student reads the pages of the own published sheets; the rest is for staff.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, renderer_classes
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import Nothing, lists, page_of, sent
from accounts.api.gates import FileRenderer
from accounts.roles import teacher_required
from exams import pages as commands
from exams.api.sheets import visible as visible_sheet
from exams.models import Page
from exams.queries import pages_for
from exams.views.media import picture, visible_page

PICTURE = {(200, "image/jpeg"): OpenApiTypes.BINARY, (200, "image/png"): OpenApiTypes.BINARY}


class PageRow(serializers.Serializer):
    """A page of a sheet; `image` and `thumbnail` are addresses of its pictures."""

    id = serializers.UUIDField(source="public_id")
    sheet = serializers.IntegerField(source="sheet_id")
    number = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    turned = serializers.IntegerField()
    is_blank = serializers.BooleanField()
    is_faint = serializers.BooleanField()
    is_dropped = serializers.SerializerMethodField()
    image = serializers.SerializerMethodField()
    thumbnail = serializers.SerializerMethodField()

    def get_is_dropped(self, page: Page) -> bool:
        return page.dropped_at is not None

    def get_image(self, page: Page) -> str:
        return reverse("api:page_image", args=[page.public_id])

    def get_thumbnail(self, page: Page) -> str:
        return reverse("api:page_thumbnail", args=[page.public_id])


class Turn(serializers.Serializer):
    direction = serializers.ChoiceField([("left", "left"), ("right", "right")])


class Move(serializers.Serializer):
    to = serializers.IntegerField(
        min_value=1, max_value=9999, help_text="The place in the sheet, from 1."
    )


@lists(PageRow)
@api_view(["GET"])
@teacher_required
def sheet_pages(request: Request, pk: int) -> Response:
    """The pages of a sheet in order, dropped ones too."""
    rows = visible_sheet(request, pk).pages.order_by("number")
    return page_of(request, rows, PageRow)


@extend_schema(request=Turn, responses=PageRow)
@api_view(["POST"])
@teacher_required
def page_turn(request: Request, public_id: UUID) -> Response:
    """Turn a page by a quarter."""
    page = visible(request, public_id)
    quarters = {"left": -1, "right": 1}[sent(Turn, request)["direction"]]
    return act(request, page, commands.turn_page, quarter_turns=quarters)


@extend_schema(request=Nothing, responses=PageRow)
@api_view(["POST"])
@teacher_required
def page_drop(request: Request, public_id: UUID) -> Response:
    """Leave a page out of its sheet."""
    return act(request, visible(request, public_id), commands.drop_page)


@extend_schema(request=Nothing, responses=PageRow)
@api_view(["POST"])
@teacher_required
def page_restore(request: Request, public_id: UUID) -> Response:
    """Take a dropped page in again."""
    return act(request, visible(request, public_id), commands.restore_page)


@extend_schema(request=Move, responses=PageRow)
@api_view(["POST"])
@teacher_required
def page_move(request: Request, public_id: UUID) -> Response:
    """Move a page to another place in its sheet."""
    page = visible(request, public_id)
    return act(request, page, commands.move_page, to=sent(Move, request)["to"])


@extend_schema(responses=PICTURE)
@api_view(["GET"])
@renderer_classes([FileRenderer])
def page_image(request: Request, public_id: UUID) -> FileResponse:
    """The picture of a page as it is read and graded."""
    page = visible_page(request, public_id)
    return picture(page, page.image, f"page-{page.number}")


@extend_schema(responses=PICTURE)
@api_view(["GET"])
@renderer_classes([FileRenderer])
def page_thumbnail(request: Request, public_id: UUID) -> FileResponse:
    """The picture of a page, small."""
    page = visible_page(request, public_id)
    return picture(page, page.thumbnail, f"page-{page.number}-small")


def act(request: Request, page: Page, command: Callable[..., Page], **options: Any) -> Response:
    return Response(PageRow(command(page, by=request.user, **options)).data)


def visible(request: Request, public_id: UUID) -> Page:
    return get_object_or_404(pages_for(request.user), public_id=public_id)
