"""Classes over the API: the list, one, a new one, changes, rosters, first links; and subjects.

Comes in: a person. Goes out: what accounts/queries.py lets them see; strangers get 404.
"""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view, parser_classes
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries
from accounts.api.answers import (
    Done,
    Nothing,
    Person,
    cleaned,
    lists,
    page_of,
    sent,
    sent_with_seen,
    versioned,
)
from accounts.first_passwords import first_password_url, gets_mail
from accounts.forms import ClassForm, RosterForm
from accounts.models import SchoolClass, Subject
from accounts.password_links import send_class_links
from accounts.roles import admin_required, teacher_required
from accounts.roster_import import import_roster
from accounts.school_classes import change_class, make_class, seen_of


class ClassName(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()


class ClassRow(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    student_count = serializers.IntegerField()
    teachers = Person(many=True, source="teachers.all")
    seen = serializers.SerializerMethodField(help_text="To be sent with a change.")

    def get_seen(self, school_class: Any) -> str:
        return seen_of(school_class)


class NewClass(serializers.Serializer):
    """A class to be made, and the ids of its teachers."""

    name = serializers.CharField(max_length=100)
    teachers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1),
        default=list,
        max_length=100,
    )


class ClassChange(serializers.Serializer):
    """What becomes different of a class, and what you have seen of it."""

    name = serializers.CharField(max_length=100, required=False)
    teachers = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1),
        required=False,
        max_length=100,
    )
    seen = serializers.CharField(max_length=64, required=False)


class EnrolmentRow(serializers.Serializer):
    """A student of a class; `can_sign_in` once a password was chosen."""

    id = serializers.IntegerField(source="pk")
    roll_number = serializers.CharField()
    student = Person()
    email = serializers.CharField(source="student.email")
    can_sign_in = serializers.BooleanField(source="student.can_sign_in")


class RosterFile(serializers.Serializer):
    file = serializers.FileField(help_text="CSV with roll_number, name and, if wanted, email.")


class RosterDone(serializers.Serializer):
    """What an import did; `missing` are in the class and not in the file, and left as they are.

    `ignored` are columns of the file that a roster does not need.
    """

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    missing = serializers.ListField(child=serializers.CharField())
    ignored = serializers.ListField(child=serializers.CharField())


class FirstLink(serializers.Serializer):
    """A student without a password; `link` is a key, "" for whoever gets it by e-mail."""

    enrolment = serializers.IntegerField()
    roll_number = serializers.CharField()
    name = serializers.CharField()
    by_mail = serializers.BooleanField()
    link = serializers.CharField()


class SubjectRow(serializers.Serializer):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()


@lists(ClassRow)
@extend_schema(methods=["POST"], request=NewClass, responses={201: ClassRow})
@api_view(["GET", "POST"])
@teacher_required
def class_list(request: Request) -> Response:
    """The classes somebody teaches or administers; an admin makes new ones."""
    if request.method == "POST":
        return new_class(request)
    return page_of(request, queries.class_rows(request.user), ClassRow)


@admin_required
def new_class(request: Request) -> Response:
    """Make a class and say who teaches it."""
    form = ClassForm(sent(NewClass, request))
    made = make_class(by=request.user, **cleaned(form))
    return Response(ClassRow(queries.class_rows(request.user).get(pk=made.pk)).data, status=201)


@extend_schema(methods=["GET"], responses=ClassRow)
@extend_schema(methods=["PATCH"], request=ClassChange, responses=versioned(ClassRow))
@api_view(["GET", "PATCH"])
@teacher_required
def class_detail(request: Request, pk: int) -> Response:
    """One class; an admin changes its name and its teachers."""
    if request.method == "PATCH":
        edit_class(request, pk)
    return Response(ClassRow(get_object_or_404(queries.class_rows(request.user), pk=pk)).data)


@admin_required
def edit_class(request: Request, pk: int) -> None:
    """Change a class over what was seen of it."""
    school_class = class_or_404(request, pk)
    change = sent_with_seen(ClassChange, request)
    seen = change.pop("seen")
    teachers = [one.pk for one in school_class.teachers.all()]
    form = ClassForm(
        {"name": school_class.name, "teachers": teachers} | change, instance=school_class
    )
    change_class(school_class, by=request.user, seen=seen, **cleaned(form))


def class_or_404(request: Request, pk: int) -> SchoolClass:
    return get_object_or_404(queries.classes_for(request.user), pk=pk)


@lists(EnrolmentRow)
@extend_schema(methods=["POST"], request={"multipart/form-data": RosterFile}, responses=RosterDone)
@api_view(["GET", "POST"])
@parser_classes([MultiPartParser])
@teacher_required
def roster(request: Request, pk: int) -> Response:
    """The students of a class; POST imports a roster file, all of it or nothing."""
    school_class = class_or_404(request, pk)
    if request.method == "GET":
        enrolments = school_class.enrolments.select_related("student")
        return page_of(request, enrolments.order_by("roll_number", "pk"), EnrolmentRow)
    file = cleaned(RosterForm(request.data, request.FILES))["file"]
    report = import_roster(school_class, file.read(), by=request.user)
    missing = [enrolment.roll_number for enrolment in report.missing]
    done = {name: getattr(report, name) for name in ("created", "updated", "unchanged")}
    return Response(RosterDone(done | {"missing": missing, "ignored": report.ignored}).data)


@lists(FirstLink)
@api_view(["GET"])
@teacher_required
def links(request: Request, pk: int) -> Response:
    """The one-time links of students who have never set a password, to be handed over."""
    waiting = queries.without_password(request.user).filter(school_class=class_or_404(request, pk))
    rows = waiting.select_related("student").order_by("roll_number", "pk")
    return page_of(request, rows, FirstLink, prepare=lambda page: [_link(one) for one in page])


def _link(enrolment: Any) -> dict[str, Any]:
    by_mail = gets_mail(enrolment.student)
    return {
        "enrolment": enrolment.pk,
        "roll_number": enrolment.roll_number,
        "name": enrolment.student.name,
        "by_mail": by_mail,
        "link": "" if by_mail else first_password_url(enrolment.student),
    }


@extend_schema(request=Nothing, responses=Done)
@api_view(["POST"])
@teacher_required
def links_send(request: Request, pk: int) -> Response:
    """E-mail the one-time link again to every student of the class without a password."""
    count = send_class_links(class_or_404(request, pk), by=request.user)
    return Response({"count": count})


@lists(SubjectRow)
@api_view(["GET"])
@teacher_required
def subjects(request: Request) -> Response:
    """The subjects that exams have; a new one is made with its first exam."""
    return page_of(request, Subject.objects.order_by("name"), SubjectRow)
