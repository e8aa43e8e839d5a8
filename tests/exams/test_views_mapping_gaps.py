"""What is missing: students without a sheet, sheets without a student, and what to do next."""

import pytest
from django.urls import reverse
from django.utils import timezone

from exams.models import SampleSheet
from tests.factories import make_enrolment, make_sheet


@pytest.fixture
def url(exam):
    return reverse("exams:mapping_gaps", args=[exam.pk])


def names(lines):
    return [line.name for line in lines]


def test_students_without_a_sheet_are_listed_by_number(browser, exam, url, carol, dora):
    make_sheet(exam, state="mapped", enrolment=carol.enrolments.get())
    context = browser.get(url).context
    assert names(context["students"]) == [str(dora)]
    assert context["students"][0].url == reverse("exams:upload_create", args=[exam.pk])


def test_a_skipped_sheet_is_no_sheet_and_a_suggested_one_is_named(browser, exam, url, carol):
    make_sheet(exam, state="skipped")
    sheet = make_sheet(exam, suggested_enrolment=carol.enrolments.get())
    (line,) = browser.get(url).context["students"]
    assert sheet.name in line.why
    assert reverse("exams:mapping", args=[exam.pk]) in line.url


def test_every_sheet_without_a_student_says_what_to_do(browser, exam, url, alice, carols_enrolment):
    read = make_sheet(exam)
    suggested = make_sheet(exam, suggested_enrolment=carols_enrolment, suggestion_reason="By name")
    waiting = make_sheet(exam, inspected_at=None)
    empty = make_sheet(exam)
    empty.pages.update(dropped_at=timezone.now())
    failed = make_sheet(exam, state="failed", problem="The PDF is damaged.")
    skipped = make_sheet(exam, state="skipped")
    sample = make_sheet(exam, state="skipped")
    SampleSheet.objects.create(exam=exam, sheet=sample, title="Full", created_by=alice)
    make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    lines = {line.name: line for line in browser.get(url).context["sheets"]}
    assert set(lines) == {one.name for one in (read, suggested, waiting, empty, failed, skipped)}
    assert lines[read.name].label == "Choose the student"
    assert lines[suggested.name].why == "By name"
    assert "being read" in lines[waiting.name].why
    assert "No page is left" in lines[empty.name].why
    assert lines[failed.name].why == "The PDF is damaged."
    assert lines[failed.name].url.endswith("?tab=failed")
    assert lines[skipped.name].url.endswith("?tab=skipped")
    assert list(lines)[-2:] == [failed.name, skipped.name]


def test_nothing_missing_says_so(browser, exam, url, carols_enrolment):
    make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    text = browser.get(url).text
    assert "Every student has a sheet" in text
    assert "Every sheet has its student" in text


def test_a_class_without_students_leads_to_its_roster(browser, exam, url):
    assert reverse("accounts:class_detail", args=[exam.school_class_id]) in browser.get(url).text


@pytest.mark.parametrize("count", [6, 60])
def test_sixty_gaps_cost_as_many_queries_as_six(
    browser, exam, url, count, django_assert_max_num_queries
):
    for _ in range(count):
        make_enrolment(exam.school_class)
        make_sheet(exam, pages=1)
    with django_assert_max_num_queries(7):
        assert len(browser.get(url).context["sheets"]) == count
