"""Forget: what ended runs asked of providers, and what came back, goes; the account of it stays.

Comes in: the runs of something that is being deleted. Goes out: jobs without their files of lines
and of results, items without replies and without the words that quote one. States, numbers of
tokens, costs and hashes are what they were, so that every account still adds up.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from batching.conflicts import Conflict
from batching.models import (
    LIVE_ITEM_STATES,
    OPEN_JOB_STATES,
    BatchItem,
    BatchJob,
    BatchRun,
    ResultFile,
)

FORGOTTEN = gettext_noop("Forgotten: %(why)s")


def live_runs(runs: QuerySet[BatchRun]) -> QuerySet[BatchRun]:
    """Those of the runs that are being built, wait to be sent, or are with a provider."""
    jobs = BatchJob.objects.filter(run=OuterRef("pk"), state__in=OPEN_JOB_STATES)
    items = BatchItem.objects.filter(run=OuterRef("pk"), state__in=LIVE_ITEM_STATES)
    is_building = Q(built_at__isnull=True, problem="")
    return runs.filter(is_building | Exists(jobs) | Exists(items))


@transaction.atomic
def forget_content(runs: QuerySet[BatchRun], *, by: User, reason: str) -> None:
    """Delete the files of lines and results of ended runs, and blank the texts of their items.

    `reason` goes into the history of the jobs, and stands where an item's own reason stood. Raises
    Conflict, forgetting nothing, while one of the runs is live.
    """
    pks = list(runs.values_list("pk", flat=True))
    # Before any lock, since a worker on a live job may wait for what the caller holds. What has
    # ended stays so.
    if live_runs(BatchRun.objects.filter(pk__in=pks)).exists():
        raise Conflict(_("A run is drafted or under way. Let it end, or stop it."))
    jobs = BatchJob.objects.select_for_update(of=("self",)).filter(run__in=pks).order_by("pk")
    for job in list(jobs):
        files = [file.name for file in job.result_files.all()]
        if not files and not job.lines_file:
            continue
        _delete_after_commit([*files, job.lines_file])
        ResultFile.objects.filter(job=job).delete()
        job.lines_file = ""
        job._history_user = by
        job._change_reason = reason
        job.save()
    items = BatchItem.objects.filter(run__in=pks)
    items.exclude(reply="", complaint="").update(reply="", complaint="")
    items.exclude(reason="").update(reason=FORGOTTEN % {"why": reason})


def _delete_after_commit(names: Iterable[str]) -> None:
    """A file that cannot be deleted is logged; housekeeping deletes what no row names."""
    for name in filter(None, names):
        # Each by itself, and no partial: Django cannot name a partial that failed.
        transaction.on_commit(lambda name=name: default_storage.delete(name), robust=True)
