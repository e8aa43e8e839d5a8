"""What is paid for is paid once: submitting, and everything that can go wrong with it."""

import pytest
from django.core.files.storage import default_storage

from batching import jobs
from batching.claims import claim
from batching.collect import collect_job
from batching.models import BatchJob
from batching.poll import poll_job
from batching.providers.base import ProviderBusy
from batching.submit import hand_in, submit_job
from tests.batching.steps import ACCEPTED, approve, end_lease, look_again, only_job, send

pytestmark = pytest.mark.django_db


def test_a_lost_answer_is_found_by_looking_and_never_sent_again(plan, alice, offices, outcome):
    run = plan("batch")
    offices["batch"].set_fault("lost-reply")
    approve(only_job(run), by=alice)
    with pytest.raises(ProviderBusy):
        submit_job(only_job(run).pk)
    end_lease(only_job(run))
    submit_job(only_job(run).pk)
    job = only_job(run)
    assert job.remote_id == f"remote-{job.token}"
    assert offices["batch"].ledger() == [f"submit {job.token}"]


def test_a_worker_that_died_after_handing_in_is_followed_by_one_that_looks(plan, alice, offices):
    run = plan("batch")
    approve(only_job(run), by=alice)
    job = only_job(run)
    held = claim(BatchJob.objects.filter(state="submitted"), job.pk)
    hand_in(held, job, offices["batch"])  # and the worker dies here
    end_lease(job)
    submit_job(job.pk)
    assert only_job(run).state == "in_progress"
    assert len(offices["batch"].ledger()) == 1


def test_a_refused_file_fails_the_job_and_sets_its_items_free(plan, alice, offices, outcome):
    run = plan("batch")
    offices["batch"].set_fault("refuse")
    send(run, alice)
    assert only_job(run).state == "failed"
    assert only_job(run).problem == "the file is not acceptable"
    assert outcome() == ["released 1", "released 2", "released 3"]


def test_a_job_refused_after_its_acceptance_sets_its_items_free(plan, alice, offices, outcome):
    run = plan("batch")
    offices["batch"].set_fault("refused-later")
    send(run, alice)
    poll_job(only_job(run).pk)
    assert only_job(run).state == "failed"
    assert outcome() == ["released 1", "released 2", "released 3"]


def test_cancelling_while_the_job_is_handed_in_does_not_lose_the_paid_batch(
    plan, alice, offices, monkeypatch, outcome
):
    run = plan("batch")
    job = approve(only_job(run), by=alice)
    hand_over = offices["batch"].submit

    def submit_and_meanwhile_cancel(lines, token):
        remote_id = hand_over(lines, token)
        jobs.cancel_job(job, by=alice)
        return remote_id

    monkeypatch.setattr(offices["batch"], "submit", submit_and_meanwhile_cancel)
    submit_job(job.pk)
    assert only_job(run).remote_id == f"remote-{job.token}"
    look_again(only_job(run))
    collect_job(only_job(run).pk)
    assert only_job(run).state == "cancelled"
    assert outcome() == ACCEPTED  # what was finished and paid for is kept


@pytest.mark.parametrize("arrived", [True, False])
def test_cancelling_after_a_lost_answer_looks_before_it_sets_anything_free(
    plan, alice, offices, outcome, arrived
):
    run = plan("batch")
    offices["batch"].set_fault("lost-reply")
    job = approve(only_job(run), by=alice)
    with pytest.raises(ProviderBusy):
        submit_job(job.pk)
    jobs.cancel_job(job, by=alice)
    assert only_job(run).state == "submitted"
    if not arrived:
        next(offices["batch"].folder.glob("batch-*")).unlink()
    end_lease(job)
    submit_job(job.pk)
    assert only_job(run).state == ("in_progress" if arrived else "cancelled")
    assert len(offices["batch"].ledger()) == 1
    released = ["released 1", "released 2", "released 3"]
    assert outcome() == ([] if arrived else released)


def test_a_hand_in_that_died_again_and_again_looks_before_it_gives_up(plan, alice, offices):
    run = plan("batch")
    job = approve(only_job(run), by=alice)
    held = claim(BatchJob.objects.all(), job.pk)
    hand_in(held, only_job(run), offices["batch"])
    for _ in range(3):
        end_lease(job)
        claim(BatchJob.objects.all(), job.pk)
    end_lease(job)
    submit_job(job.pk)
    assert only_job(run).state == "in_progress"


def test_lines_that_changed_after_they_were_approved_are_not_paid_for(plan, alice, offices):
    run = plan("batch")
    job = only_job(run)
    with default_storage.open(job.lines_file, "ab") as file:
        file.write(b"one more line")
    send(run, alice)
    assert only_job(run).state == "failed"
    assert "not those that were drafted" in only_job(run).problem
    assert offices["batch"].ledger() == []
