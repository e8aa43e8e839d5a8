"""Polite to providers: enough room at theirs, and one pause for all workers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from batching import jobs, pauses
from batching.collect import collect_job
from batching.direct import claim_next, work_job
from batching.models import BatchJob, ProviderAccount
from batching.poll import poll_job
from batching.providers.base import ProviderBusy
from batching.submit import submit_job
from batching.sweep import due_work
from tests.batching.steps import ACCEPTED, end_lease, look_again, only_job, send

pytestmark = pytest.mark.django_db


def end_pause():
    ProviderAccount.objects.update(paused_until=timezone.now() - timedelta(seconds=1))


def test_a_job_waits_while_the_providers_queue_is_full_and_goes_when_there_is_room(
    plan, alice, offices, outcome
):
    offices["batch"].enqueued_tokens = 50  # five requests
    run = plan("batch", 8)  # two jobs of four
    first, second = run.jobs.order_by("number")
    send(run, alice)
    second.refresh_from_db()
    assert second.state == "submitted"
    assert second.submit_started_at is None
    assert "Waits for room: 40 of 50" in second.problem
    poll_job(first.pk)
    collect_job(first.pk)
    end_lease(second)
    submit_job(second.pk)
    assert BatchJob.objects.get(pk=second.pk).state == "in_progress"
    assert BatchJob.objects.get(pk=second.pk).problem == ""
    assert len(offices["batch"].ledger()) == 2


def test_a_job_is_cut_no_larger_than_the_queue_of_the_provider(plan, offices):
    offices["batch"].enqueued_tokens = 20
    run = plan("batch", 3)
    assert [job.item_count for job in run.jobs.order_by("number")] == [2, 1]


def test_a_job_the_provider_had_no_room_for_is_handed_in_again_as_a_new_one(
    plan, alice, offices, outcome
):
    run = plan("batch")
    send(run, alice)
    job = only_job(run)
    token = job.token
    offices["batch"].set_fault("full")
    poll_job(job.pk)
    job = only_job(run)
    assert (job.state, job.remote_id) == ("submitted", "")
    assert job.token != token
    assert job.pk not in [work.pk for work in due_work()], "not at once"
    end_lease(job)
    submit_job(job.pk)
    poll_job(job.pk)
    collect_job(job.pk)
    assert outcome() == ACCEPTED


def test_a_busy_provider_pauses_every_job_of_its_account(plan, alice, offices):
    one, other = plan("batch", [1]), plan("batch", [2])
    for run in (one, other):
        send(run, alice)
    offices["batch"].set_fault("status-busy")
    with pytest.raises(ProviderBusy):
        poll_job(only_job(one).pk)
    poll_job(only_job(other).pk)
    assert only_job(other).polled_at is None
    seconds = pauses.seconds_left(offices["batch"])
    assert 95 < seconds <= 110, "what the provider asked for, and a little more for some"
    end_pause()
    end_lease(only_job(other))
    look_again(only_job(other))
    assert only_job(other).polled_at is not None
    assert ProviderAccount.objects.get().strikes == 0


def test_refusals_in_a_row_make_longer_pauses_up_to_a_limit(offices):
    seconds = [pauses.pause(offices["batch"], ProviderBusy("busy")) for _ in range(12)]
    assert 30 <= seconds[0] <= 33
    assert 60 <= seconds[1] <= 66
    assert 3600 <= seconds[-1] <= 3960


def test_direct_jobs_rest_while_their_provider_is_paused(plan, alice, offices):
    run = plan("direct")
    send(run, alice)
    assert [work.task.name for work in due_work()] == ["batching.tasks.work_job"]
    pauses.pause(offices["direct"], ProviderBusy("busy", retry_after=60))
    assert list(due_work()) == []
    end_pause()
    assert [work.task.name for work in due_work()] == ["batching.tasks.work_job"]


def test_an_end_without_any_result_is_believed_when_it_is_seen_twice(plan, alice, offices, outcome):
    run = plan("batch")
    send(run, alice)
    job = only_job(run)
    offices["batch"].set_fault("expired-empty")
    poll_job(job.pk)
    assert only_job(run).results_ready_at is None
    offices["batch"].set_fault("expired-empty")
    offices["batch"].set_fault("no-results")
    look_again(job)
    collect_job(job.pk)
    assert only_job(run).state == "completed"
    assert outcome() == ["failed 1", "failed 2", "failed 3"]


def test_a_job_that_takes_too_long_is_told_of_once(plan, alice, offices, settings, monkeypatch):
    from batching import purposes

    told = []
    monkeypatch.setattr(
        type(purposes.get("count_words")), "late", lambda self, job: told.append(job.pk)
    )
    run = plan("batch")
    send(run, alice)
    (offices["batch"].folder / "stuck").touch()
    job = only_job(run)
    poll_job(job.pk)
    assert told == []
    BatchJob.objects.filter(pk=job.pk).update(submit_asked_at=timezone.now() - timedelta(hours=27))
    for _ in range(2):
        look_again(job)
    assert told == [job.pk]
    jobs.cancel_run(run, by=alice)


def test_a_job_that_has_the_queue_for_itself_and_finds_no_room_is_too_large(
    plan, alice, offices, outcome
):
    run = plan("batch")
    send(run, alice)
    for _ in range(4):
        offices["batch"].set_fault("full")
        look_again(only_job(run))
        end_lease(only_job(run))
        submit_job(only_job(run).pk)
    assert only_job(run).state == "failed"
    assert "too large" in only_job(run).problem
    assert outcome() == ["released 1", "released 2", "released 3"]


def test_results_that_do_not_come_are_told_of_and_said_on_the_job(
    plan, alice, offices, monkeypatch
):
    from batching import purposes

    told = []
    monkeypatch.setattr(
        type(purposes.get("count_words")), "late", lambda self, job: told.append(job.pk)
    )
    run = plan("batch")
    send(run, alice)
    poll_job(only_job(run).pk)
    BatchJob.objects.update(submit_asked_at=timezone.now() - timedelta(hours=80))
    for _ in range(2):
        offices["batch"].set_fault("reset")
        with pytest.raises(ProviderBusy):
            collect_job(only_job(run).pk)
        end_lease(only_job(run))
    assert told == [only_job(run).pk]
    assert "connection reset" in only_job(run).problem


def test_a_vendor_that_takes_no_new_batch_still_gives_the_results_of_old_ones(
    plan, alice, offices, monkeypatch
):
    done, other = plan("batch", [1]), plan("batch", [2])
    send(done, alice)
    jobs.send_run(other, by=alice)

    def no_credit(lines, token):
        raise ProviderBusy("429 insufficient_quota", retry_after=3600)

    monkeypatch.setattr(offices["batch"], "submit", no_credit)
    with pytest.raises(ProviderBusy):
        submit_job(only_job(other).pk)
    assert pauses.seconds_left(offices["batch"], handing_in=True) > 3000
    poll_job(only_job(done).pk)
    collect_job(only_job(done).pk)
    assert only_job(done).state == "completed"


def test_jobs_whose_intention_is_written_do_not_wait_for_each_others_room(
    plan, alice, offices, monkeypatch
):
    offices["batch"].enqueued_tokens = 100
    runs = [plan("batch", [first + n for n in range(4)]) for first in (1, 11)]

    def reset(lines, token):
        raise ProviderBusy("reset", retry_after=1)

    for run in runs:
        jobs.send_run(run, by=alice)
        with monkeypatch.context() as broken:
            broken.setattr(offices["batch"], "submit", reset)
            with pytest.raises(ProviderBusy):
                submit_job(only_job(run).pk)
        end_lease(only_job(run))
    offices["batch"].enqueued_tokens = 60  # the setting is lowered
    for run in runs:
        end_lease(only_job(run))
        submit_job(only_job(run).pk)
    assert {only_job(run).state for run in runs} == {"in_progress"}


def test_a_pause_that_was_asked_for_is_neither_ended_nor_shortened_by_others(offices):
    pauses.pause(offices["batch"], ProviderBusy("429", retry_after=600))
    pauses.end_pause(offices["batch"])  # an answer that was under way
    pauses.pause(offices["batch"], ProviderBusy("500"))
    assert pauses.seconds_left(offices["batch"]) > 590


def test_a_pause_of_no_seconds_is_no_licence_to_ask_again_and_again(
    plan, alice, offices, monkeypatch
):
    run = plan("batch")
    send(run, alice)
    asked = []

    def status(remote_id):
        asked.append(remote_id)
        raise ProviderBusy("429", retry_after=0)

    monkeypatch.setattr(offices["batch"], "status", status)
    for _ in range(50):
        if list(due_work()):
            with pytest.raises(ProviderBusy):
                poll_job(only_job(run).pk)
    assert len(asked) < 4


def test_waiting_and_looking_for_hours_leave_no_hundreds_of_lines_of_history(plan, alice, offices):
    offices["batch"].enqueued_tokens = 50
    run = plan("batch", 8)
    first, second = run.jobs.order_by("number")
    send(run, alice)
    (offices["batch"].folder / "stuck").touch()
    before = second.history.count() + first.history.count()
    for _ in range(20):
        end_lease(second)
        submit_job(second.pk)
        look_again(first)
    assert second.history.count() + first.history.count() - before <= 2


def test_sweeps_ring_for_idle_lanes_only_and_their_messages_do_not_pile_up(
    plan, alice, offices, monkeypatch
):
    from batching import sweep, tasks

    run = plan("direct")
    send(run, alice)
    job = only_job(run)
    calls = []
    monkeypatch.setattr(
        tasks.work_job, "apply_async", lambda args, **options: calls.append((args, options))
    )
    sweep.sweep()
    assert [args for args, _ in calls] == [(job.pk,), (job.pk,)]
    assert all(options["expires"] <= 60 for _, options in calls)
    calls.clear()
    claim_next(job, offices["direct"])
    claim_next(job, offices["direct"])
    sweep.sweep()
    assert calls == []


def test_a_configuration_of_another_kind_does_not_stop_the_sweep(plan, alice, offices, settings):
    from batching import providers

    send(plan("direct", [1]), alice)
    other = plan("batch", [9])
    send(other, alice)
    configured = settings.SHEAF_PROVIDERS
    settings.SHEAF_PROVIDERS = configured | {"direct": configured["batch"]}
    assert "batching.tasks.poll_job" in [work.task.name for work in due_work()]
    job = BatchJob.objects.get(kind="direct")
    work_job(job.pk)
    assert "configured as a batch provider" in BatchJob.objects.get(pk=job.pk).problem
    settings.SHEAF_PROVIDERS = configured
    providers._load.cache_clear()
    work_job(job.pk)
    assert BatchJob.objects.get(pk=job.pk).state == "completed"
