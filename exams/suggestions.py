"""Suggestions: whose each unmapped sheet probably is, solved over the whole class at once.

Comes in: an exam. Goes out: on each sheet a suggested student, why, and whether it is certain.
Evidence is the name of the file or folder, the roll number and the name read on the first page;
the assignment with the most evidence wins, so that nobody is suggested twice.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop
from rapidfuzz.distance import Levenshtein
from scipy.optimize import linear_sum_assignment

from accounts.models import Enrolment
from exams.models import Exam, Page, Sheet, SheetState
from exams.roll_numbers import match_either, match_name, name_key, plain, rolls_in_name
from exams.suggestion_words import (
    BUT_ANOTHER,
    BUT_BETTER,
    BUT_HAS,
    BUT_READS,
    BUT_SPEAKS,
    FILE_NAME_ROLL,
    NAME_READ,
    NOT_OF_CLASS,
)

FILE_ROLL, FILE_NAME, PAGE_ROLL, PAGE_NAME = 100.0, 80.0, 100.0, 60.0
STRONG = 80.0
# So many characters of a roll number may be misread before it is taken for another one.
READING_SLIPS = 2
SUGGESTION_FIELDS = [
    "suggested_enrolment",
    "suggestion_reason",
    "suggestion_certain",
    "suggested_at",
]


@dataclass(slots=True)
class Evidence:
    """What speaks for one student on one sheet: points, and the sources in words."""

    points: float = 0.0
    reasons: list[str] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    roll_certainty: float = 0.0

    def add(self, source: str, points: float, reason: str) -> None:
        self.points += points
        self.sources.add(source)
        self.reasons.append(reason)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A student's enrolment id (None: nobody), why, and whether a person is not needed."""

    enrolment: int | None
    reason: str
    certain: bool


@dataclass(slots=True)
class Roster:
    """The class: roll numbers and name keys by enrolment id."""

    rolls: dict[int, str]
    names: dict[int, str]
    by_roll: dict[str, int] = field(init=False)
    known: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.by_roll = {roll: pk for pk, roll in self.rolls.items()}
        self.known = list(self.by_roll)


def suggest_students(exam_pk: int) -> None:
    """The stage: suggest again for all unmapped sheets of an exam. Twice gives the same as once."""
    with transaction.atomic():
        work_out(Exam.objects.select_for_update(no_key=True).get(pk=exam_pk))


def work_out(exam: Exam) -> None:
    """Suggest again for all unmapped sheets of an exam, which the caller has locked.

    Where the class has changed since the last time, sheets on which nothing was found become due
    for reading again: a number without a label is only seen when it is known.
    """
    now = timezone.now()
    students = _students(exam.school_class_id)
    roster = _roster(students)
    sheets = list(
        Sheet.objects.select_for_update(of=("self",))
        .filter(exam=exam, state=SheetState.PENDING_MAPPING, inspected_at__isnull=False)
        .order_by("pk")
    )
    suggestions = solve(sheets, roster, dict(_taken(exam).values_list("enrolment", "name")))
    for sheet in sheets:
        suggestion = suggestions[sheet.pk]
        sheet.suggested_enrolment_id = suggestion.enrolment
        sheet.suggestion_reason = suggestion.reason[:300]
        sheet.suggestion_certain = suggestion.certain
        sheet.suggested_at = now
    Sheet.objects.bulk_update(sheets, SUGGESTION_FIELDS, batch_size=500)
    seen, known = exam.roster_hash, roster_hash(students)
    if seen != known:
        # The class list of an exam is no part of its history.
        Exam.objects.filter(pk=exam.pk).update(roster_hash=known)
    if seen not in ("", known):
        _read_again([sheet for sheet in sheets if not sheet.suggested_enrolment_id])


def _read_again(sheets: list[Sheet]) -> None:
    """Have the first pages of sheets without a number read once more."""
    unread = [sheet.pk for sheet in sheets if not sheet.roll_number_read]
    Sheet.objects.filter(pk__in=unread).update(inspected_at=None, suggested_at=None, tries=0)


def needs_suggestions(exam: Exam) -> bool:
    """Whether a sheet waits for a suggestion, or the class has changed since they were made."""
    waiting = Sheet.objects.filter(
        exam=exam,
        state=SheetState.PENDING_MAPPING,
        inspected_at__isnull=False,
        suggested_at__isnull=True,
    )
    return exam.roster_hash != roster_hash(_students(exam.school_class_id)) or waiting.exists()


def certain_sheets(exam: Exam | OuterRef) -> QuerySet[Sheet]:
    """Unmapped sheets whose suggestion needs no person, has a student free, and pages to show."""
    kept_pages = Page.objects.filter(sheet=OuterRef("pk"), dropped_at__isnull=True)
    taken = _taken(OuterRef("exam")).filter(enrolment=OuterRef("suggested_enrolment"))
    return Sheet.objects.filter(
        Exists(kept_pages),
        ~Exists(taken),
        exam=exam,
        state=SheetState.PENDING_MAPPING,
        suggestion_certain=True,
        suggested_enrolment__school_class=F("exam__school_class"),
        rendered_at__isnull=False,
    ).order_by("pk")


def certain_hash(pairs: Iterable[tuple[int, int]]) -> str:
    """What a page shows as certain, given as (sheet id, enrolment id), as one short value."""
    return _digest(sorted(pairs))


def withdraw_suggestions(exam: Exam, taken: set[int]) -> None:
    """Make an exam, which the caller has locked, due for suggestions again.

    Sheets to which one of the enrolments `taken` was suggested lose the suggestion at once. One
    sheet without a suggestion is enough to make the whole exam due.
    """
    waiting = Sheet.objects.filter(exam=exam, state=SheetState.PENDING_MAPPING).order_by("pk")
    stale = list(waiting.filter(suggested_enrolment__in=taken))
    for sheet in stale:
        sheet.suggested_enrolment = None
        sheet.suggestion_reason = ""
        sheet.suggestion_certain = False
    if not stale:
        stale = list(waiting.filter(inspected_at__isnull=False)[:1])
    for sheet in stale:
        sheet.suggested_at = None
    # Suggestions are not part of a sheet's history.
    Sheet.objects.bulk_update(stale, SUGGESTION_FIELDS, batch_size=500)


def roster_hash(students: Iterable[tuple[int, str, str]]) -> str:
    """A class list, given as (enrolment id, roll number, name), as one short value."""
    return _digest(sorted(students))


def roster_hashes(classes: Collection[int]) -> dict[int, str]:
    """The class lists of several classes, in one query, by the class's id."""
    students: dict[int, list[tuple[int, str, str]]] = {school_class: [] for school_class in classes}
    rows = Enrolment.objects.filter(school_class__in=classes).order_by()
    for school_class, *student in rows.values_list(
        "school_class", "pk", "roll_number", "student__name"
    ):
        students[school_class].append(tuple(student))
    return {school_class: roster_hash(listed) for school_class, listed in students.items()}


def _students(school_class: int) -> list[tuple[int, str, str]]:
    rows = Enrolment.objects.filter(school_class=school_class).order_by("pk")
    return list(rows.values_list("pk", "roll_number", "student__name"))


def _roster(students: list[tuple[int, str, str]]) -> Roster:
    return Roster(
        {pk: roll for pk, roll, _ in students}, {pk: name_key(name) for pk, _, name in students}
    )


def _taken(exam: Exam | OuterRef) -> QuerySet[Sheet]:
    """Sheets that have a student: nobody else's sheet can be theirs."""
    return Sheet.objects.filter(exam=exam, enrolment__isnull=False).exclude(
        state=SheetState.SKIPPED
    )


def _digest(rows: list[tuple[int, ...]] | list[tuple[int, str, str]]) -> str:
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def solve(sheets: list[Sheet], roster: Roster, taken: dict[int, str]) -> dict[int, Suggestion]:
    """A suggestion for every sheet, by its id; `taken` are enrolment ids with their sheet's name.

    Pure: reads only the sheets' names and what was read on them.
    """
    evidence = {sheet.pk: evidence_of(sheet, roster) for sheet in sheets}
    open_evidence = {
        sheet: {student: found for student, found in row.items() if student not in taken}
        for sheet, row in evidence.items()
    }
    assigned = _assign(open_evidence)
    claimed: dict[int, int] = defaultdict(int)
    for row in evidence.values():
        for student, found in row.items():
            claimed[student] += found.points >= STRONG
    suggestions = {}
    for sheet in sheets:
        student = assigned.get(sheet.pk)
        row = evidence[sheet.pk]
        if student is None:
            suggestions[sheet.pk] = Suggestion(None, _why_nobody(sheet, row, taken, roster), False)
            continue
        found = row[student]
        doubt = _doubt(student, row, claimed, taken, roster) or _disagreement(
            sheet.roll_number_read, found, roster.rolls[student]
        )
        reason = "; ".join([*found.reasons, doubt] if doubt else found.reasons)
        certain = not doubt and not sheet.problem and _enough(found, roster.rolls[student])
        suggestions[sheet.pk] = Suggestion(student, reason, certain)
    return suggestions


def evidence_of(sheet: Sheet, roster: Roster) -> dict[int, Evidence]:
    """What speaks for whom on one sheet, by enrolment id."""
    row: dict[int, Evidence] = defaultdict(Evidence)
    # The name "84B003/page 1.pdf" speaks of a student through its folder as well.
    in_name = rolls_in_name(sheet.name, roster.known)
    for roll in in_name:
        if len(plain(roll)) == len(plain(in_name[0])):
            row[roster.by_roll[roll]].add("file", FILE_ROLL, FILE_NAME_ROLL % {"roll": roll})
    if not in_name:
        for student in _named_in(sheet.name, roster):
            row[student].add(
                "file", FILE_NAME, gettext_noop("File name contains the student’s name")
            )
    if sheet.roll_number_read:
        match = match_either(sheet.roll_number_read, roster.known)
        if match.roll:
            found = row[roster.by_roll[match.roll]]
            found.roll_certainty = match.certainty
            found.add("page roll", PAGE_ROLL * match.certainty, match.reason)
    student_named, likeness = match_name(sheet.name_read, roster.names)
    if student_named is not None:
        row[student_named].add(
            "page name", PAGE_NAME * likeness, NAME_READ % {"name": sheet.name_read[:60]}
        )
    return dict(row)


def _named_in(name: str, roster: Roster) -> list[int]:
    words = name_key(name.replace("_", " ").rsplit(".", 1)[0])
    inside = set(words.split())
    return [
        student
        for student, key in roster.names.items()
        if len(key) >= 6 and " " in key and set(key.split()) <= inside
    ]


def _assign(evidence: dict[int, dict[int, Evidence]]) -> dict[int, int]:
    """Sheet id -> enrolment id with the most evidence in all, nobody twice."""
    assigned: dict[int, int] = {}
    for sheets, students in _islands(evidence):
        points = np.zeros((len(sheets), len(students)))
        column = {student: index for index, student in enumerate(students)}
        for index, sheet in enumerate(sheets):
            for student, found in evidence[sheet].items():
                points[index, column[student]] = found.points
        for index, chosen in zip(*linear_sum_assignment(points, maximize=True), strict=True):
            if points[index, chosen] > 0:
                assigned[sheets[index]] = students[chosen]
    return assigned


def _islands(evidence: dict[int, dict[int, Evidence]]) -> list[tuple[list[int], list[int]]]:
    """Sheets and students that evidence links, apart from all others: small problems to solve."""
    sheets_of: dict[int, list[int]] = defaultdict(list)
    for sheet, row in evidence.items():
        for student in row:
            sheets_of[student].append(sheet)
    islands, seen = [], set()
    for start in evidence:
        if start in seen or not evidence[start]:
            continue
        sheets, students, waiting = [], set(), [start]
        seen.add(start)
        while waiting:
            sheet = waiting.pop()
            sheets.append(sheet)
            for student in evidence[sheet].keys() - students:
                students.add(student)
                fresh = [other for other in sheets_of[student] if other not in seen]
                seen.update(fresh)
                waiting += fresh
        islands.append((sorted(sheets), sorted(students)))
    return islands


def _disagreement(read: str, found: Evidence, roll: str) -> str:
    """Why the page speaks against a student whom the file name gives, or "".

    A number read with a slip or two may still be the student's; another number is not.
    """
    if not read or "page roll" in found.sources:
        return ""
    if Levenshtein.distance(plain(read), plain(roll)) <= READING_SLIPS:
        return ""
    return BUT_READS % {"read": read[:40]}


def _enough(found: Evidence, roll: str) -> bool:
    """Whether the evidence for one student, which nothing contradicts, needs no person."""
    if "file" in found.sources:
        return True
    if "page roll" not in found.sources:
        return False
    # Another number differs in one character, or this one is short: the name must agree.
    clear = found.roll_certainty >= 0.9 and len(plain(roll)) >= 4
    return clear or (found.roll_certainty >= 0.7 and "page name" in found.sources)


def _doubt(
    student: int,
    row: dict[int, Evidence],
    claimed: dict[int, int],
    taken: dict[int, str],
    roster: Roster,
) -> str:
    """What contradicts a suggestion, in words; "" if nothing does."""
    if claimed[student] > 1 or (claimed[student] == 1 and row[student].points < STRONG):
        return BUT_ANOTHER
    for other, found in row.items():
        if other != student and found.points >= 40:
            by_page = "file" in row[student].sources
            values = {"roll": roster.rolls[other], "why": found.reasons[0]}
            return BUT_SPEAKS[by_page, other in taken] % values
    return ""


def _why_nobody(
    sheet: Sheet, row: dict[int, Evidence], taken: dict[int, str], roster: Roster
) -> str:
    if row:
        student = max(row, key=lambda student: row[student].points)
        if student in taken:
            return BUT_HAS % {"why": row[student].reasons[0], "sheet": taken[student]}
        return BUT_BETTER % {"why": row[student].reasons[0], "roll": roster.rolls[student]}
    if sheet.roll_number_read:
        return NOT_OF_CLASS % {"read": sheet.roll_number_read}
    return gettext_noop("No roll number or name was found")
