"""Where an exam stands while its sheets are in a run: what waits for the teacher, what goes on."""

from decimal import Decimal

import pytest
from django.urls import reverse

from exams.models import Sheet
from exams.standing import GRADE_SHEET, standings
from grading.requests import PURPOSE
from grading.runs import draft_run, send_run
from tests.factories import make_exam, make_sheet

pytestmark = pytest.mark.django_db


def standing(exam):
    return standings([exam])[exam.pk]


def run_page(name, pk):
    return reverse(f"grading:{name}", args=[pk])


def test_the_next_step_leads_to_the_draft_itself_while_there_is_one(exam, draft, alice):
    run = draft(1)
    assert standing(exam).next.url == run_page("run_detail", run.pk)
    other = draft(1)
    assert standing(exam).next.url == run_page("run_list", exam.pk)
    send_run(run, by=alice)
    assert standing(exam).next.url == run_page("run_detail", other.pk)


def test_both_apps_mean_the_same_requests():
    assert GRADE_SHEET == PURPOSE


def test_a_draft_that_nobody_has_sent_waits_for_the_teacher(exam, draft):
    draft(3)
    where = standing(exam)
    assert where.sentence == "3 in a draft to look at and send"
    assert (where.next.label, where.next.urgent) == ("Look and send", True)
    assert "3 sheets in a draft" in where.next.text
    assert where.steps[2].note == "3 to be sent"


@pytest.mark.parametrize("page", ["/exams/{}/", "/exams/", "/"])
def test_no_page_says_that_a_draft_is_being_graded(page, exam, draft, teacher):
    draft(1)
    text = teacher.get(page.format(exam.pk)).text
    assert "1 in a draft to look at and send" in text
    assert "eing graded" not in text


def test_a_run_that_was_sent_goes_on_by_itself(exam, alice, draft):
    send_run(draft(3), by=alice)
    where = standing(exam)
    assert where.sentence == "3 being graded"
    assert (where.next.label, where.next.urgent) == ("Look at the runs", False)


def test_sheets_whose_draft_is_being_made_are_not_offered_for_another(exam, alice, offices):
    make_sheet(exam, state="mapped")
    draft_run(exam, provider="batch", by=alice)
    where = standing(exam)
    assert where.sentence == "1 being drafted"
    assert (where.next.label, where.next.urgent) == ("Look at the runs", False)


def test_sheets_that_may_only_be_sent_again_by_a_person_wait_for_one(
    exam, alice, draft, grade, offices, settings
):
    run = draft()
    settings.SHEAF_SPENDING_CAP = Decimal("0.07")
    offices["batch"].set_fault("prose")
    grade(run)
    assert standing(exam).sentence == "1 in a draft to look at and send, 2 to review"
    settings.SHEAF_SPENDING_CAP = Decimal("0.08")
    send_run(run, by=alice)
    assert standing(exam).sentence == "1 being graded, 2 to review"


def test_a_sheet_deleted_from_a_draft_is_in_no_count(exam, draft):
    draft(2)
    Sheet.objects.order_by("pk").first().delete()
    assert standing(exam).sentence == "1 in a draft to look at and send"


def test_a_draft_of_another_exam_counts_there(exam, x_b, draft):
    draft(1)
    other = make_exam(x_b, title="Other")
    make_sheet(other, state="in_batch")
    found = standings([exam, other])
    assert found[exam.pk].to_send == 1
    assert found[other.pk].sentence == "1 being graded"
