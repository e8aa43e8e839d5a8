"""The secret key of an installation that was given none: a laptop's.

Comes in: the data folder. Goes out: the key, made there once and the same from then on.
"""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path


def kept_secret_key(folder: Path) -> str:
    """The random key that is kept in the folder."""
    path = folder / "secret_key"
    if not path.exists():
        # Web, worker and beat may start at once: a whole file appears, and the first one stays.
        with tempfile.NamedTemporaryFile("w", dir=folder) as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()
