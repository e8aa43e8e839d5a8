"""What admins do with classes: make them, change their name and who teaches them.

Comes in: an admin, and a class or its name. Goes out: the class, with a line in its history.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import SchoolClass, User
from accounts.people import CannotChange, ChangedMeanwhile
from accounts.seen import fingerprint, saved_meanwhile


def seen_of(school_class: SchoolClass) -> str:
    """A short text that changes with the class's name and its teachers."""
    return fingerprint(school_class.name, sorted(one.pk for one in school_class.teachers.all()))


@transaction.atomic
def make_class(*, by: User, name: str, teachers: Iterable[User]) -> SchoolClass:
    """A class without students. Raises CannotChange when the name was given away meanwhile."""
    school_class = SchoolClass(name=name)
    school_class._history_user = by
    _save_name(school_class)
    school_class.teachers.set(teachers)
    return school_class


@transaction.atomic
def change_class(
    school_class: SchoolClass, *, by: User, seen: str, name: str, teachers: Iterable[User]
) -> SchoolClass:
    """Another name or other teachers, over what the admin had seen (`seen_of`).

    Raises ChangedMeanwhile when somebody else was faster, and CannotChange where they have given
    the name to another class.
    """
    school_class = SchoolClass.objects.select_for_update(no_key=True).get(pk=school_class.pk)
    if seen != seen_of(school_class):
        raise ChangedMeanwhile(saved_meanwhile(school_class, _("this class")))
    school_class._history_user = by
    if name != school_class.name:
        school_class.name = name
        _save_name(school_class)
    school_class.teachers.set(teachers)
    return school_class


def _save_name(school_class: SchoolClass) -> None:
    try:
        with transaction.atomic():
            school_class.save()
    except IntegrityError as error:
        raise CannotChange(
            _("There is a class %(name)s already."), params={"name": school_class.name}
        ) from error
