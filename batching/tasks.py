"""The engine's tasks: the table of contents of a run's way.

Messages carry ids. Every task makes one call and may ring the next doorbell; the database
knows what is to be done, so a message that is lost or comes twice changes nothing.
"""

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import InterfaceError, OperationalError

from accounts import sessions, throttle
from batching import build, collect, direct, follow, housekeeping, poll, providers, submit
from batching import sweep as sweeper
from batching.claims import LostClaim
from batching.models import BatchJob, JobState
from batching.providers.base import ProviderBusy

RETRY = {
    "autoretry_for": (OperationalError, InterfaceError),
    "retry_backoff": 5,
    "retry_jitter": True,
    "max_retries": 8,
    "throws": (LostClaim,),
}
# A busy provider is asked again by the sweeper, after the pause that its row carries.
RETRY_PROVIDER = RETRY | {"throws": (LostClaim, ProviderBusy)}


@shared_task(**RETRY)
def build_run(run_pk: int) -> None:
    if build.build_run(run_pk):
        build_run.delay(run_pk)
    # A later round needs nobody's approval and is handed in at once.
    rounds = BatchJob.objects.filter(run=run_pk, round__gt=0, state=JobState.SUBMITTED)
    for pk in rounds.values_list("pk", flat=True):
        submit_job.delay(pk)


@shared_task(**RETRY_PROVIDER)
def submit_job(job_pk: int) -> None:
    submit.submit_job(job_pk)
    if BatchJob.objects.filter(pk=job_pk, kind="direct", state=JobState.IN_PROGRESS).exists():
        for _ in range(lanes_of(job_pk)):
            work_job.delay(job_pk)


def lanes_of(job_pk: int) -> int:
    """How many workers go through a direct job at once."""
    name = BatchJob.objects.values_list("provider", flat=True).get(pk=job_pk)
    try:
        return providers.get_direct(name).concurrency
    except (providers.UnknownProvider, ImproperlyConfigured):
        return 1  # one of them says so on the job


def idle_lanes_of(job_pk: int) -> int:
    """How many more could go through it, by the items that are under way at its provider."""
    return max(0, lanes_of(job_pk) - direct.under_way(job_pk))


@shared_task(**RETRY_PROVIDER)
def work_job(job_pk: int) -> None:
    if direct.work_job(job_pk):
        work_job.delay(job_pk)
    build_next_round(job_pk)


@shared_task(**RETRY_PROVIDER)
def poll_job(job_pk: int) -> None:
    poll.poll_job(job_pk)
    if BatchJob.objects.filter(pk=job_pk, results_ready_at__isnull=False).exists():
        collect_job.delay(job_pk)


@shared_task(**RETRY_PROVIDER)
def collect_job(job_pk: int) -> None:
    if collect.collect_job(job_pk):
        collect_job.delay(job_pk)
    build_next_round(job_pk)


@shared_task(**RETRY_PROVIDER)
def follow_job(job_pk: int) -> None:
    follow.follow_job(job_pk)


def build_next_round(job_pk: int) -> None:
    """Ring for the requests of an ended job that are to be sent again."""
    runs = build.runs_to_build().filter(built_at__isnull=False, jobs=job_pk)
    for pk in runs.values_list("pk", flat=True):
        build_run.delay(pk)


@shared_task(name="batching.tasks.poll")
def poll_due_jobs() -> None:
    for pk in poll.due_jobs().values_list("pk", flat=True):
        poll_job.delay(pk)


@shared_task
def sweep() -> None:
    sweeper.sweep()


@shared_task(name="batching.tasks.housekeeping")
def keep_house() -> None:
    housekeeping.delete_stale_files(settings.FILE_UPLOAD_TEMP_DIR)
    call_command("clearsessions")
    kept = timedelta(days=settings.SHEAF_SIGN_IN_DAYS)
    throttle.forget_sign_ins(kept)
    sessions.forget_ended(kept)
