"""Many rows at once: inserted, or some of their fields updated, by one statement.

Comes in: objects in memory, any number, or rows of another table. Goes out: one statement, on
PostgreSQL and on SQLite (3.35 or newer). Objects travel as one parameter, a JSON document of
which the database makes the rows itself. For what is written by the hundred: bulk_create takes
dozens of statements on SQLite, and bulk_update a CASE for every row and field.
"""

# Only names of our own tables, columns and types are put into statements (S608); every value
# is a parameter.

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import DataError, connection, models
from psycopg.types.json import Jsonb

LARGEST = 2**63


def insert_rows(objects: Sequence[models.Model]) -> None:
    """Insert new objects of one model, and give them their primary keys.

    Like bulk_create: no save() and no signals. Raises DataError for what a field cannot hold.
    """
    if not objects:
        return
    meta = objects[0]._meta
    fields = [field for field in meta.local_concrete_fields if not field.primary_key]
    columns = ", ".join(_quoted(field.column) for field in fields)
    statement = (
        f"INSERT INTO {_quoted(meta.db_table)} ({columns}) {_source(fields)}"
        f" RETURNING {_quoted(meta.pk.column)}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [_document(objects, fields)])
        # Keys are handed out in the order of the document, but returned in any order.
        keys = sorted(key for (key,) in cursor.fetchall())
    for one, key in zip(objects, keys, strict=True):
        one.pk = key
        one._state.adding, one._state.db = False, connection.alias


def update_rows(objects: Sequence[models.Model], names: Sequence[str]) -> None:
    """Write the named fields of stored objects of one model.

    Like bulk_update: no save() and no signals, and an object whose row is gone is passed over.
    Raises DataError for what a field cannot hold.
    """
    if not objects:
        return
    meta = objects[0]._meta
    fields: list[models.Field[Any, Any]] = [meta.pk, *(meta.get_field(name) for name in names)]
    table, key = _quoted(meta.db_table), _quoted(meta.pk.column)
    changes = ", ".join(
        f"{_quoted(field.column)} = made.f{number}" for number, field in enumerate(fields) if number
    )
    source = f"({_source(fields)}) AS made"
    statement = f"UPDATE {table} SET {changes} FROM {source} WHERE {table}.{key} = made.f0"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [_document(objects, fields)])


def insert_from(model: type[models.Model], rows: models.QuerySet[Any, Any], **values: Any) -> None:
    """Insert a row of `model` for each of `rows`, in their order, without reading them.

    `values` are its fields by name: expressions over `rows`, objects or plain values. A field
    that is not named has its default.
    """
    selected: dict[str, Any] = {}
    for field in model._meta.local_concrete_fields:
        if not field.primary_key:
            value = values.pop(field.name) if field.name in values else field.get_default()
            selected[field.column] = _expression(value, field)
    if values:
        raise TypeError(f"{model.__name__} has no field {', '.join(values)} that can be given.")
    # With a prefix: an annotation must not have the name of a field.
    named = {f"new_{column}": expression for column, expression in selected.items()}
    query = rows.annotate(**named).values_list(*named).query
    select, parameters = query.get_compiler(connection=connection).as_sql()
    columns = ", ".join(map(_quoted, selected))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {_quoted(model._meta.db_table)} ({columns}) {select}", parameters
        )


def _expression(value: Any, field: models.Field[Any, Any]) -> Any:
    if hasattr(value, "resolve_expression"):
        return value
    if isinstance(value, models.Model):
        value = value.pk
    return models.Value(value, output_field=field)


def _source(fields: Sequence[models.Field[Any, Any]]) -> str:
    """A SELECT of the document's rows, as columns f0, f1, …"""
    numbers = range(len(fields))
    if connection.vendor == "postgresql":
        # The type of a reference to a primary key is that of its values.
        types = [
            field.rel_db_type(connection) if field.primary_key else field.db_type(connection)
            for field in fields
        ]
        names = ", ".join(f"f{number}" for number in numbers)
        typed = ", ".join(f"f{number} {types[number]}" for number in numbers)
        return f"SELECT {names} FROM json_to_recordset(%s::json) AS document({typed})"  # noqa: S608
    values = ", ".join(f"json_extract(value, '$[{number}]') AS f{number}" for number in numbers)
    return f"SELECT {values} FROM json_each(%s)"  # noqa: S608


def _document(objects: Sequence[models.Model], fields: Sequence[models.Field[Any, Any]]) -> str:
    read = attrgetter(*(field.attname for field in fields))
    preparers = [_preparer(field) for field in fields]
    rows: list[Any] = [
        [prepare(value) for prepare, value in zip(preparers, read(one), strict=True)]
        for one in objects
    ]
    if connection.vendor == "postgresql":
        names = [f"f{number}" for number in range(len(fields))]
        rows = [dict(zip(names, row, strict=True)) for row in rows]
    return json.dumps(
        rows, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain
    )


def _preparer(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """How a field's value becomes one that JSON holds and the column takes."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    match field:
        case models.IntegerField():
            return _whole_number
        case models.CharField() | models.TextField():
            return _text
        case models.BooleanField() | models.FloatField():
            return lambda value: value
        case _:
            return lambda value: field.get_db_prep_save(value, connection)


def _whole_number(value: Any) -> Any:
    # SQLite would take it as a number that is about as large.
    if value is not None and not -LARGEST <= value < LARGEST:
        raise DataError("The number is too large for its column.")
    return value


def _text(value: Any) -> Any:
    if value and "\0" in value:
        raise DataError("A text with NUL characters cannot be stored.")
    return value


def _plain(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case Jsonb():
            return value.obj
    raise TypeError(f"{type(value).__name__} is no value of a column.")


def _quoted(name: str) -> str:
    return str(connection.ops.quote_name(name))
