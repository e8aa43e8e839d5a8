"""From replies to marks: nothing invented, nothing snapped, nothing taken twice."""

import json
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction

from batching import purposes, tasks
from batching.models import BatchItem
from batching.providers.base import Answer, Usage
from batching.purposes import Reply
from batching.settle import settle
from batching.submit import submit_job
from exams.models import Page, Sheet
from exams.pages import drop_page
from exams.result_schema import result_schema
from exams.rubrics import current_rubric, leaves, save_rubric
from grading.models import Assessment, Mark, Part
from grading.results import judge
from grading.runs import draft_run
from tests.batching.steps import approve
from tests.factories import BIOLOGY, make_enrolment, make_exam, make_sheet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_is_sent_again(settings):
    settings.SHEAF_RESEND_ROUNDS = 0


def send(exam, by, sheets=3):
    """A run of so many new sheets that were sent."""
    for _ in range(sheets):
        make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="offline", by=by)
    tasks.build_run(run.pk)
    job = run.batch_run.jobs.get()
    approve(job, by=by)
    submit_job(job.pk)
    return run


@pytest.fixture
def sent(exam, alice):
    return send(exam, alice)


def reply_for(item, awarded=None, **changes):
    parts = {
        leaf.code: {
            "page": 1,
            "transcription": "What the student wrote",
            "reasoning": "For staff",
            "feedback": "For the student",
            "awarded": float(leaf.ceiling) if awarded is None else awarded,
            "confidence": 0.9,
        }
        for leaf in leaves(item.run.grading_run.rubric)
    }
    return {"item_id": item.custom_id, "parts": parts} | changes


def answers_of(run, make=reply_for, **fields):
    items = list(run.batch_run.items.filter(state="sent").select_related("run").order_by("number"))
    texts = [json.dumps(make(item)) for item in items]
    return [
        (item, Answer(item.custom_id, text, raw=text, usage=Usage(100, 20), **fields))
        for item, text in zip(items, texts, strict=True)
    ]


def settle_with(run, make=reply_for, **fields):
    answers = answers_of(run, make, **fields)
    with transaction.atomic():
        settle(run.batch_run.jobs.get(), answers)


def states(model):
    return set(model.objects.values_list("state", flat=True))


def test_a_valid_reply_becomes_an_assessment_with_marks(sent):
    settle_with(sent, model="model-7")
    assert states(Sheet) == {"graded"}
    assert Assessment.objects.count() == 3
    assert Mark.objects.count() == Part.objects.count() == 6
    mark = Mark.objects.get(sheet=Sheet.objects.first(), criterion__code="Q2")
    assert (mark.awarded, mark.floor, mark.ceiling) == (Decimal(3), Decimal(0), Decimal(3))
    assert mark.part.reasoning == "For staff"
    assert mark.feedback == "For the student"


def test_everything_needed_to_defend_a_mark_is_kept(sent):
    settle_with(sent, model="model-7")
    assessment = Assessment.objects.first()
    item = assessment.item
    assert (assessment.provider, assessment.model) == ("offline", "model-7")
    assert assessment.source == "offline"
    assert assessment.prompt_version
    assert assessment.rubric_hash == sent.rubric.content_hash
    assert assessment.request_hash == item.request_hash != ""
    assert json.loads(assessment.raw_reply)["item_id"] == item.custom_id
    assert (assessment.input_tokens, assessment.output_tokens) == (100, 20)
    page = assessment.sheet.pages.get()
    assert assessment.pages == [[page.number, page.sha256]]


def test_every_mark_and_every_step_of_a_sheet_has_a_line_of_history(sent):
    settle_with(sent)
    for mark in Mark.objects.all():
        assert [row.awarded for row in mark.history.all()] == [mark.awarded]
    sheet = Sheet.objects.first()
    assert [row.state for row in sheet.history.all()][:3] == ["graded", "in_batch", "jsonl_ready"]


@pytest.mark.parametrize("awarded", [0.3, 2.5, -1, 99])
def test_an_illegal_mark_is_rejected_and_never_made_legal(sent, awarded):
    settle_with(sent, lambda item: reply_for(item, awarded))
    assert not Mark.objects.exists()
    assert states(BatchItem) == {"rejected"}
    assert states(Sheet) == {"failed"}
    assert all(sheet.problem for sheet in Sheet.objects.all())


def test_a_mark_between_two_steps_is_rejected_where_the_schema_names_only_the_range(x_b, alice):
    fine = [BIOLOGY[0] | {"max_marks": 100, "step": 0.1}]
    run = send(make_exam(x_b, items=fine, by=alice), alice, 1)
    settle_with(run, lambda item: reply_for(item, 3.33))
    item = BatchItem.objects.get()
    assert item.state == "rejected"
    assert item.reason.startswith("Q1: 3.33 is not one of the marks")
    assert not Mark.objects.exists()


def test_a_failure_is_never_a_zero(sent):
    settle_with(sent, finish="error", problem="The model broke down.")
    assert not Mark.objects.exists()
    assert set(Sheet.objects.values_list("problem", flat=True)) == {"The model broke down."}


def test_a_reply_to_pages_that_changed_since_gives_no_marks(sent):
    changed = Sheet.objects.first()
    Page.objects.filter(sheet=changed).update(sha256="0" * 64)
    settle_with(sent)
    assert BatchItem.objects.get(subject_id=changed.pk).state == "superseded"
    assert not Mark.objects.filter(sheet=changed).exists()
    assert Sheet.objects.get(pk=changed.pk).state == "mapped"
    assert Sheet.objects.filter(state="graded").count() == 2


def test_a_reply_to_another_structure_of_the_rubric_gives_no_marks(sent, exam, alice):
    save_rubric(exam, BIOLOGY[:1], by=alice)
    settle_with(sent)
    assert not Mark.objects.exists()
    assert states(BatchItem) == {"superseded"}
    assert states(Sheet) == {"mapped"}
    assert "structure changed" in Sheet.objects.first().problem


def test_changed_wording_of_the_rubric_gives_marks_that_are_visibly_stale(sent, exam, alice):
    reworded = [BIOLOGY[0] | {"description": "Explain photosynthesis."}, BIOLOGY[1]]
    save_rubric(exam, reworded, by=alice)
    settle_with(sent)
    assert Mark.objects.count() == 6
    assert Assessment.objects.first().rubric != current_rubric(exam)


def test_the_reply_of_a_deleted_sheet_is_counted_and_discarded(sent):
    gone = Sheet.objects.first()
    pk = gone.pk
    gone.delete()
    settle_with(sent)
    assert BatchItem.objects.get(subject_id=pk).state == "discarded"
    assert Mark.objects.count() == 4


def test_a_reply_for_a_sheet_that_went_elsewhere_gives_no_marks(sent):
    sheet = Sheet.objects.first()
    sheet.fail("Taken out by hand.")
    sheet.save()
    settle_with(sent)
    assert BatchItem.objects.get(subject_id=sheet.pk).state == "superseded"
    assert Sheet.objects.get(pk=sheet.pk).state == "failed"


def test_judging_names_each_reason(sent):
    (item, _), *_ = answers_of(sent)
    assert judge(Reply(item, {}), None, None, []).outcome == "discarded"


def test_settling_costs_the_same_statements_for_any_number_of_sheets(
    exam, alice, django_assert_max_num_queries
):
    run = send(exam, alice, 30)
    answers = answers_of(run)
    with django_assert_max_num_queries(25), transaction.atomic():
        settle(run.batch_run.jobs.get(), answers)
    assert Mark.objects.count() == 60


def test_the_database_refuses_a_mark_outside_its_range(sent):
    settle_with(sent)
    mark = Mark.objects.first()
    mark.awarded = mark.ceiling + 1
    with pytest.raises(IntegrityError), transaction.atomic():
        mark.save()


def test_the_database_refuses_an_assessment_without_a_reply_or_a_person(sent):
    sheet = Sheet.objects.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.create(sheet=sheet, rubric=sent.rubric, source="offline")


def test_a_request_names_nobody_and_masks_the_region_of_the_name(exam, alice, x_b):
    exam.regions = [{"page": 1, "x": 0, "y": 0, "w": 1, "h": 0.1, "holds": ["name"]}]
    exam.save()
    enrolment = make_enrolment(x_b, roll_number="84B003")
    make_sheet(exam, state="mapped", enrolment=enrolment, name=f"{enrolment.student.name}.pdf")
    run = draft_run(exam, provider="offline", by=alice)
    tasks.build_run(run.pk)
    with default_storage.open(run.batch_run.jobs.get().lines_file) as file:
        line = file.read().decode()
    assert "photosynthesis" in line  # the search finds what is there
    for secret in (enrolment.student.name, enrolment.student.email, "84B003", ".pdf", "X-B"):
        assert secret not in line
    assert '"masks":[[0,0,1,0.1]]' in line


def test_the_name_is_masked_too_where_a_page_before_it_was_dropped(exam, alice):
    exam.regions = [{"page": 1, "x": 0, "y": 0, "w": 1, "h": 0.1, "holds": ["name"]}]
    exam.save()
    sheet = make_sheet(exam, state="mapped", pages=3)
    drop_page(sheet.pages.get(number=1), by=alice)
    run = draft_run(exam, provider="offline", by=alice)
    tasks.build_run(run.pk)
    with default_storage.open(run.batch_run.jobs.get().lines_file) as file:
        parts = json.loads(file.read())["parts"]
    masks = {part["page"]: part["masks"] for part in parts if "image" in part}
    assert masks == {2: [[0, 0, 1, 0.1]], 3: []}


def test_the_schema_of_a_request_is_the_one_its_reply_is_checked_by(sent):
    assert purposes.get("grade_sheet").schema(sent.batch_run) == result_schema(sent.rubric)


def test_two_exams_do_not_share_sheets(alice, exam):
    other = make_exam(exam.school_class, by=alice)
    make_sheet(other, state="mapped")
    make_sheet(exam, state="mapped")
    assert draft_run(exam, provider="offline", by=alice).batch_run.items.count() == 1


def test_the_name_is_masked_by_number_by_place_and_by_place_among_written_pages(exam, alice):
    exam.regions = [
        {"page": page, "x": 0, "y": 0, "w": 1, "h": page / 10, "holds": ["name"]}
        for page in (1, 2, 3, 4)
    ]
    exam.save()
    sheet = make_sheet(exam, state="mapped", pages=4)
    drop_page(sheet.pages.get(number=1), by=alice)
    sheet.pages.filter(number=2).update(is_blank=True)
    run = draft_run(exam, provider="offline", by=alice)
    tasks.build_run(run.pk)
    with default_storage.open(run.batch_run.jobs.get().lines_file) as file:
        parts = json.loads(file.read())["parts"]
    heights = {part["page"]: [m[3] for m in part["masks"]] for part in parts if "image" in part}
    assert heights == {2: [0.1, 0.2], 3: [0.1, 0.2, 0.3], 4: [0.2, 0.3, 0.4]}
