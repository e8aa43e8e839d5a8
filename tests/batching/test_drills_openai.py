"""Every fault of OpenAI's batch API that is known, one by one: what becomes of an exam then.

Through all stages, with OpenAI's own SDK, against the emulator over a socket.
"""

from __future__ import annotations

import pytest

from batching import jobs
from batching.models import BatchJob
from grading import runs
from tests.batching import drill_exam, drills
from tests.batching.books import troubles
from tests.batching.drills import (
    FAILED,
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
from tests.emulators import openai as emulated
from tests.emulators.mangle import TEXT_KINDS
from tests.emulators.openai import OpenAIEmulator

pytestmark = [pytest.mark.django_db, pytest.mark.once]


ONE_BY_ONE = [
    drill("upload", "500 429-retry-after reset-mid", GRADED),
    drill("create", "500 429-retry-after cannot-find-file", GRADED),
    drill("create", "reset-after-accept", GRADED),
    drill("create", "500-after-accept", GRADED),
    drill("status", "500 429-retry-after unknown-state", GRADED),
    drill("status", "gone", REPAIRED, "returned no line"),
    drill("status", "token-limit", GRADED),
    drill("status", "refused", FREE, "Line 1: This line is not parseable"),
    drill("end", "expired", REPAIRED, "expired before this request was run"),
    drill("end", "cancelled-in-console", REPAIRED, "cancelled before this request was run"),
    drill("end", "only-error-file", FAILED, "OpenAI answered 400: The request is invalid."),
    drill("end", "empty-string-ids", GRADED),
    drill("end", "output-gone", REPAIRED, "returned no line"),
    drill("end", "download-502", GRADED),
    drill("end", "download-short", GRADED),
    drill("end", "download-late", GRADED),
    drill("line", "fenced", GRADED),
    drill("line", "prose", REPAIRED, "not valid JSON"),
    drill("line", "thoughts", REPAIRED, "not valid JSON"),
    drill("line", "truncated", REPAIRED, "cut off at the token limit"),
    drill("line", "broken-json", REPAIRED, "not valid JSON"),
    drill("line", "repeated-key", REPAIRED, "a key stands twice"),
    drill("line", "nan", REPAIRED, "NaN is not a JSON number"),
    drill("line", "above-maximum", REPAIRED, "does not fit the schema at parts/Q1/awarded"),
    drill("line", "wrong-id", REPAIRED, "repeats the id of another request"),
    drill("line", "all-null", REPAIRED, "does not fit the schema"),
    drill("line", "empty", REPAIRED, "The reply is empty"),
    drill("line", "obeyed-injection", OBEYED),
    drill("line", "refusal", PERSON, "The model refused: I'm sorry"),
    drill("line", "blocked", PERSON, "OpenAI blocked the request or the reply"),
    drill("line", "missing", REPAIRED, "returned no line"),
    drill("line", "doubled", GRADED),
    drill("line", "unknown-id", REPAIRED, "returned no line"),
    drill("line", "shuffled", GRADED),
    drill("line", "status-zero", REPAIRED, "OpenAI answered 0"),
    drill("line", "http-500", REPAIRED, "OpenAI answered 500"),
    drill("line", "http-429", REPAIRED, "OpenAI answered 429"),
]
AT_THE_OTHER_ENDPOINT = ("truncated", "refusal", "blocked", "prose", "fenced")

IN_PIECES = ("end-expired", "line-doubled", "line-prose", "line-shuffled")


@pytest.fixture
def emulator(tmp_path, settings):
    with OpenAIEmulator(tmp_path / "openai") as started:
        settings.SHEAF_PROVIDERS = {
            "openai": drills.configuration(started),
            "openai-responses": drills.configuration(started, model="gpt-5-mini"),
            "offline": {"driver": "offline"},
        }
        yield started


@pytest.fixture
def exam(x_b, alice):
    return drill_exam.make_exam(x_b, "Plants and cells", drills.PUPILS, by=alice)


@pytest.mark.parametrize("fault", ONE_BY_ONE)
def test_after_a_fault_every_sheet_is_accounted_for_and_paid_once(fault, emulator, exam, alice):
    fault.prepare(emulator)
    run = carry_out(draft(exam, "openai", by=alice), by=alice)
    fault.check(run, emulator)


@pytest.mark.parametrize("fault", [one for one in ONE_BY_ONE if one.id in IN_PIECES])
def test_it_ends_the_same_when_every_line_is_written_by_itself(
    fault, emulator, exam, alice, monkeypatch
):
    monkeypatch.setattr("batching.collect.LINES_AT_ONCE", 1)
    fault.prepare(emulator)
    run = carry_out(draft(exam, "openai", by=alice), by=alice)
    fault.check(run, emulator)


def test_no_fault_of_the_emulator_is_without_a_drill():
    drilled = {fault[:2] for one in ONE_BY_ONE for fault in one.values[0].faults}
    known = drills.kinds_of(emulated.__doc__) | {("line", kind) for kind in TEXT_KINDS}
    elsewhere = {("status", "stuck"), ("list", "500"), ("list", "429-retry-after")}
    assert known - drilled == elsewhere  # further down
    assert not drilled - known


def test_an_undisturbed_run_costs_what_the_vendor_bills(emulator, exam, alice):
    run = carry_out(draft(exam, "openai", by=alice), by=alice)
    assert troubles(run.batch_run, emulator.folder) == []
    job = run.batch_run.jobs.get()
    billed = emulator.ledger.entries("billed")
    tokens = {name: sum(one[f"{name}_tokens"] for one in billed) for name in ("input", "output")}
    fresh = tokens["input"] - sum(one["cached_tokens"] for one in billed)
    expected = fresh * 0.2 + (tokens["input"] - fresh) * 0.1 + tokens["output"] * 0.8
    assert float(job.cost) == pytest.approx(expected / 1_000_000, abs=1e-6)
    assert 0 < job.cost <= job.estimated_cost * 2


@pytest.mark.parametrize("kind", AT_THE_OTHER_ENDPOINT)
def test_the_responses_endpoint_says_it_otherwise_and_it_ends_the_same(kind, emulator, exam, alice):
    fault = next(one.values[0] for one in ONE_BY_ONE if one.id == f"line-{kind}")
    fault.prepare(emulator)
    run = carry_out(draft(exam, "openai-responses", by=alice), by=alice)
    fault.check(run, emulator)


def test_a_sheet_that_fails_every_time_fails_with_the_story_of_each_attempt(emulator, exam, alice):
    fault = Drill(
        (("line", "prose", 0), ("line", "nan", 0), ("line", "empty", 0)),
        GIVEN_UP,
        "Attempt 3 (OpenAI gpt-4.1-mini): The reply is empty.",
        rounds=2,
    )
    fault.prepare(emulator)
    run = carry_out(draft(exam, "openai", by=alice), by=alice)
    fault.check(run, emulator)
    story = run.exam.sheets.get(state="failed").problem
    assert "Attempt 1 (OpenAI gpt-4.1-mini): The reply is not valid JSON" in story
    assert "Attempt 2 (OpenAI gpt-4.1-mini): The reply is not valid JSON: NaN" in story


@pytest.mark.parametrize("second", ["openai-responses", "offline"])
def test_what_one_provider_cannot_do_the_second_does(emulator, exam, alice, second):
    emulator.faults.add("end", "only-error-file")
    run = carry_out(draft(exam, "openai", by=alice, second=second), by=alice)
    assert troubles(run.batch_run, emulator.folder) == []
    assert states(run) == {"graded": drills.PUPILS}
    assert {job.provider: job.item_count for job in run.batch_run.jobs.all()} == {
        "openai": drills.PUPILS,
        second: drills.PUPILS,
    }


def test_a_lost_answer_is_looked_for_until_the_list_can_be_read(emulator, exam, alice):
    for place, kind in (
        ("create", "reset-after-accept"), ("list", "500"), ("list", "429-retry-after"),
        ("list", "500"),
    ):  # fmt: skip
        emulator.faults.add(place, kind)
    run = carry_out(draft(exam, "openai", by=alice), by=alice)
    Drill((), GRADED).check(run, emulator)
    assert len(emulator.ledger.entries("create")) == 1


def test_a_refused_key_fails_the_job_and_the_sheets_are_free_again(emulator, exam, alice):
    emulator.reject_keys = True
    run = carry_out(draft(exam, "openai", by=alice), by=alice)
    Drill((), FREE, "OpenAI answered 401: Incorrect API key").check(run, emulator)
    assert drills.KEY not in run.batch_run.jobs.get().problem

    emulator.reject_keys = False
    run = carry_out(draft(exam, "openai", by=alice), by=alice)
    assert states(run) == {"graded": drills.PUPILS}


def stuck(emulator, exam, alice):
    """A run whose batch stays where it is, however often it is looked at."""
    emulator.faults.add("status", "stuck")
    run = draft(exam, "openai", by=alice)
    runs.send_run(run, by=alice)
    for _ in range(5):
        drills.do_due_work()
        drills.let_time_pass()
    job = run.batch_run.jobs.get()
    assert (job.state, job.remote_state) == ("in_progress", "in_progress")
    return run, job


def test_a_stuck_batch_is_told_about_once_and_waited_for(emulator, exam, alice, settings):
    settings.SHEAF_LATE_HOURS = 0
    run, _ = stuck(emulator, exam, alice)
    assert alice.notifications.filter(text__contains="has been at its provider").count() == 1
    emulator.faults.take("status")
    finish(run)
    Drill((), GRADED).check(run, emulator)


def test_a_stuck_batch_that_a_teacher_stops_sets_its_sheets_free(emulator, exam, alice):
    run, job = stuck(emulator, exam, alice)
    jobs.cancel_job(job, by=alice)
    drills.do_due_work()
    assert len(emulator.ledger.entries("cancel")) == 1
    emulator.faults.take("status")
    finish(run)
    assert troubles(run.batch_run, emulator.folder) == []
    assert states(run) == {"mapped": drills.PUPILS}
    assert emulator.ledger.entries("billed") == []


def test_a_batch_that_was_written_off_gives_no_second_marks_when_it_ends_after_all(
    emulator, exam, alice, admin
):
    run, job = stuck(emulator, exam, alice)
    jobs.write_off_job(job, by=admin)
    emulator.faults.take("status")
    again = carry_out(draft(exam, "openai", by=alice), by=alice)
    assert states(again) == {"graded": drills.PUPILS}
    assert troubles(again.batch_run, emulator.folder) == []
    assert BatchJob.objects.get(pk=job.pk).state == "cancelled"
    assert set(run.batch_run.items.values_list("state", flat=True)) == {"lost"}
