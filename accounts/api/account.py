"""A person's own account over the API: who Sheaf thinks they are."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries
from accounts.api.classes import ClassName
from accounts.models import Role, User


class OwnEnrolment(serializers.Serializer):
    """One class of a student's own."""

    school_class = ClassName()
    roll_number = serializers.CharField()


class Me(serializers.Serializer):
    """Who Sheaf thinks you are; `classes` you teach, `enrolments` you have."""

    id = serializers.IntegerField(source="pk")
    username = serializers.CharField()
    name = serializers.CharField()
    email = serializers.EmailField(allow_blank=True)
    role = serializers.ChoiceField(Role.choices)
    classes = ClassName(many=True)
    enrolments = OwnEnrolment(many=True)


@extend_schema(responses=Me)
@api_view(["GET"])
def me(request: Request) -> Response:
    """Who am I?"""
    user: User = request.user
    own = {
        "classes": queries.classes_for(user) if user.is_teacher else [],
        "enrolments": queries.enrolments_for(user).select_related("school_class")
        if user.is_student
        else [],
    }
    value = {name: getattr(user, name) for name in ("pk", "username", "name", "email", "role")}
    return Response(Me(value | own).data)
