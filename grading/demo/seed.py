"""Makes the demo: people who can sign in, a class, its exam, and the ZIP of its papers.

Comes in: the cast. Goes out: rows made through the same commands that the pages call, and the
upload on its way through the pipeline. What is there already stays as it is.
"""

from __future__ import annotations

import csv
import io
import os
import secrets
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction

from accounts.models import Role, SchoolClass, User
from accounts.roster_import import import_roster
from exams.models import Exam
from exams.rubric_files import import_exam, read_exam_file
from exams.uploads import receive_upload
from grading.demo import cast
from grading.demo.papers import write_papers

SEED = 2026
SIGN_INS = (
    (cast.TEACHER, Role.TEACHER),
    (cast.STUDENTS[0], Role.STUDENT),
    (cast.ADMIN, Role.ADMIN),
)


class NotADemo(ValidationError):
    """Somebody else's data is here; the message says how to start the demo apart from it."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How to sign in as somebody; `password` is empty when the person has changed it."""

    role: Role
    name: str
    username: str
    password: str


def seed_exam() -> Exam:
    """The demo's exam, with its class and people; made if missing. Raises NotADemo."""
    exam_file = read_exam_file(cast.EXAM_FILE.read_bytes())
    with transaction.atomic():
        users = seed_people()
        school_class, created = SchoolClass.objects.get_or_create(name=cast.CLASS_NAME)
        teacher, admin = users[cast.TEACHER.username], users[cast.ADMIN.username]
        if created:
            school_class.teachers.add(teacher)
            import_roster(school_class, _roster(cast.STUDENTS), by=admin)
        elif teacher not in school_class.teachers.all():
            raise NotADemo(_elsewhere(f"There is a class {cast.CLASS_NAME} of other teachers."))
        found = Exam.objects.filter(school_class=school_class, title=exam_file.title).first()
        return found or import_exam(exam_file, by=teacher)


def seed_papers(exam: Exam, papers: Sequence[cast.Paper] = cast.PAPERS) -> bool:
    """Upload the generated papers unless the exam has an upload; True if it was done.

    Raises FontMissing.
    """
    if exam.uploads.exists():
        return False
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        path = Path(folder) / cast.UPLOAD_NAME
        write_papers(path, exam.title, papers, SEED)
        with path.open("rb") as file:
            receive_upload(exam, File(file), name=cast.UPLOAD_NAME, by=exam.created_by)
    return True


def seed_people() -> dict[str, User]:
    """Those who sign in, by username; made if missing. Raises NotADemo."""
    known = _read_passwords()
    users = {}
    for person, role in SIGN_INS:
        user = User.objects.filter(username=person.username).first()
        if user is None:
            is_admin = role == Role.ADMIN
            user = User(
                username=person.username,
                name=person.name,
                email=person.email,
                role=role,
                is_staff=is_admin,
                is_superuser=is_admin,
            )
        elif (user.email, user.role) != (person.email, role):
            raise NotADemo(_elsewhere(f"There is another user called {person.username}."))
        if user.pk is None or person.username not in known:
            known.setdefault(person.username, _new_password())
            user.set_password(known[person.username])
            user.save()
        users[person.username] = user
    _write_passwords(known)
    return users


def sign_ins() -> list[SignIn]:
    """How to sign in as the teacher, a student and the admin."""
    known = _read_passwords()
    found = []
    for person, role in SIGN_INS:
        password = known.get(person.username, "")
        user = User.objects.get(username=person.username)
        if not user.check_password(password):
            password = ""
        found.append(SignIn(role, person.name, person.username, password))
    return found


def _roster(students: Iterable[cast.Person]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["roll_number", "name", "email"])
    writer.writerows([person.roll_number, person.name, person.email] for person in students)
    return text.getvalue().encode()


def _elsewhere(reason: str) -> str:
    return (
        f"{reason} The demo does not touch it. Give the demo a data folder of its own: "
        "SHEAF_DATA_DIR=data/demo make demo"
    )


def _new_password() -> str:
    # Without letters and digits that look alike: it is typed from a screen.
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))


def _password_file() -> Path:
    return settings.SHEAF_DATA_DIR / "demo-passwords"


def _read_passwords() -> dict[str, str]:
    try:
        lines = _password_file().read_text().splitlines()
    except FileNotFoundError:
        return {}
    return dict(line.split() for line in lines)


def _write_passwords(passwords: dict[str, str]) -> None:
    """Random, readable by the owner only, kept so that each start can print them again."""
    path = _password_file()
    new = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.writelines(f"{name} {password}\n" for name, password in passwords.items())
    new.replace(path)
