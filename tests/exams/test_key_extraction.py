"""An answer key from a PDF: read by a model, confirmed by a teacher, never alone or twice."""

import pytest

from accounts.models import Notification
from batching.build import build_run
from batching.conflicts import Conflict
from batching.direct import work_job
from batching.models import BatchItem, BatchRun, JobState
from batching.submit import submit_job
from exams.key_extraction import ExtractAnswerKey
from exams.key_pages import prepare_key
from exams.key_proposals import confirm_key, retry_key, send_key
from exams.key_request import PROMPT_VERSION
from exams.models import Rubric
from exams.rubrics import current_rubric, leaves, save_rubric, use_rubric
from tests.exams.key_steps import (
    ITEMS,
    data,
    drafted,
    fresh,
    hand_in,
    proposed,
    read,
    request_of,
    work,
)
from tests.factories import BIOLOGY

pytestmark = pytest.mark.django_db


# -- the way ------------------------------------------------------------------------------


def test_a_key_is_read_from_its_pages_and_changes_nothing_before_a_teacher_confirms(office, bare):
    key = proposed(bare, office)
    assert key.state == "proposed"
    found = {c["code"]: (c["max_marks"], c["step"], c["page"]) for c in key.criteria}
    assert found == {"Q1": (2.0, 0.5, 1), "Q2": (4.0, None, 1), "Q3": (1.0, None, 2)}
    assert "energy of light" in key.criteria[0]["answer"]
    assert current_rubric(bare) is None
    assert key.item.state == "accepted"
    assert key.prompt_version == PROMPT_VERSION


def test_confirming_makes_the_first_rubric_in_the_teachers_name(office, bare, admin):
    key = proposed(bare, office)
    rubric = confirm_key(key, ITEMS, by=admin, seen="")
    assert (rubric.version, rubric.created_by) == (1, admin)
    key = fresh(key)
    assert (key.state, key.confirmed_by, key.rubric) == ("confirmed", admin, rubric)
    assert key.history.latest().history_user == admin


def test_a_version_that_stood_there_stays_beside_the_confirmed_one(office, exam, alice):
    before = current_rubric(exam)
    key = proposed(exam, office)
    rubric = confirm_key(key, ITEMS, by=alice, seen=before.content_hash)
    assert (before.version, rubric.version) == (1, 2)
    assert [leaf.code for leaf in leaves(Rubric.objects.get(pk=before.pk))] == ["Q1", "Q2"]
    assert before.used_at is None


def test_a_used_version_never_changes(office, exam, alice):
    used = current_rubric(exam)
    use_rubric(used)
    rubric = confirm_key(proposed(exam, office), ITEMS, by=alice, seen=used.content_hash)
    assert rubric.version == 2
    assert Rubric.objects.get(pk=used.pk).content_hash == used.content_hash


def test_the_reader_is_told_when_the_key_was_read(office, exam, alice):
    key = proposed(exam, office)
    told = Notification.objects.get(recipient=alice)
    assert "the answer key was read" in told.text
    assert told.url == f"/keys/{key.pk}/review/"


# -- twice --------------------------------------------------------------------------------


def test_every_step_twice_leaves_everything_as_once(office, exam, alice):
    key = hand_in(exam)
    prepare_key(key.pk)
    once = fresh(key)
    prepare_key(key.pk)
    build_run(once.batch_run_id)
    build_run(once.batch_run_id)
    assert BatchRun.objects.count() == 1
    assert fresh(key).pages == once.pages
    send_key(key, by=alice)
    with pytest.raises(Conflict):
        send_key(key, by=alice)
    work(key)
    job = once.batch_run.jobs.get()
    submit_job(job.pk)
    work_job(job.pk)
    assert len(office.ledger()) == 1
    seen = current_rubric(exam).content_hash
    confirm_key(key, ITEMS, by=alice, seen=seen)
    with pytest.raises(Conflict):
        confirm_key(key, ITEMS, by=alice, seen=current_rubric(exam).content_hash)
    assert exam.rubrics.count() == 2
    assert fresh(key).history.filter(state="confirmed").count() == 1


# -- the rubric meanwhile -----------------------------------------------------------------


def test_a_draft_made_with_an_older_rubric_is_not_sent(office, exam, alice):
    key = drafted(exam)
    save_rubric(exam, ITEMS, by=alice)
    with pytest.raises(Conflict, match="Draft it again"):
        send_key(key, by=alice)
    assert key.batch_run.jobs.get().state == JobState.REVIEW
    retry_key(key, provider="reader", by=alice)
    key = fresh(key)
    build_run(key.batch_run_id)
    assert [c["code"] for c in data(request_of(key), "exam")["criteria"]] == ["Q1"]
    assert read(key).state == "proposed"


def test_a_rubric_that_changes_while_the_request_is_built_is_asked_about_as_it_is(office, exam):
    """The fence of the built line is compared with the rubric inside the engine's transaction."""
    key = drafted(exam)
    item = BatchItem.objects.get(run=key.batch_run)
    assert ExtractAnswerKey().built([item]) is False
    save_rubric(exam, ITEMS, by=exam.created_by)
    assert ExtractAnswerKey().built([item]) is True


def test_a_rubric_saved_by_somebody_else_is_not_overwritten_unseen(office, exam, alice, admin):
    seen = current_rubric(exam).content_hash
    key = proposed(exam, office)
    theirs = save_rubric(exam, [BIOLOGY[1]], by=admin)
    with pytest.raises(Conflict, match="Admin"):
        confirm_key(key, ITEMS, by=alice, seen=seen)
    assert fresh(key).state == "proposed"
    assert current_rubric(exam).content_hash == theirs.content_hash
    rubric = confirm_key(key, ITEMS, by=alice, seen=theirs.content_hash)
    assert rubric.version == theirs.version + 1
