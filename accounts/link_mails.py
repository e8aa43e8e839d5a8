"""Sends one-time links by e-mail: the stage behind tasks.mail_link.

Comes in: the id of a user whose LinkMail row is due. Goes out: one message, and a row that is
no longer due. A row whose worker died is due again when its lease ends; a mail server that is
down is tried again, ever more rarely.
"""

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.first_passwords import email_is_configured, first_password_url, link_days
from accounts.models import LinkMail, User

logger = logging.getLogger(__name__)

LONGEST_PAUSE = timedelta(hours=6)


def due(now: datetime) -> list[int]:
    """Ids of the users whose link is to be e-mailed now."""
    if not email_is_configured():
        return []
    return list(LinkMail.objects.filter(due_at__lte=now).values_list("user_id", flat=True))


def mail_link(user_pk: int) -> None:
    """E-mail a user's one-time link if it is due and nobody else is doing so."""
    now = timezone.now()
    lease_end = now + timedelta(seconds=settings.SHEAF_LEASE_SECONDS)
    if not email_is_configured() or not (
        LinkMail.objects.filter(user_id=user_pk, due_at__lte=now).update(due_at=lease_end)
    ):
        return
    held = LinkMail.objects.filter(user_id=user_pk, due_at=lease_end)
    mail = held.select_related("user").first()
    if mail is None:
        return
    if not mail.user.is_active or not mail.user.email:
        held.update(due_at=None, problem="The account is closed or has no e-mail address.")
        return
    try:
        _send(mail.user)
    except SMTPRecipientsRefused:
        logger.warning("link for user %s: the mail server refused the address", user_pk)
        held.update(due_at=None, problem="The mail server refused the e-mail address.")
    except (SMTPException, OSError) as error:
        tries = mail.tries + 1
        pause = min(timedelta(minutes=2 ** min(tries, 12)), LONGEST_PAUSE)
        logger.warning("link for user %s: no mail (%s)", user_pk, type(error).__name__)
        held.update(
            due_at=timezone.now() + pause,
            tries=min(tries, 1000),
            problem="The mail server does not answer; Sheaf tries again.",
        )
    else:
        held.update(due_at=None, tries=0, problem="", sent_at=timezone.now())


def _send(user: User) -> None:
    first = not user.has_usable_password()
    text = render_to_string(
        "accounts/mail_link.txt",
        {
            "person": user,
            "first": first,
            "link": first_password_url(user),
            "days": link_days(),
        },
    )
    subject = "Your account for Sheaf" if first else "A new password for Sheaf"
    send_mail(subject, text, None, [user.email])
