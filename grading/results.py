"""From valid replies to assessments, parts and marks.

Set-based: a chunk of replies costs the same few statements whatever its size. A reply whose
pages or rubric structure changed since it was sent gives no marks; an illegal mark is never
made legal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, Value, When
from django.utils.translation import gettext_noop

from accounts.models import User
from batching import providers
from batching.models import BatchItem
from batching.purposes import Reply, Verdict
from batching.repair import stories
from batching.rows import insert_from, insert_rows, update_rows
from exams.models import Criterion, Rubric, Sheet, SheetState
from exams.pages import kept_pages
from exams.result_schema import is_legal, legal_marks
from exams.rubrics import current_rubric, leaves
from grading import prompt
from grading.history import write_history
from grading.models import Assessment, Mark, Part
from grading.requests import pages_of

ILLEGAL = gettext_noop("%(code)s: %(awarded)s is not one of the marks %(allowed)s.")
NOT_AGAIN = gettext_noop("It was to be graded again and was not: the marks are back")
MOVED_FIELDS = ["state", "problem", "enrolment"]


@dataclass(frozen=True, slots=True)
class Taken:
    """A reply that gives marks, with the sheet it belongs to."""

    reply: Reply
    sheet: Sheet


def accept_replies(rubric: Rubric, replies: Sequence[Reply]) -> dict[int, Verdict]:
    """Make assessments and marks of a chunk of valid replies; by item pk what became of each."""
    criteria = leaves(rubric)
    sheets = lock_sheets(reply.item.subject_id for reply in replies)
    current = current_rubric(rubric.exam)
    verdicts: dict[int, Verdict] = {}
    taken: list[Taken] = []
    overtaken: list[Sheet] = []
    for reply in replies:
        sheet = sheets.get(reply.item.subject_id)
        verdict = judge(reply, sheet, current, criteria)
        verdicts[reply.item.pk] = verdict
        if sheet is None:
            continue
        if verdict.outcome == "accepted":
            taken.append(Taken(reply, sheet))
        elif verdict.outcome == "superseded" and sheet.state == SheetState.IN_BATCH:
            sheet.release()
            sheet.problem = verdict.reason
            overtaken.append(sheet)
    if taken:
        write_marks(rubric, criteria, taken)
    for sheet in (one.sheet for one in taken):
        sheet.grade()
    move_sheets([one.sheet for one in taken], gettext_noop("Graded"))
    move_sheets(overtaken, gettext_noop("The reply was superseded"))
    return verdicts


def judge(
    reply: Reply, sheet: Sheet | None, current: Rubric | None, criteria: Sequence[Criterion]
) -> Verdict:
    """Whether a valid reply may give marks, and if not, why."""
    if sheet is None:
        return Verdict("discarded", gettext_noop("The sheet was deleted before its reply came."))
    if sheet.state != SheetState.IN_BATCH:
        return Verdict("superseded", gettext_noop("The sheet no longer waits for this reply."))
    fence = reply.item.fence
    if current is None or current.structure_hash != fence["structure_hash"]:
        return Verdict(
            "superseded", gettext_noop("The rubric's structure changed after this was sent.")
        )
    if pages_of(kept_pages(sheet)) != fence["pages"]:
        return Verdict("superseded", gettext_noop("The sheet's pages changed after this was sent."))
    for criterion in criteria:
        awarded = points(reply.value["parts"][criterion.code]["awarded"])
        if not is_legal(criterion, awarded):
            allowed = ", ".join(f"{mark.normalize():f}" for mark in legal_marks(criterion)[:20])
            values = {"code": criterion.code, "awarded": awarded, "allowed": allowed}
            return Verdict("rejected", ILLEGAL % values)
    return Verdict("accepted")


def points(number: float) -> Decimal:
    """A JSON number as exact marks (1.5 and not 1.499…)."""
    return Decimal(str(number))


def write_marks(rubric: Rubric, criteria: Sequence[Criterion], taken: Sequence[Taken]) -> None:
    """Add the assessments with their parts, and the marks made from them with their history."""
    assessors = {
        name: providers.get(name).assessor for name in {one.reply.item.provider for one in taken}
    }
    assessments = [
        _assessment(rubric, one, source=assessors[one.reply.item.provider]) for one in taken
    ]
    insert_rows(assessments)
    parts = [
        _part(assessment, criterion, one.reply.value["parts"][criterion.code])
        for assessment, one in zip(assessments, taken, strict=True)
        for criterion in criteria
    ]
    insert_rows(parts)
    make_marks(
        [assessment.pk for assessment in assessments],
        criteria,
        gettext_noop("Made from an assessment"),
    )


def make_marks(assessments: Sequence[int], criteria: Sequence[Criterion], reason: str) -> None:
    """Make the marks of the sheets of assessments, with their history, as these propose them."""
    insert_from(
        Mark,
        Part.objects.filter(assessment__in=assessments).order_by("pk"),
        sheet=F("assessment__sheet"),
        criterion=F("criterion"),
        part=F("pk"),
        awarded=F("awarded"),
        floor=Case(*(When(criterion=one.pk, then=Value(one.floor)) for one in criteria)),
        ceiling=Case(*(When(criterion=one.pk, then=Value(one.ceiling)) for one in criteria)),
        feedback=F("feedback"),
    )
    made = Mark.objects.filter(part__assessment__in=assessments)
    write_history(made, "+", by=None, reason=reason)


def restore_marks(dropped: Mapping[int, Mapping[str, int]]) -> set[int]:
    """Give sheets that were to be graded again, and were not, the marks that they had; by pk those
    that have them back.

    By each sheet's pk what GradingRun.graded_again keeps of it. A sheet that went on in the
    meantime, whose pages changed, or that is another student's by now, keeps what it has.
    """
    assessments = Assessment.objects.in_bulk([one["assessment"] for one in dropped.values()])
    sheets, made_from = [], []
    for sheet in lock_sheets(dropped).values():
        before = dropped[sheet.pk]
        assessment = assessments.get(before["assessment"])
        if (
            assessment is not None
            and sheet.state == SheetState.MAPPED
            and sheet.enrolment_id == before["enrolment"]
            and pages_of(kept_pages(sheet)) == assessment.pages
        ):
            sheets.append(sheet)
            made_from.append(assessment.pk)
    if not sheets:
        return set()
    parts = Part.objects.filter(assessment__in=made_from)
    criteria = list(Criterion.objects.filter(pk__in=parts.values("criterion")))
    make_marks(made_from, criteria, NOT_AGAIN)
    for sheet in sheets:
        sheet.grade()
    move_sheets(sheets, NOT_AGAIN)
    return {sheet.pk for sheet in sheets}


def fail_sheets(items: Sequence[BatchItem]) -> None:
    """Their items ended without a valid reply: the sheets fail, with the story."""
    told = stories(items)
    reasons = {item.subject_id: told[item.pk] for item in items}
    failed = []
    for sheet in lock_sheets(reasons).values():
        if sheet.state == SheetState.IN_BATCH:
            sheet.fail(reasons[sheet.pk])
            failed.append(sheet)
    move_sheets(failed, gettext_noop("No valid reply"))


def lock_sheets(pks: Iterable[int]) -> dict[int, Sheet]:
    """The sheets, locked in primary-key order, with their pages."""
    rows = (
        Sheet.objects.select_for_update(of=("self",))
        .filter(pk__in=list(pks))
        .order_by("pk")
        .prefetch_related("pages")
    )
    return {sheet.pk: sheet for sheet in rows}


def move_sheets(sheets: Sequence[Sheet], reason: str, by: User | None = None) -> None:
    """Save sheets that made a transition, one history row each. They are locked already."""
    if sheets:
        update_rows(sheets, MOVED_FIELDS)
        moved = Sheet.objects.filter(pk__in=[sheet.pk for sheet in sheets])
        write_history(moved, "~", by=by, reason=reason)


def _assessment(rubric: Rubric, one: Taken, *, source: str) -> Assessment:
    item = one.reply.item
    return Assessment(
        sheet=one.sheet,
        rubric=rubric,
        source=source,
        item=item,
        provider=item.provider,
        model=item.model,
        prompt_version=item.fence.get("prompt_version", prompt.PROMPT_VERSION),
        rubric_hash=item.fence["content_hash"],
        request_hash=item.request_hash,
        raw_reply=item.reply,
        pages=item.fence["pages"],
        input_tokens=item.input_tokens,
        output_tokens=item.output_tokens,
    )


def _part(assessment: Assessment, criterion: Criterion, value: dict[str, Any]) -> Part:
    return Part(
        assessment=assessment,
        criterion=criterion,
        awarded=points(value["awarded"]),
        transcription=value["transcription"],
        feedback=value["feedback"],
        reasoning=value["reasoning"],
        confidence=value["confidence"],
        page_number=value["page"],
    )
