"""Where a person is signed in, over the API: the list, and signing out one or all others."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import sessions
from accounts.api.answers import Done, Nothing, lists, page_of
from accounts.devices import device_name
from accounts.models import UserSession


class SessionRow(serializers.Serializer):
    """A browser or a program; `is_here` is the one that asks. `device` is only a hint."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.ChoiceField(UserSession.Kind.choices)
    device = serializers.SerializerMethodField()
    address = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField(help_text="A browser is noted four times an hour.")
    is_here = serializers.SerializerMethodField()

    def get_device(self, session: UserSession) -> str:
        return device_name(session.user_agent)

    def get_is_here(self, session: UserSession) -> bool:
        return session.pk == self.context["own"]


def _own(request: Request) -> int | None:
    """The row of who asks: a token names its own, a browser's session too."""
    if request.auth is not None:
        row: int | None = request.auth.get(sessions.ROW)
        return row
    return sessions.own_session(request._request)


@lists(SessionRow)
@api_view(["GET"])
def session_list(request: Request) -> Response:
    """Where a person is signed in now, the last seen first."""
    rows = sessions.sessions_for(request.user)
    return page_of(request, rows, SessionRow, context={"own": _own(request)})


@extend_schema(request=Nothing, responses={204: None})
@api_view(["POST"])
def session_end(request: Request, pk: int) -> Response:
    """Sign one browser or program out; one's own as well.

    A program may still read and write until its present access token ends, in minutes.
    """
    session = get_object_or_404(sessions.sessions_for(request.user), pk=pk)
    sessions.end_session(session, by=request.user)
    if request.auth is None and session.pk == _own(request):
        request._request.session.flush()
    return Response(status=204)


@extend_schema(request=Nothing, responses=Done)
@api_view(["POST"])
def sessions_end(request: Request) -> Response:
    """Sign out everywhere but here; says how many that were."""
    return Response({"count": sessions.end_sessions(request.user, keep=_own(request))})
