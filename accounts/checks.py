"""System checks of the translations: a language without its compiled catalogue speaks English.

Compiled catalogues (.mo) are built by `make setup`, never committed. One that is missing, or older
than the texts it was made from, is a warning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Warning


def register() -> None:
    """Have Django run these checks; once per process."""
    checks.register(check_catalogues)


def check_catalogues(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A warning for each catalogue that was not compiled since it changed."""
    return [
        Warning(
            f"The catalogue {source} is not compiled, or has changed since.",
            hint="Run make setup, or: pybabel compile --directory config/locale --domain django",
            id="sheaf.W010",
        )
        for folder in settings.LOCALE_PATHS
        for source in sorted(Path(folder).glob("*/LC_MESSAGES/*.po"))
        if not _is_fresh(source.with_suffix(".mo"), source)
    ]


def _is_fresh(compiled: Path, source: Path) -> bool:
    return compiled.exists() and compiled.stat().st_mtime >= source.stat().st_mtime
