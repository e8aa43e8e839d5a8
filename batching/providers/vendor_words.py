"""What vendors say, taken with care: values of a JSON that may be anything, words without keys,
and the seconds that they want us to wait. The same for all of them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from batching.providers.said import gettext_noop

LONGEST_TEXT = 300
LONGEST_WAIT = 24 * 3600.0
NO_REASON = gettext_noop("no reason was given.")
# OpenAI's "sk-…", the half-hidden keys ("abcd****wxyz") that it quotes, and Google's.
KEYS = re.compile(r"\bsk-[\w*.-]+|\S*\*{3,}\S*|\bAIza[\w-]{20,}|\bAQ\.[\w.-]{20,}")


def as_mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_text(value: Any) -> str:
    """The value if it is a text, else ""."""
    return value if isinstance(value, str) else ""


def clean(words: str, secret: str = "") -> str:
    """One line of at most 300 characters without a key; `secret` is one that is known."""
    words = " ".join(words.split())
    if secret:
        words = words.replace(secret, "(key)")
    words = KEYS.sub("(key)", words)
    return words if len(words) <= LONGEST_TEXT else f"{words[: LONGEST_TEXT - 1]}…"


def retry_after(response: object) -> float | None:
    """Seconds that the vendor wants us to wait, or None when it names none."""
    headers = getattr(response, "headers", None)
    if headers is None:
        return None
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        seconds /= 1000
    else:
        named = headers.get("retry-after")
        seconds = _number(named)
        if seconds is None and named:
            try:
                seconds = parsedate_to_datetime(named).timestamp() - time.time()
            except ValueError:
                return None
    return None if seconds is None else min(max(seconds, 0.0), LONGEST_WAIT)


def _number(digits: str | None) -> float | None:
    try:
        number = float(digits or "")
    except ValueError:
        return None
    return number if number == number else None
