"""Exports as CSV: the results of an exam in files that a spreadsheet opens safely.

Comes in: an exam. Goes out: lines of CSV. `results_csv` has a row for each sheet that has marks
(roll number, name, state, the points of every leaf, the total), `marks_csv` one for each mark.
Texts that a spreadsheet would run as a formula get a leading apostrophe; numbers stay numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from exams.models import Exam
from exams.points import plain
from grading.export_rows import criteria_of, in_english, sheet_rows
from grading.models import Source

# The wide ones are what an East Asian spreadsheet takes for the same signs.
_RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Where semicolons or tabs part cells, as in German Excel, a cell may begin inside of ours: quotes
# that stand in the middle of one part nothing there, so that a line end ends the row as well.
_BEGINS_A_CELL = re.compile(r"([;\t\r\n]\"*)(?=[=+\-@＝＋－＠])")
BYTE_ORDER_MARK = "\ufeff"


def harmless(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula, whichever sign it parts cells by."""
    text = _BEGINS_A_CELL.sub(r"\1'", text)
    return f"'{text}" if text.startswith(_RUNS_IN_A_SPREADSHEET) else text


def results_csv(exam: Exam) -> Iterator[str]:
    """The exam's results line by line, with a header; a leaf of several versions is one column."""
    codes = [criterion.code for criterion in criteria_of(exam)]
    yield BYTE_ORDER_MARK + line(
        ["Roll number", "Name", "State", *map(harmless, codes), "Total", "Out of"]
    )
    for sheet in sheet_rows(exam):
        awarded = {mark.code: mark.awarded for mark in sheet.marks}
        yield line(
            [
                harmless(sheet.roll_number),
                harmless(sheet.name),
                sheet.state_label,
                *(number(awarded.get(code)) for code in codes),
                number(sheet.total),
                number(sheet.out_of),
            ]
        )


MARK_COLUMNS = (
    "Roll number",
    "Name",
    "State",
    "Criterion",
    "Kind",
    "Rubric version",
    "Points",
    "Lowest",
    "Highest",
    "Feedback",
    "Proposed points",
    "Proposed by",
    "Overridden",
    "Changed by",
    "Changed at",
    "Reason",
)


def marks_csv(exam: Exam) -> Iterator[str]:
    """Every mark on a line of its own, with what was proposed, who changed it last, and why."""
    yield BYTE_ORDER_MARK + line(list(MARK_COLUMNS))
    for sheet in sheet_rows(exam):
        for mark in sheet.marks:
            source = Source(mark.source)
            assessor = f"{in_english(source)} {source.named(mark.provider, mark.model)}".rstrip()
            yield line(
                [
                    harmless(sheet.roll_number),
                    harmless(sheet.name),
                    sheet.state_label,
                    harmless(mark.code),
                    mark.kind,
                    mark.version,
                    number(mark.awarded),
                    number(mark.floor),
                    number(mark.ceiling),
                    harmless(mark.feedback),
                    number(mark.proposed),
                    harmless(assessor),
                    "yes" if mark.is_overridden else "no",
                    harmless(mark.changed_by),
                    mark.changed_at.isoformat(timespec="seconds") if mark.changed_by else "",
                    harmless(mark.reason),
                ]
            )


def number(value: Decimal | None) -> str:
    """Points as a number cell; empty where there are none."""
    return "" if value is None else plain(value)


def line(cells: list[Any]) -> str:
    """One line of CSV, with the line end that spreadsheets expect."""
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
