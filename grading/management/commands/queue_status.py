"""`manage.py queue_status`: what is due, what is under way, what has ended."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count
from django.utils import timezone

from batching.models import BatchItem, BatchJob, BatchRun
from batching.sweep import due_work
from exams.models import Sheet, Upload


class Command(BaseCommand):
    help = "Show how much work is due and under way in every stage, from the database."

    def handle(self, *args: Any, **options: Any) -> None:
        due = Counter(work.task.name for work in due_work())
        self.stdout.write("Due, and held by no worker:")
        for task, number in due.items():
            self.stdout.write(f"{number:7}  {task}")
        if not due:
            self.stdout.write("        nothing")
        self.stdout.write("Held by a worker:")
        for model in (Upload, Sheet, BatchRun, BatchJob, BatchItem):
            held = model.objects.filter(lease_until__gte=timezone.now()).count()
            self.stdout.write(f"{held:7}  {model._meta.verbose_name_plural}")
        for model in (Upload, Sheet, BatchJob, BatchItem):
            self.stdout.write(f"{model._meta.verbose_name_plural} by state:".capitalize())
            states = model.objects.order_by("state").values_list("state")
            for state, number in states.annotate(number=Count("pk")):
                self.stdout.write(f"{number:7}  {state}")
