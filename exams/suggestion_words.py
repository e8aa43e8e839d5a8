"""The words in which exams.suggestions says why a sheet is somebody's, and how pages tell them.

The reason stands in the sheet's row, in English: one or several of these, with "; " in between.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from accounts.told import told

FILE_NAME_ROLL = gettext_noop("File name contains roll number %(roll)s")
NAME_READ = gettext_noop("Name on page 1 reads %(name)s")
NOT_OF_CLASS = gettext_noop("%(read)s on page 1 is no roll number of this class")
BUT_HAS = gettext_noop("%(why)s, but that student has “%(sheet)s”")
BUT_BETTER = gettext_noop("%(why)s, but another sheet fits %(roll)s better")
BUT_ANOTHER = gettext_noop("but another sheet seems to be theirs too")
BUT_READS = gettext_noop("but page 1 reads %(read)s")
# By whether the page speaks for somebody else (or all but the file name does), and whether that
# student has a sheet.
BUT_SPEAKS = {
    (True, True): gettext_noop("but the page speaks for %(roll)s, who has a sheet: %(why)s"),
    (True, False): gettext_noop("but the page speaks for %(roll)s: %(why)s"),
    (False, True): gettext_noop("but the rest speaks for %(roll)s, who has a sheet: %(why)s"),
    (False, False): gettext_noop("but the rest speaks for %(roll)s: %(why)s"),
}


def told_suggestion(reason: str) -> str:
    """The reason of a suggestion in the language that is active; "" for none."""
    return "; ".join(told(part) for part in reason.split("; "))
