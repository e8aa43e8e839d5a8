"""Appeals over the API: the list, and what a student and a teacher do with one.

Comes in: a text. Goes out: the appeal, without a name of anybody: a teacher reviews blind, and a
student is not told who answered. The rules are grading/appeals.py's.
"""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import Nothing, asked, lists, page_of, sent
from accounts.roles import student_required, teacher_required
from grading import appeals as rules
from grading import queries
from grading.api.marks import Points
from grading.models import Appeal, AppealState
from grading.models.appeals import APPEAL_LENGTH


class AppealRow(serializers.Serializer):
    """A student's objection to a mark. `awarded_then` is what the mark was, `awarded_now` what it
    is (null, as `mark`, when it is not there any more)."""

    id = serializers.IntegerField(source="pk")
    exam = serializers.IntegerField(source="sheet.exam_id")
    sheet = serializers.IntegerField(source="sheet_id")
    mark = serializers.IntegerField(source="mark_pk", allow_null=True)
    criterion = serializers.CharField(source="code")
    state = serializers.ChoiceField(AppealState.choices)
    text = serializers.CharField()
    raised_at = serializers.DateTimeField()
    awarded_then = Points()
    awarded_now = Points(allow_null=True)
    answer = serializers.CharField()
    answered_at = serializers.DateTimeField(allow_null=True)
    withdrawn_at = serializers.DateTimeField(allow_null=True)


class AppealFilters(serializers.Serializer):
    exam = serializers.IntegerField(required=False, min_value=1, max_value=2**53 - 1)
    state = serializers.ChoiceField(AppealState.choices, required=False)


class NewAppeal(serializers.Serializer):
    text = serializers.CharField(max_length=APPEAL_LENGTH, help_text="What is not right.")


class Answer(serializers.Serializer):
    answer = serializers.CharField(max_length=APPEAL_LENGTH, help_text="For the student.")


@lists(AppealRow, AppealFilters)
@api_view(["GET"])
def appeals(request: Request) -> Response:
    """The appeals of the teacher's classes, or a student's own; oldest first."""
    wanted = asked(AppealFilters, request)
    rows = shown(request)
    if "exam" in wanted:
        rows = rows.filter(sheet__exam=wanted["exam"])
    if "state" in wanted:
        rows = rules.in_state(rows, wanted["state"])
    return page_of(request, rows.order_by("raised_at", "pk"), AppealRow)


@extend_schema(request=NewAppeal, responses={201: AppealRow})
@api_view(["POST"])
@student_required
def mark_appeal(request: Request, pk: int) -> Response:
    """Object to a mark of the own published result, as long as the exam takes appeals."""
    mark = get_object_or_404(queries.marks_for(request.user), pk=pk)
    appeal = rules.raise_appeal(mark, by=request.user, **sent(NewAppeal, request))
    return answer_of(request, appeal, status=201)


@extend_schema(request=Nothing, responses=AppealRow)
@api_view(["POST"])
@student_required
def appeal_withdraw(request: Request, pk: int) -> Response:
    """Take the own appeal back, as long as nobody has answered it."""
    appeal = get_object_or_404(rules.appeals_for(request.user), pk=pk)
    return answer_of(request, rules.withdraw_appeal(appeal, by=request.user))


@extend_schema(request=Answer, responses=AppealRow)
@api_view(["POST"])
@teacher_required
def appeal_answer(request: Request, pk: int) -> Response:
    """Answer an appeal; the student is told. The mark stays as it is."""
    appeal = get_object_or_404(rules.appeals_for(request.user), pk=pk)
    appeal = rules.answer_appeal(appeal, by=request.user, **sent(Answer, request))
    return answer_of(request, appeal)


def shown(request: Request) -> QuerySet[Appeal]:
    return rules.with_marks(rules.appeals_for(request.user)).select_related("sheet")


def answer_of(request: Request, appeal: Appeal, status: int = 200) -> Response:
    return Response(AppealRow(shown(request).get(pk=appeal.pk)).data, status=status)
