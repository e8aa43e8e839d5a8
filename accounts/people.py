"""What admins do with people: add, change, close and open them, and help them to sign in.

Comes in: an admin and, but for a new one, a person. Goes out: the person with a line in their
history that says who did it. Nobody takes their own rights away, and one open admin always stays.
"""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Role, User
from accounts.password_links import send_links
from accounts.second_factors import reset_second_factor
from accounts.seen import fingerprint, saved_meanwhile
from accounts.sessions import end_sessions, end_sessions_of, lock_person

ADDED = "Added by an admin."
CHANGED = "Changed by an admin."
CLOSED = "The account was closed by an admin."
OPENED = "The account was opened again by an admin."


class CannotChange(ValidationError):
    """The state of things forbids it; the message says what to do first."""


class ChangedMeanwhile(CannotChange):
    """Somebody else changed the person since the page was shown."""


def seen_of(person: User) -> str:
    """A short text that changes with what a page shows of a person to be edited."""
    return fingerprint(person.name, person.username, person.email, person.role, person.is_active)


def can_be_username(text: str) -> bool:
    """Whether a text is a user name; not every address is, for its characters or its length."""
    try:
        User._meta.get_field("username").run_validators(text)
    except ValidationError:
        return False
    return bool(text)


def add_person(*, by: User, name: str, username: str, email: str, role: str) -> User:
    """A new person without a password; who has an address is e-mailed a link to choose one.

    Raises CannotChange where the user name or the address was taken a moment ago.
    """
    person = User(username=username, name=name, email=email, password=make_password(None))
    _give_role(person, role)
    with transaction.atomic():
        _save(person, ADDED, by=by)
        send_links([person])
    return person


@transaction.atomic
def change_person(
    person: User, *, by: User, seen: str, name: str, username: str, email: str, role: str
) -> User:
    """Another name, user name, address or role, over what the admin had seen (`seen_of`).

    Raises ChangedMeanwhile, and CannotChange for a role that cannot be given up.
    """
    person = _lock(person)
    if seen != seen_of(person):
        raise ChangedMeanwhile(saved_meanwhile(person, _("this account")))
    if role != person.role:
        _check_may_lose_role(person, by=by)
    person.name, person.username, person.email = name, username, email
    _give_role(person, role)
    if seen != seen_of(person):
        _save(person, CHANGED, by=by)
    return person


@transaction.atomic
def close_account(person: User, *, by: User) -> User:
    """Let somebody sign in no more and sign them out everywhere; all that is theirs stays.

    Raises CannotChange for oneself and for the last admin.
    """
    person = _lock(person)
    if person.pk == by.pk:
        raise CannotChange(_("Nobody closes their own account: another admin can."))
    _check_an_admin_stays(person)
    if person.is_active:
        person.is_active = False
        _save(person, CLOSED, by=by)
        end_sessions(person)
    return person


@transaction.atomic
def open_account(person: User, *, by: User) -> User:
    """Let somebody sign in again, with the password they had."""
    person = _lock(person)
    if not person.is_active:
        person.is_active = True
        _save(person, OPENED, by=by)
    return person


def help_without_phone(person: User, *, by: User) -> bool:
    """Take a lost second factor away and end all sign-ins; says whether there was one.

    Raises CannotChange for one's own, which asks for the password.
    """
    if person.pk == by.pk:
        raise CannotChange(_("Your own second factor is removed on the page of your account."))
    return reset_second_factor(person, by=by)


def sign_out_everywhere(person: User, *, by: User) -> None:
    """End all sign-ins of somebody else. Raises CannotChange for one's own."""
    if person.pk == by.pk:
        raise CannotChange(_("Your own sign-ins are ended on the page “Where you are signed in”."))
    end_sessions_of(person, by=by)


def _lock(person: User) -> User:
    """The person as they are now. Admins are locked first, all of them in one order, so that two
    who take each other's role away at the same time do not leave the school without any.
    """
    list(User.objects.select_for_update(no_key=True).filter(role=Role.ADMIN).order_by("pk"))
    return lock_person(person.pk)


def _check_may_lose_role(person: User, *, by: User) -> None:
    if person.pk == by.pk:
        raise CannotChange(_("Nobody changes their own role: another admin can."))
    _check_an_admin_stays(person)
    classes = ", ".join(person.classes.values_list("name", flat=True))
    if person.is_teacher and classes:
        raise CannotChange(
            _("%(person)s teaches %(classes)s. Give that to somebody else first."),
            params={"person": person, "classes": classes},
        )
    rosters = ", ".join(person.enrolments.values_list("school_class__name", flat=True))
    if person.is_student and rosters:
        raise CannotChange(
            _("%(person)s is a student of %(classes)s, and stays one."),
            params={"person": person, "classes": rosters},
        )


def _check_an_admin_stays(person: User) -> None:
    others = User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=person.pk)
    if person.is_admin and not others.exists():
        raise CannotChange(_("This is the last admin. Make another one first."))


def _give_role(person: User, role: str) -> None:
    person.role = role
    person.is_staff = person.is_superuser = role == Role.ADMIN


def _save(person: User, reason: str, *, by: User) -> None:
    person._change_reason, person._history_user = reason, by
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError as error:
        raise CannotChange(
            _("The user name or the e-mail address belongs to somebody else by now.")
        ) from error
