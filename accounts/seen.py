"""What a person had before their eyes when they began to edit, so that no change is lost unseen.

Comes in: the values that a form shows. Goes out: a fingerprint that the form carries along as
`seen`; when it no longer fits, somebody else has saved meanwhile, and the words say who.
"""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import Any

from django.db.models import Model
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _


def fingerprint(*values: Any) -> str:
    """A short text that is the same for the same values (texts, numbers, dates, plain lists)."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def saved_meanwhile(row: Model, what: str, *, field: str = "") -> str:
    """Who saved the row, which has a history, last and when: for somebody whose own change was not.

    With a field: who changed that one last.
    """
    last = _last_change(row, field)
    when = date_format(timezone.localtime(last.history_date), _("j F, H:i"))
    return _(
        "%(who)s saved %(what)s on %(when)s, while you were editing it."
        " Nothing of yours was saved: compare the two and save again."
    ) % {"who": last.history_user or _("Somebody"), "what": what, "when": when}


def _last_change(row: Model, field: str) -> Any:
    rows = list(row.history.select_related("history_user").order_by("-history_id"))
    pairs = pairwise(rows) if field else ()
    changed = (now for now, before in pairs if getattr(now, field) != getattr(before, field))
    return next(changed, rows[0])
