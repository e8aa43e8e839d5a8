"""Every fault of a local model's server that is known, one by one: what becomes of an exam then.

Through all stages, with the openai SDK as the provider uses it, against the emulator over a
socket. Such a server bills nothing; what counts is that no reply is lost and none invented.
"""

from __future__ import annotations

import pytest

from grading import runs
from tests.batching import drill_exam, drills
from tests.batching.books import troubles
from tests.batching.drills import (
    FREE,
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
from tests.emulators import local as emulated
from tests.emulators.local import LocalEmulator
from tests.emulators.mangle import TEXT_KINDS

pytestmark = [pytest.mark.django_db, pytest.mark.once]

ONE_BY_ONE = [
    drill("chat", "500", GRADED),
    drill("chat", "500 reset", GRADED),
    drill("chat", "503 429-retry-after", GRADED),
    drill("chat", "slow", GRADED),
    drill("chat", "null-content", GRADED),
    drill("chat", "empty", GRADED),
    drill("chat", "no-json no-choices", GRADED),
    drill("chat", "500 500 500", PERSON, "peg-native format"),
    drill("chat", "null-content null-content null-content", PERSON, "without any content"),
    drill("chat", "no-room", PERSON, "exceeds the available context size"),
    drill("chat", "reset reset reset", REPAIRED, "The connection broke"),
    drill("chat", "401", FREE, "Check the key in LOCAL_API_KEY"),
    drill("chat", "403", FREE, "Check the key in LOCAL_API_KEY"),
    drill("chat", "404", FREE, "whether the server has the model 'emulated'"),
    drill("chat", "no-form", FREE, "Set form (LOCAL_FORM) to what this server takes"),
    drill("chat", "refusal", PERSON, "The model refused: I cannot help with that."),
    drill("chat", "blocked", PERSON, "content filter"),
    drill("chat", "fenced", GRADED),
    drill("chat", "prose", REPAIRED, "not valid JSON"),
    drill("chat", "thoughts", REPAIRED, "not valid JSON"),
    drill("chat", "truncated", REPAIRED, "cut off at the token limit"),
    drill("chat", "cut", REPAIRED, "cut off at the token limit"),
    drill("chat", "broken-json", REPAIRED, "not valid JSON"),
    drill("chat", "repeated-key", REPAIRED, "a key stands twice"),
    drill("chat", "nan", REPAIRED, "NaN is not a JSON number"),
    drill("chat", "above-maximum", REPAIRED, "does not fit the schema at parts/Q1/awarded"),
    drill("chat", "wrong-id", REPAIRED, "repeats the id of another request"),
    drill("chat", "all-null", REPAIRED, "does not fit the schema"),
    drill("chat", "obeyed-injection", OBEYED),
]


@pytest.fixture
def emulator(tmp_path, settings):
    started = LocalEmulator(tmp_path / "local")
    started.slow_seconds = 5
    settings.SHEAF_PROVIDERS = {
        "local": drills.configuration(started, timeout=4),
        "offline": {"driver": "offline"},
    }
    with started:
        yield started


@pytest.fixture
def exam(x_b, alice):
    return drill_exam.make_exam(x_b, "Plants and cells", drills.PUPILS, by=alice)


@pytest.mark.parametrize("fault", ONE_BY_ONE)
def test_after_a_fault_every_sheet_is_accounted_for(fault, emulator, exam, alice):
    fault.prepare(emulator)
    run = carry_out(draft(exam, "local", by=alice), by=alice)
    fault.check(run, emulator)


def test_no_fault_of_the_emulator_is_without_a_drill():
    drilled = {kind for one in ONE_BY_ONE for _, kind, _ in one.values[0].faults}
    known = {kind for _, kind in drills.kinds_of(emulated.__doc__, "chat")}
    assert drilled == known | TEXT_KINDS


def test_a_sheet_that_fails_every_time_fails_with_the_story_of_each_attempt(emulator, x_b, alice):
    exam = drill_exam.make_exam(x_b, "Plants and cells", 1, by=alice)
    for kind in ("prose", "cut", "wrong-id"):
        emulator.faults.add("chat", kind)
    run = carry_out(draft(exam, "local", by=alice), by=alice)
    assert troubles(run.batch_run, emulator.folder) == []
    story = run.exam.sheets.get(state="failed").problem
    assert "Attempt 1 (Local model emulated): The reply is not valid JSON" in story
    assert "Attempt 2 (Local model emulated): The reply was cut off" in story
    assert "Attempt 3 (Local model emulated): The reply repeats the id of another" in story


def test_what_the_model_cannot_do_the_second_provider_does(emulator, exam, alice):
    emulator.faults.add("chat", "no-room", times=2)
    run = carry_out(draft(exam, "local", by=alice, second="offline"), by=alice)
    assert troubles(run.batch_run, emulator.folder) == []
    assert states(run) == {"graded": drills.PUPILS}
    assert {job.provider: job.item_count for job in run.batch_run.jobs.all()} == {
        "local": drills.PUPILS,
        "offline": 2,
    }


def test_a_server_that_is_switched_off_over_night_is_waited_for(emulator, exam, alice):
    emulator.stop()
    run = draft(exam, "local", by=alice)
    runs.send_run(run, by=alice)
    for _ in range(10):
        drills.do_due_work()
        drills.let_time_pass()
    assert states(run) == {"in_batch": drills.PUPILS}

    port = int(emulator.url.rpartition(":")[2])
    with LocalEmulator(emulator.folder, port=port):
        finish(run)
    Drill((), GRADED).check(run, emulator)
