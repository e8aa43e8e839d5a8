"""The address of the database, as it stands in DATABASE_URL.

Comes in: its text. Goes out: what Django's DATABASES wants, or an error that says how the address
is written. The address itself is never shown: it holds a password.
"""

from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SCHEMES = ("postgres://", "postgresql://", "pgsql://", "sqlite://")
SHAPE = (
    "write it as postgres://user:password@host:5432/name or sqlite:////folder/file.sqlite3, with"
    " signs such as / # ? [ ] in a password as %2F %23 %3F %5B %5D."
)


def read_database_url(text: str) -> dict[str, Any]:
    """DATABASES["default"] for an address. Raises ImproperlyConfigured."""
    if not text.lower().startswith(SCHEMES):
        raise ImproperlyConfigured(f"DATABASE_URL names no database that Sheaf knows: {SHAPE}")
    try:
        found = dict(dj_database_url.parse(text, conn_max_age=600))
    except ValueError:  # what both of dj_database_url's own errors are
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {SHAPE}") from None
    if not found["NAME"]:
        raise ImproperlyConfigured(f"DATABASE_URL says no name of a database: {SHAPE}")
    return found
