"""Exams over the API: the list, a new one by facts or from an exam file, one with its standing.

Comes in: a teacher or admin. Goes out: what exams/queries.py lets them see. The rules are those
of the page's own form (exams/forms.py) and of exam files (exams/rubric_files.py).
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import api_view, parser_classes, renderer_classes
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import (
    NO_STORE,
    asked,
    cleaned,
    lists,
    page_of,
    sent,
    sent_with_seen,
    versioned,
)
from accounts.api.classes import ClassName, SubjectRow
from accounts.api.gates import FileRenderer, StrictJSON
from accounts.queries import classes_for
from accounts.roles import teacher_required
from accounts.seen import fingerprint, saved_meanwhile
from batching.conflicts import Conflict
from exams.forms import ExamFileForm, ExamForm, facts_of
from exams.models import Exam
from exams.queries import exams_for
from exams.regions import REGION_SCHEMA, REGIONS_SCHEMA, regions_seen, save_regions
from exams.rubric_files import import_exam_file, write_exam_file
from exams.rubrics import lock_exam
from exams.standing import Standing, standings

# How the page's form calls a field that has a shorter name here.
NAMES = {"subject_name": "subject"}


class StepRow(serializers.Serializer):
    """One stop of the sheets' way: how many have come at least this far."""

    label = serializers.CharField()
    count = serializers.IntegerField()
    total = serializers.IntegerField()


class NextStep(serializers.Serializer):
    """What to do next; `url` is its page."""

    label = serializers.CharField()
    text = serializers.CharField()
    url = serializers.CharField()
    urgent = serializers.BooleanField()


class StandingBody(serializers.Serializer):
    """Where an exam stands; `states` counts its sheets by state."""

    sentence = serializers.CharField()
    states = serializers.DictField(child=serializers.IntegerField())
    samples = serializers.IntegerField()
    appeals = serializers.IntegerField(help_text="Of students, that wait for an answer.")
    flagged = serializers.IntegerField(help_text="Sheets with a flag that nobody has lowered.")
    rubric_version = serializers.IntegerField(allow_null=True)
    steps = StepRow(many=True)
    next = NextStep()


# OpenAPI 3.0 says in another way that a length is above 0.
LENGTH = {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 1}
REGION = {
    **REGION_SCHEMA,
    "properties": {**REGION_SCHEMA["properties"], "w": LENGTH, "h": LENGTH},
}


@extend_schema_field({**REGIONS_SCHEMA, "items": REGION})
class Regions(serializers.JSONField):
    """Where names and roll numbers stand, as an exam file has it (docs/exam-file.md)."""


class ExamRow(serializers.Serializer):
    """An exam. `seen` names its facts and regions as they are: an edit sends it along."""

    id = serializers.IntegerField(source="pk")
    title = serializers.CharField()
    school_class = ClassName()
    subject = SubjectRow()
    date = serializers.DateField(allow_null=True)
    instructions = serializers.CharField()
    provider = serializers.CharField()
    second_provider = serializers.CharField()
    spending_cap = serializers.DecimalField(10, 2, allow_null=True)
    show_distribution = serializers.BooleanField()
    appeals_until = serializers.DateTimeField(allow_null=True)
    regions = Regions()
    created_at = serializers.DateTimeField()
    seen = serializers.SerializerMethodField()
    standing = StandingBody()

    def get_seen(self, exam: Exam) -> str:
        return seen_of(exam)


class ExamFilters(serializers.Serializer):
    school_class = serializers.IntegerField(
        required=False, min_value=1, max_value=2**53 - 1, help_text="The id of a class."
    )
    search = serializers.CharField(required=False, max_length=100, help_text="Part of the title.")


class ExamFacts(serializers.Serializer):
    """What can be changed of an exam."""

    title = serializers.CharField(max_length=200)
    subject = serializers.CharField(max_length=100, help_text="Made if it is new.")
    date = serializers.DateField(required=False, allow_null=True)
    instructions = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    provider = serializers.CharField(required=False, allow_blank=True, max_length=60)
    second_provider = serializers.CharField(required=False, allow_blank=True, max_length=60)
    spending_cap = serializers.DecimalField(10, 2, required=False, allow_null=True, min_value=0)
    show_distribution = serializers.BooleanField(
        required=False, help_text="Students see how the totals of their class spread."
    )
    appeals_until = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="Until then students may object to published marks; null: they may not.",
    )


class NewExam(ExamFacts):
    """An exam to be made; its class stays."""

    school_class = serializers.IntegerField(min_value=1, max_value=2**53 - 1)


class ExamChange(ExamFacts):
    """What is left out stays; `seen` is that of the exam as you know it."""

    title = serializers.CharField(required=False, max_length=200)
    subject = serializers.CharField(required=False, max_length=100)
    regions = Regions(required=False, help_text="All of them; requests that are built stay.")
    seen = serializers.CharField(required=False, max_length=64)


class ExamFileBody(serializers.Serializer):
    file = serializers.FileField(help_text="An exam file, YAML or JSON.")


class ExamFileText(serializers.Serializer):
    text = serializers.CharField(trim_whitespace=False, help_text="The text of an exam file.")


class ExamImported(serializers.Serializer):
    """What an exam file did; `changes` and `kept` tell of an exam that was there before."""

    exam = ExamRow()
    is_new = serializers.BooleanField()
    has_new_rubric = serializers.BooleanField()
    changes = serializers.ListField(child=serializers.CharField())
    kept = serializers.ListField(child=serializers.CharField())


@lists(ExamRow, ExamFilters)
@extend_schema(methods=["POST"], request=NewExam, responses={201: ExamRow})
@api_view(["GET", "POST"])
@teacher_required
def exams(request: Request) -> Response:
    """Every exam of the teacher's classes with where it stands, newest first; POST makes one."""
    if request.method == "POST":
        form = form_of(sent(NewExam, request), request)
        form.instance.created_by = request.user
        cleaned(form, NAMES)
        return Response(shown(request, form.save_exam().pk), status=201)
    wanted = asked(ExamFilters, request)
    rows = exams_for(request.user).select_related("school_class", "subject")
    if "school_class" in wanted:
        rows = rows.filter(school_class=wanted["school_class"])
    if "search" in wanted:
        rows = rows.filter(title__icontains=wanted["search"])
    return page_of(request, rows.order_by("-created_at", "-pk"), ExamRow, prepare=with_standing)


@extend_schema(methods=["GET"], responses=ExamRow)
@extend_schema(methods=["PATCH"], request=ExamChange, responses=versioned(ExamRow))
@api_view(["GET", "PATCH"])
@teacher_required
def exam_detail(request: Request, pk: int) -> Response:
    """One exam; PATCH changes its facts, when they are still those that were seen."""
    exam = exam_or_404(request, pk)
    if request.method == "PATCH":
        change = sent_with_seen(ExamChange, request)
        with transaction.atomic():
            change_exam(lock_exam(exam.pk), change, request)
    return Response(shown(request, pk))


@extend_schema(responses={(200, "application/yaml"): OpenApiTypes.OBJECT})
@api_view(["GET"])
@renderer_classes([FileRenderer])
@teacher_required
def exam_file(request: Request, pk: int) -> HttpResponse:
    """The exam with its rubric as an exam file."""
    text = write_exam_file(exam_or_404(request, pk))
    return HttpResponse(text, content_type="application/yaml; charset=utf-8", headers=NO_STORE)


@extend_schema(
    request={"multipart/form-data": ExamFileBody, "application/json": ExamFileText},
    responses={200: ExamImported, 201: ExamImported},
)
@api_view(["POST"])
@parser_classes([MultiPartParser, StrictJSON])
@teacher_required
def exam_import(request: Request) -> Response:
    """Make the exam that an exam file describes, or bring it to what the file says (200)."""
    data = sent(ExamFileText, request) if "text" in request.data else {}
    form = ExamFileForm(data, request.FILES)
    done = import_exam_file(cleaned(form)["exam_file"], by=request.user)
    told = {name: getattr(done, name) for name in ("is_new", "has_new_rubric", "changes", "kept")}
    body = ExamImported(told | {"exam": found(request, done.exam.pk)}).data
    return Response(body, status=201 if done.is_new else 200)


def exam_or_404(request: Request, pk: int) -> Exam:
    """One of the exams the person may see, with its class and subject."""
    exams = exams_for(request.user).select_related("school_class", "subject")
    return get_object_or_404(exams, pk=pk)


def change_exam(exam: Exam, change: dict[str, Any], request: Request) -> None:
    """Save facts and regions of a locked exam. Raises Conflict when it is not as it was seen."""
    is_seen = change.pop("seen") == seen_of(exam)
    has_regions, regions = "regions" in change, change.pop("regions", None)
    facts = facts_of(exam)
    kept = {NAMES.get(name, name): value for name, value in facts.items()}
    seen = {"seen": fingerprint(facts) if is_seen else ""}
    form = form_of(kept | change | seen, request, instance=exam)
    cleaned(form, NAMES)
    if form.differs_unseen:
        raise Conflict(saved_meanwhile(exam, _("this exam")))
    if change:
        form.save_exam()
    if has_regions:
        save_regions(exam, regions, by=request.user, seen=regions_seen(exam) if is_seen else "")


def seen_of(exam: Exam) -> str:
    """What an edit over the API sends along, to say what it was made from."""
    return fingerprint(facts_of(exam), exam.regions)


def form_of(values: dict[str, Any], request: Request, **options: Any) -> ExamForm:
    """The page's own form, filled with the values of the API."""
    data = {("subject_name" if name == "subject" else name): one for name, one in values.items()}
    return ExamForm(data, classes=classes_for(request.user), **options)


def with_standing(rows: list[Exam]) -> list[Exam]:
    """The exams with where they stand; three queries for all of them."""
    standing: dict[int, Standing] = standings(rows)
    for exam in rows:
        exam.standing = standing[exam.pk]
    return rows


def found(request: Request, pk: int) -> Exam:
    return with_standing([exam_or_404(request, pk)])[0]


def shown(request: Request, pk: int) -> dict[str, Any]:
    body: dict[str, Any] = ExamRow(found(request, pk)).data
    return body
