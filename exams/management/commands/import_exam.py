"""import_exam: makes or updates an exam from an exam file, all or nothing, and says what it did."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Role, User
from exams.points import plain
from exams.rubric_files import ExamImport, import_exam_file, read_exam_file
from exams.rubrics import current_rubric, leaves, total_of
from exams.samples import all_samples, staleness


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
            done = import_exam_file(
                read_exam_file(data), by=maker(options["by"]), create_class=options["create_class"]
            )
        except ValidationError as error:
            lines = "\n".join(f"  {message}" for message in error.messages)
            raise CommandError(f"{options['file']} was not imported:\n{lines}") from error
        for line in summary(done):
            self.stdout.write(line)


def summary(done: ExamImport) -> Iterator[str]:
    """What the import made, changed and kept, a line for each thing."""
    exam = done.exam
    about = f"{exam} for class {exam.school_class}, exam {exam.pk}"
    if done.is_new:
        yield f"{about}: made."
    elif done.changes:
        yield f"{about}: was there already; changed: {'; '.join(done.changes)}."
    else:
        yield f"{about}: was there already; nothing changed."
    if done.kept:
        yield f"  kept, since the file has none: answer or guidance of {', '.join(done.kept)}"
    rubric = current_rubric(exam)
    criteria = leaves(rubric) if rubric else []
    if rubric is None:
        yield "  rubric: none yet"
    else:
        same = "new" if done.has_new_rubric else "the same as before"
        total = plain(total_of(criteria))
        yield (
            f"  rubric version {rubric.version}, {same}: {len(criteria)} criteria with marks,"
            f" {total} marks"
        )
        without = [leaf.code for leaf in criteria if not leaf.answer]
        missing = f"; none for {', '.join(without)}" if without else ""
        yield f"  answer key: {len(criteria) - len(without)} of {len(criteria)} answers{missing}"
    samples = all_samples(exam)
    stale = [sample.title for sample in samples if staleness(sample, criteria)]
    misfits = f"; no longer fit the rubric: {', '.join(stale)}" if stale else ""
    yield f"  samples: {len(samples) or 'none'}{misfits}"


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
