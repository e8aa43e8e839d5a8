"""The runs of an exam as a list: where each is, how much of it was graded, and what it cost.

Comes in: runs. Goes out: a row for each, from the same few queries for any number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _

from batching import providers
from batching.models import BatchItem, BatchJob
from exams.costs import costs_of, total_of
from grading.models import GradingRun
from grading.run_standing import KEYS, Sheets, count_sheets, end_of


def list_rows(runs: Iterable[GradingRun]) -> list[dict[str, Any]]:
    """Each run with where it is, how much of it was graded and its cost; two queries for all."""
    runs = list(runs)
    pks = [run.pk for run in runs]
    jobs = list(BatchJob.objects.filter(run__in=pks).order_by("number"))
    costs = costs_of(jobs)
    sheets = sheets_of(pks)
    rows = []
    for run in runs:
        own = [job for job in jobs if job.run_id == run.pk]
        where = ", ".join(dict.fromkeys(job.get_state_display() for job in own))
        is_built = bool(run.batch_run.built_at or run.batch_run.problem)
        if is_built and not sheets[run.pk].waiting:
            where = end_of(run.batch_run, own, sheets[run.pk])
        rows.append(
            {
                "run": run,
                "title": providers.about(run.batch_run.provider).title,
                "where": where or _("Being built"),
                "sheets": sheets[run.pk],
                "cost": total_of(costs[job.pk] for job in own),
                "is_sent": any(job.approved_by_id for job in own),
            }
        )
    return rows


def sheets_of(runs: Sequence[int]) -> dict[int, Sheets]:
    """The sheets of runs by the run's pk, in one query."""
    found = {pk: Sheets() for pk in runs}
    groups = (
        BatchItem.objects.filter(run__in=runs)
        .order_by()
        .values_list("run", "state", *KEYS)
        .annotate(Count("pk"))
    )
    for run, state, set_free, is_first, is_last, number in groups:
        count_sheets(found[run], state, number, set_free, is_first=is_first, is_last=is_last)
    return found
