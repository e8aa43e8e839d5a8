"""Two at the same moment, on a database with real locks.

The first one's transaction stays open until the second waits for its lock, so that the
dangerous order happens every time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from batching.claims import LostClaim
from batching.conflicts import Conflict

PATIENCE = 10

on_postgresql = [
    pytest.mark.postgres,
    pytest.mark.usefixtures("_real_locks"),
    pytest.mark.django_db(transaction=True),
]
"""The marks of a module of races."""


def somebody_waits() -> bool:
    """Whether a transaction waits for a lock (read from pg_locks, which is never cached)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def race(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Run `first`, and before it commits start `second`; what became of the second.

    A refusal (ValidationError, Conflict, LostClaim) is given as the value.
    """
    outcome: list[Any] = []

    def run_second() -> None:
        try:
            outcome.append(second())
        except (ValidationError, Conflict, LostClaim) as refusal:
            outcome.append(refusal)
        finally:
            connection.close()

    thread = threading.Thread(target=run_second)
    with transaction.atomic():
        first()
        thread.start()
        end = time.monotonic() + PATIENCE
        while thread.is_alive() and not somebody_waits() and time.monotonic() < end:
            time.sleep(0.02)
    thread.join(PATIENCE)
    assert outcome, "the second neither finished nor was refused"
    return outcome[0]


def at_once(number: int, action: Callable[[], Any]) -> list[Any]:
    """Run `action` in so many threads that start together; what became of each."""
    outcome: list[Any] = []
    ready = threading.Barrier(number)

    def run() -> None:
        try:
            ready.wait()
            outcome.append(action())
        except (ValidationError, Conflict, LostClaim) as refusal:
            outcome.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 3)
    return outcome
