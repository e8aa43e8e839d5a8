"""How the API asks and answers: checked input, pages of rows, and the one shape of an error.

Comes in: a request, rows and a serializer. Goes out: checked values, one page of a list; and for
the OpenAPI document what those look like.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import BaseForm
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

NO_STORE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


class Paging(PageNumberPagination):
    """Fifty rows, or as many as asked for up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    invalid_page_message = _("There is no such page in this list.")


class PagingFilters(serializers.Serializer):
    """Which page of a list, and of how many rows."""

    page = serializers.IntegerField(min_value=1, required=False, help_text="From 1.")
    page_size = serializers.IntegerField(
        min_value=1, required=False, help_text="50; more than 200 are 200."
    )


def page_of(
    request: Request,
    rows: QuerySet[Any] | list[Any],
    serializer: type[serializers.BaseSerializer],
    *,
    prepare: Callable[[list[Any]], list[Any]] | None = None,
    context: dict[str, Any] | None = None,
) -> Response:
    """One page of a list; `prepare` makes what is serialized of the page's rows alone.

    Raises ValidationError for a page or a size that means nothing, NotFound for a page too far.
    """
    asked(PagingFilters, request)
    paging = Paging()
    page = paging.paginate_queryset(rows, request)
    shown = prepare(page) if prepare else page
    told = serializer(shown, many=True, context=context or {})
    return paging.get_paginated_response(told.data)


def lists(
    serializer: type[serializers.BaseSerializer],
    filters: type[serializers.Serializer] | None = None,
) -> Callable[[Any], Any]:
    """Documents that GET gives pages of such rows, and by what they can be chosen."""
    paged = inline_serializer(
        f"PagesOf{serializer.__name__}",
        {
            "count": serializers.IntegerField(),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": serializer(many=True),
        },
    )
    parameters = [PagingFilters, *([filters] if filters else [])]
    return extend_schema(methods=["GET"], parameters=parameters, responses=paged)


def asked(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """The checked query of an address. Raises ValidationError by parameter."""
    return _checked(serializer(data=request.query_params))


def sent(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """The checked body. Raises ValidationError by field."""
    return _checked(serializer(data=request.data))


def _checked(serializer: serializers.Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked


def cleaned(form: BaseForm, names: dict[str, str] | None = None) -> dict[str, Any]:
    """The values of a page's own form, so that a rule stands in one place.

    Raises ValidationError by field; `names` says how a field is called here.
    """
    if not form.is_valid():
        names = names or {}
        raise ValidationError(
            {names.get(name, name): errors for name, errors in form.errors.as_data().items()}
        )
    return form.cleaned_data


class ErrorBody(serializers.Serializer):
    """Every error of the API, whatever went wrong.

    `fields` names what to correct. A stale mark comes with `theirs` and `yours`, a roster that
    was not imported with its `rows`.
    """

    code = serializers.CharField(help_text="What went wrong, for a program.")
    message = serializers.CharField(help_text="The same for a person, with what to do.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        help_text="By field: what is wrong with it.",
    )
    theirs = serializers.DictField(required=False, help_text="The mark as somebody else left it.")
    yours = serializers.DictField(required=False, help_text="The mark as you sent it.")
    rows = inline_serializer(
        "FaultyRow",
        {
            "row": serializers.IntegerField(help_text="As a spreadsheet counts; 0 is the file."),
            "message": serializers.CharField(),
        },
        many=True,
        required=False,
    )


class VersionMissing(APIException):
    """A change of something that others may have changed, without the version that was seen."""

    status_code = 428
    default_code = "version_required"
    default_detail = _("Say what you have seen: “version” or “seen” in the body, or If-Match.")


def sent_with_seen(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """The checked body of a change to what others may have changed: `seen` is in it.

    Raises ValidationError by field, VersionMissing without `seen`.
    """
    change = sent(serializer, request)
    if "seen" not in change:
        raise VersionMissing
    return change


def versioned(serializer: type[serializers.BaseSerializer]) -> dict[int, Any]:
    """The answers of a change that says what was seen."""
    return {200: serializer, 428: OpenApiResponse(ErrorBody, "Without what you have seen.")}


class BodyTooLarge(APIException):
    """A file larger than may be handed in; it was not read."""

    status_code = 413
    default_code = "too_large"


class Done(serializers.Serializer):
    """How many rows a command on many of them has moved."""

    count = serializers.IntegerField()


class Reason(serializers.Serializer):
    """Why something is done; the history keeps it."""

    reason = serializers.CharField(max_length=500)


class Person(serializers.Serializer):
    """Somebody by name."""

    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()


class Nothing(serializers.Serializer):
    """A body without fields."""
