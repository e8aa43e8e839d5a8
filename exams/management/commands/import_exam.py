"""import_exam: makes or updates an exam from an exam file, all or nothing."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Role, User
from exams.rubric_files import import_exam, read_exam_file
from exams.rubrics import current_rubric


class Command(BaseCommand):
    help = "Import an exam with its rubric from a YAML or JSON exam file (docs/exam-file.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the exam file")
        parser.add_argument(
            "--by", help="username of the teacher or admin who is named as its maker"
        )
        parser.add_argument(
            "--create-class", action="store_true", help="make the class when it is missing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            data = options["file"].read_bytes()
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}.") from error
        try:
            exam = import_exam(
                read_exam_file(data), by=maker(options["by"]), create_class=options["create_class"]
            )
        except ValidationError as error:
            lines = "\n".join(f"  {message}" for message in error.messages)
            raise CommandError(f"{options['file']} was not imported:\n{lines}") from error
        rubric = current_rubric(exam)
        version = f"rubric version {rubric.version}" if rubric else "no rubric"
        self.stdout.write(f"{exam} for class {exam.school_class}: exam {exam.pk}, {version}.")


def maker(username: str | None) -> User:
    """The named user, or the first admin when nobody is named."""
    staff = User.objects.filter(role__in=(Role.ADMIN, Role.TEACHER), is_active=True)
    if username:
        found = staff.filter(username=username).first()
        if found is None:
            raise CommandError(f"--by: there is no teacher or admin named {username!r}.")
        return found
    first = staff.filter(role=Role.ADMIN).order_by("pk").first()
    if first is None:
        raise CommandError(
            "There is no admin yet: run createsuperuser, or name somebody with --by."
        )
    return first
