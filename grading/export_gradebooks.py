"""Exports for gradebooks: CSV files that Canvas and Moodle read, with one column for the exam.

Comes in: an exam, for Canvas also how its students are matched. Goes out: lines of CSV with
reviewed and published results only, since a proposal does not belong into a gradebook. Without a
byte order mark: both read UTF-8, and a header must be exactly what they know.

Canvas: Student, ID, SIS User ID, SIS Login ID, Section, then assignments, and a row "Points
Possible". A student is looked up by SIS User ID, then by SIS Login ID, then by name. An
assignment's name that ends in a number in brackets names the assignment with that id, and some
words make a column one of Canvas's own: such titles are written a little differently.
Moodle: any header; a person says which column is which ("ID number" or "Email address" for the
student). A feedback column is taken only together with its grade.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

from exams.models import Exam
from exams.rubrics import current_rubric, rubric_total
from grading.export_rows import SheetRow, sheet_rows
from grading.exports import harmless, line, number

_CANVAS_ID = re.compile(r"\((\d+)\)\s*$")
_CANVAS_OWN = re.compile(
    r"\b(Current|Final|Override) (Score|Points|Grade|Status)\b|\b(Points) (Possible)\b"
)


class Match(Enum):
    """What a gradebook knows its students by."""

    ROLL_NUMBER = "roll-number"
    EMAIL = "email"


def canvas_csv(exam: Exam, match: Match) -> Iterator[str]:
    """A gradebook file for Canvas, with the totals as one assignment."""
    rubric = current_rubric(exam)
    possible = number(rubric_total(rubric)) if rubric else ""
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", canvas_title(exam.title)]
    yield line(header)
    yield line(["    Points Possible", "", "", "", "", possible])
    section = harmless(exam.school_class.name)
    for sheet in sheet_rows(exam, settled=True):
        known_by = (sheet.roll_number, "") if match == Match.ROLL_NUMBER else ("", sheet.email)
        yield line(
            [harmless(sheet.name), "", *map(harmless, known_by), section, number(sheet.total)]
        )


def canvas_title(title: str) -> str:
    """An exam's title as the name of a Canvas assignment, which must not name another one."""
    title = _CANVAS_OWN.sub(lambda found: found[0].replace(" ", "-"), title)
    return harmless(_CANVAS_ID.sub(r"[\1]", title))


def moodle_csv(exam: Exam) -> Iterator[str]:
    """A grade import file for Moodle: the total, and the feedback of all questions as one text."""
    title = harmless(exam.title)
    yield line(["ID number", "Email address", "Name", title, f"{title} (feedback)"])
    for sheet in sheet_rows(exam, settled=True):
        yield line(
            [
                harmless(sheet.roll_number),
                harmless(sheet.email),
                harmless(sheet.name),
                number(sheet.total),
                harmless(_feedback(sheet)),
            ]
        )


def _feedback(sheet: SheetRow) -> str:
    return "\n".join(
        f"{mark.code} ({number(mark.awarded)} / {number(mark.ceiling or mark.floor)}):"
        f" {mark.feedback}".rstrip()
        for mark in sheet.marks
    )
