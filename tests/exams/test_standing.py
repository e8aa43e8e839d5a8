"""Where an exam stands: the counts at each stop, and the one next thing."""

from decimal import Decimal

import pytest
from django.urls import reverse

from exams.samples import SampleMark, save_sample
from exams.standing import standings
from tests.factories import make_exam, make_sheet, make_upload


def standing(exam):
    return standings([exam])[exam.pk]


def counts(exam) -> list[int]:
    return [step.count for step in standing(exam).steps]


def sheets(exam, **states: int) -> None:
    for state, count in states.items():
        for _ in range(count):
            make_sheet(exam, state=state, pages=0)


def test_every_stop_counts_the_sheets_that_came_at_least_that_far(exam):
    sheets(exam, pending_mapping=1, mapped=1, jsonl_ready=1, in_batch=1)
    sheets(exam, graded=1, reviewed=1, overridden=1, published=1)
    assert counts(exam) == [8, 7, 6, 4, 3, 1]
    assert standing(exam).steps[2].note == "2 now"


def test_failed_sheets_count_as_sheets_and_skipped_ones_do_not(exam):
    sheets(exam, failed=1, skipped=1, published=1)
    assert counts(exam) == [2, 1, 1, 1, 1, 1]


def test_a_sample_is_no_sheet_to_be_graded(exam, alice):
    sheet = make_sheet(exam, state="mapped")
    marks = {code: SampleMark(Decimal(0)) for code in ("Q1", "Q2")}
    save_sample(sheet, title="x", marks=marks, by=alice)
    assert counts(exam)[0] == 0
    assert standing(exam).samples == 1


@pytest.mark.parametrize(
    ("states", "label"),
    [
        ({}, "Upload sheets"),
        ({"pending_mapping": 1, "graded": 3}, "Confirm students"),
        ({"mapped": 1, "graded": 1, "in_batch": 1}, "Draft a run"),
        ({"graded": 1, "in_batch": 1, "failed": 1}, "Review marks"),
        ({"failed": 1, "reviewed": 1}, "See what failed"),
        ({"in_batch": 1, "reviewed": 1}, "Look at the runs"),
        ({"reviewed": 1, "overridden": 1, "published": 1}, "Publish"),
        ({"published": 2, "skipped": 1}, "See the results"),
    ],
)
def test_the_next_thing_is_the_earliest_that_waits(exam, states, label):
    sheets(exam, **states)
    assert standing(exam).next.label == label


def test_without_a_rubric_that_comes_first(exam):
    exam.rubrics.all().delete()
    assert standing(exam).next.label == "Write the rubric"


def test_while_sheets_arrive_there_is_nothing_to_do(exam):
    make_upload(exam, state="unpacking")
    assert standing(exam).next.label == "Watch the upload"
    assert not standing(exam).next.urgent


def test_what_failed_is_on_the_page_that_one_is_led_to(exam, sign_in, alice):
    sheets(exam, failed=1, reviewed=1)
    page = sign_in(alice).get(standing(exam).next.url)
    assert [row.sheet.state for row in page.context["rows"]] == ["failed"]


def test_the_number_of_failed_sheets_leads_to_them_whatever_is_next(exam, sign_in, alice):
    sheets(exam, failed=2, graded=1)
    text = sign_in(alice).get(reverse("exams:exam_detail", args=[exam.pk])).text
    way = f'<a href="{reverse("exams:mapping", args=[exam.pk])}?tab=failed">2 failed</a>'
    assert way in text


def test_an_upload_that_failed_half_way_is_the_next_thing(exam):
    sheets(exam, reviewed=1, in_batch=1)
    upload = make_upload(exam, state="failed", problem="Its end is missing.")
    assert standing(exam).next.label == "See what failed"
    assert standing(exam).next.urgent
    upload.skip()
    upload.save()
    assert standing(exam).next.label == "Look at the runs"


def test_many_exams_cost_as_many_queries_as_one(x_b, django_assert_num_queries):
    exams = [make_exam(x_b, title=f"Exam {number}") for number in range(5)]
    for exam in exams:
        sheets(exam, mapped=2, graded=1)
    with django_assert_num_queries(3):
        found = standings(exams)
    assert {found[exam.pk].sentence for exam in exams} == {"2 to grade, 1 to review"}
