"""Every fault of Gemini's batch API that is known, one by one: what becomes of an exam then.

Through all stages, with Google's own SDK, against the emulator over a socket.
"""

from __future__ import annotations

import pytest

from batching import jobs
from grading import runs
from tests.batching import drill_exam, drills
from tests.batching.books import troubles
from tests.batching.drills import (
    FREE,
    GIVEN_UP,
    GRADED,
    OBEYED,
    PERSON,
    REPAIRED,
    Drill,
    carry_out,
    draft,
    drill,
    finish,
    states,
)
from tests.emulators import gemini as emulated
from tests.emulators.gemini import GeminiEmulator
from tests.emulators.gemini_model import FAULTS

pytestmark = [pytest.mark.django_db, pytest.mark.once]

# What may happen at every call, and is over when it is made again.
BUSY = "500 503 409 429-retry-after 429-retry-info reset no-json"

ONE_BY_ONE = [
    drill("upload", f"{BUSY} reset-mid processing", GRADED),
    drill("upload", "403", FREE, "Gemini answered 403"),
    drill("upload", "unusable", FREE, "Gemini could not take the file in"),
    drill("create", BUSY, GRADED),
    drill("create", "403", FREE, "Gemini answered 403"),
    drill("create", "reset-after-accept", GRADED),
    drill("create", "500-after-accept", GRADED),
    drill("status", f"{BUSY} 403 unknown-state no-state", GRADED),
    drill("status", "gone", REPAIRED, "returned no line"),
    drill("status", "token-limit", GRADED),
    drill("status", "refused", FREE, "Failed to parse line 1"),
    drill("download", f"{BUSY} 403", GRADED),
    drill("end", "expired", REPAIRED, "returned no line"),
    drill("end", "cancelled-in-console", REPAIRED, "returned no line"),
    drill("end", "cancelled-early", REPAIRED, "returned no line"),
    drill("end", "failed", REPAIRED, "returned no line"),
    drill("end", "partial", GRADED),
    drill("end", "no-output", REPAIRED, "returned no line"),
    drill("end", "in-response", GRADED),
    drill("end", "as-address", GRADED),
    drill("end", "output-gone", REPAIRED, "returned no line"),
    drill("end", "download-late", GRADED),
    drill("end", "download-502", GRADED),
    drill("end", "download-short", GRADED),
    drill("end", "download-torn", GRADED),
    drill("end", "shuffled", GRADED),
    drill("line", "fenced", GRADED),
    drill("line", "prose", REPAIRED, "not valid JSON"),
    drill("line", "thoughts", REPAIRED, "not valid JSON"),
    drill("line", "thought-parts", GRADED),
    drill("line", "truncated", REPAIRED, "cut off at the token limit"),
    drill("line", "cut", REPAIRED, "cut off at the token limit"),
    drill("line", "cut-thoughts", REPAIRED, "cut off at the token limit"),
    drill("line", "broken-json", REPAIRED, "not valid JSON"),
    drill("line", "repeated-key", REPAIRED, "a key stands twice"),
    drill("line", "repeated-code", REPAIRED, "a key stands twice"),
    drill("line", "nested", GRADED),
    drill("line", "nan", REPAIRED, "NaN is not a JSON number"),
    drill("line", "above-maximum", REPAIRED, "does not fit the schema at parts/Q1/awarded"),
    drill("line", "wrong-id", REPAIRED, "repeats the id of another request"),
    drill("line", "all-null", REPAIRED, "every value in it is empty"),
    drill("line", "empty", REPAIRED, "wrote no text"),
    drill("line", "obeyed-injection", OBEYED),
    drill("line", "finish-SAFETY", PERSON, "Gemini stopped the reply: SAFETY"),
    drill("line", "finish-SPII", PERSON, "Gemini stopped the reply: SPII"),
    drill("line", "finish-MALFORMED_RESPONSE", REPAIRED, "ended the reply early"),
    drill("line", "blocked", PERSON, "Gemini blocked the request: PROHIBITED_CONTENT"),
    drill("line", "null-response", REPAIRED, "holds no reply"),
    drill("line", "no-response", REPAIRED, "holds no reply"),
    drill("line", "error-3", PERSON, "Gemini did not run the request (3)"),
    drill("line", "error-8", REPAIRED, "Gemini did not run the request (8)"),
    drill("line", "error-13", REPAIRED, "Gemini did not run the request (13)"),
    drill("line", "missing", REPAIRED, "returned no line"),
    drill("line", "doubled", GRADED),
    drill("line", "broken-line", REPAIRED, "returned no line"),
    drill("line", "unknown-id", REPAIRED, "returned no line"),
]

IN_PIECES = ("end-shuffled", "line-doubled", "line-prose", "line-broken-line")


@pytest.fixture
def emulator(tmp_path, settings):
    with GeminiEmulator(tmp_path / "gemini") as started:
        settings.SHEAF_PROVIDERS = {
            "gemini": drills.configuration(started),
            "gemini-three": drills.configuration(started, model="gemini-3-flash"),
        }
        yield started


@pytest.fixture
def exam(x_b, alice):
    return drill_exam.make_exam(x_b, "Plants and cells", drills.PUPILS, by=alice)


@pytest.mark.parametrize("fault", ONE_BY_ONE)
def test_after_a_fault_every_sheet_is_accounted_for_and_paid_once(fault, emulator, exam, alice):
    fault.prepare(emulator)
    run = carry_out(draft(exam, "gemini", by=alice), by=alice)
    fault.check(run, emulator)


@pytest.mark.parametrize("fault", [one for one in ONE_BY_ONE if one.id in IN_PIECES])
def test_it_ends_the_same_when_every_line_is_written_by_itself(
    fault, emulator, exam, alice, monkeypatch
):
    monkeypatch.setattr("batching.collect.LINES_AT_ONCE", 1)
    fault.prepare(emulator)
    run = carry_out(draft(exam, "gemini", by=alice), by=alice)
    fault.check(run, emulator)


def test_no_fault_of_the_emulator_is_without_a_drill():
    drilled = {fault[:2] for one in ONE_BY_ONE for fault in one.values[0].faults}
    known = drills.kinds_of(emulated.__doc__) | {("line", kind) for kind in FAULTS}
    elsewhere = {one for one in known if one[0] in ("list", "cancel") or "stuck" in one}
    assert known - drilled - elsewhere == set()
    assert not drilled - known


def test_a_lost_answer_is_looked_for_until_the_list_can_be_read(emulator, exam, alice):
    emulator.faults.add("create", "reset-after-accept")
    for kind in f"{BUSY} 403".split():
        emulator.faults.add("list", kind)
    run = carry_out(draft(exam, "gemini", by=alice), by=alice)
    Drill((), GRADED).check(run, emulator)
    assert len(emulator.ledger.entries("create")) == 1


def test_a_list_without_end_is_no_answer_to_whether_the_batch_is_there(emulator, exam, alice):
    emulator.faults.add("create", "500-after-accept")
    emulator.faults.add("list", "endless")
    run = draft(exam, "gemini", by=alice)
    runs.send_run(run, by=alice)
    for _ in range(4):
        drills.do_due_work()
        drills.let_time_pass()
    assert run.batch_run.jobs.get().state == "submitted"
    emulator.faults.take("list")
    finish(run)
    Drill((), GRADED).check(run, emulator)
    assert len(emulator.ledger.entries("create")) == 1


def test_a_sheet_that_fails_every_time_fails_with_the_story_of_each_attempt(emulator, exam, alice):
    kinds = ("cut-thoughts", "wrong-id", "error-13")
    fault = Drill(
        tuple(("line", kind, 0) for kind in kinds),
        GIVEN_UP,
        "Attempt 3 (Google gemini-2.5-flash): Gemini did not run the request (13)",
        rounds=2,
    )
    fault.prepare(emulator)
    run = carry_out(draft(exam, "gemini", by=alice), by=alice)
    fault.check(run, emulator)


def test_a_job_that_expires_every_time_is_done_by_the_second_provider(emulator, exam, alice):
    emulator.faults.add("end", "expired", times=3)
    run = carry_out(draft(exam, "gemini", by=alice, second="gemini-three"), by=alice)
    assert troubles(run.batch_run, emulator.folder) == []
    assert states(run) == {"graded": drills.PUPILS}
    assert list(run.batch_run.jobs.values_list("provider", flat=True)) == [
        *["gemini"] * 3, "gemini-three",
    ]  # fmt: skip


@pytest.mark.parametrize("refusal", ["", "500", "403"])
def test_a_stuck_batch_that_a_teacher_stops_sets_its_sheets_free(emulator, exam, alice, refusal):
    emulator.faults.add("status", "stuck")
    run = draft(exam, "gemini", by=alice)
    runs.send_run(run, by=alice)
    for _ in range(3):
        drills.do_due_work()
        drills.let_time_pass()
    job = run.batch_run.jobs.get()
    assert (job.state, job.remote_state) == ("in_progress", "BATCH_STATE_RUNNING")
    if refusal:
        emulator.faults.add("cancel", refusal)
    jobs.cancel_job(job, by=alice)
    for _ in range(3):
        drills.do_due_work()
        drills.let_time_pass()
    emulator.faults.take("status")
    finish(run)
    assert troubles(run.batch_run, emulator.folder) == []
    assert states(run) == {"mapped": drills.PUPILS}
    assert emulator.ledger.entries("billed") == []
