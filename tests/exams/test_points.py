"""Marks are written in one way wherever a person reads them."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from exams.points import plain
from exams.samples import SampleMark, save_sample
from exams.templatetags import points as of_exams
from grading.templatetags import marks as of_grading
from tests.factories import make_sheet


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Decimal("2.00"), "2"),
        (2.0, "2"),
        (0.5, "0.5"),
        (Decimal("0.50"), "0.5"),
        (Decimal("-0.25"), "-0.25"),
        (Decimal("-0.00"), "0"),
        (Decimal(10), "10"),
        ("1.50", "1.5"),
        (Decimal("1e400"), "1E+400"),
    ],
)
def test_a_mark_has_no_zeros_at_its_end(number, text):
    assert plain(number) == text
    assert of_exams.points(number) == of_grading.points(number) == text


def test_no_mark_is_nothing_in_an_exam_and_a_dash_in_a_table_of_marks():
    assert (of_exams.points(None), of_exams.points(""), of_grading.points(None)) == ("", "", "–")


def test_a_refused_mark_is_written_like_those_that_are_possible(exam, alice):
    marks = {"Q1": SampleMark(Decimal("9.0")), "Q2": SampleMark(Decimal(0))}
    with pytest.raises(ValidationError, match=r"Q1: 9 is not possible; 0 to 2 in steps of 0\.5"):
        save_sample(make_sheet(exam, state="skipped"), title="x", marks=marks, by=alice)


def test_the_samples_page_writes_a_stored_mark_like_its_maximum(exam, alice, browser):
    marks = {"Q1": SampleMark(Decimal("1.50")), "Q2": SampleMark(Decimal("2.00"))}
    save_sample(make_sheet(exam, state="skipped"), title="x", marks=marks, by=alice)
    text = browser.get(reverse("exams:samples", args=[exam.pk])).text
    assert "1.5 of 2<" in text
    assert "2 of 3<" in text
