"""Direct jobs on the workers, and stopping jobs of both kinds."""

import pytest
from django.db import IntegrityError, transaction

from batching import jobs, tasks
from batching.claims import LostClaim, claim
from batching.collect import collect_job
from batching.conflicts import Conflict
from batching.direct import answer_item, claim_next, stop_job, work_job
from batching.models import BatchItem
from batching.poll import poll_job
from batching.providers.base import ProviderBusy
from batching.queries import count_items
from tests.batching.steps import (
    ACCEPTED,
    approve,
    end_lease,
    look_again,
    only_job,
    run_through,
    send,
)

pytestmark = pytest.mark.django_db


def test_no_more_items_are_under_way_than_the_provider_allows(plan, alice, offices):
    run = plan("direct", 4)
    send(run, alice)
    job = only_job(run)
    held = [claim_next(job, offices["direct"]) for _ in range(3)]
    assert [one is not None for one in held] == [True, True, False]


def test_an_item_whose_worker_died_is_answered_by_the_next(plan, alice, offices, outcome):
    run = plan("direct")
    send(run, alice)
    held = claim_next(only_job(run), offices["direct"])
    work_job(only_job(run).pk)
    assert only_job(run).state == "in_progress"
    end_lease(BatchItem.objects.get(pk=held.pk))
    work_job(only_job(run).pk)
    assert only_job(run).state == "completed"
    assert outcome() == ACCEPTED


def test_an_item_that_kills_its_workers_is_rejected_and_the_rest_goes_on(
    plan, alice, offices, outcome
):
    run = plan("direct")
    send(run, alice)
    item = run.items.get(subject_id=1)
    for _ in range(3):
        assert claim(BatchItem.objects.all(), item.pk) is not None
        end_lease(item)
    work_job(only_job(run).pk)
    assert outcome() == ["accepted 2", "accepted 3", "failed 1"]
    assert len(offices["direct"].ledger()) == 2
    assert only_job(run).state == "completed"


def test_a_worker_stopped_beyond_its_lease_settles_nothing(plan, alice, offices, outcome):
    run = plan("direct", 1)
    send(run, alice)
    job = only_job(run)
    held = claim_next(job, offices["direct"])
    end_lease(BatchItem.objects.get(pk=held.pk))
    work_job(job.pk)
    with pytest.raises(LostClaim):
        answer_item(held, job, offices["direct"])
    assert outcome() == ["accepted 1"]


def test_a_busy_provider_is_asked_again_later_and_no_try_is_lost(plan, alice, offices, outcome):
    run = plan("direct", 1)
    send(run, alice)
    offices["direct"].set_fault("busy")
    with pytest.raises(ProviderBusy):
        work_job(only_job(run).pk)
    item = run.items.get()
    assert (item.state, item.tries) == ("sent", 0)
    end_lease(item)
    work_job(only_job(run).pk)
    assert outcome() == ["accepted 1"]


def test_a_provider_that_refuses_everything_stops_the_job(plan, alice, offices, outcome):
    run = plan("direct")
    send(run, alice)
    offices["direct"].set_fault("refuse")
    work_job(only_job(run).pk)
    assert only_job(run).state == "failed"
    assert only_job(run).problem == "the key is wrong"
    assert outcome() == ["released 1", "released 2", "released 3"]


def test_lanes_that_are_refused_together_stop_the_job_once_and_keep_a_good_answer(
    plan, alice, offices, outcome
):
    run = plan("direct", 4)
    send(run, alice)
    offices["direct"].concurrency = 3
    job = only_job(run)
    first, second, good = (claim_next(job, offices["direct"]) for _ in range(3))
    stop_job(first, job, "the key is wrong")
    stop_job(second, job, "the key is wrong")
    answer_item(good, job, offices["direct"])
    work_job(job.pk)
    assert only_job(run).state == "failed"
    assert only_job(run).problem == "the key is wrong"
    assert count_items(only_job(run)).add_up
    assert outcome() == ["accepted 3", "released 1", "released 2", "released 4"]


def test_a_cancelled_draft_sets_everything_free(plan, alice, outcome):
    run = plan("batch")
    jobs.cancel_job(only_job(run), by=alice)
    assert only_job(run).state == "cancelled"
    assert outcome() == ["released 1", "released 2", "released 3"]


def test_stopping_a_direct_job_keeps_what_was_answered(plan, alice, offices, outcome):
    run = plan("direct")
    send(run, alice)
    job = only_job(run)
    answer_item(claim_next(job, offices["direct"]), job, offices["direct"])
    jobs.cancel_job(job, by=alice)
    assert only_job(run).state == "cancelled"
    counts = count_items(only_job(run))
    assert (counts.accepted, counts.lost) == (1, 2)
    assert outcome() == ["accepted 1", "released 2", "released 3"]


def test_stopping_a_batch_asks_the_provider_and_collects_what_was_finished(
    plan, alice, offices, outcome
):
    run = plan("batch")
    (offices["batch"].folder / "stuck").touch()
    send(run, alice)
    poll_job(only_job(run).pk)
    jobs.cancel_job(only_job(run), by=alice)
    offices["batch"].set_fault("missing")
    poll_job(only_job(run).pk)
    look_again(only_job(run))
    collect_job(only_job(run).pk)
    assert only_job(run).state == "cancelled"
    assert outcome() == ["accepted 2", "accepted 3", "released 1"]


def test_a_finished_job_cannot_be_cancelled(plan, alice):
    run = plan("direct")
    run_through(run, alice)
    with pytest.raises(Conflict, match="cannot be cancelled"):
        jobs.cancel_job(only_job(run), by=alice)


def test_one_item_can_be_live_once_only_even_without_the_command(plan, x_b, alice):
    run = plan("direct", 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        BatchItem.objects.create(
            run=run, purpose="count_words", subject_id=1, number=9, custom_id="other"
        )


def test_the_tasks_carry_a_run_from_draft_to_the_end(plan, alice, outcome, settings):
    run = plan("direct", build=False)
    tasks.build_run(run.pk)
    approve(only_job(run), by=alice)
    tasks.submit_job(only_job(run).pk)
    tasks.work_job(only_job(run).pk)
    assert outcome() == ACCEPTED
