"""Commands on runs and jobs: what a person's action calls."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import SchoolClass, User
from batching import providers, purposes, tasks
from batching.build import release
from batching.close import close_job
from batching.conflicts import Conflict, guarded
from batching.direct import lose_waiting
from batching.models import BatchItem, BatchJob, BatchRun, ItemState, JobState


def plan_run(
    purpose: str,
    subject_ids: Sequence[int],
    *,
    provider: str,
    school_class: SchoolClass,
    title: str,
    by: User,
) -> BatchRun:
    """Make a run with one planned item per subject. The caller rings `start_building`.

    Raises Conflict when one of the subjects is in another live run, and UnknownProvider.
    """
    providers.get(provider)
    purposes.get(purpose)
    with transaction.atomic():
        run = BatchRun.objects.create(
            purpose=purpose,
            provider=provider,
            school_class=school_class,
            title=title,
            created_by=by,
        )
        items = [
            BatchItem(
                run=run,
                purpose=purpose,
                subject_id=subject_id,
                number=number,
                # Opaque to a provider, and the same again when the run is built again.
                custom_id=uuid.uuid5(run.token, str(subject_id)).hex,
            )
            for number, subject_id in enumerate(subject_ids, start=1)
        ]
        try:
            with transaction.atomic():
                BatchItem.objects.bulk_create(items, batch_size=500)
        except IntegrityError as error:
            raise Conflict("Some of these sheets are in another draft or batch already.") from error
    return run


def start_building(run: BatchRun) -> None:
    """Ring for the build once the run is committed."""
    tasks.build_run.delay_on_commit(run.pk)


@transaction.atomic
def send_job(job: BatchJob, *, by: User) -> BatchJob:
    """Approve a drafted job: the engine hands it in. Raises Conflict."""
    job = BatchJob.objects.select_for_update().get(pk=job.pk)
    with guarded(f"Job {job.number} is {job.get_state_display()} and cannot be sent."):
        job.submit(by)
        job._history_user = by
        job.save()
    tasks.submit_job.delay_on_commit(job.pk)
    return job


@transaction.atomic
def cancel_job(job: BatchJob, *, by: User) -> BatchJob:
    """Stop a job. What was answered is kept, the rest is set free. Raises Conflict.

    A batch at a provider is only asked to stop: it ends when the provider says so.
    """
    job = BatchJob.objects.select_for_update().get(pk=job.pk)
    job._history_user = by
    if job.state == JobState.IN_PROGRESS:
        job.cancel_asked_at = job.cancel_asked_at or timezone.now()
        job.next_poll_at = timezone.now()
        job.save()
        if job.kind == "direct":
            # An item that a worker holds right now is still answered; its lane closes the job.
            lose_waiting(job)
            close_job(job.pk)
        else:
            tasks.poll_job.delay_on_commit(job.pk)
        return job
    with guarded(f"Job {job.number} is {job.get_state_display()} and cannot be cancelled."):
        job.cancel("Cancelled before it was sent.")
        job.save()
    release(
        job.items.filter(state__in=[ItemState.BUILT, ItemState.SENT]),
        "Cancelled before it was sent.",
    )
    return job
