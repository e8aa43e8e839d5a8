"""Two workers, two teachers, a worker against a teacher: the engine under real locks."""

import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from batching import jobs
from batching.claims import LostClaim, claim, fenced
from batching.collect import collect_job
from batching.conflicts import Conflict
from batching.direct import answer_item, claim_next, stop_job, work_job
from batching.models import BatchItem, BatchJob, BatchRun
from batching.poll import poll_job
from batching.queries import count_items
from batching.submit import submit_job
from tests.batching.steps import approve
from tests.races import at_once, on_postgresql, race

pytestmark = on_postgresql


def sent(plan, by, kind="direct", subjects=3):
    run = plan(kind, subjects)
    jobs.send_run(run, by=by)
    for job in run.jobs.all():
        submit_job(job.pk)
    return run


def test_of_two_workers_one_gets_the_row(plan):
    run = plan("direct", build=False)
    got = at_once(4, lambda: claim(BatchRun.objects.all(), run.pk))
    assert sorted(one is None for one in got) == [False, True, True, True]


def test_a_claim_taken_over_before_the_first_commits_is_lost(plan):
    run = plan("direct", build=False)
    slow = claim(BatchRun.objects.all(), run.pk)

    def take_over():
        BatchRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert claim(BatchRun.objects.all(), run.pk)

    def write_late():
        with fenced(slow) as row:
            row.problem = "written late"
            row.save()

    assert isinstance(race(take_over, write_late), LostClaim)
    assert BatchRun.objects.get().problem == ""


def test_lanes_of_two_jobs_do_not_both_take_the_last_free_place(plan, alice, offices):
    offices["direct"].concurrency = 1
    one, other = (sent(plan, alice, subjects=[number]).jobs.get() for number in (1, 2))
    first = []
    second = race(
        lambda: first.append(claim_next(one, offices["direct"])),
        lambda: claim_next(other, offices["direct"]),
    )
    assert first[0] is not None
    assert second is None


def test_workers_on_one_job_answer_every_item_once(plan, alice, offices, outcome):
    run = sent(plan, alice, subjects=4)
    offices["direct"].seconds = 0.05
    at_once(3, lambda: work_job(run.jobs.get().pk))
    work_job(run.jobs.get().pk)
    assert run.jobs.get().state == "completed"
    assert len(offices["direct"].ledger()) == 4
    assert outcome() == [f"accepted {number}" for number in range(1, 5)]


def test_workers_on_one_batch_submit_it_once_and_collect_it_once(plan, alice, offices, outcome):
    run = plan("batch")
    job = approve(run.jobs.get(), by=alice)
    at_once(3, lambda: submit_job(job.pk))
    at_once(3, lambda: poll_job(job.pk))
    at_once(3, lambda: collect_job(job.pk))
    assert run.jobs.get().state == "completed"
    assert len(offices["batch"].ledger()) == 1
    assert outcome() == ["accepted 1", "accepted 2", "accepted 3"]


def test_of_two_teachers_one_sends_the_job(plan, alice):
    run = plan("batch")
    job = run.jobs.get()
    late = race(lambda: approve(job, by=alice), lambda: approve(job, by=alice))
    assert isinstance(late, Conflict)
    assert BatchJob.objects.get().history.filter(state="submitted").count() == 1


def test_sending_overwrites_nothing_that_was_written_at_the_same_moment(plan, alice):
    job = plan("batch").jobs.get()
    race(
        lambda: BatchJob.objects.filter(pk=job.pk).update(remote_state="written meanwhile"),
        lambda: approve(job, by=alice),
    )
    job = BatchJob.objects.get()
    assert (job.state, job.remote_state) == ("submitted", "written meanwhile")


def test_sending_and_discarding_at_once_has_one_winner(plan, alice, offices):
    run = plan("batch")
    job = run.jobs.get()
    race(lambda: jobs.cancel_job(job, by=alice), lambda: submit_job(job.pk))
    assert run.jobs.get().state == "cancelled"
    assert offices["batch"].ledger() == []


def test_stopping_while_an_item_is_answered_keeps_that_answer(plan, alice, offices, outcome):
    run = sent(plan, alice)
    job = run.jobs.get()
    held = claim_next(job, offices["direct"])
    race(
        lambda: jobs.cancel_job(job, by=alice),
        lambda: answer_item(held, job, offices["direct"]),
    )
    work_job(job.pk)
    assert run.jobs.get().state == "cancelled"
    assert count_items(run.jobs.get()).add_up
    assert outcome() == ["accepted 1", "released 2", "released 3"]


def test_two_teachers_cannot_plan_the_same_thing_at_once(plan, alice, outcome):
    late = race(
        lambda: plan("direct", [1, 2], build=False), lambda: plan("batch", [2, 3], build=False)
    )
    assert isinstance(late, Conflict)
    assert BatchItem.objects.count() == 2


@pytest.mark.parametrize("kind", ["direct", "batch"])
def test_a_frozen_worker_that_wakes_up_writes_nothing(
    plan, alice, offices, outcome, kind, settings
):
    settings.SHEAF_LEASE_SECONDS = 0.2
    run = sent(plan, alice, kind, 1)
    job = run.jobs.get()
    rows = BatchItem.objects.all() if kind == "direct" else BatchJob.objects.all()
    held = claim(rows, run.items.get().pk if kind == "direct" else job.pk)
    time.sleep(0.3)  # the worker is stopped beyond its lease
    with pytest.raises(LostClaim), transaction.atomic(), fenced(held):
        pass


def test_an_answer_that_takes_longer_than_a_lease_is_still_taken(
    plan, alice, offices, outcome, settings
):
    settings.SHEAF_LEASE_SECONDS = 0.6
    run = sent(plan, alice, subjects=1)
    offices["direct"].seconds = 1.2
    work_job(run.jobs.get().pk)
    assert outcome() == ["accepted 1"]
    assert len(offices["direct"].ledger()) == 1


def test_two_lanes_refused_at_the_same_moment_do_not_lock_each_other_out(plan, alice, offices):
    run = sent(plan, alice)
    job = run.jobs.get()
    held = [claim_next(job, offices["direct"]) for _ in range(2)]
    race(
        lambda: stop_job(held[0], job, "the key is wrong"),
        lambda: stop_job(held[1], job, "the key is wrong"),
    )
    work_job(job.pk)
    assert run.jobs.get().state == "failed"
