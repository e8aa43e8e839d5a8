"""Mail that is due: rows which say for whom, one worker for each, tried again when mail is down.

Comes in: the rows of one kind (LinkMail, Digest) and whom to mail. Goes out: the message that the
kind's own module makes, and a row that is due later or no more. `due_at` is also the lease: a row
whose worker died is due again when it ends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop

from accounts.first_passwords import email_is_configured

logger = logging.getLogger(__name__)

LONGEST_PAUSE = timedelta(hours=6)
# Kept in the row; pages translate them.
NO_ADDRESS = gettext_noop("The account is closed or has no e-mail address.")
REFUSED = gettext_noop("The mail server refused the e-mail address.")
NO_SERVER = gettext_noop("The mail server does not answer; Sheaf tries again.")


def users_due(rows: QuerySet[Any], now: datetime) -> list[int]:
    """Ids of the users who are to be mailed now."""
    if not email_is_configured():
        return []
    return list(rows.filter(due_at__lte=now).values_list("user_id", flat=True))


def mail_due(rows: QuerySet[Any], user_pk: int, send: Callable[[Any], dict[str, Any]]) -> None:
    """Mail one user if that is due and nobody else is doing so.

    `send` gets the row and gives what is written on it when it was sent (or nothing had to be).
    """
    now = timezone.now()
    lease_end = now + timedelta(seconds=settings.SHEAF_LEASE_SECONDS)
    own = rows.filter(user_id=user_pk)
    if not email_is_configured() or not own.filter(due_at__lte=now).update(due_at=lease_end):
        return
    held = own.filter(due_at=lease_end)
    row = held.select_related("user").first()
    if row is None:
        return
    if not row.user.is_active or not row.user.email:
        held.update(due_at=None, problem=NO_ADDRESS)
        return
    kind = row._meta.verbose_name
    try:
        done = send(row)
    except SMTPRecipientsRefused:
        logger.warning("%s for user %s: the mail server refused the address", kind, user_pk)
        held.update(due_at=None, problem=REFUSED)
    except (SMTPException, OSError) as error:
        tries = row.tries + 1
        pause = min(timedelta(minutes=2 ** min(tries, 12)), LONGEST_PAUSE)
        logger.warning("%s for user %s: no mail (%s)", kind, user_pk, type(error).__name__)
        held.update(
            due_at=timezone.now() + pause,
            tries=min(tries, 1000),
            problem=NO_SERVER,
        )
    else:
        held.update(tries=0, problem="", **done)
