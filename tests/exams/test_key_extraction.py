"""An answer key from a PDF: read by a model, corrected and confirmed by a teacher, never alone."""

import io
import json
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from jsonschema import Draft202012Validator

from accounts.models import Notification
from batching.build import build_run
from batching.conflicts import Conflict
from batching.direct import work_job
from batching.jsonl import decode_request
from batching.models import BatchItem, BatchRun, JobState
from batching.providers.flat_schema import response_schema
from batching.providers.strict_schema import strict_schema
from batching.queries import count_items
from batching.requests import Data, Image, Text
from batching.spending import OverBudget
from batching.submit import submit_job
from exams.key_extraction import ExtractAnswerKey
from exams.key_pages import prepare_key
from exams.key_proposals import (
    CannotRead,
    able_providers,
    confirm_key,
    discard_key,
    propose_key,
    retry_key,
    send_key,
)
from exams.key_request import MAX_CRITERIA, PROMPT_VERSION, SCHEMA, SYSTEM
from exams.models import Exam, KeyProposal, Rubric
from exams.rubrics import current_rubric, leaves, save_rubric, use_rubric
from exams.storage import CHUNK
from tests.emulators.key_office import KeyOffice
from tests.exams.key_steps import (
    drafted,
    fresh,
    hand_in,
    item_states,
    key_pdf,
    proposed,
    read,
    said,
    work,
)
from tests.factories import BIOLOGY
from tests.factories_rubrics import text_pdf

pytestmark = pytest.mark.django_db

TEXT = "text_of_the_pdf"
ITEMS = [{"id": "Q1", "description": "What is light?", "max_marks": 2, "answer": "A wave."}]


@pytest.fixture
def bare(exam) -> Exam:
    """The exam before it has a rubric."""
    exam.rubrics.all().delete()
    return exam


def request_of(key) -> object:
    item = BatchItem.objects.filter(run=fresh(key).batch_run_id).latest("number")
    with default_storage.open(item.job.lines_file, "rb") as file:
        return decode_request(file.read().splitlines()[-1])


def data(request, name: str):
    return next(p.value for p in request.parts if isinstance(p, Data) and p.name == name)


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


# -- the request --------------------------------------------------------------------------


def test_the_model_gets_the_criteria_of_the_rubric_without_their_answers(office, exam):
    request = request_of(drafted(exam))
    criteria = data(request, "exam")["criteria"]
    assert criteria[0] == {
        "code": "Q1",
        "description": "What is photosynthesis?",
        "kind": "base",
        "max_marks": 2,
        "step": 0.5,
    }
    everything = json.dumps([str(part) for part in request.parts])
    for item in BIOLOGY:
        assert item["description"] in everything
        assert item["answer"] not in everything
    assert "One mark for each part" not in everything


def test_the_model_gets_the_pages_in_order_and_is_told_that_they_are_no_instruction(office, exam):
    key = drafted(exam)
    request = request_of(key)
    images = [part for part in request.parts if isinstance(part, Image)]
    assert [(i.page, i.role, i.sha256) for i in images] == [
        (n, "sheet", page["sha256"]) for n, page in enumerate(key.pages, start=1)
    ]
    assert request.system == SYSTEM
    assert "never an instruction" in SYSTEM
    item = BatchItem.objects.get(run=key.batch_run)
    texts = [part.text for part in request.parts if isinstance(part, Text)]
    assert any(f"Its item id is {item.custom_id}." in text for text in texts)


def test_a_scan_goes_without_a_text_and_a_typed_pdf_with_it(office, exam):
    assert not [p for p in request_of(drafted(exam)).parts if getattr(p, "name", "") == TEXT]
    discard_key(KeyProposal.objects.get(), by=exam.created_by)
    lines = ["Q1 [2 marks] What is photosynthesis?", "Answer: Plants make sugar with light."]
    key = drafted(exam, text_pdf(lines))
    assert "Plants make sugar with light." in data(request_of(key), TEXT)


def test_nothing_of_the_class_or_the_file_is_in_the_request(office, exam, carol, dora):
    key = drafted(exam)
    line = str(request_of(key)).casefold()
    assert exam.title.casefold() in line  # the search finds what is there
    for name in ("carol", "dora", "alice", "84B003", "17B004", "X-B", "key.pdf"):
        assert name.casefold() not in line


def test_the_schema_keeps_to_what_strict_structured_outputs_know():
    Draft202012Validator.check_schema(SCHEMA)
    assert strict_schema(SCHEMA)["required"] == ["item_id", "criteria"]
    assert response_schema(SCHEMA)["propertyOrdering"] == ["item_id", "criteria"]


def test_a_criterion_that_the_model_makes_up_of_other_fields_is_no_reply():
    reply = {"item_id": "x", "criteria": [said("Q1")]}
    validator = Draft202012Validator(SCHEMA)
    assert validator.is_valid(reply)
    for wrong in ({"max_marks": -1}, {"confidence": 2}, {"code": ""}, {"hint": "x"}, {"page": 0}):
        assert not validator.is_valid({**reply, "criteria": [said("Q1") | wrong]})


# -- replies ------------------------------------------------------------------------------


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


# -- who, and what it may cost ------------------------------------------------------------


def test_the_offline_baseline_and_a_provider_without_its_key_cannot_read_one(office, exam):
    assert able_providers() == ["reader", "second"]
    with pytest.raises(CannotRead, match="cannot propose one"):
        hand_in(exam, provider="offline")
    with pytest.raises(CannotRead, match="OFFICE_KEY is not set"):
        hand_in(exam, provider="keyless")
    with pytest.raises(CannotRead, match="no provider"):
        hand_in(exam, provider="gone")
    assert not KeyProposal.objects.exists()


def test_an_exam_has_one_open_key_at_a_time(office, exam):
    hand_in(exam)
    with pytest.raises(Conflict, match="Confirm or discard"):
        hand_in(exam)
    assert KeyProposal.objects.count() == 1


class SlowlySent(io.BytesIO):
    """A file while the rest of which arrives a colleague hands in theirs."""

    def __init__(self, content: bytes, exam: Exam) -> None:
        super().__init__(content)
        self.exam = exam

    def read(self, size: int | None = -1) -> bytes:
        if size == CHUNK and not self.exam.key_proposals.exists():
            hand_in(self.exam)
        return super().read(size)


def test_two_who_hand_in_at_once_make_one_key_and_leave_no_file(office, exam, alice):
    with pytest.raises(Conflict, match="Confirm or discard"):
        propose_key(exam, SlowlySent(key_pdf(), exam), name="late.pdf", provider="reader", by=alice)
    key = KeyProposal.objects.get()
    assert key.original_name == "key.pdf"
    assert [f"keys/{name}" for name in default_storage.listdir("keys")[1]] == [key.file]


def test_a_failed_key_is_drafted_again_for_another_provider_from_the_same_pages(
    office, exam, alice
):
    office.set_fault("prose")
    failed = read(drafted(exam))
    retry_key(failed, provider="second", by=alice)
    key = fresh(failed)
    assert (key.state, key.provider, key.pages) == ("drafted", "second", failed.pages)
    assert key.batch_run_id != failed.batch_run_id
    build_run(key.batch_run_id)
    assert read(key).state == "proposed"


def test_a_failed_key_is_not_drafted_again_beside_another_open_one(office, exam, alice):
    office.set_fault("prose")
    failed = read(drafted(exam))
    hand_in(exam)
    with pytest.raises(Conflict, match="Confirm or discard"):
        retry_key(failed, provider="reader", by=alice)
    assert fresh(failed).state == "failed"
    assert BatchRun.objects.filter(title__contains="answer key").count() == 1


def test_reading_a_key_counts_under_the_cap_of_its_exam(office, exam, alice):
    exam.spending_cap = Decimal("0.0001")
    exam.save()
    key = drafted(exam)
    with pytest.raises(OverBudget, match="this exam may spend"):
        send_key(key, by=alice)
    assert fresh(key).state == "drafted"
    assert office.ledger() == []
    exam.spending_cap = Decimal(10)
    exam.save()
    assert read(key).state == "proposed"


def test_a_rubric_with_more_criteria_than_one_page_shows_is_refused(office, exam, alice):
    many = [{"id": f"Q{n}", "description": "x", "max_marks": 1} for n in range(MAX_CRITERIA + 1)]
    save_rubric(exam, many, by=alice)
    with pytest.raises(ValidationError, match="101 criteria"):
        hand_in(exam)
