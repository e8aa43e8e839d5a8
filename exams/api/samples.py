"""Sample sheets over the API: sheets with a teacher's marks, and the text that may be sent instead.

Comes in: a sheet's marks, or a text for each of its pages, over what was seen of them. Goes out:
samples; the rules are those of exams/samples.py, transcription.py and transcribe.py.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import (
    Nothing,
    Person,
    lists,
    page_of,
    sent,
    sent_with_seen,
    versioned,
)
from accounts.roles import teacher_required
from batching.models import LIVE_ITEM_STATES, JobState
from exams import samples as stored
from exams import transcribe, transcription
from exams.api.exams import exam_or_404
from exams.api.sheets import visible as visible_sheet
from exams.models import SampleSheet
from exams.queries import exams_for
from exams.rubrics import current_rubric, leaves


class SampleMarkBody(serializers.Serializer):
    awarded = serializers.DecimalField(7, 2, normalize_output=True)
    comment = serializers.CharField(
        required=False, allow_blank=True, max_length=stored.MAX_COMMENT, default=""
    )


class TextRow(serializers.Serializer):
    page = serializers.IntegerField()
    text = serializers.CharField()


class SampleRow(serializers.Serializer):
    """A sample. `stale` says why it is left out of requests; `seen` is what a change sends."""

    id = serializers.IntegerField(source="pk")
    sheet = serializers.IntegerField(source="sheet_id")
    title = serializers.CharField()
    marks = serializers.DictField(child=SampleMarkBody())
    stale = serializers.CharField()
    has_text = serializers.BooleanField()
    created_by = Person()
    seen = serializers.SerializerMethodField()

    def get_seen(self, sample: SampleSheet) -> str:
        return stored.sample_seen(sample)


class SampleChange(serializers.Serializer):
    """A mark for each leaf by its id; `seen` is that of the sample as you know it, "" for none."""

    title = serializers.CharField(max_length=100)
    marks = serializers.DictField(child=SampleMarkBody())
    seen = serializers.CharField(required=False, allow_blank=True, max_length=64)


class SampleText(serializers.Serializer):
    """The confirmed text of each page, and a proposed one that nobody has confirmed yet."""

    texts = TextRow(many=True)
    proposal = TextRow(many=True)
    proposed_by = serializers.CharField()
    is_being_read = serializers.BooleanField()
    can_send = serializers.BooleanField(help_text="A draft of a reading waits to be sent.")
    seen = serializers.CharField()


class SampleTextChange(serializers.Serializer):
    """A text for each page by its number; without a word no text is kept."""

    texts = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=20_000, trim_whitespace=False)
    )
    seen = serializers.CharField(required=False, max_length=64)

    def validate_texts(self, texts: dict[str, str]) -> dict[int, str]:
        if wrong := [page for page in texts if not (page.isdecimal() and len(page) < 5)]:
            raise serializers.ValidationError(
                _("“%(wrong)s” is no page number.") % {"wrong": wrong[0]}
            )
        return {int(page): text for page, text in texts.items()}


class Reader(serializers.Serializer):
    """Who shall read the pages: "tesseract" here and at once, or a provider, by a draft."""

    provider = serializers.CharField(max_length=60)


@lists(SampleRow)
@api_view(["GET"])
@teacher_required
def samples(request: Request, pk: int) -> Response:
    """The samples of an exam."""
    exam = exam_or_404(request, pk)
    rubric = current_rubric(exam)
    criteria = leaves(rubric) if rubric else []
    return page_of(request, [told(one, criteria) for one in stored.all_samples(exam)], SampleRow)


@extend_schema(request=SampleChange, responses=versioned(SampleRow))
@api_view(["PUT"])
@teacher_required
def sheet_sample(request: Request, pk: int) -> Response:
    """Make a sheet a sample of its exam, or mark the sample it is again."""
    sheet = visible_sheet(request, pk)
    change = sent_with_seen(SampleChange, request)
    marks = {code: stored.SampleMark(**mark) for code, mark in change["marks"].items()}
    saved = stored.save_sample(
        sheet, title=change["title"], marks=marks, by=request.user, seen=change["seen"]
    )
    return Response(body_of(request, saved.pk))


@extend_schema(methods=["GET"], responses=SampleRow)
@extend_schema(methods=["DELETE"], responses={204: None})
@api_view(["GET", "DELETE"])
@teacher_required
def sample_detail(request: Request, pk: int) -> Response:
    """One sample; DELETE takes it away, the sheet itself stays."""
    sample = visible(request, pk)
    if request.method == "DELETE":
        stored.remove_sample(sample, by=request.user)
        return Response(status=204)
    return Response(body_of(request, pk))


@extend_schema(methods=["GET"], responses=SampleText)
@extend_schema(methods=["PUT"], request=SampleTextChange, responses=versioned(SampleText))
@api_view(["GET", "PUT"])
@teacher_required
def sample_text(request: Request, pk: int) -> Response:
    """The text of a sample; PUT confirms what stands on each page."""
    sample = visible(request, pk)
    if request.method == "PUT":
        change = sent_with_seen(SampleTextChange, request)
        transcription.save_text(sample, change["texts"], by=request.user, seen=change["seen"])
    return text_of(request, pk)


@extend_schema(request=Reader, responses=SampleText)
@api_view(["POST"])
@teacher_required
def sample_read(request: Request, pk: int) -> Response:
    """Have the pages read; nothing of it is kept before a teacher confirms it."""
    sample = visible(request, pk)
    chosen = sent(Reader, request)["provider"]
    if chosen == "tesseract":
        transcription.read_with_tesseract(sample, by=request.user)
    else:
        transcribe.draft_reading(sample, provider=chosen, by=request.user)
    return text_of(request, pk)


@extend_schema(request=Nothing, responses=SampleText)
@api_view(["POST"])
@teacher_required
def sample_read_send(request: Request, pk: int) -> Response:
    """Approve the draft of a reading: its one request goes to the provider."""
    transcribe.send_reading(visible(request, pk), by=request.user)
    return text_of(request, pk)


@extend_schema(request=Nothing, responses=SampleText)
@api_view(["POST"])
@teacher_required
def sample_read_stop(request: Request, pk: int) -> Response:
    """Discard the draft of a reading, or stop it."""
    transcribe.stop_reading(visible(request, pk), by=request.user)
    return text_of(request, pk)


@extend_schema(request=Nothing, responses=SampleText)
@api_view(["POST"])
@teacher_required
def sample_text_drop(request: Request, pk: int) -> Response:
    """Forget a proposed text; the confirmed one stays."""
    transcription.drop_proposal(visible(request, pk), by=request.user)
    return text_of(request, pk)


def visible_samples(request: Request) -> QuerySet[SampleSheet]:
    rows = SampleSheet.objects.filter(exam__in=exams_for(request.user))
    return rows.select_related("sheet", "exam", "created_by").prefetch_related("sheet__pages")


def visible(request: Request, pk: int) -> SampleSheet:
    return get_object_or_404(visible_samples(request), pk=pk)


def told(sample: SampleSheet, criteria: Any) -> SampleSheet:
    """The sample with why it does not fit these leaves, and whether it has a text."""
    sample.stale = stored.staleness(sample, criteria)
    sample.has_text = bool(transcription.text_of(sample))
    return sample


def body_of(request: Request, pk: int) -> dict[str, Any]:
    sample = visible(request, pk)
    rubric = current_rubric(sample.exam)
    body: dict[str, Any] = SampleRow(told(sample, leaves(rubric) if rubric else [])).data
    return body


def text_of(request: Request, pk: int) -> Response:
    sample = visible(request, pk)
    item = transcribe.latest_item(sample)
    is_being_read = item is not None and item.state in LIVE_ITEM_STATES
    waits = is_being_read and item.job is not None and item.job.state == JobState.REVIEW
    value = {
        "texts": sample.transcription,
        "proposal": sample.proposal,
        "proposed_by": sample.proposed_by,
        "is_being_read": is_being_read,
        "can_send": waits,
        "seen": transcription.text_seen(sample),
    }
    return Response(SampleText(value).data)
