"""Clicks: what a page answers when a person's command was done, or refused.

Comes in: a command to run. Goes out: the words that stand in its way, none when it was done, and
the answer's status: 422 for what the person can put right, 409 when the thing has moved on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from django.core.exceptions import ValidationError

from batching.conflicts import Conflict


class Outcome(NamedTuple):
    """What came of a click; `problem` is "" when the command was done."""

    problem: str
    status: int


def outcome_of(command: Callable[[], object]) -> Outcome:
    """Run a command and say what came of it."""
    try:
        command()
    except ValidationError as error:
        return Outcome(" ".join(error.messages), 422)
    except Conflict as error:
        return Outcome(str(error), 409)
    return Outcome("", 200)
