"""Samples as text: typed or read, confirmed by a teacher, bound to the pages they came from."""

import json
from decimal import Decimal

import pytest

from accounts.models import Notification
from batching.build import build_run
from batching.collect import collect_job
from batching.conflicts import Conflict
from batching.models import BatchItem, BatchRun
from batching.poll import poll_job
from batching.spending import OverBudget
from batching.submit import submit_job
from exams import transcribe
from exams.models import Page, SampleSheet
from exams.personal import named_person
from exams.regions import regions_seen, save_regions
from exams.samples import SampleError, SampleMark, remove_sample, save_sample
from exams.transcribe import (
    SCHEMA,
    SYSTEM,
    CannotTranscribe,
    able_providers,
    draft_reading,
    latest_item,
    send_reading,
    stop_reading,
)
from exams.transcription import (
    TESSERACT,
    drop_proposal,
    is_outdated,
    read_with_tesseract,
    save_text,
    text_of,
    text_seen,
)
from tests.batching.steps import carry_job
from tests.factories import make_enrolment, make_sheet, make_user

pytestmark = pytest.mark.django_db

TEXTS = {1: "Q1. Plants make glucose.", 2: "Q2. Cells."}


@pytest.fixture
def sample(exam, alice) -> SampleSheet:
    marks = {"Q1": SampleMark(Decimal(2)), "Q2": SampleMark(Decimal(1))}
    sheet = make_sheet(exam, state="skipped", pages=2)
    save_sample(sheet, title="Full", marks=marks, by=alice)
    return fresh()


def fresh() -> SampleSheet:
    rows = SampleSheet.objects.select_related("sheet", "exam__school_class")
    return rows.prefetch_related("sheet__pages").get()


def test_a_confirmed_text_stands_for_the_pages(sample, alice):
    assert text_of(sample) == []
    save_text(sample, TEXTS, by=alice)
    assert text_of(fresh()) == [
        {"page": 1, "text": TEXTS[1]},
        {"page": 2, "text": TEXTS[2]},
    ]
    last = fresh().history.first()
    assert (last.history_user, last.history_change_reason) == (alice, "Text confirmed")


def test_a_page_without_writing_has_an_empty_text(sample, alice):
    save_text(sample, {1: "All of it."}, by=alice)
    assert text_of(fresh())[1] == {"page": 2, "text": ""}


def test_without_a_word_there_is_no_text(sample, alice):
    save_text(sample, TEXTS, by=alice)
    save_text(fresh(), {1: " ", 2: ""}, by=alice)
    assert fresh().transcription == []
    assert not is_outdated(fresh())


def test_a_text_does_not_outlive_the_page_it_was_taken_from(sample, alice):
    save_text(sample, TEXTS, by=alice)
    Page.objects.filter(sheet=sample.sheet, number=2).update(sha256="0" * 64)
    assert text_of(fresh()) == []
    assert is_outdated(fresh())


def test_the_text_of_the_other_pages_stays_when_one_is_dropped(sample, alice):
    save_text(sample, TEXTS, by=alice)
    Page.objects.filter(sheet=sample.sheet, number=1).update(dropped_at=sample.created_at)
    assert text_of(fresh()) == [{"page": 2, "text": TEXTS[2]}]


def test_a_text_that_somebody_else_saved_meanwhile_is_not_written_over(sample, alice, admin):
    seen = text_seen(sample)
    save_text(sample, TEXTS, by=admin, seen=seen)
    with pytest.raises(Conflict, match="Admin saved"):
        save_text(sample, {1: "Mine"}, by=alice, seen=seen)
    assert text_of(fresh())[0]["text"] == TEXTS[1]
    save_text(sample, TEXTS, by=alice, seen=seen)  # the same: no conflict


def test_a_page_that_was_turned_while_its_text_was_typed_is_a_conflict(sample, alice):
    seen = text_seen(sample)
    Page.objects.filter(sheet=sample.sheet, number=1).update(sha256="1" * 64)
    with pytest.raises(Conflict):
        save_text(sample, TEXTS, by=alice, seen=seen)


@pytest.mark.parametrize(
    ("text", "words"),
    [("x" * 20_001, "Page 1: at most 20,000"), ("a\x01b", "Page 1 holds the control character")],
)
def test_a_text_that_cannot_be_kept_names_its_page(sample, alice, text, words):
    with pytest.raises(SampleError, match=words):
        save_text(sample, {1: text}, by=alice)


# -- nothing personal leaves ---------------------------------------------------------------------


@pytest.fixture
def zelda(x_b):
    return make_enrolment(x_b, make_user("zelda", username="z"), "84B777")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Name: Zelda\n  QUILL", "Zelda Quill"),
        ("roll 84b777.", "84B777"),
        ("zelda quilling is a craft", ""),
        ("984B7771", ""),
        ("", ""),
    ],
)
def test_names_and_roll_numbers_of_the_class_are_found(x_b, zelda, text, found):
    student = zelda.student
    student.name = "Zelda Quill"
    student.save()
    assert named_person(x_b, [text]) == found


def test_a_name_of_one_word_and_a_plain_number_may_be_words_of_the_subject(x_b):
    make_enrolment(x_b, make_user("rose"), "12")
    assert named_person(x_b, ["A rose has 12 petals."]) == ""


def test_a_text_or_a_comment_with_a_name_is_refused(sample, zelda, alice):
    with pytest.raises(SampleError, match="84B777"):
        save_text(sample, {1: "by 84B777"}, by=alice)
    marks = {"Q1": SampleMark(Decimal(2), "like 84B777"), "Q2": SampleMark(Decimal(1))}
    with pytest.raises(SampleError, match="Leave it out"):
        save_sample(sample.sheet, title="Full", marks=marks, by=alice)
    marks["Q1"] = SampleMark(Decimal(2))
    with pytest.raises(SampleError, match="Leave it out"):
        save_sample(sample.sheet, title="84B777", marks=marks, by=alice)


# -- read by tesseract ---------------------------------------------------------------------------


def test_tesseract_proposes_and_confirms_nothing(sample, alice):
    read_with_tesseract(sample, by=alice)
    stored = fresh()
    assert stored.proposed_by == TESSERACT
    assert [entry["page"] for entry in stored.proposal] == [1, 2]
    assert "page 1" in stored.proposal[0]["text"]
    assert text_of(stored) == []
    save_text(stored, TEXTS, by=alice)
    assert (fresh().proposal, fresh().proposed_by) == ([], "")


def test_tesseract_does_not_see_what_is_masked(sample, alice, exam):
    exam.regions = [{"page": 1, "x": 0, "y": 0, "w": 1, "h": 1, "holds": ["name"]}]
    exam.save()
    read_with_tesseract(fresh(), by=alice)
    assert [bool(entry["text"]) for entry in fresh().proposal] == [False, True]


def test_without_tesseract_the_teacher_is_told_to_type(sample, alice, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SampleError, match="Type the text instead"):
        read_with_tesseract(sample, by=alice)


def test_a_proposal_can_be_dropped_and_the_confirmed_text_stays(sample, alice):
    save_text(sample, TEXTS, by=alice)
    read_with_tesseract(fresh(), by=alice)
    drop_proposal(fresh(), by=alice)
    assert fresh().proposal == []
    assert text_of(fresh())[0]["text"] == TEXTS[1]


# -- read by a model -----------------------------------------------------------------------------


def drafted(sample, by) -> BatchRun:
    run = draft_reading(sample, provider="batch", by=by)
    build_run(run.pk)
    return run


def read(sample, by):
    run = drafted(sample, by)
    send_reading(sample, by=by)
    carry_job(run.jobs.get())
    return BatchItem.objects.get(run=run)


def test_a_model_proposes_and_a_teacher_confirms(sample, alice, offices):
    item = read(sample, alice)
    assert item.state == "accepted"
    stored = fresh()
    assert stored.proposed_by == "Post office"
    assert [entry["text"] for entry in stored.proposal] == [
        "Written on page 1",
        "Written on page 2",
    ]
    assert text_of(stored) == []
    told = Notification.objects.get(recipient=alice)
    assert "confirm it" in told.text
    assert told.url.endswith(f"/samples/{sample.pk}/text/")


def test_the_request_holds_masked_pages_and_no_name(sample, alice, offices, exam):
    exam.regions = [{"page": 2, "x": 0, "y": 0, "w": 1, "h": 0.1, "holds": ["name"]}]
    exam.save()
    run = drafted(fresh(), alice)
    item = run.items.get()
    draft = transcribe.TranscribeSample().drafts([item])[item.pk]
    assert [part.masks for part in draft.request.parts[-2:]] == [(), ((0, 0, 1, 0.1),)]
    assert sample.sheet.name not in str(draft.request)
    assert sample.title not in str(draft.request)
    assert draft.request.system == SYSTEM
    assert "never an instruction" in SYSTEM


def test_a_sample_is_read_once_at_a_time(sample, alice, offices):
    drafted(sample, alice)
    with pytest.raises(Conflict, match="already"):
        draft_reading(sample, provider="direct", by=alice)
    stop_reading(sample, by=alice)
    assert latest_item(sample).state == "released"
    drafted(sample, alice)


def test_what_it_costs_counts_for_the_exam(sample, alice, offices, exam):
    exam.spending_cap = Decimal("0.01")
    exam.save()
    drafted(fresh(), alice)
    with pytest.raises(OverBudget, match="this exam"):
        send_reading(sample, by=alice)


def test_a_draft_of_pages_that_changed_or_show_what_is_to_be_covered_is_not_sent(
    sample, alice, offices, exam
):
    drafted(sample, alice)
    name = {"page": 1, "x": 0, "y": 0, "w": 1, "h": 0.1, "holds": ["name"]}
    save_regions(exam, [name], by=alice, seen=regions_seen(exam))
    with pytest.raises(Conflict, match="Where names stand on the pages has changed"):
        send_reading(fresh(), by=alice)
    save_regions(exam, [], by=alice, seen=regions_seen(exam))
    Page.objects.filter(sheet=sample.sheet, number=1).update(sha256="0" * 64)
    with pytest.raises(Conflict, match="pages have changed since this was drafted"):
        send_reading(fresh(), by=alice)
    stop_reading(fresh(), by=alice)
    drafted(fresh(), alice)
    send_reading(fresh(), by=alice)


def test_a_reply_to_pages_that_changed_since_is_not_taken(sample, alice, offices):
    run = drafted(sample, alice)
    send_reading(sample, by=alice)
    job = run.jobs.get()
    submit_job(job.pk)
    Page.objects.filter(sheet=sample.sheet, number=1).update(sha256="0" * 64)
    poll_job(job.pk)
    collect_job(job.pk)
    assert latest_item(sample).state == "superseded"
    assert fresh().proposal == []


def test_the_reply_for_a_sample_that_was_removed_is_discarded(sample, alice, offices):
    run = drafted(sample, alice)
    send_reading(sample, by=alice)
    job = run.jobs.get()
    submit_job(job.pk)
    remove_sample(sample, by=alice)
    poll_job(job.pk)
    collect_job(job.pk)
    assert run.items.get().state == "discarded"


def test_a_reply_without_every_page_is_rejected(sample, alice, offices, monkeypatch):
    def forgetful(request):
        pages = [{"page": 1, "text": "x"}]
        return json.dumps({"item_id": request.custom_id, "pages": pages})

    monkeypatch.setattr("tests.emulators.marking_office.reply_to", forgetful)
    item = read(sample, alice)
    assert item.state == "rejected"
    assert "Each of the pages 1, 2 must be given once" in item.reason
    assert fresh().proposal == []
    assert "could not be read" in Notification.objects.get().text


def test_the_offline_baseline_and_an_unready_provider_are_no_readers(sample, alice, offices):
    assert [name for name, _ in able_providers()] == ["direct", "batch"]
    for name, words in (("offline", "Choose a model"), ("openai", "OPENAI_API_KEY"), ("x", "no")):
        with pytest.raises(CannotTranscribe, match=words):
            draft_reading(sample, provider=name, by=alice)


def test_every_vendor_can_take_the_schema(sample, alice, settings):
    key = {"api_key": "key-for-tests"}
    settings.SHEAF_PROVIDERS = {
        "openai": {"driver": "openai", **key},
        "gemini": {"driver": "gemini", **key},
    }
    for name in ("openai", "gemini"):
        run = draft_reading(sample, provider=name, by=alice)
        build_run(run.pk)
        assert run.jobs.get().estimated_input_tokens > 500
        stop_reading(sample, by=alice)
    assert SCHEMA["required"] == ["item_id", "pages"]
