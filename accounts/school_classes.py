"""What admins do with classes: change their name and who teaches them.

Comes in: an admin and a class. Goes out: the class, with a line in its history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import SchoolClass, User
from accounts.people import ChangedMeanwhile


def seen_of(school_class: SchoolClass) -> str:
    """A short text that changes with the class's name and its teachers."""
    teachers = sorted(one.pk for one in school_class.teachers.all())
    shown = json.dumps([school_class.name, teachers])
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


@transaction.atomic
def change_class(
    school_class: SchoolClass, *, by: User, seen: str, name: str, teachers: Iterable[User]
) -> SchoolClass:
    """Another name or other teachers, over what the admin had seen (`seen_of`).

    Raises ChangedMeanwhile when somebody else was faster.
    """
    school_class = SchoolClass.objects.select_for_update(no_key=True).get(pk=school_class.pk)
    if seen != seen_of(school_class):
        raise ChangedMeanwhile(
            _("Class %(name)s was changed while you were editing. Nothing of yours was saved."),
            params={"name": school_class},
        )
    school_class._history_user = by
    if name != school_class.name:
        school_class.name = name
        school_class.save()
    school_class.teachers.set(teachers)
    return school_class
