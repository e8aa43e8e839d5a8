"""`manage.py reschedule`: queue unfinished work of every stage, however recently it was queued."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand

from batching.sweep import due_work


class Command(BaseCommand):
    help = (
        "Find unfinished work in any stage that no worker holds, and queue it now. "
        "Safe at any time: work that comes twice is done once."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be queued")

    def handle(self, *args: Any, **options: Any) -> None:
        counts: Counter[str] = Counter()
        for work in due_work():
            if not options["dry_run"]:
                work.task.delay(work.pk)
            counts[work.task.name] += 1
        for task, number in counts.items():
            self.stdout.write(f"{number:6} {task}")
        if not counts:
            self.stdout.write("Nothing is unfinished.")
