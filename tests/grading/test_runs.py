from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from accounts.models import Notification
from batching import build, tasks
from batching.close import close_job
from batching.conflicts import Conflict
from batching.submit import submit_job
from exams.mapping import map_sheet, skip_sheet, unmap_sheet
from exams.models import Exam, SampleSheet, Sheet
from exams.regions import regions_seen, save_regions
from exams.rubrics import current_rubric, save_rubric
from grading.models import GradingRun, Mark
from grading.review import change_mark, grade_by_hand
from grading.runs import NothingToGrade, cancel_run, draft_run, grade_again, send_run
from tests.factories import BIOLOGY, make_enrolment, make_exam, make_sheet

pytestmark = pytest.mark.django_db


def states():
    return sorted(Sheet.objects.values_list("state", flat=True))


def test_a_run_drafts_every_mapped_sheet_and_nothing_else(exam, mapped, alice):
    make_sheet(exam)
    make_sheet(exam, state="graded")
    run = draft_run(exam, provider="offline", by=alice)
    tasks.build_run(run.pk)
    assert states() == ["graded", "jsonl_ready", "jsonl_ready", "jsonl_ready", "pending_mapping"]
    assert run.batch_run.jobs.get().state == "review"


def test_a_sample_sheet_is_shown_and_not_graded(exam, mapped, alice):
    SampleSheet.objects.create(exam=exam, sheet=mapped[0], title="Full marks", created_by=alice)
    run = draft_run(exam, provider="offline", by=alice)
    assert run.batch_run.items.count() == 2


def test_drafting_freezes_the_rubric(exam, drafted):
    assert current_rubric(exam).used_at is not None


def test_without_mapped_sheets_there_is_nothing_to_draft(exam, alice):
    with pytest.raises(NothingToGrade, match="Confirm whose sheets"):
        draft_run(exam, provider="offline", by=alice)


def test_without_a_rubric_there_is_nothing_to_draft(x_b, alice):
    exam = Exam.objects.create(
        title="Bare", school_class=x_b, subject=make_exam(x_b).subject, created_by=alice
    )
    with pytest.raises(ValidationError, match="no rubric"):
        draft_run(exam, provider="offline", by=alice)


def test_the_baseline_refuses_an_exam_whose_key_has_gaps(x_b, alice):
    exam = make_exam(x_b, items=[BIOLOGY[0], BIOLOGY[1] | {"answer": ""}], by=alice)
    make_sheet(exam, state="mapped")
    with pytest.raises(NothingToGrade, match="Q2"):
        draft_run(exam, provider="offline", by=alice)


def test_two_teachers_who_draft_at_once_make_one_run(exam, drafted, alice):
    with pytest.raises((Conflict, NothingToGrade)):
        draft_run(exam, provider="offline", by=alice)
    assert GradingRun.objects.count() == 1


def test_a_discarded_draft_sets_its_sheets_free(drafted, alice):
    cancel_run(drafted, by=alice)
    assert states() == ["mapped"] * 3


def test_a_run_discarded_while_it_is_being_built_sets_its_sheets_free(exam, mapped, alice):
    run = draft_run(exam, provider="offline", by=alice)
    cancel_run(run, by=alice)
    tasks.build_run(run.pk)
    assert states() == ["mapped"] * 3
    assert draft_run(exam, provider="offline", by=alice).batch_run.items.count() == 3


def test_a_run_is_sent_once(drafted, alice):
    assert send_run(drafted, by=alice) == 1
    with pytest.raises(Conflict, match="sent or cancelled"):
        send_run(drafted, by=alice)


def test_an_unfinished_draft_is_not_sent(exam, mapped, alice):
    run = draft_run(exam, provider="offline", by=alice)
    with pytest.raises(Conflict, match="being built"):
        send_run(run, by=alice)


def test_sending_is_in_the_history_of_the_job_with_the_persons_name(drafted, alice):
    send_run(drafted, by=alice)
    job = drafted.batch_run.jobs.get()
    assert job.approved_by == alice
    assert job.history.first().history_user == alice


def test_grading_again_drops_marks_that_nobody_touched_and_keeps_them_in_history(exam, alice):
    sheet = make_sheet(exam, state="graded")
    came_from = sheet.assessments.get().pk
    assert grade_again(exam, by=alice) == {
        str(sheet.pk): {"assessment": came_from, "enrolment": sheet.enrolment_id}
    }
    assert Sheet.objects.get(pk=sheet.pk).state == "mapped"
    assert not sheet.marks.exists()
    assert sheet.assessments.count() == 1
    removed = Mark.history.filter(history_type="-")
    assert removed.count() == 2
    assert {row.history_user for row in removed} == {alice}
    assert Sheet.objects.get(pk=sheet.pk).history.first().history_user == alice


@pytest.mark.parametrize("state", ["reviewed", "overridden", "published"])
def test_grading_again_leaves_reviewed_sheets_alone(exam, alice, state):
    sheet = make_sheet(exam, state=state)
    assert grade_again(exam, by=alice) == {}
    assert sheet.marks.count() == 2


def test_grading_again_leaves_what_a_person_changed(exam, alice):
    sheet = make_sheet(exam, state="graded")
    Mark.objects.filter(sheet=sheet, criterion__code="Q1").update(is_overridden=True)
    assert grade_again(exam, by=alice) == {}
    assert sheet.marks.count() == 2


def test_grading_again_leaves_what_a_person_graded_by_hand(exam, alice):
    sheet = make_sheet(exam, state="mapped")
    awards = {"Q1": (Decimal(1), "By hand"), "Q2": (Decimal(2), "By hand")}
    grade_by_hand(sheet, awards=awards, by=alice)
    assert grade_again(exam, by=alice) == {}
    assert Mark.objects.count() == 2


def test_a_graded_sheet_that_is_a_sample_is_not_graded_again(exam, alice):
    sheet = make_sheet(exam, state="graded")
    SampleSheet.objects.create(exam=exam, sheet=sheet, title="Full marks", created_by=alice)
    assert grade_again(exam, by=alice) == {}


def test_saving_a_mark_that_was_dropped_meanwhile_is_a_conflict(exam, alice):
    mark = make_sheet(exam, state="graded").marks.first()
    grade_again(exam, by=alice)
    with pytest.raises(Conflict, match="graded again"):
        change_mark(mark.pk, awarded=Decimal(1), feedback="", reason="x", version=1, by=alice)


def test_sheets_that_come_while_a_run_is_built_can_be_drafted_in_another(exam, mapped, alice):
    draft_run(exam, provider="offline", by=alice)
    make_sheet(exam, state="mapped")
    assert draft_run(exam, provider="offline", by=alice).batch_run.items.count() == 1


def test_a_sheet_left_out_while_its_line_is_written_is_not_sent(exam, mapped, alice, monkeypatch):
    run = draft_run(exam, provider="offline", by=alice)
    keep, seen = build.keep_shard, []

    def skip_one_first(*args):
        if not seen:
            seen.append(skip_sheet(mapped[0], by=alice))
        keep(*args)

    monkeypatch.setattr(build, "keep_shard", skip_one_first)
    tasks.build_run(run.pk)
    assert run.batch_run.items.get(subject_id=mapped[0].pk).state == "released"
    assert run.batch_run.jobs.get().item_count == 2
    assert states() == ["jsonl_ready", "jsonl_ready", "skipped"]


def test_a_draft_by_another_structure_of_the_rubric_is_not_sent(exam, drafted, alice):
    save_rubric(exam, [BIOLOGY[0] | {"max_marks": 4}, BIOLOGY[1]], by=alice)
    with pytest.raises(Conflict, match="structure has changed"):
        send_run(drafted, by=alice)
    cancel_run(drafted, by=alice)
    assert states() == ["mapped"] * 3


def test_a_draft_whose_pages_show_names_that_are_to_be_covered_by_now_is_not_sent(
    exam, drafted, alice
):
    name = {"page": 1, "x": 0, "y": 0, "w": 1, "h": 0.1, "holds": ["name"]}
    save_regions(exam, [name], by=alice, seen=regions_seen(exam))
    with pytest.raises(Conflict, match="Where names stand on the pages has changed"):
        send_run(drafted, by=alice)
    assert states() == ["jsonl_ready"] * 3
    save_regions(exam, [], by=alice, seen=regions_seen(exam))
    assert send_run(drafted, by=alice) == 1


def test_the_page_of_a_run_outlives_its_providers_configuration(drafted, alice, sign_in, settings):
    settings.SHEAF_PROVIDERS = {"other": settings.SHEAF_PROVIDERS["offline"]}
    page = sign_in(alice).get(reverse("grading:run_detail", args=[drafted.pk]))
    assert "no longer configured" in page.content.decode()


def test_a_teacher_has_unreviewed_sheets_graded_again_by_the_new_rubric(exam, alice, sign_in):
    make_sheet(exam, state="graded")
    save_rubric(exam, [BIOLOGY[0] | {"answer": "Another key."}, BIOLOGY[1]], by=alice)
    url = reverse("grading:run_create", args=[exam.pk])
    browser = sign_in(alice)
    assert "1 sheet</strong>" in browser.get(url).content.decode()
    browser.post(url, {"provider": "offline", "again": "1"})
    assert GradingRun.objects.get().rubric.version == 2
    assert GradingRun.objects.get().batch_run.items.count() == 1


# -- a sheet under the wrong student -----------------------------------------------------------


def test_a_graded_sheet_of_the_wrong_student_can_be_given_to_the_right_one(exam, alice, sign_in):
    sheet = make_sheet(exam, state="graded")
    right = make_enrolment(exam.school_class)
    browser = sign_in(alice)
    address = reverse("grading:sheet_drop_marks", args=[sheet.pk])
    answer = browser.post(address, {"reason": "It is not hers"})
    assert answer["Location"].endswith("?tab=mapped")
    assert not sheet.marks.exists()
    unmap_sheet(sheet, by=alice)
    map_sheet(sheet, right, by=alice)
    assert Sheet.objects.get(pk=sheet.pk).enrolment == right
    removed = Mark.history.filter(history_type="-")
    assert {(row.history_user, row.history_change_reason) for row in removed} == {
        (alice, "It is not hers")
    }


def test_marks_are_not_dropped_without_a_reason(exam, alice, sign_in):
    sheet = make_sheet(exam, state="graded")
    address = reverse("grading:sheet_drop_marks", args=[sheet.pk])
    refused = sign_in(alice).post(address, {"reason": " "})
    assert refused.status_code == 422
    assert "Say why these marks are dropped" in refused.text
    assert sheet.marks.count() == 2


@pytest.mark.parametrize("state", ["reviewed", "overridden", "published"])
def test_reviewed_marks_are_not_dropped(exam, alice, sign_in, state):
    sheet = make_sheet(exam, state=state)
    address = reverse("grading:sheet_drop_marks", args=[sheet.pk])
    assert sign_in(alice).post(address, {"reason": "x"}).status_code == 409
    assert sheet.marks.count() == 2


def test_who_drafted_a_run_is_told_once_when_it_ends(drafted, alice):
    send_run(drafted, by=alice)
    job = drafted.batch_run.jobs.get()
    submit_job(job.pk)
    for item in drafted.batch_run.items.all():
        item.reject("for this test")
        item.save()
    close_job(job.pk)
    close_job(job.pk)
    told = Notification.objects.get(recipient=alice)
    assert told.text.endswith("0 of 3 sheets were graded.")
    assert told.url == reverse("grading:run_detail", args=[drafted.pk])
