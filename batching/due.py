"""Which work of the engine is due: told to the sweeper when Django starts."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from accounts import digests, link_mails
from accounts.tasks import mail_digest, mail_link
from batching import build, follow, pauses, poll, tasks
from batching.claims import free
from batching.models import BatchItem, BatchJob, BatchRun, ItemState, JobState
from batching.sweep import register_due


def runs_to_build(now: datetime) -> QuerySet[BatchRun]:
    return build.runs_to_build().filter(free(now))


def jobs_to_submit(now: datetime) -> QuerySet[BatchJob]:
    return BatchJob.objects.filter(free(now), state=JobState.SUBMITTED)


def jobs_to_work(now: datetime) -> QuerySet[BatchJob]:
    """Direct jobs with an item that nobody holds, or with none left and not yet closed."""
    sent = BatchItem.objects.filter(job=OuterRef("pk"), state=ItemState.SENT)
    return BatchJob.objects.filter(
        Exists(sent.filter(free(now))) | ~Exists(sent),
        state=JobState.IN_PROGRESS,
        kind="direct",
    ).exclude(provider__in=pauses.resting(now))


def jobs_to_poll(now: datetime) -> QuerySet[BatchJob]:
    return poll.due_jobs().filter(free(now))


def jobs_to_collect(now: datetime) -> QuerySet[BatchJob]:
    return BatchJob.objects.filter(
        free(now), state=JobState.IN_PROGRESS, kind="batch", results_ready_at__isnull=False
    )


def jobs_to_follow(now: datetime) -> QuerySet[BatchJob]:
    return follow.due_jobs(now).filter(free(now))


def register() -> None:
    """Make the engine's stages, and the mails of the people below it, known to the sweeper."""
    register_due(tasks.build_run, runs_to_build)
    # Finished results before new jobs: they are paid, and a vendor keeps them for a while only.
    register_due(tasks.collect_job, jobs_to_collect)
    register_due(tasks.poll_job, jobs_to_poll)
    register_due(tasks.submit_job, jobs_to_submit)
    register_due(tasks.work_job, jobs_to_work, lanes=tasks.lanes_of, idle_lanes=tasks.idle_lanes_of)
    register_due(tasks.follow_job, jobs_to_follow)
    register_due(mail_link, link_mails.due)
    register_due(mail_digest, digests.due)
