"""The books at the end of a run: what a vendor was asked and is paid for, held against our rows.

Comes in: a run that is over, and the folder of its vendor's emulator. Goes out: sentences that
say what is wrong, none when all is well. It works in any process that has the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from batching.models import FINAL_JOB_STATES, BatchItem, BatchJob, BatchRun, ItemState, JobState
from batching.queries import count_items_of, is_over
from exams.models import SheetState
from grading.integrity import differences
from grading.models import Assessment, GradingRun, Mark
from tests.batching.drill_exam import HIGHEST, marks_of, number_of
from tests.emulators.base import Ledger


@dataclass(frozen=True, slots=True)
class Books:
    """What a vendor says it was asked and is to be paid for: batches by our token, each with the
    ids of its items, and answers by the id of their item.
    """

    created: list[tuple[str, list[str]]]
    billed: Counter[str]


def books_of(folder: Path) -> Books:
    """The books of the emulator in this folder."""
    ledger = Ledger(folder / "ledger.jsonl")
    # A local server bills nothing: what came without content, or too late, is asked for again.
    billed = [one for one in ledger.entries("billed") if one.get("fault") not in NOT_RECEIVED]
    return Books(
        [(one["token"], one["custom_ids"]) for one in ledger.entries("create")],
        Counter(one["custom_id"] for one in billed),
    )


NOT_RECEIVED = ("null-content", "empty", "slow")


def troubles(run: BatchRun, folder: Path, *, obeyed: Sequence[int] = ()) -> list[str]:
    """What is wrong with a run that is over, in sentences: nothing lost, nothing paid twice,
    nothing invented. `folder` is its vendor's; pupils `obeyed` got what their sheet asked for.
    """
    books = books_of(folder)
    return [
        *_open_ends(run),
        *_double_payments(run, books),
        *_wrong_marks(run, obeyed),
        *differences(),
    ]


def _open_ends(run: BatchRun) -> Iterator[str]:
    jobs = list(run.jobs.all())
    if not is_over(run):
        yield "the run is not over"
    for job, counts in ((job, count_items_of(jobs)[job.pk]) for job in jobs):
        if job.state not in FINAL_JOB_STATES or job.ended_at is None or job.cost is None:
            yield f"job {job.number} has not ended: {job.state}"
        if job.state == JobState.COMPLETED and not counts.add_up:
            yield f"job {job.number} does not add up: {counts}"
        if counts.open or counts.submitted != counts.ended + counts.released:
            yield f"job {job.number} has items without an end: {counts}"
        if job.state != JobState.COMPLETED and not job.problem:
            yield f"job {job.number} is {job.state} and does not say why"
    for item in run.items.exclude(state=ItemState.ACCEPTED):
        if not item.reason:
            yield f"item {item.number} is {item.state} and does not say why"
    twice = Counter(run.items.filter(state=ItemState.ACCEPTED).values_list("subject_id", flat=True))
    yield from (f"sheet {pk} was accepted {n} times" for pk, n in twice.items() if n > 1)


def _double_payments(run: BatchRun, books: Books) -> Iterator[str]:
    tokens = Counter(token for token, _ in books.created)
    yield from (f"batch {token} was created {n} times" for token, n in tokens.items() if n > 1)
    yield from (f"item {one} was billed {n} times" for one, n in books.billed.items() if n > 1)
    ours = {str(token) for token in BatchJob.objects.values_list("token", flat=True)}
    handed_in = Counter(one for token, ids in books.created if token in ours for one in ids)
    yield from (f"item {one} was handed in {n} times" for one, n in handed_in.items() if n > 1)
    # A job that the vendor had no room for was handed in again under another token.
    former = {str(token) for token in BatchJob.history.values_list("token", flat=True)}
    yield from (f"batch {token} is nobody's" for token in set(tokens) - ours - former)
    ids = set(BatchItem.objects.values_list("custom_id", flat=True))
    yield from (f"{one} was billed and is no item" for one in set(books.billed) - ids)
    for job in run.jobs.filter(provider=run.provider, kind="batch").exclude(remote_id=""):
        if not tokens[str(job.token)]:
            yield f"job {job.number} says that it was created, and was not"
    for item in run.items.filter(provider=run.provider, state=ItemState.ACCEPTED):
        if not books.billed[item.custom_id]:
            yield f"item {item.number} was accepted and never answered"


def _wrong_marks(run: BatchRun, obeyed: Sequence[int]) -> Iterator[str]:
    exam = GradingRun.objects.get(batch_run=run).exam
    for sheet in exam.sheets.order_by("pk"):
        number = number_of(sheet)
        marks = list(Mark.objects.filter(sheet=sheet).select_related("part__assessment__item"))
        made = list(Assessment.objects.filter(sheet=sheet))
        if sheet.state != SheetState.GRADED:
            if marks or made:
                yield f"pupil {number} has marks although the sheet is {sheet.state}"
            if sheet.state == SheetState.FAILED and not sheet.problem:
                yield f"the sheet of pupil {number} failed without a story"
            continue
        if len(made) != 1:
            yield f"pupil {number} was assessed {len(made)} times"
        awarded = {mark.criterion.code: float(mark.awarded) for mark in marks}
        due = HIGHEST if number in obeyed else marks_of(number)
        if awarded != due:
            yield f"pupil {number} got {awarded} and not {due}"
        for mark in marks:
            item = mark.part.assessment.item
            if item is None or item.state != ItemState.ACCEPTED or item.subject_id != sheet.pk:
                yield f"a mark of pupil {number} comes from no accepted reply"
            elif item.custom_id not in mark.part.assessment.raw_reply:
                yield f"a mark of pupil {number} comes from another item's reply"
