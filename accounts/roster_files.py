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

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

MAX_BYTES = 1024 * 1024
MAX_ROWS = 10_000
REQUIRED = ("roll_number", "name")
COLUMNS = (*REQUIRED, "email")
LENGTHS = {"roll_number": 40, "name": 200, "email": 254}
DELIMITERS = ",;\t"


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
        return f"Row {self.row}: {self.text}" if self.row else self.text


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
        raise RosterError.of_file(f"The file has {len(data):,} bytes; at most {MAX_BYTES:,}.")
    text = _decode(data)
    records = _records(text)
    header_number, header = next(((n, cells) for n, cells in records if any(cells)), (0, []))
    if not header:
        raise RosterError.of_file("The file is empty. Its first row names the columns.")
    columns = _columns(header)
    rows: list[RosterRow] = []
    problems: list[Problem] = []
    for number, cells in records:
        if not any(cells):
            continue
        if len(rows) >= MAX_ROWS:
            raise RosterError.of_file(f"The file has more than {MAX_ROWS:,} students.")
        if len(cells) > len(header) or any(cells[len(columns) :]):
            problems.append(
                Problem(
                    number,
                    f"{len(cells)} cells, but row {header_number} names {len(columns)} columns. "
                    "A name with a comma in it needs quotation marks.",
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
        raise RosterError.of_file("The file names its columns but no student.")
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
            f"The file is neither UTF-8 nor UTF-16 (see line {line}). In a spreadsheet, save it "
            "as “CSV UTF-8”."
        ) from error
    if "\0" in text:
        raise RosterError.of_file("The file is no text file. Save the roster as CSV.")
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
        raise RosterError(
            [Problem(number + 1, f"Cannot be read ({error}). Look at its quotation marks.")]
        ) from error


def _delimiter(text: str) -> str:
    """The delimiter with which the first line names most of our columns."""
    first = next((line for line in text.splitlines() if line.strip(f" \"'{DELIMITERS}")), "")

    def known(delimiter: str) -> int:
        return len({_column(cell.strip(' "')) for cell in first.split(delimiter)} & set(COLUMNS))

    return max(DELIMITERS, key=lambda delimiter: (known(delimiter), first.count(delimiter)))


def _tidy(cell: str) -> str:
    return " ".join(unicodedata.normalize("NFC", cell).split())


def _column(cell: str) -> str:
    return _tidy(cell).lower().replace(" ", "_").replace("-", "_")


def _columns(header: list[str]) -> list[str]:
    """The names of the columns. Raises RosterError naming unknown, repeated and missing ones."""
    while header and not header[-1]:
        header = header[:-1]
    columns = [_column(cell) for cell in header]
    known = f"A roster has the columns {', '.join(REQUIRED)} and, if wanted, email."
    problems = [
        f"Column “{cell}” is not known. {known}" if cell else f"Column {place} has no name. {known}"
        for place, (cell, column) in enumerate(zip(header, columns, strict=True), 1)
        if column not in COLUMNS
    ]
    problems += [
        f"Column {name} stands in the header twice. Leave one of them."
        for name in COLUMNS
        if columns.count(name) > 1
    ]
    problems += [
        f"Column {name} is missing in the first row. {known}"
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
            yield f"{column} is missing."
    for column, length in LENGTHS.items():
        value = getattr(row, column)
        if len(value) > length:
            yield f"{column} has {len(value)} characters; at most {length}."
        if any(unicodedata.category(character) == "Cc" for character in value):
            yield f"{column} holds a control character. Type it anew."
    if row.email:
        try:
            validate_email(row.email)
        except ValidationError:
            yield f"email “{row.email[:100]}” is not an e-mail address."


def _repetitions(rows: list[RosterRow]) -> Iterator[Problem]:
    """Roll numbers and addresses that stand in the file twice."""
    for column, word in (("roll_number", "Roll number"), ("email", "E-mail address")):
        seen: dict[str, RosterRow] = {}
        for row in rows:
            value = getattr(row, column)
            if not value:
                continue
            first = seen.setdefault(value.casefold(), row)
            if first is not row:
                text = f"{word} {value} stands in row {first.number} already"
                alike = getattr(first, column) == value
                yield Problem(row.number, f"{text}{'' if alike else '; capitals do not count'}.")
