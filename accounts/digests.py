"""The digest: a person's unread lines by e-mail, once a day or an hour, as they chose.

Comes in: the id of a user whose digest is due. Goes out: one message with what was told since the
last one and is not read yet, or none when there is nothing (accounts/mailing.py).
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext, override

from accounts.languages import language_of
from accounts.mailing import mail_due, users_due
from accounts.models import Digest, DigestEvery, Notification, User
from accounts.notifications import notifications_for
from accounts.times import zone_of

LINES = 30
MORNING = time(7)


def choose_digest(user: User, *, every: str) -> None:
    """Let a person's unread lines be e-mailed daily, hourly or ("") never.

    What was told before the choice is not e-mailed any more.
    """
    if every == DigestEvery.NEVER:
        Digest.objects.filter(user=user).update(every=every, due_at=None, problem="")
        return
    newest = notifications_for(user).order_by("-pk").values_list("pk", flat=True).first()
    digest, _ = Digest.objects.get_or_create(user=user)
    if digest.every != every:
        if digest.every == DigestEvery.NEVER:
            digest.told_up_to = newest or 0
        digest.every = every
    digest.due_at, digest.tries, digest.problem = next_due(digest, timezone.now()), 0, ""
    digest.save()


def next_due(digest: Digest, now: datetime) -> datetime | None:
    """When the next one goes out: at the next full hour, or at seven in the person's morning."""
    if digest.every == DigestEvery.NEVER:
        return None
    zone = zone_of(digest.user.time_zone) or zone_of(settings.TIME_ZONE) or UTC
    local = now.astimezone(zone)
    if digest.every == DigestEvery.HOUR:
        return local.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    day = local.date() + timedelta(days=local.time() >= MORNING)
    return datetime.combine(day, MORNING, local.tzinfo)


def due(now: datetime) -> list[int]:
    """Ids of the users whose digest is to be e-mailed now."""
    return users_due(Digest.objects.all(), now)


def mail_digest(user_pk: int) -> None:
    """E-mail a user's digest if it is due and nobody else is doing so."""
    mail_due(Digest.objects.all(), user_pk, _send_digest)


def _send_digest(digest: Digest) -> dict[str, Any]:
    after = {"due_at": next_due(digest, timezone.now())}
    unread = notifications_for(digest.user).filter(read_at=None, pk__gt=digest.told_up_to)
    lines = list(unread.order_by("-pk")[:LINES])
    if not lines:
        return after
    _send(digest.user, lines, unread.count())
    return {**after, "told_up_to": lines[0].pk}


def _send(user: User, lines: list[Notification], count: int) -> None:
    with override(language_of(user)):
        subject, text = _written(user, lines, count)
    send_mail(subject, text, None, [user.email])


def _written(user: User, lines: list[Notification], count: int) -> tuple[str, str]:
    """Subject and text of a digest, in the language that is spoken now."""
    site = settings.SITE_URL.rstrip("/")
    text = render_to_string(
        "accounts/mail_digest.txt",
        {
            "person": user,
            "lines": [(line.told, f"{site}{line.url}" if line.url else "") for line in lines],
            "more": count - len(lines),
            "bell": site + reverse("accounts:notifications"),
            "account": site + reverse("accounts:account"),
        },
    )
    subject = ngettext("Sheaf: %(count)d new line", "Sheaf: %(count)d new lines", count)
    return subject % {"count": count}, text
