"""One-time links by e-mail: the stage behind tasks.mail_link.

Comes in: the id of a user whose LinkMail row is due. Goes out: one message, and a row that is no
longer due (accounts/mailing.py).
"""

from datetime import datetime
from typing import Any

from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.first_passwords import first_password_url, link_days
from accounts.languages import language_of
from accounts.mailing import mail_due, users_due
from accounts.models import LinkMail, User


def due(now: datetime) -> list[int]:
    """Ids of the users whose link is to be e-mailed now."""
    return users_due(LinkMail.objects.all(), now)


def mail_link(user_pk: int) -> None:
    """E-mail a user's one-time link if it is due and nobody else is doing so."""
    mail_due(LinkMail.objects.all(), user_pk, _send_link)


def _send_link(mail: LinkMail) -> dict[str, Any]:
    _send(mail.user)
    return {"due_at": None, "sent_at": timezone.now()}


def _send(user: User) -> None:
    first = not user.has_usable_password()
    with override(language_of(user)):
        text = render_to_string(
            "accounts/mail_link.txt",
            {
                "person": user,
                "first": first,
                "link": first_password_url(user),
                "days": link_days(),
            },
        )
        subject = _("Your account for Sheaf") if first else _("A new password for Sheaf")
    send_mail(subject, text, None, [user.email])
