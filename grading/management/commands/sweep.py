"""`manage.py sweep`: ring once for all due work, as the beat does every minute."""

from typing import Any

from django.core.management.base import BaseCommand

from batching.sweep import sweep


class Command(BaseCommand):
    help = "Queue all work that is due and was not queued within the last lease."

    def handle(self, *args: Any, **options: Any) -> None:
        rung = sweep()
        for task, number in rung.items():
            self.stdout.write(f"{number:6} {task}")
        if not rung:
            self.stdout.write("Nothing is due.")
