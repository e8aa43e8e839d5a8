"""An exam's facts in words: what its form says is stored, and what its history says has changed.

Comes in: the value of a field. Goes out: a text in the reader's language; none for nothing.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from exams.regions import region_in_words


def fact_in_words(value: Any) -> str:
    """A field's value for a person; "" where it is empty."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):  # regions
        return "; ".join(map(region_in_words, value))
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), _("j M Y, H:i"))
    if isinstance(value, date):
        return date_format(value, _("j M Y"))
    if isinstance(value, Decimal):  # a sum of money
        return number_format(value, 2)
    return "" if value is None else str(value)
