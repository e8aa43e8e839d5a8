"""The second factor of teachers and admins: a code of an authenticator app besides the password.

Comes in: a person, and the codes they type. Goes out: allauth.mfa's authenticators (the app's
secret, ten recovery codes), whether a code is right, and what a person is told about it. The
site says by SHEAF_SECOND_FACTOR whether there are any: off, offered or required.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, validate_totp_code
from allauth.mfa.utils import decrypt, encrypt
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.models import CodeTry, User
from accounts.notifications import notify
from accounts.sessions import end_sessions, lock_person, note_in_history

Type = Authenticator.Type
# Longer than an app shows a code and we take it: a used one is kept for so long.
USED_UP = timedelta(minutes=5)

SET_UP = gettext_noop("Your second factor is set up. All other sign-ins were ended.")
REMOVED = gettext_noop(
    "Your second factor was removed: signing in asks for the password alone. All other sign-ins "
    "were ended."
)
RESET = gettext_noop(
    "An admin removed your second factor and ended all sign-ins. If you did not ask for it, "
    "tell your school at once."
)
RECOVERY_USED = gettext_noop(
    "A recovery code was used to sign in. If that was not you, change your password at once."
)
GUESSED = gettext_noop(
    "Somebody who knows your password typed wrong codes, so that codes are locked for a while. "
    "If that was not you, change your password at once."
)


class WrongCode(ValidationError):
    """A code that is wrong, too old, or was used already."""

    def __init__(self) -> None:
        super().__init__(
            _("This code is wrong or was used already. Wait for the next one, and type that."),
            code="wrong_code",
        )


class TooManyCodes(ValidationError):
    """So many wrong codes that for a while none is looked at."""

    def __init__(self) -> None:
        super().__init__(
            _("Too many wrong codes. Try again in %(minutes)s minutes.")
            % {"minutes": lock_minutes()},
            code="too_many_attempts",
        )


class AlreadySetUp(ValidationError):
    """A second factor where there is one."""

    def __init__(self) -> None:
        super().__init__(_("You have a second factor. Remove it first."))


@dataclass(frozen=True)
class Facts:
    """What a person's page shows: since when, last used when, and how many codes are left."""

    since: datetime
    used_at: datetime | None
    codes_left: int


def lock_minutes() -> int:
    """For how long wrong codes count, as wrong passwords do."""
    return round(_lock().total_seconds() / 60)


def _lock() -> timedelta:
    return timedelta(hours=settings.AXES_COOLOFF_TIME)


def is_offered_to(user: User) -> bool:
    """Whether a person may set up a second factor."""
    return settings.SHEAF_SECOND_FACTOR != "off" and (user.is_admin or user.is_teacher)


def is_required_of(user: User) -> bool:
    """Whether a person can do nothing here without a second factor."""
    return settings.SHEAF_SECOND_FACTOR == "required" and (user.is_admin or user.is_teacher)


def is_asked_of(user: User) -> bool:
    """Whether a person's password alone signs nobody in."""
    return settings.SHEAF_SECOND_FACTOR != "off" and has_second_factor(user)


def has_second_factor(user: User) -> bool:
    """Whether a person has set up an authenticator app."""
    return Authenticator.objects.filter(user=user, type=Type.TOTP).exists()


def facts_of(user: User) -> Facts | None:
    """What there is to say about a person's second factor, None without one."""
    found = {one.type: one for one in Authenticator.objects.filter(user=user)}
    app = found.get(Type.TOTP)
    if app is None:
        return None
    codes = found.get(Type.RECOVERY_CODES)
    used = [one.last_used_at for one in found.values() if one.last_used_at]
    left = codes.wrap().get_unused_codes() if codes else []
    return Facts(app.created_at, max(used, default=None), len(left))


def recovery_codes(user: User) -> list[str]:
    """The recovery codes of a person that were not used yet."""
    codes = Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).first()
    return codes.wrap().get_unused_codes() if codes else []


def sealed_secret() -> str:
    """A new secret for an authenticator app, sealed until a code of the app proves it."""
    return encrypt(generate_totp_secret())


def app_picture(user: User, sealed: str) -> dict[str, str]:
    """A secret as an app takes it: a QR code (a data address), a link, and letters to type."""
    secret = decrypt(sealed)
    url = get_adapter().build_totp_url(user, secret)
    svg = get_adapter().build_totp_svg(url)
    return {
        "picture": "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode(),
        "link": url,
        "letters": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
    }


@transaction.atomic
def set_up_second_factor(user: User, sealed: str, code: str, *, keep: int | None = None) -> None:
    """Make the app that holds the secret the person's second factor, as a code of it proves.

    All sign-ins but the session `keep` end: they were made without a code. Raises WrongCode,
    AlreadySetUp.
    """
    user = lock_person(user.pk)
    if has_second_factor(user):
        raise AlreadySetUp
    secret = decrypt(sealed)
    if not validate_totp_code(secret, code):
        raise WrongCode
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    _use_up(user, code)
    end_sessions(user, keep=keep)
    _tell(user, "set-up", SET_UP, by=user)


@transaction.atomic
def make_recovery_codes(user: User) -> None:
    """New recovery codes for a person who has a second factor; those of before end."""
    lock_person(user.pk)
    Authenticator.objects.filter(user=user, type=Type.RECOVERY_CODES).delete()
    if has_second_factor(user):
        RecoveryCodes.activate(user)


@transaction.atomic
def remove_second_factor(user: User, *, keep: int | None = None) -> None:
    """Take a person's own second factor away; the page has asked for the password.

    All sign-ins but the session `keep` end, since a site may require a second factor of them.
    """
    user = lock_person(user.pk)
    if Authenticator.objects.filter(user=user).delete()[0]:
        end_sessions(user, keep=keep)
        _tell(user, "removed", REMOVED, by=user)


@transaction.atomic
def reset_second_factor(user: User, *, by: User | None) -> bool:
    """Take somebody's second factor away and sign them out everywhere: a phone was lost.

    `by` is None on the console. Says whether there was one.
    """
    user = lock_person(user.pk)
    if not Authenticator.objects.filter(user=user).delete()[0]:
        return False
    end_sessions(user)
    _tell(user, "reset", RESET, by=by)
    return True


def check_code(user: User, code: str) -> None:
    """Take a code of the app or a recovery code, once. Raises WrongCode or TooManyCodes.

    Typing one takes a row under the person's lock, so that many tries at once count as many.
    """
    with transaction.atomic():
        problem = _judge(lock_person(user.pk), code)
    if problem is not None:  # raised when the try is written
        raise problem


def _judge(user: User, code: str) -> ValidationError | None:
    now = timezone.now()
    tries = CodeTry.objects.filter(user=user)
    tries.filter(code="", at__lte=now - _lock()).delete()
    wrong = tries.filter(code="").count()
    if wrong >= settings.AXES_FAILURE_LIMIT:
        return TooManyCodes()
    used = tries.filter(code=normalize_user_code(code), at__gt=now - USED_UP)
    authenticator = None if not code or used.exists() else _taken_by(user, code)
    if authenticator is not None:
        authenticator.record_usage()
        if authenticator.type == Type.TOTP:
            _use_up(user, code)
        else:
            _notify(user, "recovery", RECOVERY_USED)
        return None
    CodeTry.objects.create(user=user, at=now)
    if wrong + 1 < settings.AXES_FAILURE_LIMIT:
        return WrongCode()
    _notify(user, "guessed", GUESSED)
    return TooManyCodes()


def _taken_by(user: User, code: str) -> Authenticator | None:
    found = Authenticator.objects.filter(user=user, type__in=(Type.TOTP, Type.RECOVERY_CODES))
    return next((one for one in found if one.wrap().validate_code(code)), None)


def _use_up(user: User, code: str) -> None:
    """allauth keeps a used code for 30 seconds in its process; we are several, and take longer."""
    now = timezone.now()
    CodeTry.objects.filter(user=user, at__lte=now - USED_UP).exclude(code="").delete()
    CodeTry.objects.create(user=user, at=now, code=normalize_user_code(code))


def _tell(user: User, event: str, text: str, *, by: User | None) -> None:
    note_in_history(user, f"Second factor: {event}", by=by)
    _notify(user, event, text)


def _notify(user: User, event: str, text: str) -> None:
    key = f"second-factor-{event}:{timezone.now().isoformat()}"
    notify([user], key=key, text=text, url=reverse("accounts:second_factor"))
