"""Imports a roster: the students of a class from a CSV file, all of them or none.

Comes in: a class and the bytes of a file. Goes out: students, enrolments and a report. Students
are recognised by their e-mail address, else by their roll number; who is missing in the file
stays. The same file again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.contrib.auth.hashers import is_password_usable, make_password
from django.db import IntegrityError, transaction
from django.db.models.functions import Lower
from django.utils.text import slugify
from django.utils.translation import gettext as _
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from accounts.models import Enrolment, Role, SchoolClass, User
from accounts.password_links import send_links
from accounts.people import can_be_username
from accounts.queries import classes_for
from accounts.roster_files import Problem, RosterError, RosterRow, scan_roster

__all__ = ["RosterError", "RosterReport", "import_roster"]

USERNAME_LENGTH = 150


@dataclass(slots=True)
class RosterReport:
    """What an import did. `missing` are enrolments that the file does not name: left alone; and
    `ignored` are columns of the file that no roster has.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    new_students: list[User] = field(default_factory=list)
    missing: list[Enrolment] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


@transaction.atomic
def import_roster(school_class: SchoolClass, data: bytes, *, by: User | None) -> RosterReport:
    """Bring a class to what the roster file says; `by` is None for the person at the console.

    New students whose address e-mail reaches are sent their one-time links after the commit.
    Raises RosterError with every problem and its row; then nothing has changed.
    """
    roster = scan_roster(data)
    problems = roster.problems
    school_class = SchoolClass.objects.select_for_update().get(pk=school_class.pk)
    faulty = {problem.row for problem in problems}
    sound = [row for row in roster.rows if row.number not in faulty]
    comparison = _Comparison(school_class, sound, by, whole=not faulty)
    problems += comparison.problems()
    if problems:
        raise RosterError(problems, roster)
    try:
        with transaction.atomic():
            report = comparison.apply()
    except IntegrityError as error:
        raise RosterError.of_file(
            _("Somebody else was adding the same students just now. Import the file once more.")
        ) from error
    report.ignored = roster.ignored
    send_links(report.new_students)
    return report


class _Comparison:
    """The rows of a file beside what the class has: first looked through, then applied.

    Without the `whole` file nobody is said to be missing in it.
    """

    def __init__(
        self, school_class: SchoolClass, rows: list[RosterRow], by: User | None, *, whole: bool
    ) -> None:
        self.school_class, self.by = school_class, by
        self.enrolments = list(
            school_class.enrolments.select_related("student")
            .select_for_update(of=("self",))
            .order_by("pk")
        )
        self.accounts = _accounts([row.email for row in rows if row.email])
        by_email = {e.student.email.lower(): e for e in self.enrolments if e.student.email}
        by_roll = {e.roll_number.casefold(): e for e in self.enrolments}
        self.known = {row: by_email[row.email] for row in rows if row.email in by_email}
        moved = set(self.known.values())
        for row in rows:
            enrolment = by_roll.get(row.roll_number.casefold())
            if row not in self.known and enrolment is not None and enrolment not in moved:
                self.known[row] = enrolment
        self.new = [row for row in rows if row not in self.known]
        self.shared = self._shared()
        named = set(self.known.values())
        self.missing = [e for e in self.enrolments if e not in named] if whole else []

    # -- looking through ------------------------------------------------------------------

    def problems(self) -> Iterator[Problem]:
        """Every reason not to import."""
        for row, enrolment in self.known.items():
            yield from (Problem(row.number, text) for text in self._known_faults(row, enrolment))
        for row in self.new:
            yield from (Problem(row.number, text) for text in self._new_faults(row))

    def _known_faults(self, row: RosterRow, enrolment: Enrolment) -> Iterator[str]:
        student = enrolment.student
        if not student.is_student:
            yield _("%(student)s is no student any more. Take the row out.") % {"student": student}
        for other in self.missing:
            if other.roll_number.casefold() == row.roll_number.casefold():
                yield _(
                    "Roll number %(roll_number)s belongs to %(student)s, who is not in the "
                    "file. Give both of them their roll numbers in the file."
                ) % {"roll_number": row.roll_number, "student": other.student}
        if not row.email and student.name != row.name:
            # Without addresses a row too few or too many would hand each account to a neighbour.
            yield from self._namesakes(row, [e for e in self.enrolments if e is not enrolment])
        if row.email and student.email and student.email.lower() != row.email:
            yield _(
                "Roll number %(roll_number)s belongs to another student: %(student)s, "
                "%(email)s. Correct the roll number or the address; an admin can change "
                "the address of a student."
            ) % {"roll_number": row.roll_number, "student": student, "email": student.email}
            return
        if row.email and not student.email:
            if row.email in self.accounts:
                yield _("The address %(email)s belongs to somebody else. Correct it.") % {
                    "email": row.email
                }
            elif not self._may_vouch_for(student):
                yield _(
                    "%(student)s has an account without an e-mail address, and only an admin can "
                    "add one. Leave email empty in this row."
                ) % {"student": student}
        if row.name.casefold() != student.name.casefold() and not self._may_vouch_for(student):
            yield _(
                "Here stands %(name)s, but this account is %(student)s's, who has a password or "
                "is also in a class that you do not teach: only an admin can change the name. "
                "Write %(student)s, or correct the roll number."
            ) % {"name": row.name, "student": student}

    def _new_faults(self, row: RosterRow) -> Iterator[str]:
        account = self.accounts.get(row.email)
        if not row.email:
            yield from self._namesakes(row, self.missing)
        elif account is None:
            return
        elif not account.is_student:
            yield _("%(email)s is the address of a teacher or admin. Correct it.") % {
                "email": row.email
            }
        elif not account.is_active:
            yield _("The account of %(email)s is closed. An admin can open it again.") % {
                "email": row.email
            }
        elif account.name.casefold() != row.name.casefold():
            yield _(
                "%(email)s belongs to a student with another name. Correct the address or the name."
            ) % {"email": row.email}

    def _namesakes(self, row: RosterRow, enrolments: Iterable[Enrolment]) -> Iterator[str]:
        for other in enrolments:
            if other.student.name.casefold() == row.name.casefold():
                yield _(
                    "%(name)s is in the class already, with roll number %(roll_number)s. "
                    "Give an e-mail address in this row, so that one student is not taken for "
                    "another; for a new roll number, ask an admin."
                ) % {"name": row.name, "roll_number": other.roll_number}

    def _shared(self) -> set[int]:
        """Students of this class who are also in a class that `by` does not teach."""
        if self.by is None or self.by.is_admin:
            return set()
        others = Enrolment.objects.filter(student__enrolments__school_class=self.school_class)
        elsewhere = others.exclude(school_class__in=classes_for(self.by))
        return set(elsewhere.values_list("student_id", flat=True))

    def _may_vouch_for(self, student: User) -> bool:
        """Whether `by` may say who a student is: what the name and the address are.

        Whoever sets an address can have a new password sent to it, and so become the student. A
        new name on an account in use hands its sheets to somebody else.
        """
        if self.by is None or self.by.is_admin:
            return True
        return student.pk not in self.shared and not is_password_usable(student.password)

    # -- applying -------------------------------------------------------------------------

    def apply(self) -> RosterReport:
        """Write it all; the caller's transaction is undone when the database refuses."""
        people, moved = self._changes()
        bulk_update_with_history(
            people, User, ["name", "email"], batch_size=500, default_user=self.by
        )
        self._move(moved)
        students = self._students()
        bulk_create_with_history(
            [
                Enrolment(
                    school_class=self.school_class,
                    student=students[row],
                    roll_number=row.roll_number,
                )
                for row in self.new
            ],
            Enrolment,
            batch_size=500,
            default_user=self.by,
        )
        updated = len({user.pk for user in people} | {e.student_id for e in moved})
        return RosterReport(
            created=len(self.new),
            updated=updated,
            unchanged=len(self.known) - updated,
            new_students=[students[row] for row in self.new if row.email not in self.accounts],
            missing=self.missing,
        )

    def _changes(self) -> tuple[list[User], list[Enrolment]]:
        people, moved = [], []
        for row, enrolment in self.known.items():
            student = enrolment.student
            # Capitals alone are no error; for somebody else's student they stay as they were.
            name = row.name if self._may_vouch_for(student) else student.name
            if student.name != name or (row.email and not student.email):
                student.name, student.email = name, student.email or row.email
                people.append(student)
            if enrolment.roll_number != row.roll_number:
                enrolment.roll_number = row.roll_number
                moved.append(enrolment)
        return people, moved

    def _move(self, moved: list[Enrolment]) -> None:
        """New roll numbers, also when two students swap theirs: no number is held twice."""
        final = {enrolment.pk: enrolment.roll_number for enrolment in moved}
        for enrolment in moved:
            enrolment.roll_number = f"~{enrolment.pk}"
        # Steps aside inside this transaction are nobody's history.
        Enrolment.objects.bulk_update(moved, ["roll_number"], batch_size=500)
        for enrolment in moved:
            enrolment.roll_number = final[enrolment.pk]
        bulk_update_with_history(
            moved, Enrolment, ["roll_number"], batch_size=500, default_user=self.by
        )

    def _students(self) -> dict[RosterRow, User]:
        """The student of every new row: an account there was, or a new one without a password."""
        usernames = self._usernames([row for row in self.new if row.email not in self.accounts])
        made = {
            row: User(
                username=username,
                name=row.name,
                email=row.email,
                role=Role.STUDENT,
                password=make_password(None),
            )
            for row, username in usernames.items()
        }
        bulk_create_with_history(list(made.values()), User, batch_size=500, default_user=self.by)
        return {row: made.get(row) or self.accounts[row.email] for row in self.new}

    def _usernames(self, rows: list[RosterRow]) -> dict[RosterRow, str]:
        """A free user name for each: the e-mail address, else class and roll number."""
        class_slug = slugify(self.school_class.name)[:90] or f"class{self.school_class.pk}"
        wanted = {
            row: row.email
            if can_be_username(row.email)
            else f"{class_slug}.{slugify(row.roll_number) or row.number}"
            for row in rows
        }
        taken = set(
            User.objects.filter(username__in=wanted.values()).values_list("username", flat=True)
        )
        chosen: dict[RosterRow, str] = {}
        for row, base in wanted.items():
            username, number = base, 1
            while username in taken:
                number += 1
                username = f"{base[: USERNAME_LENGTH - 8]}-{number}"
                if User.objects.filter(username=username).exists():
                    taken.add(username)
            taken.add(username)
            chosen[row] = username
        return chosen


def _accounts(emails: list[str]) -> dict[str, User]:
    """Everybody who has one of these addresses, by address in lower case."""
    people = User.objects.annotate(address=Lower("email")).filter(address__in=emails)
    return {user.email.lower(): user for user in people}
