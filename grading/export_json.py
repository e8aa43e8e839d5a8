"""The export as JSON: an exam's results in a shape that does not change within a version.

Comes in: an exam. Goes out: pieces of one JSON document, a sheet on each line. Its shape is
described in docs/exports.md; a change that breaks a reader raises VERSION.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from exams.models import Criterion, Exam
from grading.export_rows import PIECE, MarkRow, SheetRow, criteria_of, sheet_rows
from grading.models import Appeal

FORMAT = "sheaf-results"
VERSION = 1


def results_json(exam: Exam) -> Iterator[str]:
    """All marked sheets of an exam as one document."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "exam": {
            "title": exam.title,
            "date": exam.date.isoformat() if exam.date else None,
            "class": exam.school_class.name,
            "subject": exam.subject.name,
        },
        "criteria": [_criterion(criterion) for criterion in criteria_of(exam)],
    }
    yield f'{dump(head)[:-1]}, "sheets": [\n'
    between = ""
    rows = sheet_rows(exam)
    while piece := list(islice(rows, PIECE)):
        appeals = _appeals(piece)
        for sheet in piece:
            yield between + dump(_sheet(sheet, appeals[sheet.pk]))
            between = ",\n"
    yield "\n]}\n"


def _appeals(sheets: list[SheetRow]) -> defaultdict[int, list[Appeal]]:
    """By sheet pk: its appeals, oldest first."""
    found: defaultdict[int, list[Appeal]] = defaultdict(list)
    rows = Appeal.objects.filter(sheet__in=[sheet.pk for sheet in sheets])
    for appeal in rows.order_by("raised_at", "pk"):
        found[appeal.sheet_id].append(appeal)
    return found


def dump(value: Any) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def points(value: Decimal) -> int | float:
    """Points as a JSON number: 2, 1.5."""
    return int(value) if value == int(value) else float(value)


def moment(value: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC."""
    return value.isoformat(timespec="seconds") if value else None


def _criterion(criterion: Criterion) -> dict[str, Any]:
    if criterion.step is None:
        raise ValueError(f"{criterion.code} has marks and no step.")
    return {
        "code": criterion.code,
        "description": criterion.description,
        "kind": criterion.kind,
        "lowest": points(criterion.floor),
        "highest": points(criterion.ceiling),
        "step": points(criterion.step),
    }


def _sheet(sheet: SheetRow, appeals: list[Appeal]) -> dict[str, Any]:
    return {
        "sheet": sheet.pk,
        "roll_number": sheet.roll_number,
        "name": sheet.name,
        "email": sheet.email,
        "state": sheet.state,
        "reviewed_at": moment(sheet.reviewed_at),
        "published_at": moment(sheet.published_at),
        "total": points(sheet.total),
        "out_of": points(sheet.out_of),
        "marks": [_mark(mark) for mark in sheet.marks],
        "appeals": [_appeal(appeal) for appeal in appeals],
    }


def _appeal(appeal: Appeal) -> dict[str, Any]:
    return {
        "criterion": appeal.code,
        "state": appeal.state.value,
        "points_then": points(appeal.awarded_then),
        "text": appeal.text,
        "raised_at": moment(appeal.raised_at),
        "answer": appeal.answer,
        "answered_at": moment(appeal.answered_at),
    }


def _mark(mark: MarkRow) -> dict[str, Any]:
    return {
        "criterion": mark.code,
        "rubric_version": mark.version,
        "points": points(mark.awarded),
        "lowest": points(mark.floor),
        "highest": points(mark.ceiling),
        "feedback": mark.feedback,
        "overridden": mark.is_overridden,
        "proposed": {
            "points": points(mark.proposed),
            "source": mark.source,
            "provider": mark.provider,
            "model": mark.model,
        },
        "changed_by": mark.changed_by or None,
        "changed_at": moment(mark.changed_at) if mark.changed_by else None,
    }
