"""Counts that a vendor tells: what can be stored and reckoned with, whatever was sent.

Comes in: values of a reply, of any type. Goes out: whole numbers that a database column of
tokens takes, from which no cost can come out negative or without end.
"""

from __future__ import annotations

from typing import Any

from batching.providers.base import Usage

MOST = 2**31 - 1


def count_of(value: Any) -> int:
    """A whole number from 0 to MOST, also one that is written as a text; 0 for anything else."""
    if isinstance(value, str) and value.isdecimal() and len(value) <= len(str(MOST)):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        return 0
    return value


def usage_of(read: Any, written: Any, cached: Any, thoughts: Any = 0) -> Usage:
    """Tokens as a vendor counted them; `thoughts` where they are not among those `written`."""
    return _bounded(count_of(read), count_of(written) + count_of(thoughts), count_of(cached))


def sum_of(one: Usage, other: Usage) -> Usage:
    """What two attempts at one request used together."""
    return _bounded(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
    )


def _bounded(read: int, written: int, cached: int) -> Usage:
    read = min(read, MOST)
    return Usage(read, min(written, MOST), min(cached, read))
