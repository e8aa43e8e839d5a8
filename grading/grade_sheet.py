"""The purpose `grade_sheet`: how sheets follow their items through the batch engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.urls import reverse

from accounts.notifications import notify
from batching.models import BatchItem, BatchJob, BatchRun, JobState
from batching.purposes import Draft, Purpose, Reply, Verdict
from batching.queries import count_items
from exams.models import Rubric, Sheet, SheetState
from exams.result_schema import result_schema
from grading.requests import PURPOSE, drafts_of, pages_of, pages_to_send
from grading.results import accept_replies, fail_sheets, lock_sheets, move_sheets


class GradeSheet(Purpose):
    """One item is one sheet; its reply becomes an assessment with marks."""

    name = PURPOSE

    def drafts(self, items: Sequence[BatchItem]) -> dict[int, Draft | str]:
        return drafts_of(_rubric(items[0].run), items)

    def schema(self, run: BatchRun) -> dict[str, Any]:
        return result_schema(_rubric(run))

    def built(self, items: Sequence[BatchItem]) -> bool:
        sheets = lock_sheets(item.subject_id for item in items)
        for item in items:
            sheet = sheets.get(item.subject_id)
            if sheet is None or sheet.state != SheetState.MAPPED:
                return True
            if pages_of(pages_to_send(sheet)) != item.fence["pages"]:
                return True
        _move(items, (SheetState.MAPPED,), Sheet.draft, "Drafted")
        return False

    def submitted(self, items: Sequence[BatchItem]) -> None:
        _move(items, (SheetState.JSONL_READY,), Sheet.send, "Sent")

    def released(self, items: Sequence[BatchItem]) -> None:
        _move(items, (SheetState.JSONL_READY, SheetState.IN_BATCH), Sheet.release, items[0].reason)

    def ended(self, job: BatchJob) -> None:
        counts = count_items(job)
        told = f"{job.run.title}: {counts.accepted} of {counts.submitted} papers were graded."
        if job.state == JobState.FAILED:
            told = f"{job.run.title}: grading failed. {job.problem}"
        notify(
            [job.run.created_by_id],
            key=f"job-{job.pk}-ended",
            text=told[:300],
            url=reverse("grading:run_detail", args=[job.run_id]),
        )

    def accept(self, replies: Sequence[Reply]) -> dict[int, Verdict]:
        return accept_replies(_rubric(replies[0].item.run), replies)

    def fail(self, items: Sequence[BatchItem]) -> None:
        fail_sheets(items)


def _rubric(run: BatchRun) -> Rubric:
    return Rubric.objects.select_related("exam").get(runs__batch_run=run)


def _move(
    items: Sequence[BatchItem],
    states: Sequence[SheetState],
    step: Callable[[Sheet], None],
    reason: str,
) -> None:
    # A sheet that is elsewhere by now (skipped, deleted) does not follow its item.
    moved = [
        sheet
        for sheet in lock_sheets(item.subject_id for item in items).values()
        if sheet.state in states
    ]
    for sheet in moved:
        step(sheet)
    move_sheets(moved, reason)
