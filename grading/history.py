"""History of whole-exam moves: many audited rows change together, each with its history row.

Comes in: the rows as a queryset whose filter names the state they must be in, and the new
values. Goes out: two statements, however many rows there are: first the history rows as
they will be (INSERT .. SELECT), then the rows. The caller holds the locks.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, models, transaction
from django.db.models import Value
from django.utils import timezone

from accounts.models import User


def move_rows(rows: models.QuerySet[Any], *, by: User, reason: str, **changes: Any) -> int:
    """Set `changes` (values or expressions) on all `rows` with a history row each; how many."""
    with transaction.atomic():
        _write_history(rows, "~", by, reason, changes)
        return rows.order_by().update(**changes)


def remove_rows(rows: models.QuerySet[Any], *, by: User, reason: str) -> int:
    """Delete all `rows` with a history row each, which keeps what they were; how many.

    Only for rows that nothing else refers to.
    """
    with transaction.atomic():
        _write_history(rows, "-", by, reason, {})
        # delete() would send a signal per row, and simple-history write each a second time.
        return int(rows.order_by()._raw_delete(rows.db))


def _write_history(
    rows: models.QuerySet[Any], kind: str, by: User, reason: str, changes: dict[str, Any]
) -> None:
    model = rows.model
    history = model.history.model
    selected: dict[str, Any] = {}
    for field in history.tracked_fields:
        new = changes.get(field.name, models.F(field.attname))
        selected[field.attname] = _expression(new, model._meta.get_field(field.name))
    about = {
        "history_date": timezone.now(),
        "history_type": kind,
        "history_change_reason": reason,
        "history_user_id": by.pk,
    }
    for name, value in about.items():
        selected[name] = Value(value, output_field=history._meta.get_field(name))
    source = (
        rows.order_by()
        .annotate(**{f"new_{name}": expression for name, expression in selected.items()})
        .values_list(*(f"new_{name}" for name in selected))
    )
    _insert_from(history, list(selected), source)


def _expression(value: Any, field: models.Field[Any, Any]) -> Any:
    if hasattr(value, "resolve_expression"):
        return value
    if isinstance(value, models.Model):
        value = value.pk
    return Value(value, output_field=field)


def _insert_from(
    model: type[models.Model], names: list[str], source: models.QuerySet[Any, Any]
) -> None:
    connection = connections[source.db]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(model._meta.get_field(name).column) for name in names)
    select, parameters = source.query.get_compiler(connection=connection).as_sql()
    # Only names of our own tables and columns are joined in; every value is a parameter.
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({columns}) {select}"
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
