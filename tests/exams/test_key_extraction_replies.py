"""What a model replies to an answer key, or fails to, and what becomes of the key then."""

import pytest

from accounts.models import Notification
from batching.conflicts import Conflict
from batching.direct import work_job
from batching.models import BatchRun, JobState
from batching.queries import count_items
from batching.submit import submit_job
from exams.key_extraction import ExtractAnswerKey
from exams.key_proposals import discard_key, send_key
from exams.key_request import MAX_CRITERIA
from exams.models import KeyProposal
from exams.rubrics import current_rubric
from tests.emulators.key_office import KeyOffice
from tests.exams.key_steps import drafted, fresh, item_states, proposed, read, said

pytestmark = pytest.mark.django_db


def test_a_reply_with_impossible_marks_and_repeated_codes_is_kept_as_it_was_written(office, bare):
    written = [said("Q1", max_marks=2, step=0.3), said("Q1"), said("Q 2 (a)", max_marks=None)]
    key = proposed(bare, office, *written)
    assert key.state == "proposed"
    assert key.criteria == written


def test_a_key_in_which_the_model_finds_nothing_is_a_proposal_too(office, bare):
    (office.folder / "criteria.json").write_text("[]")
    key = read(drafted(bare))
    assert (key.state, key.criteria) == ("proposed", [])


def test_more_criteria_than_a_page_can_show_are_no_reply(office, exam):
    key = proposed(exam, office, *[said(f"N{n}") for n in range(MAX_CRITERIA - 1)])
    assert key.state == "failed"
    assert "101 criteria" in key.problem
    assert item_states(key) == ["rejected"]


def test_prose_is_asked_for_again_and_then_read(office, settings, exam):
    settings.SHEAF_RESEND_ROUNDS = 2
    office.set_fault("prose")
    key = read(drafted(exam))
    assert key.state == "proposed"
    assert item_states(key) == ["rejected", "accepted"]
    assert len(office.ledger()) == 2


def test_a_model_that_never_makes_sense_leaves_a_failed_key_with_its_story(office, exam, alice):
    office.set_fault("prose")
    key = read(drafted(exam))
    assert key.state == "failed"
    assert "not valid JSON" in key.problem
    assert "no answer key could be read" in Notification.objects.get(recipient=alice).text
    assert current_rubric(exam).version == 1


def test_a_provider_that_refuses_everything_sets_the_key_free(office, exam, alice):
    office.set_fault("refuse")
    key = read(drafted(exam))
    assert (key.state, key.problem) == ("failed", "the key is wrong")
    assert "the key is wrong" in Notification.objects.get(recipient=alice).text


def test_a_provider_that_lost_its_key_before_the_hand_in_sets_the_key_free(
    office, settings, exam, alice
):
    key = drafted(exam)
    settings.SHEAF_PROVIDERS["reader"]["missing"] = "OFFICE_KEY is not set: export it."
    key = read(key)
    assert key.state == "failed"
    assert key.problem == "Key office is not ready. OFFICE_KEY is not set: export it."
    told = Notification.objects.get(recipient=alice)
    assert "OFFICE_KEY is not set" in told.text


def test_a_reply_that_comes_after_the_key_was_discarded_is_counted_and_not_taken(office, exam):
    key = drafted(exam)
    KeyOffice.meanwhile = lambda: discard_key(key, by=exam.created_by)
    key = read(key)
    assert (key.state, key.criteria, key.item) == ("discarded", [], None)
    assert item_states(key) == ["discarded"]
    job = key.batch_run.jobs.get()
    assert count_items(job).discarded == 1
    assert count_items(job).add_up
    assert not Notification.objects.exists()


def test_a_key_that_was_discarded_before_it_was_sent_is_never_sent(office, exam):
    key = drafted(exam)
    discard_key(key, by=exam.created_by)
    with pytest.raises(Conflict):
        send_key(key, by=exam.created_by)
    assert office.ledger() == []
    assert item_states(key) == ["released"]
    assert not Notification.objects.exists()


def test_a_key_that_is_discarded_while_it_waits_for_a_worker_is_no_failure_to_be_told(
    office, exam, alice
):
    key = drafted(exam)
    send_key(key, by=alice)
    job = key.batch_run.jobs.get()
    submit_job(job.pk)
    discard_key(key, by=alice)
    assert fresh(key).state == "discarded"
    assert key.batch_run.jobs.get().state == JobState.CANCELLED
    assert office.ledger() == []
    assert not Notification.objects.exists()


def test_a_key_that_a_provider_keeps_for_too_long_is_told_once(office, exam, alice):
    key = drafted(exam)
    job = key.batch_run.jobs.get()
    for _ in range(2):
        ExtractAnswerKey().late(job)
    told = Notification.objects.get(recipient=alice)
    assert "more than 26 hours" in told.text
    assert told.url == f"/keys/{key.pk}/"


def test_the_reply_to_an_earlier_draft_is_not_taken_for_the_new_one(office, exam, alice):
    key = drafted(exam)
    first = key.batch_run

    def draft_again() -> None:
        row = KeyProposal.objects.get(pk=key.pk)
        row.batch_run = second
        row.save()

    second = BatchRun.objects.create(
        purpose="extract_answer_key",
        provider="reader",
        school_class=exam.school_class,
        title="again",
        created_by=alice,
    )
    KeyOffice.meanwhile = draft_again
    send_key(key, by=alice)
    job = first.jobs.get()
    submit_job(job.pk)
    work_job(job.pk)
    assert fresh(key).state == "sent"
    assert first.items.get().state == "superseded"
