"""import_roster: a class's students from a CSV file, on the console.

Prints what changed and the one-time links of new students whom e-mail does not reach. Exits 1
with every error of the file, and then nothing has changed.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.hashers import is_password_usable
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.first_passwords import first_password_url, gets_mail
from accounts.models import Role, SchoolClass, User
from accounts.roster_files import RosterError
from accounts.roster_import import import_roster


class Command(BaseCommand):
    help = "Import the students of a class from a CSV file (roll_number, name, email)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--class", dest="class_name", required=True, help="name of the class")
        parser.add_argument("--file", type=Path, required=True, help="the roster, a CSV file")
        parser.add_argument("--create-class", action="store_true", help="make the class if needed")
        parser.add_argument("--teacher", default="", help="user name of a teacher of the class")
        parser.add_argument(
            "--links",
            action="store_true",
            help="print the links of all students of the class without a password, not only new",
        )

    @transaction.atomic
    def handle(
        self,
        *args: Any,
        class_name: str,
        file: Path,
        create_class: bool,
        teacher: str,
        links: bool,
        **options: Any,
    ) -> None:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        school_class = self._class(class_name, create_class)
        if teacher:
            school_class.teachers.add(self._teacher(teacher))
        try:
            report = import_roster(school_class, data, by=None)
        except RosterError as error:
            listed = "\n".join(f"  {problem}" for problem in error.problems)
            raise CommandError(f"{file} was not imported:\n{listed}") from error
        self.stdout.write(
            f"{school_class}: {report.created} added, {report.updated} changed, "
            f"{report.unchanged} as before."
        )
        if report.ignored:
            self.stdout.write(f"Columns that were ignored: {', '.join(report.ignored)}")
        if report.missing:
            numbers = ", ".join(enrolment.roll_number for enrolment in report.missing)
            self.stdout.write(f"In the class but not in the file, left as they are: {numbers}")
        self._print_links(self._waiting(school_class) if links else report.new_students)

    def _class(self, name: str, create: bool) -> SchoolClass:
        school_class = SchoolClass.objects.filter(name=name).first()
        if school_class is None and not create:
            raise CommandError(f"There is no class {name}. Add --create-class to make it.")
        return school_class or SchoolClass.objects.create(name=name)

    def _teacher(self, username: str) -> User:
        teacher = User.objects.filter(username=username, role=Role.TEACHER).first()
        if teacher is None:
            raise CommandError(f"There is no teacher with the user name {username}.")
        return teacher

    def _waiting(self, school_class: SchoolClass) -> list[User]:
        students = User.objects.filter(enrolments__school_class=school_class, is_active=True)
        return [student for student in students if not is_password_usable(student.password)]

    def _print_links(self, students: list[User]) -> None:
        by_hand = [student for student in students if not gets_mail(student)]
        if len(by_hand) < len(students):
            self.stdout.write(f"{len(students) - len(by_hand)} one-time links will be e-mailed.")
        if by_hand:
            self.stdout.write("One-time links to hand over (each works until it is used):")
        for student in by_hand:
            self.stdout.write(
                f"  {student.name}, user name {student.username}: {first_password_url(student)}"
            )
