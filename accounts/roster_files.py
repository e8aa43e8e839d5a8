"""Reads a roster file: bytes of a CSV in, checked rows out, or every problem with its row.

UTF-8 with or without BOM, UTF-16; comma, semicolon or tab; the columns roll_number, name and,
if wanted, email; others are ignored, and named. Knows nothing of the database; roster_import.py
compares rows with it.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

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
# Of a header that is none, as much as a sentence holds.
NAMES_SHOWN, NAME_SHOWN = 8, 40
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


@dataclass(slots=True)
class Roster:
    """A roster file as it was read: its rows, what is wrong with some, and ignored columns."""

    rows: list[RosterRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


class RosterError(ValidationError):
    """A roster that was not imported: all its `problems`, and what could be read of it."""

    def __init__(self, problems: list[Problem], roster: Roster | None = None) -> None:
        self.problems = sorted(problems, key=lambda problem: problem.row)
        self.roster = roster or Roster()
        super().__init__([str(problem) for problem in self.problems])

    @classmethod
    def of_file(cls, text: str) -> RosterError:
        return cls([Problem(0, text)])


def scan_roster(data: bytes) -> Roster:
    """All rows of a roster file, what is wrong with some of them, and which columns are ignored.

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
    return Roster(rows, problems, _ignored(header, columns))


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
    """The names of the columns, others than ours among them.

    Raises RosterError naming those of ours that are missing or stand there twice.
    """
    while header and not header[-1]:
        header = header[:-1]
    columns = [_column(cell) for cell in header]
    problems = [
        _("Column %(column)s stands in the header twice. Leave one of them.") % {"column": name}
        for name in COLUMNS
        if columns.count(name) > 1
    ]
    if missing := [name for name in REQUIRED if name not in columns]:
        problems.append(
            _(
                "A roster has the columns roll_number, name and, if wanted, email. Missing in the"
                " first row: %(missing)s. It names: %(found)s."
            )
            % {"missing": ", ".join(missing), "found": _shortened(cell for cell in header if cell)}
        )
    if problems:
        raise RosterError([Problem(0, text) for text in problems])
    return columns


def _ignored(header: list[str], columns: list[str]) -> list[str]:
    """What the columns that a roster does not have are called, or where they stand."""
    return [
        cell[:NAME_SHOWN] or _("column %(place)s, which has no name") % {"place": place}
        for place, (cell, column) in enumerate(zip(header, columns, strict=False), 1)
        if column not in COLUMNS
    ]


def _shortened(cells: Iterable[str]) -> str:
    """The first of some cells for a sentence, none of them long."""
    shown = [cell[:NAME_SHOWN] for cell in cells]
    more = ["…"] if len(shown) > NAMES_SHOWN else []
    return ", ".join(shown[:NAMES_SHOWN] + more)


def _faults(row: RosterRow) -> Iterator[str]:
    """What is wrong with a row by itself."""
    missing = [column for column in REQUIRED if not getattr(row, column)]
    if len(missing) > 1:
        yield _("%(first)s and %(second)s are missing.") % {
            "first": missing[0],
            "second": missing[1],
        }
    elif missing:
        yield _("%(column)s is missing.") % {"column": missing[0]}
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
