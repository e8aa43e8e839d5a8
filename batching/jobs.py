"""Commands on runs and jobs: what a person's action calls."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import SchoolClass, User
from batching import providers, purposes, spending, tasks
from batching.build import release
from batching.close import close_job
from batching.conflicts import Conflict, guarded
from batching.direct import lose_waiting
from batching.models import (
    LIVE_JOB_STATES,
    OPEN_JOB_STATES,
    BatchItem,
    BatchJob,
    BatchRun,
    ItemState,
    JobState,
)
from batching.settle import lose
from batching.sweep import ring

NEVER_BUILT = gettext_noop("Cancelled before it was built.")
WRITTEN_OFF = gettext_noop("Written off by %(by)s.")


def plan_run(
    purpose: str,
    subject_ids: Sequence[int],
    *,
    provider: str,
    school_class: SchoolClass,
    title: str,
    by: User,
    second_provider: str = "",
    budget: str = "",
) -> BatchRun:
    """Make a run with one planned item per subject. The caller rings `start_building`.

    What the provider fails at goes to `second_provider`, if one is named; `budget` is what the
    run's cost counts under. Raises Conflict when one of the subjects is in another live run,
    UnknownProvider, and ProviderNotReady when a setting of a provider is missing.
    """
    providers.require(provider)
    if second_provider:
        providers.require(second_provider)
    purposes.get(purpose)
    with transaction.atomic():
        run = BatchRun.objects.create(
            purpose=purpose,
            provider=provider,
            second_provider=second_provider if second_provider != provider else "",
            budget=budget,
            school_class=school_class,
            title=title,
            created_by=by,
        )
        items = [
            BatchItem(
                run=run,
                purpose=purpose,
                provider=provider,
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
            raise Conflict(_("Some of these are in another draft or batch already.")) from error
    return run


def start_building(run: BatchRun) -> None:
    """Ring for the build once the run is committed."""
    ring(tasks.build_run, run.pk)


def _locked(run: BatchRun) -> BatchRun:
    # Not its key: a worker that collects adds items to the run while it holds a job.
    return BatchRun.objects.select_for_update(no_key=True).get(pk=run.pk)


def _named(job: BatchJob) -> dict[str, object]:
    return {"number": job.number, "state": job.get_state_display()}


def _approve(job: BatchJob, *, by: User) -> BatchJob:
    job = BatchJob.objects.select_for_update().get(pk=job.pk)
    refusal = _("Job %(number)s is %(state)s and cannot be sent.") % _named(job)
    with guarded(refusal):
        job.submit(by)
        job.problem = ""
        job._history_user = by
        job.save()
    ring(tasks.submit_job, job.pk)
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
            ring(tasks.poll_job, job.pk)
        return job
    if job.state == JobState.SUBMITTED and job.submit_started_at:
        # The provider may have it already: the hand-in looks before it calls anything off.
        job.cancel_asked_at = job.cancel_asked_at or timezone.now()
        job.save()
        ring(tasks.submit_job, job.pk)
        return job
    refusal = _("Job %(number)s is %(state)s and cannot be cancelled.") % _named(job)
    with guarded(refusal):
        job.cancel(gettext_noop("Cancelled before it was sent."))
        job.cost = 0
        # A hand-in that is just beginning loses its claim before it calls the provider.
        job.attempt += 1
        job.lease_until = None
        job.save()
    release(
        job.items.filter(state__in=[ItemState.BUILT, ItemState.SENT]),
        gettext_noop("Cancelled before it was sent."),
    )
    return job


@transaction.atomic
def look_at_job(job: BatchJob, *, by: User) -> BatchJob:
    """Ask the provider about a job now instead of at its next turn. Raises Conflict.

    While the provider's account rests the job is looked at when the rest is over.
    """
    job = BatchJob.objects.select_for_update().get(pk=job.pk)
    if job.state != JobState.IN_PROGRESS or job.kind != "batch":
        told = _("Job %(number)s is not at a provider; there is nothing to ask about.")
        raise Conflict(told % {"number": job.number})
    job.next_poll_at = timezone.now()
    job._history_user = by
    job.save()
    ring(tasks.poll_job, job.pk)
    return job


@transaction.atomic
def write_off_job(job: BatchJob, *, by: User) -> BatchJob:
    """Give a job up that its provider will never end: its open items are free again.

    The provider is asked to stop, and what it still finishes is kept for the account alone
    (batching/follow.py); it gives no marks. Raises Conflict.
    """
    job = BatchJob.objects.select_for_update().get(pk=job.pk)
    if job.state not in LIVE_JOB_STATES:
        raise Conflict(_("Job %(number)s is %(state)s; there is nothing to give up.") % _named(job))
    problem = WRITTEN_OFF % {"by": by}
    job.cancel(problem)
    job.attempt += 1  # a worker on it writes nothing more
    job.lease_until = None
    job.next_poll_at = timezone.now()
    if job.results_kept_at:
        job.cost = spending.cost_of(spending.usage_of(job), job.price)
    job._history_user = by
    job.save()
    ring(tasks.follow_job, job.pk)
    release(job.items.filter(state=ItemState.BUILT), problem)
    open_items = job.items.select_for_update().filter(state=ItemState.SENT).order_by("pk")
    lose(job, list(open_items), problem, free=True)
    return job


@transaction.atomic
def send_run(run: BatchRun, *, by: User) -> int:
    """Send every job of a built run that waits for it; gives their number.

    All or none: raises Conflict, and OverBudget when their cost does not fit under a cap.
    """
    run = _locked(run)
    if run.built_at is None:
        raise Conflict(_("The requests are still being built. Wait until the draft is complete."))
    waiting = list(run.jobs.filter(state=JobState.REVIEW).order_by("pk"))
    if not waiting:
        raise Conflict(_("No job of this run waits to be sent: it was sent or cancelled already."))
    spending.check_caps(run, run.jobs.filter(pk__in=[job.pk for job in waiting]))
    for job in waiting:
        _approve(job, by=by)
    return len(waiting)


@transaction.atomic
def cancel_run(run: BatchRun, *, by: User) -> None:
    """Stop a run: what was answered is kept, everything else is free again. Raises Conflict."""
    run = _locked(run)
    open_jobs = list(run.jobs.select_for_update().filter(state__in=OPEN_JOB_STATES).order_by("pk"))
    planned = run.items.filter(state=ItemState.PLANNED)
    if run.built_at is not None and not open_jobs and not planned.exists():
        raise Conflict(_("This run has ended; there is nothing left to cancel."))
    reason = gettext_noop("The run was stopped before this was sent again.")
    if run.built_at is None and not run.problem:
        reason = run.problem = NEVER_BUILT
    run.attempt += 1  # the build that may be under way writes nothing more
    run.lease_until = None
    run.save()
    release(planned, reason)
    for job in open_jobs:
        # Nobody can ask a provider that is no longer configured to stop.
        gone = job.provider not in providers.names()
        (write_off_job if gone and job.state in LIVE_JOB_STATES else cancel_job)(job, by=by)
