"""A batch whose job was written off runs on at its provider: it is stopped, kept and accounted."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from batching import jobs
from batching.claims import LostClaim, claim
from batching.collect import collect_job
from batching.follow import FOLLOWED, follow_job
from batching.forget import forget_content
from batching.models import BatchJob, BatchRun, ResultFile
from batching.poll import poll_job
from batching.providers.base import ProviderBusy, ProviderRefused, Status
from batching.submit import submit_job
from batching.sweep import due_work
from grading import runs
from tests.batching import drill_exam, drills
from tests.batching.books import troubles
from tests.batching.drills import PUPILS, carry_out, draft, states
from tests.batching.steps import (
    ACCEPTED,
    approve,
    end_lease,
    look_again,
    only_job,
    run_through,
    send,
)
from tests.emulators.openai import OpenAIEmulator

pytestmark = pytest.mark.django_db

RELEASED = ["released 1", "released 2", "released 3"]
# Three replies of 10 tokens read and 5 written, at the prices of the post office.
THREE_REPLIES = Decimal("0.06")


@pytest.fixture
def office(offices):
    return offices["batch"]


@pytest.fixture
def written_off(plan, alice, office):
    """The job of a run whose batch does not end, given up."""
    run = plan("batch")
    send(run, alice)
    (office.folder / "stuck").touch()
    jobs.write_off_job(only_job(run), by=alice)
    return only_job(run)


def followed() -> list[int]:
    """The jobs that are to be followed now."""
    return [work.pk for work in due_work() if work.task.name == "batching.tasks.follow_job"]


def follow(job: BatchJob) -> BatchJob:
    """Follow a job once its next look is due; the job as it is then."""
    end_lease(job)
    BatchJob.objects.filter(pk=job.pk, next_poll_at__isnull=False).update(
        next_poll_at=timezone.now()
    )
    follow_job(job.pk)
    return BatchJob.objects.get(pk=job.pk)


def test_it_is_asked_to_stop_and_what_it_did_is_kept_and_paid(written_off, office, outcome):
    job = follow(written_off)
    assert office.ledger()[-1] == f"cancel {job.remote_id}"
    assert (job.cost, job.results_kept_at) == (None, None)
    job = follow(job)
    assert (job.state, job.remote_state, job.cost) == ("cancelled", "cancelled", THREE_REPLIES)
    [file] = job.result_files.all()
    assert default_storage.open(file.name).read().count(b"\n") == 3
    assert (file.position, job.results_kept_at is not None) == (0, True)
    assert job.problem == (
        "Written off by Alice. Its batch ended later; 3 late replies are kept, and none is taken."
    )
    assert set(job.items.values_list("state", flat=True)) == {"lost"}
    assert outcome() == RELEASED


def test_the_sweeper_rings_for_it_until_its_results_are_kept(written_off, settings):
    BatchJob.objects.update(next_poll_at=timezone.now())
    assert followed() == [written_off.pk]
    before = timezone.now()
    job = follow(written_off)
    wait = timedelta(seconds=settings.SHEAF_POLL_SECONDS)
    assert before + wait <= job.next_poll_at <= timezone.now() + wait
    assert followed() == []
    BatchJob.objects.update(next_poll_at=timezone.now())
    assert followed() == [written_off.pk]
    job = follow(job)
    assert (followed(), job.next_poll_at) == ([], None)


def test_the_sheets_are_sent_again_meanwhile_and_the_late_replies_disturb_nobody(
    written_off, plan, alice, office, outcome
):
    again = plan("batch")
    send(again, alice)
    job = follow(follow(written_off))  # the office has one state for all of its batches
    poll_job(only_job(again).pk)
    collect_job(only_job(again).pk)
    assert job.cost == only_job(again).cost == THREE_REPLIES
    assert outcome() == [*ACCEPTED, *RELEASED]


def test_following_twice_and_at_once_does_it_once(written_off, office):
    BatchJob.objects.update(next_poll_at=timezone.now())
    held = claim(BatchJob.objects.all(), written_off.pk)
    follow_job(written_off.pk)  # somebody is at it
    assert [line for line in office.ledger() if line.startswith("cancel")] == []
    assert held is not None
    job = follow(follow(written_off))
    files = list(ResultFile.objects.values_list("name", flat=True))
    history = job.history.count()
    again = follow(job)
    assert list(ResultFile.objects.values_list("name", flat=True)) == files
    assert (again.cost, again.problem) == (job.cost, job.problem)
    assert again.history.count() == history


def test_who_slept_past_the_lease_writes_nothing(written_off, office, monkeypatch):
    job = follow(written_off)
    download = office.download

    def slow_download(remote_id, folder):
        end_lease(job)
        monkeypatch.setattr(office, "download", download)
        follow_job(job.pk)
        return download(remote_id, folder)

    monkeypatch.setattr(office, "download", slow_download)
    with pytest.raises(LostClaim):
        follow(job)
    assert BatchJob.objects.get(pk=job.pk).cost == THREE_REPLIES
    assert ResultFile.objects.count() == 1


def test_looking_at_a_batch_that_does_not_stop_is_no_history(written_off, office, monkeypatch):
    monkeypatch.setattr(office, "cancel", lambda remote_id: None)
    job = follow(written_off)
    history = job.history.count()
    for _ in range(3):
        job = follow(job)
    assert job.history.count() == history


def test_a_provider_that_will_not_stop_it_is_looked_at_again(written_off, office, monkeypatch):
    def refuse_to_cancel(remote_id):
        raise ProviderRefused("this batch is being cancelled already")

    monkeypatch.setattr(office, "cancel", refuse_to_cancel)
    job = follow(written_off)
    (office.folder / "stuck").unlink()
    assert follow(job).cost == THREE_REPLIES


def test_an_end_without_results_is_believed_when_it_is_seen_twice(written_off, office):
    (office.folder / "stuck").unlink()
    office.set_fault("expired-empty")
    job = follow(written_off)
    assert (job.remote_state, job.results_kept_at) == ("expired", None)
    office.set_fault("expired-empty")
    office.set_fault("no-results")
    job = follow(job)
    assert (job.cost, job.result_files.count()) == (0, 0)
    assert job.problem.endswith("Its batch ended later, without any reply.")


def test_what_a_batch_cost_that_is_gone_nobody_knows(written_off, office, monkeypatch):
    monkeypatch.setattr(office, "status", lambda remote_id: Status("gone", "not found"))
    monkeypatch.setattr(office, "download", lambda remote_id, folder: [])
    job = follow(follow(written_off))
    assert (job.cost, job.next_poll_at) == (None, None)
    assert job.problem.endswith("Its provider does not know it any more.")


def test_with_another_key_no_batch_is_taken_for_gone(written_off, office, monkeypatch):
    monkeypatch.setattr(office, "status", lambda remote_id: Status("gone", "not found"))
    monkeypatch.setattr(office, "account", "another-account")
    job = follow(follow(written_off))
    assert (job.cost, job.results_kept_at) == (None, None)
    assert "with another key or address" in job.problem


def test_replies_that_came_twice_are_paid_once(written_off, office):
    office.set_fault("doubled")
    assert follow(follow(written_off)).cost == THREE_REPLIES


def test_a_page_of_some_proxy_is_not_kept_as_results(written_off, office, monkeypatch):
    def page(remote_id, folder):
        (folder / "page.jsonl").write_text("<html>\nsign in\n</html>\n")
        return [folder / "page.jsonl"]

    job = follow(written_off)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(office, "download", page)
        with pytest.raises(ProviderBusy):
            follow(job)
    assert follow(job).cost == THREE_REPLIES


def test_a_busy_provider_is_asked_later(written_off, office):
    office.set_fault("status-busy")
    with pytest.raises(ProviderBusy):
        follow(written_off)
    assert followed() == []
    assert follow(written_off).tries == 0
    follow_job(written_off.pk)
    assert follow(written_off).cost == THREE_REPLIES


def test_while_the_provider_rests_nothing_is_asked(written_off, office):
    office.set_fault("status-busy")
    with pytest.raises(ProviderBusy):
        follow(written_off)
    BatchJob.objects.update(lease_until=None, next_poll_at=timezone.now())
    follow_job(written_off.pk)
    assert [line for line in office.ledger() if line.startswith("cancel")] == []


def test_a_provider_that_is_no_longer_configured_is_given_up_with_a_note(
    written_off, settings, office
):
    settings.SHEAF_PROVIDERS = {"direct": settings.SHEAF_PROVIDERS["direct"]}
    job = follow(written_off)
    assert job.problem.startswith("Written off by Alice. Its batch is not followed any more: No")
    assert (job.next_poll_at, job.cost) == (None, None)
    assert followed() == []


def test_a_refusal_ends_the_following_with_a_note(written_off, office, monkeypatch):
    def refused(remote_id):
        raise ProviderRefused("the key was withdrawn")

    monkeypatch.setattr(office, "status", refused)
    job = follow(written_off)
    assert job.problem.endswith("not followed any more: the key was withdrawn")
    assert followed() == []


def test_a_look_that_kills_its_worker_is_given_up_at_last(written_off, office, monkeypatch):
    def die(remote_id):
        raise ZeroDivisionError

    monkeypatch.setattr(office, "status", die)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            follow(written_off)
    assert follow(written_off).problem.endswith("Looking after it failed several times.")
    assert followed() == []


def test_after_two_days_nobody_looks_any_more(written_off):
    BatchJob.objects.update(
        next_poll_at=timezone.now(), ended_at=timezone.now() - FOLLOWED + timedelta(minutes=1)
    )
    assert followed() == [written_off.pk]
    BatchJob.objects.update(ended_at=timezone.now() - FOLLOWED)
    assert followed() == []
    follow_job(written_off.pk)
    assert BatchJob.objects.get(pk=written_off.pk).polled_at is None


@pytest.mark.parametrize("ends", ["completed", "stopped", "drafted", "direct"])
def test_other_jobs_are_not_followed(plan, alice, offices, ends):
    run = plan("direct" if ends == "direct" else "batch")
    if ends == "completed":
        run_through(run, alice)
    elif ends == "drafted":
        jobs.cancel_run(run, by=alice)
    else:
        send(run, alice)
        command = jobs.write_off_job if ends == "direct" else jobs.cancel_job
        command(only_job(run), by=alice)
        if ends == "stopped":
            poll_job(only_job(run).pk)
            drills.do_due_work()
    assert only_job(run).state == ("completed" if ends == "completed" else "cancelled")
    BatchJob.objects.update(next_poll_at=timezone.now())
    assert followed() == []


def test_a_batch_whose_answer_was_lost_is_looked_for_and_stopped(plan, alice, office):
    run = plan("batch")
    approve(only_job(run), by=alice)
    office.set_fault("lost-reply")
    with pytest.raises(ProviderBusy):
        submit_job(only_job(run).pk)
    (office.folder / "stuck").touch()
    jobs.write_off_job(only_job(run), by=alice)
    job = follow(only_job(run))
    assert job.remote_id == f"remote-{job.token}"
    assert office.ledger()[-1] == f"cancel {job.remote_id}"
    assert follow(job).cost == THREE_REPLIES


def test_a_batch_that_never_arrived_is_looked_for_an_hour_and_costs_nothing(plan, alice, office):
    run = plan("batch")
    approve(only_job(run), by=alice)
    office.set_fault("lost-reply")
    with pytest.raises(ProviderBusy):
        submit_job(only_job(run).pk)
    for path in office.folder.glob("batch-*"):
        path.unlink()
    jobs.write_off_job(only_job(run), by=alice)
    job = follow(follow(only_job(run)))
    assert (job.cost, job.remote_id) == (None, "")
    BatchJob.objects.update(ended_at=timezone.now() - timedelta(minutes=61))
    job = follow(job)
    assert (job.cost, job.next_poll_at) == (0, None)
    assert job.problem.endswith("Its provider never had it.")


def test_of_a_deleted_exam_no_reply_is_kept_and_the_cost_is_known(written_off, alice):
    forget_content(BatchRun.objects.all(), by=alice, reason="The exam was deleted.")
    job = follow(follow(written_off))
    assert (job.cost, job.result_files.count()) == (THREE_REPLIES, 0)
    assert not default_storage.exists("results") or not default_storage.listdir("results")[1]


def test_an_exam_that_is_deleted_while_its_replies_come_keeps_none_of_them(
    written_off, office, alice, monkeypatch
):
    job, download = follow(written_off), office.download

    def deleted_meanwhile(remote_id, folder):
        forget_content(BatchRun.objects.all(), by=alice, reason="The exam was deleted.")
        return download(remote_id, folder)

    monkeypatch.setattr(office, "download", deleted_meanwhile)
    job = follow(job)
    assert (job.cost, job.result_files.count()) == (THREE_REPLIES, 0)


# -- with a vendor's own SDK ------------------------------------------------------------------


@pytest.fixture
def vendor(tmp_path, settings):
    with OpenAIEmulator(tmp_path / "openai", seconds=3600) as started:
        settings.SHEAF_PROVIDERS = {"openai": drills.configuration(started)}
        yield started


@pytest.fixture
def given_up(vendor, x_b, alice):
    """The job of a graded exam's run that OpenAI works on, written off."""
    exam = drill_exam.make_exam(x_b, "Plants and cells", PUPILS, by=alice)
    run = draft(exam, "openai", by=alice)
    runs.send_run(run, by=alice)
    drills.do_due_work()
    job = run.batch_run.jobs.get()
    look_again(job)
    jobs.write_off_job(job, by=alice)
    return run, BatchJob.objects.get(pk=job.pk)


def test_openai_is_asked_to_stop_and_bills_nothing(given_up, vendor, alice):
    run, job = given_up
    job = follow(follow(job))
    assert [one["batch"] for one in vendor.ledger.entries("cancel")] == [job.remote_id]
    assert (job.remote_state, job.cost) == ("cancelled", 0)
    [errors] = job.result_files.all()
    assert default_storage.open(errors.name).read().count(b"batch_cancelled") >= PUPILS
    assert vendor.ledger.entries("billed") == []
    assert states(run) == {"mapped": PUPILS}


def test_openais_late_replies_are_kept_and_paid_and_give_no_marks(given_up, vendor, alice):
    run, job = given_up
    vendor.seconds = 0  # it ends just before it could be stopped
    job = follow(job)
    assert (job.state, job.remote_state) == ("cancelled", "completed")
    [file] = job.result_files.all()
    lines = [json.loads(line) for line in default_storage.open(file.name)]
    billed = vendor.ledger.entries("billed")
    assert {line["custom_id"] for line in lines} == {one["custom_id"] for one in billed}
    read, cached, written = (
        sum(one[f"{name}_tokens"] for one in billed) for name in ("input", "cached", "output")
    )
    expected = ((read - cached) * 0.2 + cached * 0.1 + written * 0.8) / 1_000_000
    assert float(job.cost) == pytest.approx(expected, abs=1e-6)
    assert job.cost > 0
    assert states(run) == {"mapped": PUPILS}
    again = carry_out(draft(run.exam, "openai", by=alice), by=alice)
    assert states(again) == {"graded": PUPILS}
    assert troubles(again.batch_run, vendor.folder) == []
