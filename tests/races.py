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


WAITING = """
SELECT count(*) FROM pg_locks waited JOIN pg_locks held USING (pid)
JOIN pg_database ON pg_database.oid = held.database
WHERE NOT waited.granted AND datname = current_database()
"""


def somebody_waits() -> bool:
    """Whether a transaction of this database waits for a lock; other tests have their own.

    Read from pg_locks, which is never cached. A wait for a row names no database, but who waits
    holds locks on its tables.
    """
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


class Meanwhile(threading.Thread):
    """Does something on a connection of its own and keeps what became of it.

    A refusal (ValidationError, Conflict, LostClaim) is kept as the value.
    """

    def __init__(self, action: Callable[[], Any]) -> None:
        super().__init__()
        self.action = action
        self.outcome: list[Any] = []

    def run(self) -> None:
        try:
            self.outcome.append(self.action())
        except (ValidationError, Conflict, LostClaim) as refusal:
            self.outcome.append(refusal)
        finally:
            connection.close()


def race(first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """Run `first`, and before it commits start `second`; what became of the second.

    A refusal (ValidationError, Conflict, LostClaim) is given as the value.
    """
    other = Meanwhile(second)
    with transaction.atomic():
        first()
        other.start()
        end = time.monotonic() + PATIENCE
        while other.is_alive() and not somebody_waits() and time.monotonic() < end:
            time.sleep(0.02)
    other.join(PATIENCE)
    assert other.outcome, "the second neither finished nor was refused"
    return other.outcome[0]


def at_once(number: int, action: Callable[[], Any]) -> list[Any]:
    """Run `action` in so many threads that start together; what became of each."""
    ready = threading.Barrier(number)

    def run() -> Any:
        ready.wait()
        return action()

    threads = [Meanwhile(run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 3)
    return [one for thread in threads for one in thread.outcome]
