"""What must be known of who proposed marks stands on every page of staff that shows them."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from batching import providers
from exams.models import Sheet
from grading.queries import notices_on
from grading.runs import drop_marks, grade_again
from tests.factories import make_sheet

pytestmark = pytest.mark.django_db

NOTICE = "An emulator on this machine, not a vendor."
PAGES = ("review_list", "results", "statistics", "publish", "exports")


@pytest.fixture
def emulated(offices):
    """The batch provider, which says that it is an emulator."""
    offices["batch"].notice = NOTICE
    return offices["batch"]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_an_exam_with_marks_of_an_emulator_says_so(
    name, emulated, draft, grade, exam, teacher
):
    address = reverse(f"grading:{name}", args=[exam.pk])
    make_sheet(exam, state="graded")
    assert NOTICE not in teacher.get(address).text
    grade(draft(2))
    assert teacher.get(address).text.count(NOTICE) == 1


def test_a_question_and_the_preview_of_a_sheet_say_it_too(emulated, draft, grade, exam, teacher):
    grade(draft(1))
    question = reverse("grading:review_question", args=[exam.pk, "Q1"])
    preview = reverse("grading:sheet_preview", args=[Sheet.objects.get().pk])
    assert NOTICE in teacher.get(question).text
    assert NOTICE in teacher.get(preview).text


def test_a_provider_whose_marks_were_all_dropped_is_not_spoken_of(
    emulated, draft, grade, exam, alice
):
    grade(draft(2))
    assert [one.notice for one in notices_on(exam)] == [NOTICE]
    drop_marks(Sheet.objects.first(), by=alice, reason="Another provider's turn")
    grade_again(exam, by=alice)
    make_sheet(exam, state="graded")
    assert notices_on(exam) == []


def test_marks_of_a_vendor_need_no_notice(offices, draft, grade, exam, teacher):
    grade(draft(1))
    assert notices_on(exam) == []
    assert (
        "alert-warning notice"
        not in teacher.get(reverse("grading:review_list", args=[exam.pk])).text
    )


def test_the_notice_costs_the_review_list_no_query(emulated, draft, grade, exam, teacher):
    grade(draft(2))
    address = reverse("grading:review_list", args=[exam.pk])
    teacher.get(address)
    with CaptureQueriesContext(connection) as ran:
        assert NOTICE in teacher.get(address).text
    assert len(ran) <= 5


def test_two_configurations_of_one_emulator_are_named_each_once(emulated, offices):
    offices["direct"].notice = NOTICE
    found = providers.notices_of(["batch", "direct", "batch", "gone", ""])
    assert len(found) == 2
