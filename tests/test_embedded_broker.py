"""The broker without a server: workers that start together on a new data folder find each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from kombu import Connection

from config.celery import transport_options

URL = "filesystem://localhost"
WORKERS = 8


@pytest.fixture
def connect(tmp_path):
    """Gives a channel of its own, as each process has one, over the same new folder."""
    options = transport_options(URL, tmp_path)
    return lambda: Connection(URL, transport_options=options).channel()


def test_workers_that_start_together_are_all_bound(connect):
    barrier = Barrier(WORKERS)

    def start(number: int, attempt: int) -> None:
        channel = connect()
        barrier.wait(10)
        channel.get_table(f"pidbox{attempt}")  # as whoever sends does, at any moment
        channel._queue_bind(f"pidbox{attempt}", "", "", f"worker{number}{'x' * number}")

    for attempt in range(30):
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(start, range(WORKERS), [attempt] * WORKERS))
        bound = {row.queue for row in connect().get_table(f"pidbox{attempt}")}
        assert len(bound) == WORKERS


def test_a_table_whose_writer_was_killed_is_made_anew(connect, tmp_path):
    table = tmp_path / "broker/control/pidbox.exchange"
    table.write_text('[["", "", "worker1"]]"]]')
    connect()._queue_bind("pidbox", "", "", "worker2")
    assert [row.queue for row in connect().get_table("pidbox")] == ["worker2"]
