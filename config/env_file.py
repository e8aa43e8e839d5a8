"""The file .env beside manage.py: its lines become environment variables.

Comes in: its path. Goes out: the process's environment, in which what was set before stays, or an
error that says how to have the file read. PYTHON_DOTENV_DISABLED=1 leaves the file alone.
"""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

REMEDY = "Give the user that Sheaf runs as the right to read it (chown, chmod), or move it away."


def read_env_file(path: Path) -> None:
    """Set what stands in the file and is not set yet; no file is no error.

    Values are taken as they stand: a $ in a password is a $.
    """
    try:
        load_dotenv(path, interpolate=False)
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be read: {error.strerror}. {REMEDY}") from None
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} cannot be read: save it as UTF-8 text.") from None
