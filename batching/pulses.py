"""Pulses: every worker notes when a task came to its end, a few times a minute at most.

Comes in: the name of a task that a worker has finished, well or badly. Goes out: one row for each
task. What is silent for too long is shown to the person on call (grading/system_health.py).
"""

from __future__ import annotations

import time
from typing import Any

from django.utils import timezone

from batching.models import Pulse

PAUSE_SECONDS = 10
OURS = ("accounts.", "batching.", "exams.", "grading.")
_noted: dict[tuple[str, str], float] = {}


def note_success(name: str) -> None:
    """Write that a task of ours has just succeeded, unless that was written a moment ago."""
    _note(name, succeeded_at=timezone.now())


def note_failure(name: str, error: BaseException) -> None:
    """Write that a task of ours has just failed; of the error only its kind is kept."""
    _note(name, failed_at=timezone.now(), failure=type(error).__name__[:100])


def _note(name: str, **values: Any) -> None:
    kind = next(iter(values))
    now = time.monotonic()
    if not name.startswith(OURS) or now - _noted.get((name, kind), -PAUSE_SECONDS) < PAUSE_SECONDS:
        return
    _noted[name, kind] = now
    Pulse.objects.bulk_create(
        [Pulse(name=name, **values)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=list(values),
    )
