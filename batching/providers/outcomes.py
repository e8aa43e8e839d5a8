"""Lines of result files: what is the same in them whatever the vendor.

Comes in: a line, and what a vendor's reader made of its body. Goes out: an Answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batching.providers.base import Answer, Finish, UnreadableLine, Usage
from batching.providers.said import gettext_noop
from batching.providers.vendor_words import as_mapping

NOTHING = gettext_noop("The provider's line holds no reply.")
TRUNCATED = gettext_noop("The reply was cut off at the token limit.")
CANCELLED = gettext_noop("The batch was cancelled before this request was run.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended; the fields are those of an Answer."""

    text: str = ""
    finish: Finish = "complete"
    problem: str = ""
    retryable: bool = False

    def answer(self, custom_id: str, raw: str, model: str, usage: Usage) -> Answer:
        """The answer to the request `custom_id`."""
        return Answer(
            custom_id=custom_id,
            text=self.text,
            raw=raw,
            finish=self.finish,
            problem=self.problem,
            retryable=self.retryable,
            model=model,
            usage=usage,
        )


def parse_line(line: bytes, key: str) -> tuple[str, str, Mapping[str, Any]]:
    """The line as text, the id of its request (under `key`), and its value.

    Raises UnreadableLine.
    """
    try:
        raw = line.decode("utf-8-sig").strip()
        value = as_mapping(json.loads(raw))
    except (ValueError, RecursionError) as error:
        raise UnreadableLine("The line is not JSON.") from error
    custom_id = value.get(key)
    if not isinstance(custom_id, str) or not custom_id:
        raise UnreadableLine("The line names no request.")
    return raw, custom_id, value
