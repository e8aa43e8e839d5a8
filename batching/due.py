"""Which work of the engine is due: told to the sweeper when Django starts."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from accounts import link_mails
from accounts.tasks import mail_link
from batching import poll, tasks
from batching.claims import free
from batching.models import BatchItem, BatchJob, BatchRun, ItemState, JobState
from batching.sweep import register_due


def runs_to_build(now: datetime) -> QuerySet[BatchRun]:
    return BatchRun.objects.filter(free(now), built_at__isnull=True, problem="")


def jobs_to_submit(now: datetime) -> QuerySet[BatchJob]:
    return BatchJob.objects.filter(free(now), state=JobState.SUBMITTED)


def jobs_to_work(now: datetime) -> QuerySet[BatchJob]:
    """Direct jobs with an item that nobody holds, or with none left and not yet closed."""
    sent = BatchItem.objects.filter(job=OuterRef("pk"), state=ItemState.SENT)
    return BatchJob.objects.filter(
        Exists(sent.filter(free(now))) | ~Exists(sent),
        state=JobState.IN_PROGRESS,
        kind="direct",
    )


def jobs_to_poll(now: datetime) -> QuerySet[BatchJob]:
    return poll.due_jobs().filter(free(now))


def jobs_to_collect(now: datetime) -> QuerySet[BatchJob]:
    return BatchJob.objects.filter(
        free(now), state=JobState.IN_PROGRESS, kind="batch", results_ready_at__isnull=False
    )


def register() -> None:
    """Make the engine's stages, and the mails of the people below it, known to the sweeper."""
    register_due(tasks.build_run, runs_to_build)
    register_due(tasks.submit_job, jobs_to_submit)
    register_due(tasks.work_job, jobs_to_work, lanes=tasks.lanes_of)
    register_due(tasks.poll_job, jobs_to_poll)
    register_due(tasks.collect_job, jobs_to_collect)
    register_due(mail_link, link_mails.due)
