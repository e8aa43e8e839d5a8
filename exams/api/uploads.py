"""Uploads over the API: papers in, how far they are, and what became of every file.

Comes in: a multipart body with one file, or with several pictures of one sheet. Goes out: an
upload that is being unpacked. A stranger's file is turned away unread; the rules are
exams/uploads.py's and the page's own form's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from django.conf import settings
from django.db.models import Count
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, parser_classes
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import (
    BodyTooLarge,
    Nothing,
    Person,
    asked,
    cleaned,
    lists,
    page_of,
)
from accounts.roles import teacher_required
from exams import mapping
from exams import uploads as received
from exams.api.exams import exam_or_404
from exams.body_limits import FORM_BYTES
from exams.forms_intake import UploadForm, sheet_name, too_large_text
from exams.models import Exam, MemberOutcome, Upload, UploadState
from exams.queries import uploads_for
from exams.views.uploads import progress_context, upload_shown


class UploadRow(serializers.Serializer):
    """A file as it came in; `problem` says why it cannot be read."""

    id = serializers.IntegerField(source="pk")
    exam = serializers.IntegerField(source="exam_id")
    name = serializers.CharField(source="original_name")
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    state = serializers.ChoiceField(UploadState.choices)
    problem = serializers.CharField()
    uploaded_by = Person()
    uploaded_at = serializers.DateTimeField()
    sheet_count = serializers.IntegerField()


class ProgressBody(serializers.Serializer):
    """How far an upload is: files with a line in its report of those expected, sheets and pages."""

    lines = serializers.IntegerField()
    expected = serializers.IntegerField()
    sheets = serializers.IntegerField()
    to_render = serializers.IntegerField()
    rendered = serializers.IntegerField()
    to_inspect = serializers.IntegerField()
    inspected = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    pages = serializers.IntegerField()
    is_unpacked = serializers.BooleanField()
    is_working = serializers.BooleanField()


class UploadBody(UploadRow):
    progress = ProgressBody()


class Papers(serializers.Serializer):
    """One ZIP, PDF or picture, or several pictures that are the pages of one sheet."""

    files = serializers.ListField(child=serializers.FileField())


class MemberRow(serializers.Serializer):
    """What became of one file of an upload."""

    name = serializers.CharField()
    outcome = serializers.ChoiceField(MemberOutcome.choices)
    reason = serializers.CharField()
    sheet = serializers.IntegerField(source="sheet_id", allow_null=True)


class MemberFilters(serializers.Serializer):
    outcome = serializers.ChoiceField(MemberOutcome.choices, required=False)


@lists(UploadRow)
@extend_schema(
    methods=["POST"], request={"multipart/form-data": Papers}, responses={202: UploadBody}
)
@api_view(["GET", "POST"])
@parser_classes([MultiPartParser])
@teacher_required
def uploads(request: Request, pk: int) -> Response:
    """The uploads of an exam, newest first; POST hands papers in, to be unpacked by a worker."""
    exam = exam_or_404(request, pk)
    if request.method == "POST":
        return Response(body_of(request, receive(request, exam)), status=202)
    rows = uploads_for(request.user).filter(exam=exam).select_related("uploaded_by")
    rows = rows.annotate(sheet_count=Count("sheets")).order_by("-uploaded_at", "-pk")
    return page_of(request, rows, UploadRow)


def receive(request: Request, exam: Exam) -> Upload:
    """Take the files in, as the page does. Raises BodyTooLarge before anything is read."""
    limit = settings.SHEAF_UPLOAD_MAX_MB
    if int(request.META.get("CONTENT_LENGTH") or 0) > limit * 1_000_000 + FORM_BYTES:
        raise BodyTooLarge(too_large_text(limit))
    files = cleaned(UploadForm(request.data, request.FILES))["files"]
    name = files[0].name or "papers"
    if len(files) == 1:
        return received.receive_upload(exam, files[0], name=name, by=request.user)
    pictures = [(file.name or "page", file) for file in files]
    title = sheet_name(PurePath(name).stem)
    return received.receive_images(exam, pictures, name=title, by=request.user)


@extend_schema(responses=UploadBody)
@api_view(["GET"])
@teacher_required
def upload_detail(request: Request, pk: int) -> Response:
    """One upload, and how far it is."""
    return Response(body_of(request, visible(request, pk)))


@lists(MemberRow, MemberFilters)
@api_view(["GET"])
@teacher_required
def upload_report(request: Request, pk: int) -> Response:
    """A line for every file in an upload: taken, repeated, refused or ignored, and why."""
    lines = visible(request, pk).members.filter(**asked(MemberFilters, request))
    return page_of(request, lines.order_by("name", "pk"), MemberRow)


@extend_schema(request=Nothing, responses=UploadBody)
@api_view(["POST"])
@teacher_required
def upload_retry(request: Request, pk: int) -> Response:
    """Try a failed upload again, with the file as it was handed in."""
    return act(request, pk, received.retry_upload)


@extend_schema(request=Nothing, responses=UploadBody)
@api_view(["POST"])
@teacher_required
def upload_skip(request: Request, pk: int) -> Response:
    """Leave an upload out of the exam, with its sheets that are not past mapping."""
    return act(request, pk, mapping.skip_upload)


@extend_schema(request=Nothing, responses=UploadBody)
@api_view(["POST"])
@teacher_required
def upload_unskip(request: Request, pk: int) -> Response:
    """Take an upload in again, with its skipped sheets."""
    return act(request, pk, mapping.unskip_upload)


def act(request: Request, pk: int, command: Callable[..., object]) -> Response:
    upload = visible(request, pk)
    command(upload, by=request.user)
    return Response(body_of(request, upload))


def visible(request: Request, pk: int) -> Upload:
    return get_object_or_404(uploads_for(request.user), pk=pk)


def body_of(request: Request, upload: Upload) -> dict[str, object]:
    """An upload with its progress, read again."""
    shown = upload_shown(request, upload.pk)
    shown.progress = progress_context(shown)["progress"]
    shown.sheet_count = shown.progress.sheets
    body: dict[str, object] = UploadBody(shown).data
    return body
