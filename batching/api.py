"""The API of the engine: which providers a run may be given to.

Comes in: a teacher or admin. Goes out: the configurations, never a key. Runs themselves are
grading's (grading/api/runs.py): the engine does not know what it is asked for.
"""

from __future__ import annotations

from django.conf import settings
from django.urls import path
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.answers import lists, page_of
from accounts.roles import teacher_required
from batching import providers


class ProviderRow(serializers.Serializer):
    """A configured provider; `missing` says what to set before it can be used."""

    name = serializers.CharField()
    title = serializers.CharField()
    model = serializers.CharField()
    notice = serializers.CharField()
    missing = serializers.CharField()
    is_default = serializers.BooleanField()


@lists(ProviderRow)
@api_view(["GET"])
@teacher_required
def provider_list(request: Request) -> Response:
    """The providers of this installation."""
    ready = dict(providers.choices())
    rows = []
    for name in providers.names():
        found = providers.get(name)
        rows.append(
            {
                "name": name,
                "title": ready.get(name, found.title),
                "model": found.model,
                "notice": found.notice,
                "missing": found.missing,
                "is_default": name == settings.SHEAF_DEFAULT_PROVIDER,
            }
        )
    return page_of(request, rows, ProviderRow)


urlpatterns = [path("providers/", provider_list, name="providers")]
