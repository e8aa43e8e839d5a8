"""When it is not certain what a provider has, nothing is set free and nothing is paid again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from batching.build import build_run
from batching.collect import ASKED_AGAIN, collect_job
from batching.models import BatchJob, ResultFile
from batching.poll import poll_job
from batching.providers.base import ProviderBusy, Status
from batching.submit import RESTS, submit_job
from tests.batching.steps import ACCEPTED, approve, end_lease, look_again, only_job, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def unanswered(plan, alice, offices):
    """A job that the provider has, and whose hand-in got no answer."""
    run = plan("batch")
    job = approve(run.jobs.get(), by=alice)
    offices["batch"].set_fault("lost-reply")
    with pytest.raises(ProviderBusy):
        submit_job(job.pk)
    end_lease(job)
    return job


def test_a_missing_key_sets_nothing_free_that_the_provider_may_have(
    unanswered, offices, monkeypatch
):
    with monkeypatch.context() as keyless:
        keyless.setattr(offices["batch"], "missing", "OFFICE_KEY is not set.")
        submit_job(unanswered.pk)
    job = BatchJob.objects.get()
    assert job.state == "submitted"
    assert "OFFICE_KEY is not set" in job.problem
    end_lease(job)
    submit_job(job.pk)
    assert BatchJob.objects.get().state == "in_progress"
    assert len(offices["batch"].ledger()) == 1


def test_a_missing_key_refuses_what_was_never_handed_in(plan, alice, offices, monkeypatch):
    job = approve(plan("batch").jobs.get(), by=alice)
    monkeypatch.setattr(offices["batch"], "missing", "OFFICE_KEY is not set.")
    submit_job(job.pk)
    assert BatchJob.objects.get().state == "failed"


def test_the_list_of_another_account_proves_nothing(unanswered, offices, monkeypatch):
    monkeypatch.setattr(offices["batch"], "account", "another-account")
    monkeypatch.setattr(offices["batch"], "find", lambda token, since: None)
    submit_job(unanswered.pk)
    assert BatchJob.objects.get().state == "submitted"
    assert "another key or address" in BatchJob.objects.get().problem
    assert len(offices["batch"].ledger()) == 1


def test_an_empty_list_is_believed_only_after_a_while(unanswered, offices, settings, monkeypatch):
    settings.SHEAF_LIST_LAG_SECONDS = 120
    with monkeypatch.context() as lagging:
        lagging.setattr(offices["batch"], "find", lambda token, since: None)
        submit_job(unanswered.pk)
    assert len(offices["batch"].ledger()) == 1
    end_lease(unanswered)
    submit_job(unanswered.pk)
    assert BatchJob.objects.get().state == "in_progress"
    assert len(offices["batch"].ledger()) == 1


def test_a_batch_the_provider_never_got_is_handed_in_after_that_while(
    plan, alice, offices, settings, monkeypatch
):
    settings.SHEAF_LIST_LAG_SECONDS = 120
    job = approve(plan("batch").jobs.get(), by=alice)

    def reset(lines, token):
        raise ProviderBusy("reset", retry_after=1)

    with monkeypatch.context() as broken:
        broken.setattr(offices["batch"], "submit", reset)
        with pytest.raises(ProviderBusy):
            submit_job(job.pk)
    BatchJob.objects.update(submit_tried_at=timezone.now() - timedelta(seconds=121))
    end_lease(job)
    submit_job(job.pk)
    assert BatchJob.objects.get().state == "in_progress"


def test_another_key_does_not_make_running_jobs_gone(plan, alice, offices, settings, monkeypatch):
    settings.SHEAF_RESEND_ROUNDS = 1
    run = plan("batch")
    send(run, alice)
    job = only_job(run)
    with monkeypatch.context() as changed:
        changed.setattr(offices["batch"], "account", "another-account")
        changed.setattr(offices["batch"], "status", lambda remote_id: Status("gone", "404"))
        for _ in range(3):
            look_again(job)
            end_lease(job)
    assert only_job(run).results_ready_at is None
    assert "another key or address" in only_job(run).problem
    look_again(job)
    collect_job(job.pk)
    build_run(run.pk)
    assert (only_job(run).state, len(offices["batch"].ledger())) == ("completed", 1)


def test_a_cancelled_batch_without_results_is_looked_at_twice(plan, alice, offices, monkeypatch):
    run = plan("batch")
    send(run, alice)
    monkeypatch.setattr(
        offices["batch"], "status", lambda remote_id: Status("cancelled", "cancelled")
    )
    look_again(only_job(run))
    assert only_job(run).results_ready_at is None
    look_again(only_job(run))
    assert only_job(run).results_ready_at is not None


def test_the_page_of_a_proxy_is_not_taken_for_results(plan, alice, offices, outcome, monkeypatch):
    run = plan("batch")
    send(run, alice)
    poll_job(only_job(run).pk)

    def download_page(remote_id, folder):
        path = folder / "results.jsonl"
        path.write_text("<html>\nSign in to the school's network\n</html>\n")
        return [path]

    with monkeypatch.context() as proxy:
        proxy.setattr(offices["batch"], "download", download_page)
        with pytest.raises(ProviderBusy, match="no results"):
            collect_job(only_job(run).pk)
    assert not ResultFile.objects.exists()
    assert "no results" in only_job(run).problem
    end_lease(only_job(run))
    collect_job(only_job(run).pk)
    assert outcome() == ACCEPTED


def test_a_job_says_that_its_results_are_asked_for_again_until_they_have_come(
    plan, alice, offices, outcome
):
    run = plan("batch")
    send(run, alice)
    poll_job(only_job(run).pk)
    for _ in range(2):
        offices["batch"].set_fault("reset")
        with pytest.raises(ProviderBusy):
            collect_job(only_job(run).pk)
        end_lease(only_job(run))
        assert only_job(run).problem == ASKED_AGAIN % {"why": "connection reset"}
    told = [row.problem for row in only_job(run).history.all()]
    assert told.count(ASKED_AGAIN % {"why": "connection reset"}) == 1, "said once, not each time"
    collect_job(only_job(run).pk)
    assert (only_job(run).state, only_job(run).problem) == ("completed", "")
    assert outcome() == ACCEPTED


def test_what_kept_a_job_from_its_results_is_not_said_any_more_when_they_have_come(
    plan, alice, offices, monkeypatch
):
    run = plan("batch")
    send(run, alice)
    poll_job(only_job(run).pk)
    with monkeypatch.context() as without_key:
        without_key.setattr(offices["batch"], "missing", "Its key is not set.")
        collect_job(only_job(run).pk)
    assert only_job(run).problem == RESTS % {"why": "Its key is not set."}
    end_lease(only_job(run))
    collect_job(only_job(run).pk)
    assert (only_job(run).state, only_job(run).problem) == ("completed", "")


def test_what_the_provider_said_of_the_end_stays_when_the_results_have_come(plan, alice, offices):
    run = plan("batch")
    send(run, alice)
    poll_job(only_job(run).pk)
    BatchJob.objects.filter(run=run).update(problem="It expired.")
    collect_job(only_job(run).pk)
    assert only_job(run).problem == "It expired."


def test_a_job_is_not_handed_in_for_another_model_than_it_was_drafted_for(
    plan, alice, offices, monkeypatch
):
    job = approve(plan("batch").jobs.get(), by=alice)
    monkeypatch.setattr(offices["batch"], "model", "post-office-2")
    submit_job(job.pk)
    assert BatchJob.objects.get().state == "failed"
    assert "configured otherwise" in BatchJob.objects.get().problem
    assert offices["batch"].ledger() == []
