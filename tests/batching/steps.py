"""The steps of a run, as tests take them one after the other."""

from datetime import timedelta

from django.utils import timezone

from batching import jobs
from batching.collect import collect_job
from batching.direct import work_job
from batching.models import BatchJob, ProviderAccount
from batching.poll import poll_job
from batching.submit import submit_job


def only_job(run):
    return run.jobs.get()


def end_lease(row):
    """Time passes: the lease of the row is over, and so is every pause of a provider."""
    ProviderAccount.objects.update(paused_until=None)
    type(row).objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def look_again(job):
    BatchJob.objects.filter(pk=job.pk).update(next_poll_at=timezone.now())
    poll_job(job.pk)


def approve(job, *, by):
    """A person sends the run of its only job; gives the job as it is then."""
    jobs.send_run(job.run, by=by)
    return BatchJob.objects.get(pk=job.pk)


def send(run, by):
    jobs.send_run(run, by=by)
    for job in run.jobs.all():
        submit_job(job.pk)


def carry_job(job):
    """One stage after the other on a job that was sent, as workers take it."""
    submit_job(job.pk)
    if job.kind == "direct":
        work_job(job.pk)
    else:
        poll_job(job.pk)
        collect_job(job.pk)


def run_through(run, by):
    send(run, by)
    for job in run.jobs.all():
        work_job(job.pk)
        if job.kind == "batch":
            poll_job(job.pk)
            collect_job(job.pk)


ACCEPTED = ["accepted 1", "accepted 2", "accepted 3"]
