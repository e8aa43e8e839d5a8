"""Histories and assessments of an exam as rows for its archive.

Comes in: an exam. Goes out: lines of CSV (every change of a mark, every step of a sheet, every
appeal), and lines of JSON (every assessment with its parts and its raw reply), oldest first, a
piece at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F, Prefetch

from exams.models import Exam, Sheet, SheetState
from grading.export_json import dump, moment, points
from grading.export_rows import PIECE, in_english
from grading.exports import BYTE_ORDER_MARK, harmless, line, number
from grading.models import Appeal, Assessment, Mark, Part

ASSESSMENTS_AT_ONCE = 100
_KINDS = {"+": "created", "~": "changed", "-": "deleted"}


def marks_history_csv(exam: Exam) -> Iterator[str]:
    """Every change of every mark, those of dropped marks included."""
    header = ["When", "Who", "What", "Sheet", "Roll number", "Criterion", "Mark", "Version"]
    yield BYTE_ORDER_MARK + line([*header, "Points", "Feedback", "Overridden", "Reason"])
    rows = (
        Mark.history.filter(sheet__exam=exam)
        .order_by("history_date", "history_id")
        .values_list(
            "history_date",
            "history_user__name",
            "history_type",
            "sheet",
            "sheet__enrolment__roll_number",
            "criterion__code",
            "id",
            "version",
            "awarded",
            "feedback",
            "is_overridden",
            "history_change_reason",
        )
    )
    for (
        when,
        who,
        kind,
        sheet,
        roll,
        code,
        mark,
        version,
        awarded,
        text,
        overridden,
        why,
    ) in rows.iterator(PIECE):
        about = [moment(when), harmless(who or ""), _KINDS[kind], sheet, harmless(roll or "")]
        value = [number(awarded), harmless(text), "yes" if overridden else "no"]
        yield line([*about, harmless(code or ""), mark, version, *value, harmless(why or "")])


def sheets_history_csv(exam: Exam) -> Iterator[str]:
    """Every step of every sheet."""
    header = ["When", "Who", "What", "Sheet", "File", "Roll number", "State", "Problem", "Reason"]
    yield BYTE_ORDER_MARK + line(header)
    rows = (
        Sheet.history.filter(exam=exam)
        .order_by("history_date", "history_id")
        .values_list(
            "history_date",
            "history_user__name",
            "history_type",
            "id",
            "name",
            "enrolment__roll_number",
            "state",
            "problem",
            "history_change_reason",
        )
    )
    for when, who, kind, sheet, name, roll, state, problem, why in rows.iterator(PIECE):
        about = [moment(when), harmless(who or ""), _KINDS[kind], sheet, harmless(name)]
        step = [harmless(roll or ""), in_english(SheetState(state)), harmless(problem)]
        yield line([*about, *step, harmless(why or "")])


def appeals_csv(exam: Exam) -> Iterator[str]:
    """Every appeal with its answer, withdrawn ones included."""
    header = ["When", "Sheet", "Roll number", "Name", "Criterion", "State", "Points then"]
    yield BYTE_ORDER_MARK + line([*header, "Text", "Answer", "Answered by", "Answered at"])
    rows = Appeal.objects.filter(sheet__exam=exam).order_by("raised_at", "pk")
    rows = rows.select_related("raised_by", "answered_by").annotate(
        roll_number=F("sheet__enrolment__roll_number")
    )
    for one in rows.iterator(PIECE):
        about = [moment(one.raised_at), one.sheet_id, harmless(one.roll_number or "")]
        said = [harmless(one.raised_by.name), harmless(one.code), one.state.value]
        by = harmless(one.answered_by.name) if one.answered_by else ""
        answer = [harmless(one.text), harmless(one.answer), by, moment(one.answered_at) or ""]
        yield line([*about, *said, number(one.awarded_then), *answer])


def assessments_jsonl(exam: Exam) -> Iterator[str]:
    """Every assessment of the exam with all that is kept of it."""
    parts = Part.objects.annotate(code=F("criterion__code")).order_by("criterion__position")
    assessments = (
        Assessment.objects.filter(sheet__exam=exam)
        .order_by("pk")
        .select_related("staff", "rubric")
        .prefetch_related(Prefetch("parts", parts))
    )
    for one in assessments.iterator(ASSESSMENTS_AT_ONCE):
        yield dump(_assessment(one)) + "\n"


def _assessment(one: Assessment) -> dict[str, object]:
    return {
        "assessment": one.pk,
        "sheet": one.sheet_id,
        "source": one.source,
        "staff": one.staff.name if one.staff else None,
        "provider": one.provider,
        "model": one.model,
        "prompt_version": one.prompt_version,
        "rubric_version": one.rubric.version,
        "rubric_hash": one.rubric_hash,
        "request_hash": one.request_hash,
        "pages": one.pages,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "created_at": moment(one.created_at),
        "raw_reply": one.raw_reply,
        "parts": [_part(part) for part in one.parts.all()],
    }


def _part(part: Part) -> dict[str, object]:
    return {
        "awarded": points(part.awarded),
        "transcription": part.transcription,
        "feedback": part.feedback,
        "reasoning": part.reasoning,
        "confidence": part.confidence,
        "page_number": part.page_number,
        "code": part.code,
    }
