"""How a line of the log looks, and what never stands in one.

A database quotes the value that it refused ("DETAIL: Key (roll_number)=(84B003) already
exists"), which may be a name or an answer: those words are left out of logged tracebacks.
"""

import logging
import re

QUOTED = (
    # PostgreSQL's own lines below the message.
    (re.compile(r"^[ \t|]*(?:DETAIL|CONTEXT|QUERY|LINE \d+):.*$", re.MULTILINE), ""),
    # The value that is no number or date at all.
    (re.compile(r'(invalid input (?:syntax|value) for [^:"\n]*:? )".*?"(?=\n|$)', re.S), r'\1"…"'),
    (re.compile(r'(value ")[^\n]*(" is out of range)'), r"\1…\2"),
)


class Line(logging.Formatter):
    """Time, level, logger, message; a traceback without the values a database quotes."""

    def format(self, record: logging.LogRecord) -> str:
        return without_values(super().format(record))


def without_values(text: str) -> str:
    """The text without the values that PostgreSQL quotes in its errors."""
    for pattern, instead in QUOTED:
        text = pattern.sub(instead, text)
    return text
