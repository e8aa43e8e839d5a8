"""An authenticator app, as a teacher's phone has one: shows the code of a secret now."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt

from accounts.models import User
from accounts.second_factors import sealed_secret, set_up_second_factor

STEP = 30


def code_of(secret: str, *, ahead: int = 0) -> str:
    """The six digits of RFC 6238 for a secret, or those that come `ahead` steps later."""
    moment = struct.pack(">Q", int(time.time()) // STEP + ahead)
    digest = hmac.new(base64.b32decode(secret.replace(" ", "")), moment, hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def code_for(user: User, *, ahead: int = 1) -> str:
    """What the app of a person shows next: the present code was used for setting up."""
    row = Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP)
    return code_of(decrypt(row.data["secret"]), ahead=ahead)


def with_second_factor(user: User) -> User:
    """Give a person a second factor, as its page does."""
    sealed = sealed_secret()
    set_up_second_factor(user, sealed, code_of(decrypt(sealed)))
    return user
