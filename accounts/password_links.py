"""Orders one-time links by e-mail: the command of imports, the class page and "forgotten".

Comes in: users. Goes out: LinkMail rows that are due, and a ring for the worker after the
commit. Users without an address, or all of them without a mail server, are handed back.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import tasks
from accounts.first_passwords import gets_mail
from accounts.models import LinkMail, SchoolClass, User
from accounts.queries import without_password

PAUSE = timedelta(minutes=5)


@transaction.atomic
def send_links(users: Iterable[User]) -> list[User]:
    """Have each user's link e-mailed; returns those whom e-mail cannot reach.

    A user to whom one was sent within the last five minutes gets no second one.
    """
    users = list(users)
    now = timezone.now()
    just_sent = set(
        LinkMail.objects.filter(user__in=users, sent_at__gt=now - PAUSE).values_list(
            "user_id", flat=True
        )
    )
    wanted = sorted({user.pk for user in users if gets_mail(user)} - just_sent)
    LinkMail.objects.bulk_create(
        [LinkMail(user_id=pk, due_at=now) for pk in wanted],
        update_conflicts=True,
        unique_fields=["user"],
        update_fields=["due_at", "tries", "problem"],
    )
    for pk in wanted:
        _ring(pk)
    return [user for user in users if not gets_mail(user)]


def send_class_links(school_class: SchoolClass, *, by: User) -> int:
    """Have links e-mailed to the students of a class who have no password and for whom `by` may
    vouch; says to how many.
    """
    waiting = without_password(by).filter(school_class=school_class)
    students = User.objects.filter(pk__in=waiting.values("student"))
    return len(students) - len(send_links(students))


def _ring(pk: int) -> None:
    """Ask a worker after the commit; a broker that is down is no error: the row stays due."""

    # A function of its own: Django logs the failed one by a name that a partial does not have.
    def ring() -> None:
        tasks.mail_link.delay(pk)

    transaction.on_commit(ring, robust=True)
