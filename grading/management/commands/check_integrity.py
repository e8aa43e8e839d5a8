"""`manage.py check_integrity`: exit 1 and a list when rows, files or marks disagree."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from grading.integrity import differences


class Command(BaseCommand):
    help = "Compare rows, files and hashes in both directions; exit 1 on a difference."

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        for difference in differences():
            found += 1
            self.stdout.write(difference)
        if found:
            raise CommandError(f"{found} differences found.")
        self.stdout.write("Rows, files and hashes agree.")
