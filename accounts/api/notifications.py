"""The bell over the API: a person's own lines, and that they were read."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import notifications
from accounts.api.answers import Nothing, asked, lists, page_of, sent


class NotificationRow(serializers.Serializer):
    """A line of the bell; `url` is a page of Sheaf, `read_at` null while it is unread."""

    id = serializers.IntegerField(source="pk")
    text = serializers.CharField(source="told")
    url = serializers.CharField()
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class NotificationFilters(serializers.Serializer):
    unread = serializers.BooleanField(default=False, help_text="Only those that were not read.")


class UpTo(serializers.Serializer):
    """The id of the newest line that was seen: it and all older ones become read."""

    up_to = serializers.IntegerField(min_value=0, max_value=2**53 - 1)


class Unread(serializers.Serializer):
    """How many lines are not read."""

    unread = serializers.IntegerField()


@lists(NotificationRow, NotificationFilters)
@api_view(["GET"])
def notification_list(request: Request) -> Response:
    """A person's own notifications, newest first."""
    lines = notifications.notifications_for(request.user)
    if asked(NotificationFilters, request)["unread"]:
        lines = lines.filter(read_at=None)
    return page_of(request, lines, NotificationRow)


@extend_schema(request=UpTo, responses=Unread)
@api_view(["POST"])
def notifications_read(request: Request) -> Response:
    """Mark as read all lines up to one."""
    notifications.mark_read(request.user, up_to=sent(UpTo, request)["up_to"])
    return Response({"unread": notifications.count_unread(request.user)})


@extend_schema(request=Nothing, responses=NotificationRow)
@api_view(["POST"])
def notification_read(request: Request, pk: int) -> Response:
    """Mark one line as read."""
    lines = notifications.notifications_for(request.user)
    line = get_object_or_404(lines, pk=pk)
    notifications.mark_read(request.user, pk=line.pk)
    return Response(NotificationRow(lines.get(pk=pk)).data)
