"""One-time links with which a person chooses a password, the first or a new one.

Comes in: a user. Goes out: an absolute address that works until a password is chosen with it,
or until SHEAF_LINK_DAYS have passed. Nobody ever sees or sets another person's password.
"""

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User

NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"


class LinkTokens(PasswordResetTokenGenerator):
    """Django's reset tokens (they die when the password changes or somebody signs in)."""

    key_salt = "accounts.first_passwords"


tokens = LinkTokens()


def first_password_url(user: User) -> str:
    """The absolute one-time link of a user."""
    path = reverse(
        "accounts:first_password",
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
            "token": tokens.make_token(user),
        },
    )
    return settings.SITE_URL.rstrip("/") + path


def link_days() -> int:
    """For how many days a link works (SHEAF_LINK_DAYS)."""
    return settings.PASSWORD_RESET_TIMEOUT // 86400


def email_is_configured() -> bool:
    """Whether Sheaf can send e-mail (SHEAF_EMAIL_HOST is set)."""
    return settings.EMAIL_BACKEND != NO_MAIL


def gets_mail(user: User) -> bool:
    """Whether a user's links are e-mailed; otherwise they are printed and handed over."""
    return bool(user.email) and email_is_configured()
