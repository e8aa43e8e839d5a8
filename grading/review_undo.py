"""Undo: the last change that a person made is taken back, and the one before it, and so on.

Comes in: some marks and the person. Goes out: one mark as it was before. An undo is a change like
any other, with its own row in the history; nothing that somebody else changed since is touched.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from batching.conflicts import Conflict
from grading import review
from grading.models import Mark

UNDONE = gettext_noop("Undone: %(reason)s")
# How the reason of an undo begins in the history, where it is read again.
BEGINNING = UNDONE.partition("%")[0]


def undo_last(marks: QuerySet[Mark], *, by: User) -> Mark:
    """Take back the last change by this person of one of these marks that is not undone yet.

    Raises Conflict when there is none, or when somebody else has changed that mark since.
    """
    with transaction.atomic():
        now = {mark.pk: mark for mark in marks.select_related("criterion")}
        stack: list[Any] = []
        rows = Mark.history.filter(id__in=now, history_user=by, history_type="~")
        for row in rows.order_by("history_date", "history_id"):
            if not (row.history_change_reason or "").startswith(BEGINNING):
                stack.append(row)
            elif stack:
                stack.pop()
        if not stack:
            raise Conflict(_("There is nothing of yours to undo here."))
        change = stack[-1]
        mark = now[change.id]
        if (mark.awarded, mark.feedback) != (change.awarded, change.feedback):
            raise Conflict(
                _("%(code)s was changed again since. Its history shows by whom; put back there.")
                % {"code": mark.criterion.code}
            )
        before = Mark.history.filter(id=mark.pk, version=change.version - 1).latest()
        return review.change_mark(
            mark.pk,
            awarded=before.awarded,
            feedback=before.feedback,
            reason=UNDONE % {"reason": change.history_change_reason or ""},
            version=mark.version,
            by=by,
        )
