"""Both kinds of provider behind the same states, the same page and the same account."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from batching import build, jobs, purposes, tasks
from batching.build import build_run, keep_shard, write_shard
from batching.claims import LostClaim, claim
from batching.close import MiscountedJob, close_job
from batching.collect import collect_job
from batching.conflicts import Conflict
from batching.direct import answer_item, claim_next, stop_job, work_job
from batching.models import BatchItem, BatchJob, BatchRun, ItemState
from batching.poll import poll_job
from batching.providers.base import Answer, ProviderBusy, ProviderRefused
from batching.queries import count_items
from batching.settle import settle
from batching.submit import hand_in, submit_job

pytestmark = pytest.mark.django_db


def only_job(run):
    return run.jobs.get()


def end_lease(row):
    type(row).objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def look_again(job):
    BatchJob.objects.filter(pk=job.pk).update(next_poll_at=timezone.now())
    poll_job(job.pk)


def send(run, by):
    for job in run.jobs.all():
        jobs.send_job(job, by=by)
        submit_job(job.pk)


def run_through(run, by):
    send(run, by)
    for job in run.jobs.all():
        work_job(job.pk)
        if job.kind == "batch":
            poll_job(job.pk)
            collect_job(job.pk)


ACCEPTED = ["accepted 1", "accepted 2", "accepted 3"]


@pytest.mark.parametrize("kind", ["direct", "batch"])
def test_every_item_of_a_run_is_accepted_once_and_the_numbers_add_up(plan, alice, outcome, kind):
    run = plan(kind)
    run_through(run, alice)
    job = only_job(run)
    assert job.state == "completed"
    counts = count_items(job)
    assert (counts.submitted, counts.accepted, counts.open) == (3, 3, 0)
    assert counts.add_up
    assert outcome() == ACCEPTED


@pytest.mark.parametrize("kind", ["direct", "batch"])
def test_every_stage_run_twice_leaves_the_database_as_once(plan, alice, offices, outcome, kind):
    run = plan(kind)
    build_run(run.pk)
    jobs.send_job(only_job(run), by=alice)
    pk = only_job(run).pk
    stages = [submit_job, work_job] if kind == "direct" else [submit_job, poll_job, collect_job]
    for stage in stages:
        stage(pk)
        stage(pk)
    assert only_job(run).state == "completed"
    assert outcome() == ACCEPTED
    assert len(offices[kind].ledger()) == (3 if kind == "direct" else 1)


def test_a_run_is_cut_into_jobs_no_larger_than_the_provider_takes(plan):
    run = plan("batch", 10)
    assert [job.item_count for job in run.jobs.all()] == [4, 4, 2]
    assert {job.state for job in run.jobs.all()} == {"review"}


def test_building_the_same_lines_again_gives_the_same_bytes(plan, offices, tmp_path):
    run = plan("batch", 3, build=False)
    first, again = (
        write_shard(run, offices["batch"], tmp_path / name).path.read_bytes() for name in "ab"
    )
    assert first == again
    assert first.count(b"\n") == 3


def test_a_build_that_died_between_two_jobs_goes_on_with_the_rest(plan, monkeypatch):
    run = plan("batch", 10, build=False)
    keep, calls = build.keep_shard, []

    def die_in_the_second(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        keep(*args)

    monkeypatch.setattr(build, "keep_shard", die_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        build_run(run.pk)
    assert [job.state for job in run.jobs.all()] == ["draft"]
    end_lease(run)
    build_run(run.pk)
    assert [(job.item_count, job.state) for job in run.jobs.all()] == [
        (4, "review"),
        (4, "review"),
        (2, "review"),
    ]
    assert run.items.filter(state=ItemState.BUILT).count() == 10


def test_a_build_that_died_between_the_file_and_its_row_leaves_no_second_file(
    plan, monkeypatch, settings
):
    run = plan("batch", 3, build=False)

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(build, "fenced", die)
        with pytest.raises(KeyboardInterrupt):
            build_run(run.pk)
    end_lease(run)
    build_run(run.pk)
    files = list((settings.MEDIA_ROOT / "jobs").iterdir())
    assert len(files) == 1
    assert hashlib.sha256(files[0].read_bytes()).hexdigest() == only_job(run).lines_sha256


def test_a_run_that_cannot_be_built_is_given_up_and_sets_everything_free(plan, outcome):
    run = plan("batch", 2, build=False)
    for _ in range(3):
        claim(BatchRun.objects.all(), run.pk)
        end_lease(run)
    build_run(run.pk)
    assert "several times" in BatchRun.objects.get(pk=run.pk).problem
    assert outcome() == ["released 1", "released 2"]


def test_an_item_without_a_request_is_set_free_with_its_reason(plan, outcome):
    run = plan("direct", [0, 1])
    assert run.items.get(subject_id=0).state == "released"
    assert run.items.get(subject_id=0).reason == "There is nothing to count."
    assert only_job(run).item_count == 1
    assert outcome() == ["released 0"]


def test_nothing_can_be_in_two_live_runs_at_once(plan):
    plan("direct", [1, 2])
    with pytest.raises(Conflict, match="another draft"):
        plan("batch", [2, 3])
    assert BatchRun.objects.count() == 1


def test_after_its_run_ended_a_subject_may_be_planned_again(plan, alice, outcome):
    run = plan("direct", [1])
    jobs.cancel_job(only_job(run), by=alice)
    plan("direct", [1])


def test_a_draft_that_is_not_sent_reaches_nobody(plan, offices):
    run = plan("batch")
    submit_job(only_job(run).pk)
    poll_job(only_job(run).pk)
    assert offices["batch"].ledger() == []
    assert only_job(run).state == "review"


def test_a_job_is_sent_by_one_person_only(plan, alice):
    run = plan("batch")
    jobs.send_job(only_job(run), by=alice)
    with pytest.raises(Conflict):
        jobs.send_job(only_job(run), by=alice)


# -- money -----------------------------------------------------------------------------------


def test_a_lost_answer_is_found_by_looking_and_never_sent_again(plan, alice, offices, outcome):
    run = plan("batch")
    offices["batch"].set_fault("lost-reply")
    jobs.send_job(only_job(run), by=alice)
    with pytest.raises(ProviderBusy):
        submit_job(only_job(run).pk)
    end_lease(only_job(run))
    submit_job(only_job(run).pk)
    job = only_job(run)
    assert job.remote_id == f"remote-{job.token}"
    assert offices["batch"].ledger() == [f"submit {job.token}"]


def test_a_worker_that_died_after_handing_in_is_followed_by_one_that_looks(plan, alice, offices):
    run = plan("batch")
    jobs.send_job(only_job(run), by=alice)
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
    job = jobs.send_job(only_job(run), by=alice)
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
    job = jobs.send_job(only_job(run), by=alice)
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
    job = jobs.send_job(only_job(run), by=alice)
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


def test_a_stale_builder_does_not_touch_the_lines_of_its_successor(
    plan, offices, tmp_path, settings
):
    run = plan("batch", 3, build=False)
    stale = claim(BatchRun.objects.all(), run.pk)
    shard = write_shard(run, offices["batch"], tmp_path / "lines")
    end_lease(run)
    build_run(run.pk)
    with pytest.raises(LostClaim):
        keep_shard(stale, offices["batch"], shard)
    job = only_job(run)
    with default_storage.open(job.lines_file) as file:
        assert hashlib.sha256(file.read()).hexdigest() == job.lines_sha256
    assert len(list((settings.MEDIA_ROOT / "jobs").iterdir())) == 1


def test_a_build_whose_time_is_up_goes_on_in_the_next_call(plan, monkeypatch):
    monkeypatch.setattr(build, "BUILD_SECONDS", 0)
    run = plan("batch", 6, build=False)
    assert [build_run(run.pk) for _ in range(3)] == [True, True, True]
    monkeypatch.setattr(build, "BUILD_SECONDS", 60)
    assert build_run(run.pk) is False
    assert [job.item_count for job in run.jobs.all()] == [4, 2]


# -- replies ---------------------------------------------------------------------------------


def test_replies_in_any_order_find_their_items(plan, alice, offices, outcome):
    run = plan("batch")
    offices["batch"].set_fault("shuffled")
    run_through(run, alice)
    assert outcome() == ACCEPTED


def test_a_missing_line_is_a_lost_item_and_never_a_result(plan, alice, offices, outcome):
    run = plan("batch")
    offices["batch"].set_fault("missing")
    run_through(run, alice)
    counts = count_items(only_job(run))
    assert (counts.accepted, counts.lost) == (2, 1)
    assert outcome() == ["accepted 2", "accepted 3", "failed 1"]
    assert run.items.get(subject_id=1).reason == "The provider returned no line for this request."


def test_a_doubled_line_and_a_line_of_a_stranger_change_nothing(plan, alice, offices, outcome):
    run = plan("batch")
    offices["batch"].set_fault("doubled")
    offices["batch"].set_fault("stranger")
    run_through(run, alice)
    assert outcome() == ACCEPTED


def test_replies_under_the_wrong_id_are_rejected_one_by_one(plan, alice, offices, outcome):
    run = plan("batch")
    offices["batch"].set_fault("swapped")
    run_through(run, alice)
    counts = count_items(only_job(run))
    assert (counts.accepted, counts.rejected) == (0, 3)
    assert outcome() == ["failed 1", "failed 2", "failed 3"]


def test_one_bad_reply_does_not_spoil_the_others(plan, alice, offices, outcome):
    run = plan("direct")
    offices["direct"].set_fault("prose")
    run_through(run, alice)
    assert outcome() == ["accepted 2", "accepted 3", "failed 1"]
    assert "not valid JSON" in run.items.get(subject_id=1).reason


def test_a_connection_that_breaks_while_collecting_loses_and_doubles_nothing(
    plan, alice, offices, outcome, monkeypatch
):
    monkeypatch.setattr("batching.collect.LINES_AT_ONCE", 1)
    run = plan("batch")
    offices["batch"].set_fault("reset")
    send(run, alice)
    poll_job(only_job(run).pk)
    with pytest.raises(ProviderBusy):
        collect_job(only_job(run).pk)
    assert count_items(only_job(run)).accepted == 2
    end_lease(only_job(run))
    collect_job(only_job(run).pk)
    assert only_job(run).state == "completed"
    assert outcome() == ACCEPTED


@pytest.mark.parametrize("poison", ["\x00", "\ud83d"])
def test_a_reply_no_database_can_keep_is_rejected_alone(plan, alice, offices, outcome, poison):
    run = plan("batch")
    send(run, alice)
    items = list(run.items.select_related("run").order_by("number"))
    texts = [json.dumps({"item_id": one.custom_id, "words": one.subject_id}) for one in items]
    raw = f"{texts[0]} {poison}"
    answers = [Answer(one.custom_id, text, raw) for one, text in zip(items, texts, strict=True)]
    settle(run, answers=list(zip(items, answers, strict=True)))
    assert outcome() == ACCEPTED
    assert BatchItem.objects.get(subject_id=1).reply.startswith(texts[0])


def test_a_value_that_the_database_refuses_rejects_its_item_and_no_other(
    plan, alice, offices, outcome, monkeypatch
):
    run = plan("batch")
    send(run, alice)
    taking = purposes.get("count_words").accept

    def accept(replies):
        if any(reply.item.subject_id == 2 for reply in replies):
            raise DataError("integer out of range")
        return taking(replies)

    monkeypatch.setattr(purposes.get("count_words"), "accept", accept)
    poll_job(only_job(run).pk)
    collect_job(only_job(run).pk)
    assert outcome() == ["accepted 1", "accepted 3", "failed 2"]
    assert run.items.get(subject_id=2).reason == "The reply cannot be stored."


def test_a_job_that_cannot_be_collected_says_so_and_a_person_can_write_it_off(
    plan, alice, offices, outcome, monkeypatch
):
    run = plan("batch")
    send(run, alice)
    poll_job(only_job(run).pk)

    def break_down(replies):
        raise ZeroDivisionError

    monkeypatch.setattr(purposes.get("count_words"), "accept", break_down)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            collect_job(only_job(run).pk)
        end_lease(only_job(run))
    collect_job(only_job(run).pk)
    assert "failed several times" in only_job(run).problem
    jobs.write_off_job(only_job(run), by=alice)
    assert only_job(run).state == "cancelled"
    assert outcome() == ["released 1", "released 2", "released 3"]


def test_a_provider_that_will_not_cancel_an_ended_batch_does_not_keep_us_from_collecting(
    plan, alice, offices, outcome, monkeypatch
):
    def refuse_to_cancel(remote_id):
        raise ProviderRefused("cannot cancel a completed batch")

    monkeypatch.setattr(offices["batch"], "cancel", refuse_to_cancel)
    run = plan("batch")
    send(run, alice)
    jobs.cancel_job(only_job(run), by=alice)
    poll_job(only_job(run).pk)
    collect_job(only_job(run).pk)
    assert outcome() == ACCEPTED


def test_a_job_whose_provider_is_no_longer_configured_can_be_ended(
    plan, alice, offices, outcome, settings
):
    run = plan("batch")
    send(run, alice)
    settings.SHEAF_PROVIDERS = {"direct": settings.SHEAF_PROVIDERS["direct"]}
    poll_job(only_job(run).pk)
    assert "No provider 'batch'" in only_job(run).problem
    jobs.cancel_run(run, by=alice)
    assert only_job(run).state == "cancelled"
    assert outcome() == ["released 1", "released 2", "released 3"]


def test_an_unknown_state_is_waited_out_and_not_guessed_at(plan, alice, offices):
    run = plan("batch")
    offices["batch"].set_fault("unknown")
    send(run, alice)
    poll_job(only_job(run).pk)
    job = only_job(run)
    assert (job.state, job.remote_state, job.results_ready_at) == (
        "in_progress",
        "MOON_PHASE",
        None,
    )
    assert job.next_poll_at > timezone.now()


def test_a_job_with_an_open_item_is_not_completed(plan, alice):
    run = plan("direct")
    send(run, alice)
    assert close_job(only_job(run).pk) is False
    assert only_job(run).state == "in_progress"


def test_a_job_whose_numbers_do_not_add_up_is_an_error(plan, alice):
    run = plan("direct")
    send(run, alice)
    run.items.order_by("number").last().delete()
    with pytest.raises(MiscountedJob):
        work_job(only_job(run).pk)
    assert only_job(run).state == "in_progress"


# -- direct jobs -----------------------------------------------------------------------------


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


# -- stopping --------------------------------------------------------------------------------


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
    jobs.send_job(only_job(run), by=alice)
    tasks.submit_job(only_job(run).pk)
    tasks.work_job(only_job(run).pk)
    assert outcome() == ACCEPTED
