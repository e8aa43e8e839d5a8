"""Exports: the results of an exam as a CSV file that a spreadsheet opens safely.

Comes in: an exam. Goes out: lines of CSV; one row per sheet that has marks: roll number,
name, state, the points of every leaf, the total. Texts that a spreadsheet would run as a
formula get a leading apostrophe; numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from exams.models import Criterion, Exam, Sheet
from grading.models import Mark
from grading.queries import with_totals
from grading.review import plain

_RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r", "\n")
BYTE_ORDER_MARK = "\ufeff"


def harmless(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_RUNS_IN_A_SPREADSHEET) else text


def results_csv(exam: Exam) -> Iterator[str]:
    """The exam's results line by line, with a header; a leaf of several versions is one column."""
    leaves = (
        Criterion.objects.filter(marks__sheet__exam=exam)
        .order_by("rubric__version", "position")
        .values_list("code", flat=True)
        .distinct()
    )
    codes = list(dict.fromkeys(leaves))
    marks: dict[int, dict[str, Decimal]] = {}
    rows = Mark.objects.filter(sheet__exam=exam).order_by()
    for sheet, code, awarded in rows.values_list("sheet", "criterion__code", "awarded"):
        marks.setdefault(sheet, {})[code] = awarded
    yield BYTE_ORDER_MARK + _line(
        ["Roll number", "Name", "State", *map(harmless, codes), "Total", "Out of"]
    )
    sheets = with_totals(Sheet.objects.filter(exam=exam, enrolment__isnull=False))
    for sheet in sheets.select_related("enrolment__student").order_by(
        "enrolment__roll_number", "pk"
    ):
        awarded_by_code = marks.get(sheet.pk)
        if awarded_by_code is None or sheet.enrolment is None:
            continue
        yield _line(
            [
                harmless(sheet.enrolment.roll_number),
                harmless(sheet.enrolment.student.name),
                sheet.get_state_display().lower(),
                *(_number(awarded_by_code.get(code)) for code in codes),
                _number(sheet.total),
                _number(sheet.out_of),
            ]
        )


def _number(value: Decimal | None) -> str:
    return "" if value is None else plain(value)


def _line(cells: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
