"""The purpose `grade_sheet`: how sheets follow their items through the batch engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Prefetch
from django.urls import reverse
from django.utils.translation import gettext_noop

from accounts.notifications import notify
from batching.models import BatchItem, BatchJob, BatchRun, ItemState, JobState
from batching.purposes import Draft, Purpose, Reply, Verdict
from batching.queries import is_over
from exams.models import Criterion, Rubric, Sheet, SheetState
from exams.pages import kept_pages
from exams.result_schema import result_schema
from grading.models import GradingRun
from grading.requests import PURPOSE, drafts_of, pages_of, waits_for
from grading.results import (
    accept_replies,
    fail_sheets,
    lock_sheets,
    move_sheets,
    restore_marks,
)


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
            if sheet is None or not waits_for(sheet, item):
                return True
            if pages_of(kept_pages(sheet)) != item.fence["pages"]:
                return True
        _move(items, (SheetState.MAPPED,), Sheet.draft, gettext_noop("Drafted"))
        return False

    def submitted(self, items: Sequence[BatchItem]) -> None:
        _move(items, (SheetState.JSONL_READY,), Sheet.send, gettext_noop("Sent"))

    def released(self, items: Sequence[BatchItem]) -> None:
        _move(items, (SheetState.JSONL_READY, SheetState.IN_BATCH), Sheet.release, items[0].reason)
        _give_back(items)
        self._tell_when_over(items[0].run)

    def ended(self, job: BatchJob) -> None:
        self._tell_when_over(job.run)

    def _tell_when_over(self, run: BatchRun) -> None:
        """Tell once that a run that was sent has ended; never while something is sent again."""
        sent = run.jobs.filter(approved_by__isnull=False)
        if not sent.exists() or not is_over(run):
            return
        first = run.items.filter(previous=None, job__in=sent)
        accepted = run.items.filter(state=ItemState.ACCEPTED).count()
        told = gettext_noop("%(run)s: %(accepted)s of %(count)s sheets were graded.")
        values = {"run": run.title, "accepted": accepted, "count": first.count()}
        refused = sent.filter(state=JobState.FAILED).order_by("pk").first()
        if refused is not None:
            told = gettext_noop(
                "%(run)s: %(accepted)s of %(count)s sheets were graded."
                " Job %(number)s failed: %(problem)s"
            )
            values |= {"number": refused.number, "problem": refused.problem}
        notify(
            [run.created_by_id],
            key=f"run-{run.pk}-ended",
            text=told,
            values=values,
            url=reverse("grading:run_detail", args=[run.pk]),
        )

    def late(self, job: BatchJob) -> None:
        hours = int(settings.SHEAF_LATE_HOURS)
        notify(
            [job.run.created_by_id],
            key=f"job-{job.pk}-late",
            text=gettext_noop(
                "%(run)s: job %(number)s has been at its provider for more than %(hours)s hours."
                " Nothing is lost; it can be stopped on its page."
            ),
            values={"run": job.run.title, "number": job.number, "hours": hours},
            url=reverse("grading:run_detail", args=[job.run_id]),
        )

    def waits(self, job: BatchJob) -> None:
        notify(
            [job.run.created_by_id],
            key=f"job-{job.pk}-waits",
            text=gettext_noop("%(run)s: %(count)s sheets wait to be sent again. %(problem)s"),
            values={
                "run": job.run.title,
                "count": job.item_count,
                "problem": job.problem,
            },
            url=reverse("grading:run_detail", args=[job.run_id]),
        )

    def cap(self, run: BatchRun) -> Decimal | None:
        return GradingRun.objects.values_list("exam__spending_cap", flat=True).get(batch_run=run)

    def accept(self, replies: Sequence[Reply]) -> dict[int, Verdict]:
        return accept_replies(_rubric(replies[0].item.run), replies)

    def fail(self, items: Sequence[BatchItem]) -> None:
        fail_sheets(items)


def _give_back(items: Sequence[BatchItem]) -> None:
    """Give the sheets of released items the marks back that were dropped for their run, and keep
    with the run which of them have them."""
    # Locked, since jobs of one run can be released at once.
    run = GradingRun.objects.select_for_update().get(batch_run=items[0].run_id)
    dropped = {
        item.subject_id: run.graded_again[str(item.subject_id)]
        for item in items
        if str(item.subject_id) in run.graded_again
    }
    if not dropped:
        return
    back = restore_marks(dropped)
    for pk, kept in dropped.items():
        kept["back"] = kept.get("back", False) or pk in back
    run.save(update_fields=["graded_again"])


def _rubric(run: BatchRun) -> Rubric:
    """The rubric of a run with its criteria; read once for each copy of the run in memory."""
    if not BatchRun.grading_run.is_cached(run):
        run.grading_run = (
            GradingRun.objects.select_related("rubric__exam")
            .prefetch_related(Prefetch("rubric__criteria", Criterion.objects.order_by("position")))
            .get(batch_run=run)
        )
    rubric: Rubric = run.grading_run.rubric
    return rubric


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
