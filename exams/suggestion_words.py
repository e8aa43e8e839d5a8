"""The words in which exams.suggestions says why a sheet is somebody's, as pages tell them.

The reason stands in the sheet's row, in English: one or several of these, with "; " in between.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from accounts.told import told

SHAPES = (
    gettext_noop("%(why)s, but that student has “%(sheet)s”"),
    gettext_noop("%(why)s, but another sheet fits %(roll)s better"),
    gettext_noop("but another sheet seems to be theirs too"),
    gettext_noop("but the page speaks for %(roll)s, who has a sheet: %(why)s"),
    gettext_noop("but the rest speaks for %(roll)s, who has a sheet: %(why)s"),
    gettext_noop("but the page speaks for %(roll)s: %(why)s"),
    gettext_noop("but the rest speaks for %(roll)s: %(why)s"),
    gettext_noop("but page 1 reads %(read)s"),
    gettext_noop("File name contains roll number %(roll)s"),
    gettext_noop("Roll number on page 1 reads %(read)s, nearly %(roll)s"),
    gettext_noop("Roll number on page 1 reads %(read)s, matches %(roll)s"),
    gettext_noop("Roll number on page 1 reads %(read)s"),
    gettext_noop("Roll number on page 1 %(read)s could be %(rolls)s"),
    gettext_noop("Name on page 1 reads %(name)s"),
    gettext_noop("%(read)s on page 1 is no roll number of this class"),
)


def told_suggestion(reason: str) -> str:
    """The reason of a suggestion in the language that is active; "" for none."""
    return "; ".join(told(part, SHAPES) for part in reason.split("; ")) if reason else ""
