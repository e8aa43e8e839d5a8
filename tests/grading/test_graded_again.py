"""Papers that were to be graded again and were not: they have their marks back."""

import pytest
from django.urls import reverse
from django.utils import timezone

from batching import tasks
from batching.submit import submit_job
from exams.mapping import map_sheet, unmap_sheet
from exams.models import Sheet
from exams.pages import kept_pages
from grading.models import Assessment, GradingRun, Mark, Part
from grading.requests import pages_of
from grading.results import NOT_AGAIN, fail_sheets
from grading.run_standing import standing
from grading.runs import cancel_run, draft_run, send_failed_again, send_run
from tests.factories import make_enrolment, make_sheet

pytestmark = pytest.mark.django_db


def marks_of(sheet):
    return {mark.criterion.code: (mark.awarded, mark.feedback) for mark in sheet.marks.all()}


@pytest.fixture
def graded(exam):
    sheet = make_sheet(exam, state="graded")
    Assessment.objects.filter(sheet=sheet).update(pages=pages_of(kept_pages(sheet)))
    Part.objects.filter(assessment__sheet=sheet).update(feedback="Well done.")
    Mark.objects.filter(sheet=sheet).update(feedback="Well done.")
    return sheet


def test_discarding_a_draft_of_graded_sheets_gives_their_marks_back(exam, graded, alice):
    before = marks_of(graded)
    run = draft_run(exam, provider="offline", by=alice, again=True)
    tasks.build_run(run.pk)
    assert marks_of(graded) == {}
    cancel_run(run, by=alice)
    assert marks_of(graded) == before
    assert Sheet.objects.get(pk=graded.pk).state == "graded"
    newest = Mark.history.filter(criterion__code="Q1").first()
    assert (newest.history_type, newest.history_change_reason) == ("+", NOT_AGAIN)
    assert graded.assessments.count() == 1


def test_a_run_discarded_before_it_was_built_gives_marks_back_too(exam, graded, alice):
    before = marks_of(graded)
    cancel_run(draft_run(exam, provider="offline", by=alice, again=True), by=alice)
    assert marks_of(graded) == before


def test_marks_come_back_from_the_assessment_that_they_were_made_from(exam, graded, alice):
    run = draft_run(exam, provider="offline", by=alice, again=True)
    other = Assessment.objects.create(sheet=graded, rubric=run.rubric, source="audit", staff=alice)
    for leaf in run.rubric.criteria.filter(max_marks__isnull=False):
        Part.objects.create(assessment=other, criterion=leaf, awarded=0)
    cancel_run(run, by=alice)
    assert [mark.part.assessment == other for mark in graded.marks.all()] == [False, False]


def test_a_sheet_that_was_unmapped_meanwhile_gets_no_marks_back(exam, graded, alice):
    run = draft_run(exam, provider="offline", by=alice, again=True)
    unmap_sheet(Sheet.objects.get(pk=graded.pk), by=alice)
    cancel_run(run, by=alice)
    assert marks_of(graded) == {}
    assert Sheet.objects.get(pk=graded.pk).state == "pending_mapping"


def test_a_sheet_that_had_no_marks_gets_none_when_its_draft_is_discarded(
    exam, mapped, graded, alice
):
    run = draft_run(exam, provider="offline", by=alice, again=True)
    tasks.build_run(run.pk)
    cancel_run(run, by=alice)
    assert set(Sheet.objects.values_list("state", flat=True)) == {"mapped", "graded"}


def test_marks_do_not_come_back_to_other_pages(exam, graded, alice):
    run = draft_run(exam, provider="offline", by=alice, again=True)
    graded.pages.update(dropped_at=timezone.now())
    tasks.build_run(run.pk)
    assert marks_of(graded) == {}
    assert Sheet.objects.get(pk=graded.pk).state == "mapped"


def test_marks_do_not_come_back_to_another_student(exam, graded, alice, x_b):
    run = draft_run(exam, provider="offline", by=alice, again=True)
    unmap_sheet(Sheet.objects.get(pk=graded.pk), by=alice)
    map_sheet(Sheet.objects.get(pk=graded.pk), make_enrolment(x_b), by=alice)
    cancel_run(run, by=alice)
    assert marks_of(graded) == {}


def sent_again(exam, alice):
    run = draft_run(exam, provider="offline", by=alice, again=True)
    tasks.build_run(run.pk)
    send_run(run, by=alice)
    submit_job(run.batch_run.jobs.get().pk)
    return run


def test_marks_come_back_after_a_stop_which_is_no_failure(exam, graded, alice):
    before = marks_of(graded)
    run = sent_again(exam, alice)
    cancel_run(run, by=alice)
    assert marks_of(graded) == before
    found = standing(GradingRun.objects.get(pk=run.pk))
    assert (found.sheets.stopped, found.sheets.failed, found.end) == (1, 0, "Stopped")


def test_the_page_of_a_stopped_run_says_that_earlier_marks_are_back(exam, graded, alice, sign_in):
    run = sent_again(exam, alice)
    cancel_run(run, by=alice)
    page = sign_in(alice).get(reverse("grading:run_detail", args=[run.pk])).content.decode()
    assert "1 sheet has the marks back that it had before this run." in page
    assert "did not get them back" not in page


def test_the_page_counts_what_really_came_back(exam, graded, alice, sign_in):
    others = [make_sheet(exam, state="graded") for _ in range(3)]
    for sheet in others:
        sheet.assessments.update(pages=pages_of(kept_pages(sheet)))
    run = draft_run(exam, provider="offline", by=alice, again=True)
    unmap_sheet(Sheet.objects.get(pk=graded.pk), by=alice)
    others[0].pages.update(dropped_at=timezone.now())
    cancel_run(run, by=alice)
    page = sign_in(alice).get(reverse("grading:run_detail", args=[run.pk])).text
    assert "2 sheets have the marks back that they had before this run." in page
    assert "2 sheets had marks before this run and did not get them back" in page
    states = Sheet.objects.filter(pk__in=[one.pk for one in others]).order_by("pk")
    assert list(states.values_list("state", flat=True)) == ["mapped", "graded", "graded"]


def test_discarding_says_nothing_of_marks_that_it_cannot_know(exam, graded, alice, sign_in):
    run = draft_run(exam, provider="offline", by=alice, again=True)
    unmap_sheet(Sheet.objects.get(pk=graded.pk), by=alice)
    address = reverse("grading:run_cancel", args=[run.pk])
    page = sign_in(alice).post(address, follow=True).text
    assert "The draft was discarded. Nothing was sent." in page
    assert "1 sheet had marks before this run and did not get them back" in page
    assert "has the marks back" not in page


def test_the_page_of_a_stopped_run_without_earlier_marks_speaks_of_none(
    exam, mapped, alice, sign_in
):
    run = sent_again(exam, alice)
    cancel_run(run, by=alice)
    page = sign_in(alice).get(reverse("grading:run_detail", args=[run.pk])).content.decode()
    assert "were set free" in page
    assert "marks before" not in page


def test_marks_come_back_when_what_failed_is_drafted_again_and_discarded(exam, graded, alice):
    before = marks_of(graded)
    run = sent_again(exam, alice)
    item = run.batch_run.items.select_related("run").get()
    item.reject("Refused.")
    item.save()
    fail_sheets([item])
    cancel_run(send_failed_again(run, provider="offline", by=alice), by=alice)
    assert marks_of(graded) == before
