"""Rows within a row: what else a page needs of other tables, brought along by one query.

Comes in: a group of rows of another table. Goes out: an annotation, one value or plain JSON, and
None where the group is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Aggregate, Count, Func, JSONField, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject


class Rows(Aggregate):
    """Some columns of every row of a group: a list of lists, in no order."""

    template = "JSON_GROUP_ARRAY(JSON_ARRAY(%(expressions)s))"
    output_field = JSONField()

    def as_postgresql(self, compiler, connection, **extra):  # type: ignore[no-untyped-def]
        template = "JSONB_AGG(JSONB_BUILD_ARRAY(%(expressions)s))"
        return self.as_sql(compiler, connection, template=template, **extra)


class Counts(JSONObject):
    """Numbers by name. Django's own asks SQLite on every new connection whether it knows JSON."""

    def as_sql(self, compiler, connection, **extra):  # type: ignore[no-untyped-def]
        return Func.as_sql(self, compiler, connection, **extra)


def of_group(rows: QuerySet[Any], by: str, value: Any) -> Subquery:
    """An aggregate over rows that are alike in `by`."""
    return Subquery(rows.order_by().values(by).annotate(found=value).values("found"))


def counts_of(rows: QuerySet[Any], by: str, conditions: Mapping[str, Q]) -> Subquery:
    """How many rows, of those alike in `by`, meet each condition, by the conditions' names."""
    counts = {name: Count("pk", filter=condition) for name, condition in conditions.items()}
    return of_group(rows, by, Counts(**counts))
