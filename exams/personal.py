"""What says who somebody is: names and roll numbers of a class, looked for in what leaves.

Comes in: texts that a teacher typed and a model will be told. Goes out: the first name or roll
number of the class list in them, so that the teacher takes it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.utils.translation import gettext as _

from accounts.models import Enrolment, SchoolClass

# A number alone may be an answer; one that is a roll number by its look is not.
ROLL_NUMBER = re.compile(r"(?=.*\d)(?=.*[^\W\d_]).{3,}|\d{5,}", re.DOTALL)


def named_person(school_class: SchoolClass, texts: Iterable[str]) -> str:
    """The first name or roll number of the class list that stands in the texts; "" for none.

    A name of one word is not looked for: it may be a word of the subject.
    """
    told = _plain(" ".join(texts))
    if not told:
        return ""
    people = Enrolment.objects.filter(school_class=school_class).order_by("pk")
    for roll_number, name in people.values_list("roll_number", "student__name"):
        sought = [name] if len(name.split()) > 1 else []
        sought += [roll_number] if ROLL_NUMBER.fullmatch(roll_number) else []
        for one in sought:
            if re.search(rf"(?<!\w){re.escape(_plain(one))}(?!\w)", told):
                return str(one)
    return ""


def is_named(who: str) -> str:
    """What to say to the teacher whose texts hold this name or roll number."""
    return _(
        "“%(who)s” is the name or roll number of somebody in the class. Leave it out: nothing"
        " personal is sent to a model."
    ) % {"who": who}


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
