"""`manage.py poll`: look at every remote job now, in this process."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from batching import collect, poll
from batching.claims import LostClaim
from batching.models import BatchJob, JobState
from batching.providers.base import ProviderBusy


class Command(BaseCommand):
    help = "Ask the providers about all jobs in progress at once and collect what has ended."

    def handle(self, *args: Any, **options: Any) -> None:
        jobs = BatchJob.objects.filter(state=JobState.IN_PROGRESS, kind="batch")
        for job in jobs.order_by("pk"):
            # A field without history, set alone: a teacher may be cancelling the job.
            jobs.filter(pk=job.pk).update(next_poll_at=timezone.now())
            try:
                poll.poll_job(job.pk)
                while collect.collect_job(job.pk):
                    pass
            except ProviderBusy as busy:
                self.stdout.write(f"job {job.pk}: the provider is busy ({busy})")
            except LostClaim:
                self.stdout.write(f"job {job.pk}: a worker is at it")
            job = BatchJob.objects.get(pk=job.pk)
            self.stdout.write(f"job {job.pk}: {job.get_state_display()} {job.remote_state}")
        if not jobs:
            self.stdout.write("No job is in progress at a batch provider.")
