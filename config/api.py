"""Every address of the API below /api/v1/: the apps' own, the OpenAPI document, and its page.

Whatever is not there answers as the API does: 401 to nobody, 404 to everybody else.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response


@require_GET
def documentation(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document to be read and tried out, for whoever is signed in."""
    return render(request, "config/api_docs.html")


@extend_schema(exclude=True)
@api_view(["GET", "POST", "PUT", "PATCH", "DELETE"])
def missing(request: Request, rest: str) -> Response:
    """Any other address."""
    raise Http404


app_name = "api"
urlpatterns = [
    path("", include("accounts.api.urls")),
    path("", include("batching.api")),
    path("", include("exams.api.urls")),
    path("", include("grading.api.urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", documentation, name="docs"),
    path("<path:rest>", missing, name="missing"),
]
