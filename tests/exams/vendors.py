"""The vendors' emulators as the one provider of a test, and what workers do with a run."""

from django.utils import timezone

from batching.build import build_run
from batching.collect import collect_job
from batching.direct import work_job
from batching.models import BatchJob, JobState
from batching.poll import poll_job
from batching.submit import submit_job

OPTIONS = {
    "openai": {"api_key": "sk-proj-Emulated0123456789", "model": "gpt-4.1-mini"},
    "gemini": {"api_key": "AIzaSyEmulated0123456789abcdefghijklmno"},
    "local": {"model": "tiny-vision"},
}


def follow(run) -> None:
    """What the workers do with an approved run, until nothing of it is open."""
    for _ in range(20):
        for job in run.jobs.filter(state=JobState.SUBMITTED):
            submit_job(job.pk)
        for job in run.jobs.filter(state=JobState.IN_PROGRESS):
            if job.kind == "direct":
                work_job(job.pk)
            else:
                BatchJob.objects.filter(pk=job.pk).update(next_poll_at=timezone.now())
                poll_job(job.pk)
                collect_job(job.pk)
        build_run(run.pk)
        if not run.jobs.filter(state__in=[JobState.SUBMITTED, JobState.IN_PROGRESS]).exists():
            return
