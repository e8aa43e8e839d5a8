"""Reads a roster file: bytes of a CSV in, checked rows out, or every problem with its row.

UTF-8 with or without BOM, UTF-16; comma, semicolon or tab; the columns roll_number, name and,
if wanted, email. Knows nothing of the database; roster_import.py compares rows with it.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

MAX_BYTES = 1024 * 1024
MAX_ROWS = 10_000
REQUIRED = ("roll_number", "name")
COLUMNS = (*REQUIRED, "email")
# What these columns are called on our own pages (in every language) and in most schools' files.
ALSO_CALLED = {
    "roll_no": "roll_number",
    "rollno": "roll_number",
    "rollnumber": "roll_number",
    "student_number": "roll_number",
    "listennummer": "roll_number",
    "student_name": "name",
    "full_name": "name",
    "e_mail": "email",
    "mail": "email",
    "email_address": "email",
    "e_mail_address": "email",
    "e_mail_adresse": "email",
}
LENGTHS = {"roll_number": 40, "name": 200, "email": 254}
DELIMITERS = ",;\t"
# A column of which no value may stand twice; what is said then, and when only capitals differ.
REPEATED = (
    (
        "roll_number",
        gettext_noop("Roll number %(value)s stands in row %(row)s already."),
        gettext_noop("Roll number %(value)s stands in row %(row)s already; capitals do not count."),
    ),
    (
        "email",
        gettext_noop("E-mail address %(value)s stands in row %(row)s already."),
        gettext_noop(
            "E-mail address %(value)s stands in row %(row)s already; capitals do not count."
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One student of the file; `number` is the row as a spreadsheet counts, the header being 1."""

    number: int
    roll_number: str
    name: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and how to fix it; `row` 0 means the whole file."""

    row: int
    text: str

    def __str__(self) -> str:
        if not self.row:
            return self.text
        return _("Row %(row)s: %(problem)s") % {"row": self.row, "problem": self.text}


class RosterError(ValidationError):
    """A roster that was not imported: all its `problems`, and the `rows` that could be read."""

    def __init__(self, problems: list[Problem], rows: list[RosterRow] | None = None) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.row)
        self.rows = rows or []
        super().__init__([str(problem) for problem in self.problems])

    @classmethod
    def of_file(cls, text: str) -> RosterError:
        return cls([Problem(0, text)])


def scan_roster(data: bytes) -> tuple[list[RosterRow], list[Problem]]:
    """All rows of a roster file and what is wrong with some of them.

    Raises RosterError when it cannot be read as a roster at all.
    """
    if len(data) > MAX_BYTES:
        raise RosterError.of_file(
            _("The file has %(size)s bytes; at most %(most)s.")
            % {"size": intcomma(len(data)), "most": intcomma(MAX_BYTES)}
        )
    text = _decode(data)
    records = _records(text)
    header_number, header = next(((n, cells) for n, cells in records if any(cells)), (0, []))
    if not header:
        raise RosterError.of_file(_("The file is empty. Its first row names the columns."))
    columns = _columns(header)
    rows: list[RosterRow] = []
    problems: list[Problem] = []
    for number, cells in records:
        if not any(cells):
            continue
        if len(rows) >= MAX_ROWS:
            raise RosterError.of_file(
                _("The file has more than %(most)s students.") % {"most": intcomma(MAX_ROWS)}
            )
        if len(cells) > len(header) or any(cells[len(columns) :]):
            problems.append(
                Problem(
                    number,
                    _(
                        "%(cells)s cells, but row %(row)s names %(columns)s columns. "
                        "A name with a comma in it needs quotation marks."
                    )
                    % {"cells": len(cells), "row": header_number, "columns": len(columns)},
                )
            )
        values = dict(zip(columns, cells, strict=False))
        row = RosterRow(
            number,
            values.get("roll_number", ""),
            values.get("name", ""),
            values.get("email", "").lower(),
        )
        problems += [Problem(number, text) for text in _faults(row)]
        rows.append(row)
    problems += _repetitions(rows)
    if not rows:
        raise RosterError.of_file(_("The file names its columns but no student."))
    return rows, problems


def _decode(data: bytes) -> str:
    """The text of the file; without a BOM, every second byte being zero means UTF-16."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif data and data[1::2].count(0) > len(data) // 4:
        encoding = "utf-16-le"
    elif data and data[0::2].count(0) > len(data) // 4:
        encoding = "utf-16-be"
    else:
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RosterError.of_file(
            _(
                "The file is neither UTF-8 nor UTF-16 (see line %(line)s). In a spreadsheet, save "
                "it as “CSV UTF-8”."
            )
            % {"line": line}
        ) from error
    if "\0" in text:
        raise RosterError.of_file(_("The file is no text file. Save the roster as CSV."))
    return text


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers, cells trimmed, cut at the delimiter the header suggests."""
    delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, [_tidy(cell) for cell in cells]
    except csv.Error as error:
        text = _("Cannot be read (%(error)s). Look at its quotation marks.") % {"error": error}
        raise RosterError([Problem(number + 1, text)]) from error


def _delimiter(text: str) -> str:
    """The delimiter with which the first line names most of our columns."""
    first = next((line for line in text.splitlines() if line.strip(f" \"'{DELIMITERS}")), "")

    def known(delimiter: str) -> int:
        return len({_column(cell.strip(' "')) for cell in first.split(delimiter)} & set(COLUMNS))

    return max(DELIMITERS, key=lambda delimiter: (known(delimiter), first.count(delimiter)))


def _tidy(cell: str) -> str:
    return " ".join(unicodedata.normalize("NFC", cell).split())


def _column(cell: str) -> str:
    name = _tidy(cell).lower().rstrip(".").replace(" ", "_").replace("-", "_")
    return ALSO_CALLED.get(name, name)


def _columns(header: list[str]) -> list[str]:
    """The names of the columns. Raises RosterError naming unknown, repeated and missing ones."""
    while header and not header[-1]:
        header = header[:-1]
    columns = [_column(cell) for cell in header]
    known = _("A roster has the columns roll_number, name and, if wanted, email.")
    problems = [
        _("Column “%(column)s” is not known.") % {"column": cell} + f" {known}"
        if cell
        else _("Column %(place)s has no name.") % {"place": place} + f" {known}"
        for place, (cell, column) in enumerate(zip(header, columns, strict=True), 1)
        if column not in COLUMNS
    ]
    problems += [
        _("Column %(column)s stands in the header twice. Leave one of them.") % {"column": name}
        for name in COLUMNS
        if columns.count(name) > 1
    ]
    problems += [
        _("Column %(column)s is missing in the first row.") % {"column": name} + f" {known}"
        for name in REQUIRED
        if name not in columns
    ]
    if problems:
        raise RosterError([Problem(0, text) for text in problems])
    return columns


def _faults(row: RosterRow) -> Iterator[str]:
    """What is wrong with a row by itself."""
    for column in REQUIRED:
        if not getattr(row, column):
            yield _("%(column)s is missing.") % {"column": column}
    for column, length in LENGTHS.items():
        value = getattr(row, column)
        if len(value) > length:
            yield _("%(column)s has %(length)s characters; at most %(most)s.") % {
                "column": column,
                "length": len(value),
                "most": length,
            }
        if any(unicodedata.category(character) == "Cc" for character in value):
            yield _("%(column)s holds a control character. Type it anew.") % {"column": column}
    if row.email:
        try:
            validate_email(row.email)
        except ValidationError:
            yield _("email “%(email)s” is not an e-mail address.") % {"email": row.email[:100]}


def _repetitions(rows: list[RosterRow]) -> Iterator[Problem]:
    """Roll numbers and addresses that stand in the file twice."""
    for column, alike, nearly in REPEATED:
        seen: dict[str, RosterRow] = {}
        for row in rows:
            value = getattr(row, column)
            if not value:
                continue
            first = seen.setdefault(value.casefold(), row)
            if first is not row:
                text = alike if getattr(first, column) == value else nearly
                yield Problem(row.number, _(text) % {"value": value, "row": first.number})
