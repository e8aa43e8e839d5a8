"""History of whole-exam moves: many audited rows change together, each with its history row.

Comes in: the rows as a queryset whose filter names the state they must be in, and the new
values. Goes out: two statements, however many rows there are: first the history rows as
they will be (INSERT .. SELECT), then the rows. The caller holds the locks.
"""

from __future__ import annotations

from typing import Any

from django.db import models, transaction
from django.utils import timezone

from accounts.models import User
from batching.rows import insert_from


def move_rows(rows: models.QuerySet[Any], *, by: User, reason: str, **changes: Any) -> int:
    """Set `changes` (values or expressions) on all `rows` with a history row each; how many."""
    with transaction.atomic():
        write_history(rows, "~", by=by, reason=reason, changes=changes)
        return rows.order_by().update(**changes)


def remove_rows(rows: models.QuerySet[Any], *, by: User, reason: str) -> int:
    """Delete all `rows` with a history row each, which keeps what they were; how many.

    Only for rows that nothing else refers to.
    """
    with transaction.atomic():
        write_history(rows, "-", by=by, reason=reason)
        # delete() would send a signal per row, and simple-history write each a second time.
        return int(rows.order_by()._raw_delete(rows.db))


def write_history(
    rows: models.QuerySet[Any],
    kind: str,
    *,
    by: User | None,
    reason: str,
    changes: dict[str, Any] | None = None,
) -> None:
    """A history row for each of `rows` as it is now, or as `changes` will make it.

    `kind` is "+" (created), "~" (changed) or "-" (deleted). Without `by` it is, as for a single
    save(), the person whose web request this is, if there is one.
    """
    model = rows.model
    history = model.history.model
    user = by or history.get_default_history_user(model())
    changes = changes or {}
    values = {
        field.name: changes.get(field.name, models.F(field.attname))
        for field in history.tracked_fields
    }
    insert_from(
        history,
        rows.order_by(),
        **values,
        history_date=timezone.now(),
        history_type=kind,
        history_change_reason=reason,
        history_user=user,
    )
