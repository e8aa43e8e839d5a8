"""The export as JSON: an exam's results in a shape that does not change within a version.

Comes in: an exam. Goes out: pieces of one JSON document, a sheet on each line. Its shape is
described in docs/exports.md; a change that breaks a reader raises VERSION.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from exams.models import Criterion, Exam
from grading.export_rows import MarkRow, SheetRow, criteria_of, sheet_rows

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
    for sheet in sheet_rows(exam):
        yield between + dump(_sheet(sheet))
        between = ",\n"
    yield "\n]}\n"


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


def _sheet(sheet: SheetRow) -> dict[str, Any]:
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
