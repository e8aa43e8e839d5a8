"""The bell: lines that tell a person something happened to them.

Comes in: recipients, a key that makes telling twice impossible, a sentence and perhaps an address.
Goes out: Notification rows and how many of them are unread.
"""

from collections.abc import Iterable, Mapping

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import Truncator

from accounts.models import Notification, User

TEXT_LENGTH = 300
CHUNK = 1000


def notify(
    recipients: Iterable[User | int],
    *,
    key: str,
    text: str,
    values: Mapping[str, str | int] | None = None,
    url: str = "",
) -> None:
    """Tell each recipient (users or their ids) once per key; repeating it changes nothing.

    `key` names the event, e.g. "published:12:2"; `url` is a path of Sheaf's own. `text` is a
    sentence marked with gettext_noop in which %(name)s stands for one of `values`; a value called
    "problem" is a reason and is translated as well. A text longer than a line of the bell is cut.
    Raises ValueError for a foreign address, a long key or a long sentence.
    """
    if len(key) > 100 or len(url) > 300 or (values and len(text) > TEXT_LENGTH):
        raise ValueError(f"notification {key[:100]!r}: key, address or sentence is too long")
    if url and not url_has_allowed_host_and_scheme(url, allowed_hosts=None):
        raise ValueError(f"notification {key!r}: {url!r} does not lie inside Sheaf")
    line = Truncator(text % values if values else text).chars(TEXT_LENGTH)
    now = timezone.now()
    Notification.objects.bulk_create(
        (
            Notification(
                recipient_id=recipient.pk if isinstance(recipient, User) else recipient,
                key=key,
                text=line,
                sentence=text if len(text) <= TEXT_LENGTH else "",
                values=dict(values or {}),
                url=url,
                created_at=now,
            )
            for recipient in recipients
        ),
        ignore_conflicts=True,
        batch_size=CHUNK,
    )


def notifications_for(user: User) -> QuerySet[Notification]:
    """A person's own lines, newest first."""
    return Notification.objects.filter(recipient=user)


def count_unread(user: User) -> int:
    """How many lines a person has not read."""
    return notifications_for(user).filter(read_at=None).count()


def mark_read(
    user: User, *, up_to: int | None = None, pk: int | None = None, url: str | None = None
) -> None:
    """Mark a person's unread lines as read: one, all up to the newest that was shown, or all that
    lead to a page or a place on it."""
    unread = notifications_for(user).filter(read_at=None)
    if up_to is not None:
        unread = unread.filter(pk__lte=up_to)
    if pk is not None:
        unread = unread.filter(pk=pk)
    if url is not None:
        unread = unread.filter(Q(url=url) | Q(url__startswith=f"{url}#"))
    unread.update(read_at=timezone.now())
