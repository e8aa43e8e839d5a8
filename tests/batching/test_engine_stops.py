"""Stopped is stopped: nothing goes off that a person has called off, and nothing stays behind."""

import threading

import pytest
from django.db import connection

from batching import build, jobs, repair
from batching.build import build_run
from batching.claims import LostClaim
from batching.collect import collect_job
from batching.direct import answer_item, claim_next
from batching.models import BatchItem, BatchJob
from batching.poll import poll_job
from batching.providers.base import ProviderBusy
from batching.queries import is_over
from batching.submit import submit_job
from tests.batching.steps import end_lease, only_job, run_through, send
from tests.races import PATIENCE, on_postgresql, somebody_waits


@pytest.fixture(autouse=True)
def rounds(offices, settings):
    settings.SHEAF_RESEND_ROUNDS = 1


def failing_lane(run, offices, by):
    """A direct job of which one item has failed and is planned again."""
    send(run, by)
    offices["direct"].set_fault("prose")
    job = only_job(run)
    answer_item(claim_next(job, offices["direct"]), job, offices["direct"])
    return job


@pytest.mark.django_db
def test_a_job_stopped_after_it_found_no_room_sets_everything_free(
    plan, alice, offices, outcome, monkeypatch
):
    run = plan("batch")
    send(run, alice)
    job = only_job(run)
    offices["batch"].set_fault("full")
    poll_job(job.pk)
    end_lease(job)

    def reset(lines, token):
        raise ProviderBusy("reset in mid-upload", retry_after=1)

    monkeypatch.setattr(offices["batch"], "submit", reset)
    with pytest.raises(ProviderBusy):
        submit_job(job.pk)
    jobs.cancel_run(run, by=alice)
    end_lease(job)
    submit_job(job.pk)
    assert only_job(run).state == "cancelled"
    assert outcome() == ["released 1", "released 2", "released 3"]
    assert is_over(run)


@pytest.mark.django_db
@pytest.mark.parametrize("stop", [jobs.cancel_job, jobs.write_off_job])
def test_what_a_stopped_job_had_planned_is_not_sent_again(plan, alice, offices, outcome, stop):
    run = plan("direct")
    job = failing_lane(run, offices, alice)
    stop(job, by=alice)
    build_run(run.pk)
    assert run.jobs.count() == 1
    assert outcome() == ["released 1", "released 2", "released 3"]
    assert is_over(run)


@pytest.mark.django_db
def test_a_run_stopped_while_a_round_is_written_stays_stopped(plan, alice, offices, monkeypatch):
    run = plan("batch", [1, 2])
    offices["batch"].set_fault("prose")
    run_through(run, alice)
    write = build.write_shard

    def write_then_stop(*args):
        shard = write(*args)
        jobs.cancel_run(run, by=alice)
        return shard

    monkeypatch.setattr(build, "write_shard", write_then_stop)
    with pytest.raises(LostClaim):
        build_run(run.pk)
    assert not run.jobs.filter(round=1).exists()
    assert BatchItem.objects.get(round=1).state == "released"
    assert is_over(run)


@pytest.mark.django_db
def test_an_item_set_free_while_its_line_was_written_is_not_built(
    plan, alice, offices, monkeypatch
):
    run = plan("batch", [1, 2], build=False)
    write = build.write_shard

    def write_then_release(*args):
        shard = write(*args)
        build.release(run.items.filter(subject_id=2, state="planned"), "No longer wanted.")
        return shard

    monkeypatch.setattr(build, "write_shard", write_then_release)
    build_run(run.pk)
    assert [item.subject_id for item in only_job(run).items.all()] == [1]
    assert run.items.get(subject_id=2).state == "released"


@pytest.mark.django_db
def test_a_round_that_cannot_be_built_fails_and_leaves_the_other_jobs_alone(
    plan, alice, offices, outcome, monkeypatch
):
    offices["batch"].enqueued_tokens = 50
    run = plan("batch", 8)
    first, second = run.jobs.order_by("number")
    offices["batch"].set_fault("prose")
    send(run, alice)  # the second waits for room
    poll_job(first.pk)
    collect_job(first.pk)

    def fill_the_disk(*args):
        raise OSError("disk full")

    with monkeypatch.context() as full:
        full.setattr(build, "write_shard", fill_the_disk)
        for _ in range(3):
            with pytest.raises(OSError, match="disk full"):
                build_run(run.pk)
            end_lease(run)
        build_run(run.pk)
    assert "failed 1" in outcome()
    end_lease(second)
    submit_job(second.pk)
    offices["batch"].set_fault("prose")
    poll_job(second.pk)
    collect_job(second.pk)
    assert BatchJob.objects.get(pk=second.pk).state == "completed"
    build_run(run.pk)
    third = run.jobs.get(number=3)
    submit_job(third.pk)
    poll_job(third.pk)
    collect_job(third.pk)
    assert outcome() == [*(f"accepted {number}" for number in range(2, 9)), "failed 1"]
    assert is_over(run)


class TestRaces:
    pytestmark = on_postgresql

    def test_stopping_a_run_while_failures_are_collected_locks_nobody_out(
        self, plan, alice, offices, monkeypatch
    ):
        run = plan("batch")
        send(run, alice)
        job = only_job(run)
        offices["batch"].set_fault("prose")
        poll_job(job.pk)

        def stop():
            try:
                jobs.cancel_run(run, by=alice)
            finally:
                connection.close()

        other = threading.Thread(target=stop)
        add = repair._add

        def add_while_somebody_stops(*args):
            add(*args)
            other.start()
            threading.Event().wait(0.2)
            while other.is_alive() and not somebody_waits():
                threading.Event().wait(0.02)

        monkeypatch.setattr(repair, "_add", add_while_somebody_stops)
        collect_job(job.pk)
        other.join(PATIENCE)
        build_run(run.pk)
        assert only_job(run).state in ("completed", "cancelled")
        assert is_over(run)
        assert run.jobs.count() == 1
