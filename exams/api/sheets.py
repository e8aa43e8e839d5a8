"""Sheets over the API: whose they are, which are left out, and what is suggested.

Comes in: a teacher or admin. Goes out: sheets of their exams, moved by exams/mapping.py's
commands; a move that a sheet's state forbids is 409.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import Done, Nothing, asked, lists, page_of, sent
from accounts.models import Enrolment
from accounts.roles import teacher_required
from exams import mapping, suggestions
from exams.api.exams import exam_or_404
from exams.models import Exam, Page, Sheet, SheetState
from exams.queries import sheets_for
from exams.views.mapping import refuse_unseen
from exams.views.mapping_list import found


class StudentRow(serializers.Serializer):
    """A student of the class; `enrolment` is what a sheet is mapped to."""

    enrolment = serializers.IntegerField(source="pk")
    roll_number = serializers.CharField()
    name = serializers.CharField(source="student.name")


class SuggestionBody(serializers.Serializer):
    """Whose sheet it seems to be and why; null where nobody fits."""

    student = StudentRow(source="suggested_enrolment", allow_null=True)
    reason = serializers.CharField(source="suggestion_reason")
    is_certain = serializers.BooleanField(source="suggestion_certain")
    is_made = serializers.SerializerMethodField()

    def get_is_made(self, sheet: Sheet) -> bool:
        return sheet.suggested_at is not None


class SheetRow(serializers.Serializer):
    """One student's answer; `problem` says why it failed."""

    id = serializers.IntegerField(source="pk")
    exam = serializers.IntegerField(source="exam_id")
    upload = serializers.IntegerField(source="upload_id")
    name = serializers.CharField()
    state = serializers.ChoiceField(SheetState.choices)
    student = StudentRow(source="enrolment", allow_null=True)
    suggestion = SuggestionBody(source="*")
    page_count = serializers.IntegerField(help_text="Without dropped ones.")
    problem = serializers.CharField()


class SheetFilters(serializers.Serializer):
    state = serializers.ChoiceField(SheetState.choices, required=False)
    student = serializers.CharField(
        required=False, max_length=40, help_text="The roll number of its student."
    )
    search = serializers.CharField(
        required=False, max_length=100, help_text="Words of its name or its student's."
    )


class MapTo(serializers.Serializer):
    """The student, and who owned the sheet when you looked (null for nobody; may be left out)."""

    enrolment = serializers.IntegerField(min_value=1, max_value=2**53 - 1)
    seen = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=2**53 - 1
    )


class Certain(serializers.Serializer):
    """The `certain_hash` of the mapping that you looked at."""

    seen = serializers.CharField(max_length=64)


class MappingBody(serializers.Serializer):
    """Where mapping stands. `certain` sheets can be mapped at once, with `certain_hash` as `seen`.

    While `is_waiting` suggestions are being made.
    """

    states = serializers.DictField(child=serializers.IntegerField())
    certain = serializers.ListField(child=serializers.IntegerField())
    certain_hash = serializers.CharField()
    is_waiting = serializers.BooleanField()
    without_sheet = StudentRow(many=True)


@lists(SheetRow, SheetFilters)
@api_view(["GET"])
@teacher_required
def sheets(request: Request, pk: int) -> Response:
    """The sheets of an exam by name."""
    wanted = asked(SheetFilters, request)
    rows = shown(sheets_for(request.user).filter(exam=exam_or_404(request, pk)))
    if "state" in wanted:
        rows = rows.filter(state=wanted["state"])
    if "student" in wanted:
        rows = rows.filter(enrolment__roll_number__iexact=wanted["student"])
    rows = found(rows, wanted.get("search", ""))
    return page_of(request, rows.order_by("name", "pk"), SheetRow)


@extend_schema(responses=SheetRow)
@api_view(["GET"])
@teacher_required
def sheet_detail(request: Request, pk: int) -> Response:
    """One sheet."""
    return Response(body_of(request, pk))


@extend_schema(responses=MappingBody)
@api_view(["GET"])
@teacher_required
def mapping_detail(request: Request, pk: int) -> Response:
    """Where mapping stands: sheets by state, certain suggestions, students without a sheet."""
    exam = exam_or_404(request, pk)
    is_waiting = suggestions.needs_suggestions(exam)
    pairs = [] if is_waiting else _certain(exam)
    taken = exam.sheets.exclude(state=SheetState.SKIPPED).filter(enrolment__isnull=False)
    free = Enrolment.objects.filter(school_class=exam.school_class_id).exclude(
        pk__in=taken.values("enrolment")
    )
    states = exam.sheets.order_by().values_list("state").annotate(count=Count("pk"))
    value = {
        "states": dict(states),
        "certain": [sheet for sheet, _ in pairs],
        "certain_hash": suggestions.certain_hash(pairs),
        "is_waiting": is_waiting,
        "without_sheet": free.select_related("student").order_by("roll_number", "pk"),
    }
    return Response(MappingBody(value).data)


def _certain(exam: Exam) -> list[tuple[int, int]]:
    return list(suggestions.certain_sheets(exam).values_list("pk", "suggested_enrolment"))


@extend_schema(request=Certain, responses=Done)
@api_view(["POST"])
@teacher_required
def map_certain(request: Request, pk: int) -> Response:
    """Confirm every certain suggestion that was looked at; 409 when others are certain by now."""
    exam = exam_or_404(request, pk)
    seen = sent(Certain, request)["seen"]
    return Response({"count": mapping.map_certain(exam, by=request.user, seen=seen)})


@extend_schema(request=Nothing, responses=Done)
@api_view(["POST"])
@teacher_required
def retry_failed(request: Request, pk: int) -> Response:
    """Let every failed sheet of an exam go on where it stopped."""
    return Response({"count": mapping.retry_failed(exam_or_404(request, pk), by=request.user)})


@extend_schema(request=MapTo, responses=SheetRow)
@api_view(["POST"])
@teacher_required
def sheet_map(request: Request, pk: int) -> Response:
    """Say whose sheet it is."""
    sheet = visible(request, pk)
    wanted = sent(MapTo, request)
    students = Enrolment.objects.filter(school_class__exams=sheet.exam_id)
    enrolment = get_object_or_404(students, pk=wanted["enrolment"])
    data = {"enrolment": str(enrolment.pk)}
    if "seen" in wanted:
        data["seen"] = str(wanted["seen"] or "")
    with transaction.atomic():
        refuse_unseen(sheet, data)
        mapping.map_sheet(sheet, enrolment, by=request.user)
    return Response(body_of(request, pk))


@extend_schema(request=Nothing, responses=SheetRow)
@api_view(["POST"])
@teacher_required
def sheet_unmap(request: Request, pk: int) -> Response:
    """Take a mapping back."""
    return act(request, pk, mapping.unmap_sheet)


@extend_schema(request=Nothing, responses=SheetRow)
@api_view(["POST"])
@teacher_required
def sheet_skip(request: Request, pk: int) -> Response:
    """Leave a sheet out of the exam."""
    return act(request, pk, mapping.skip_sheet)


@extend_schema(request=Nothing, responses=SheetRow)
@api_view(["POST"])
@teacher_required
def sheet_unskip(request: Request, pk: int) -> Response:
    """Take a skipped sheet in again."""
    return act(request, pk, mapping.unskip_sheet)


@extend_schema(request=Nothing, responses=SheetRow)
@api_view(["POST"])
@teacher_required
def sheet_retry(request: Request, pk: int) -> Response:
    """Let a failed sheet go on where it stopped."""
    return act(request, pk, mapping.retry_sheet)


def act(request: Request, pk: int, command: Callable[..., object]) -> Response:
    command(visible(request, pk), by=request.user)
    return Response(body_of(request, pk))


def visible(request: Request, pk: int) -> Sheet:
    return get_object_or_404(sheets_for(request.user), pk=pk)


def shown(rows: QuerySet[Sheet]) -> QuerySet[Sheet]:
    """Sheets with all that a row shows."""
    pages = Page.objects.filter(sheet=OuterRef("pk"), dropped_at=None).order_by()
    count = pages.values("sheet").annotate(count=Count("pk")).values("count")
    return rows.select_related("enrolment__student", "suggested_enrolment__student").annotate(
        page_count=Coalesce(Subquery(count, output_field=IntegerField()), 0)
    )


def body_of(request: Request, pk: int) -> dict[str, Any]:
    sheet = get_object_or_404(shown(sheets_for(request.user)), pk=pk)
    body: dict[str, Any] = SheetRow(sheet).data
    return body
