"""The secrets of second factors as they lie in the database: sealed with the site's key.

Comes in: the secret of an authenticator app or the seed of recovery codes, from allauth.mfa.
Goes out: the same under Fernet, by a key derived from SHEAF_SECRET_KEY. Who reads the database
alone has no codes.
"""

import base64
from functools import lru_cache

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from accounts.models import User

PURPOSE = b"sheaf: second factors"


class SealedSecrets(DefaultMFAAdapter):
    """What allauth.mfa asks of a site (MFA_ADAPTER)."""

    def get_totp_label(self, user: User) -> str:
        return user.get_username()

    def encrypt(self, text: str) -> str:
        """Seal a secret with the present key."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Open a secret that this key sealed, or one of before."""
        try:
            return _box().decrypt(encrypted_text.encode()).decode()
        except InvalidToken as error:
            raise ImproperlyConfigured(
                "This second factor was sealed with another SHEAF_SECRET_KEY: name that key in "
                "SHEAF_SECRET_KEY_OLD, or reset_second_factor."
            ) from error


def _box() -> MultiFernet:
    return MultiFernet(
        [_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    )


@lru_cache(maxsize=8)
def _fernet(key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
