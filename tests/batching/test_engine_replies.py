"""Every item is accounted for, whatever comes back."""

import hashlib
import json

import pytest
from django.core.files.storage import default_storage
from django.db import DataError
from django.utils import timezone

from batching import jobs, purposes
from batching.close import MiscountedJob, close_job
from batching.collect import collect_job
from batching.direct import work_job
from batching.models import BatchItem, ResultFile
from batching.poll import poll_job
from batching.providers.base import Answer, ProviderBusy, ProviderRefused
from batching.queries import count_items
from batching.settle import settle
from tests.batching.steps import ACCEPTED, end_lease, only_job, run_through, send

pytestmark = pytest.mark.django_db


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
    plan, alice, offices, outcome
):
    run = plan("batch")
    offices["batch"].set_fault("reset")
    send(run, alice)
    poll_job(only_job(run).pk)
    with pytest.raises(ProviderBusy):
        collect_job(only_job(run).pk)
    assert not ResultFile.objects.exists(), "half a file is no file"
    end_lease(only_job(run))
    collect_job(only_job(run).pk)
    assert only_job(run).state == "completed"
    assert outcome() == ACCEPTED


def test_a_worker_that_died_between_two_chunks_is_followed_where_it_stopped(
    plan, alice, offices, outcome, monkeypatch
):
    monkeypatch.setattr("batching.collect.LINES_AT_ONCE", 1)
    run = plan("batch")
    send(run, alice)
    poll_job(only_job(run).pk)
    seen, reading = [], offices["batch"].read_line

    def read_line(line):
        seen.append(line)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return reading(line)

    monkeypatch.setattr(offices["batch"], "read_line", read_line)
    with pytest.raises(KeyboardInterrupt):
        collect_job(only_job(run).pk)
    assert count_items(only_job(run)).accepted == 2
    end_lease(only_job(run))
    collect_job(only_job(run).pk)
    assert only_job(run).state == "completed"
    assert outcome() == ACCEPTED
    assert len(seen) == 5, "the settled lines are not read again"


def test_the_result_file_is_kept_byte_for_byte_under_its_hash(plan, alice, offices):
    run = plan("batch")
    offices["batch"].set_fault("garbage")
    run_through(run, alice)
    kept = ResultFile.objects.get()
    with default_storage.open(kept.name) as file:
        content = file.read()
    assert hashlib.sha256(content).hexdigest() == kept.sha256
    assert kept.sha256 in kept.name
    assert (kept.bytes, kept.position) == (len(content), len(content))
    assert kept.unreadable_lines == 1


@pytest.mark.parametrize("poison", ["\x00", "\ud83d"])
def test_a_reply_no_database_can_keep_is_rejected_alone(plan, alice, offices, outcome, poison):
    run = plan("batch")
    send(run, alice)
    items = list(run.items.select_related("run").order_by("number"))
    texts = [json.dumps({"item_id": one.custom_id, "words": one.subject_id}) for one in items]
    raw = f"{texts[0]} {poison}"
    answers = [Answer(one.custom_id, text, raw) for one, text in zip(items, texts, strict=True)]
    settle(only_job(run), list(zip(items, answers, strict=True)))
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
