"""Workers killed (kill -9) while they speak to a provider: one batch, and the same rows.

The vendor's emulator holds a call, so that the worker dies at that very moment every time.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest

from tests.batching.drill_site import call
from tests.emulators import vendors
from tests.emulators.base import Call, Emulator, Reset, Response
from tests.servers import postgres, redis
from tests.site import Site, running_site, wait_until

pytestmark = pytest.mark.slow

SHEETS = 4
UPLOAD, CREATE, CONTENT, CHAT = "upload", "create", "content", "chat"
CALLS = {
    ("openai", UPLOAD): "POST /v1/files",
    ("openai", CREATE): "POST /v1/batches",
    ("openai", CONTENT): r"GET /v1/files/[\w-]+/content",
    ("gemini", UPLOAD): "POST /upload/v1beta/files",
    ("gemini", CREATE): r"POST /v1beta/models/[\w.-]+:batchGenerateContent",
    ("gemini", CONTENT): r"GET /v1beta/files/[\w-]+:download",
    ("local", CHAT): "POST /v1/chat/completions",
}
LOCK_LAST_SHEET = """
    SELECT id FROM exams_sheet WHERE id = (
        SELECT max(subject_id) FROM batching_batchitem WHERE run_id = %s
    ) FOR UPDATE
"""
_numbers = itertools.count(1)


@contextmanager
def held(emulator: Emulator, what: str, *, done: bool) -> Iterator[threading.Event]:
    """The emulator holds the next such call until the block ends, and then hangs up.

    With `done` it has done what it was asked for, and only the answer does not arrive. Gives
    the event that the call is held.
    """
    address = re.compile(CALLS[emulator.name, what])
    first, reached, over = threading.Lock(), threading.Event(), threading.Event()
    respond: Callable[[Call], Response] = emulator.respond

    def hold(asked: Call) -> Response:
        if not address.fullmatch(f"{asked.method} {asked.path}") or not first.acquire(False):
            return respond(asked)
        if done:
            respond(asked)
        reached.set()
        over.wait(120)
        raise Reset

    emulator.respond = hold  # type: ignore[method-assign]
    try:
        yield reached
    finally:
        over.set()
        emulator.respond = respond  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def emulators(tmp_path_factory) -> Iterator[dict[str, Emulator]]:
    with vendors.all_started(tmp_path_factory.mktemp("vendors")) as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory, emulators) -> Iterator[Site]:
    """An installation with all three vendors and a beat; its workers are started by the tests."""
    with ExitStack() as stack:
        site = stack.enter_context(
            running_site(
                tmp_path_factory.mktemp("site"),
                DATABASE_URL=stack.enter_context(postgres()),
                CELERY_BROKER_URL=stack.enter_context(redis()),
                **vendors.environment(emulators),
                SHEAF_PROVIDERS=json.dumps(
                    {name: {"price": {"input": 100, "output": 400}} for name in emulators}
                ),
                SHEAF_LEASE_SECONDS="4",
                SHEAF_SWEEP_SECONDS="1",
                SHEAF_POLL_SECONDS="1",
                SHEAF_LONGEST_PAUSE_SECONDS="1",
            )
        )
        site.start_beat()
        site.start_worker()
        yield site


@pytest.fixture(scope="module")
def undisturbed(site, emulators) -> Callable[[str], dict[str, Any]]:
    """Gives what an undisturbed run of a vendor leaves behind."""
    known: dict[str, dict[str, Any]] = {}

    def rows(vendor: str) -> dict[str, Any]:
        if vendor not in known:
            run = drafted(site, vendor)
            call(site, "send", run)
            wait_until(lambda: call(site, "over", run), "the undisturbed run is over")
            assert call(site, "troubles", run, str(emulators[vendor].folder)) == []
            known[vendor] = call(site, "rows", run)
        return known[vendor]

    return rows


def drafted(site: Site, vendor: str) -> int:
    """A draft of a new exam, built by the workers; titles are of one length, as tokens count."""
    exam = call(site, "prepare", f"Exam {next(_numbers):03d}", SHEETS)
    run: int = call(site, "draft", exam, vendor)
    wait_until(lambda: call(site, "built", run), "the draft is complete")
    return run


def entries(emulator: Emulator, what: str, ids: list[str]) -> list[dict[str, Any]]:
    """The entries of the ledger that speak of these items."""
    return [
        one
        for one in emulator.ledger.entries(what)
        if set(one.get("custom_ids") or [one.get("custom_id")]) & set(ids)
    ]


def assert_another_does_the_rest(
    site: Site, emulator: Emulator, run: int, ids: list[str], wanted: dict[str, Any]
) -> None:
    """A new worker ends the run, and all is as if no other had been killed."""
    site.start_worker()
    wait_until(lambda: call(site, "over", run), "another worker has done the rest")
    assert call(site, "troubles", run, str(emulator.folder)) == []
    assert call(site, "rows", run) == wanted
    assert len(entries(emulator, "billed", ids)) == SHEETS


MOMENTS = {
    "before-upload": (UPLOAD, False),
    "after-upload": (CREATE, False),
    "after-acceptance": (CREATE, True),
    "in-mid-download": (CONTENT, False),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("vendor", ["openai", "gemini"])
def test_a_worker_killed_at_any_moment_leaves_one_batch_and_the_rows_of_an_undisturbed_run(
    site, emulators, undisturbed, vendor, moment
):
    emulator, (what, done) = emulators[vendor], MOMENTS[moment]
    wanted = undisturbed(vendor)
    run = drafted(site, vendor)
    ids = call(site, "item_ids", run)
    with held(emulator, what, done=done) as reached:
        call(site, "send", run)
        assert reached.wait(120), "the worker does not come to this call"
        created = len(entries(emulator, "create", ids))
        site.kill("worker")
    assert created == (moment in ("after-acceptance", "in-mid-download"))

    assert_another_does_the_rest(site, emulator, run, ids, wanted)
    assert len(entries(emulator, "create", ids)) == 1


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
def test_a_worker_killed_while_it_writes_what_came_leaves_nothing_half_written(
    site, emulators, undisturbed, vendor
):
    emulator, wanted = emulators[vendor], undisturbed(vendor)
    run = drafted(site, vendor)
    ids = call(site, "item_ids", run)
    with psycopg.connect(site.environment["DATABASE_URL"]) as somebody:
        with held(emulator, CONTENT, done=False) as reached:
            call(site, "send", run)
            assert reached.wait(120), "the worker does not come to this call"
            # Whoever holds a sheet of the run keeps the worker in the middle of its transaction.
            somebody.execute(LOCK_LAST_SHEET, [run])
        wait_until(
            lambda: somebody.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone(),
            "the worker waits for the sheet",
        )
        site.kill("worker")
        somebody.rollback()
    assert call(site, "answered", run) == 0

    assert_another_does_the_rest(site, emulator, run, ids, wanted)
    assert len(entries(emulator, "create", ids)) == 1


def test_a_sheet_that_a_killed_worker_had_asked_a_local_model_about_is_asked_about_again(
    site, emulators, undisturbed
):
    emulator, wanted = emulators["local"], undisturbed("local")
    run = drafted(site, "local")
    ids = call(site, "item_ids", run)
    with held(emulator, CHAT, done=False) as reached:
        call(site, "send", run)
        assert reached.wait(120), "the worker does not come to this call"
        # The other lane goes on meanwhile.
        wait_until(lambda: call(site, "answered", run) == SHEETS - 1, "the others are answered")
        site.kill("worker")

    assert_another_does_the_rest(site, emulator, run, ids, wanted)
