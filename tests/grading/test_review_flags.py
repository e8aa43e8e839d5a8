"""Flags: a teacher asks somebody to look at a mark."""

import pytest
from django.core.exceptions import ValidationError

from batching.conflicts import Conflict
from grading import review_flags, runs
from grading.models import Flag
from tests import factories
from tests.grading.steps import marks_of, url

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def erin(x_b):
    """A second teacher of the class."""
    teacher = factories.make_user("erin", "teacher")
    x_b.teachers.add(teacher)
    return teacher


def test_a_flag_is_raised_once_however_often_one_clicks(mark, alice, erin):
    for _ in range(2):
        review_flags.raise_flag(mark, note=" Is this a 7? ", by=alice, colleague=erin)
    flag = Flag.objects.get()
    assert (flag.note, flag.colleague, flag.raised_by) == ("Is this a 7?", erin, alice)
    with pytest.raises(Conflict, match="Alice has flagged this already: “Is this a 7"):
        review_flags.raise_flag(mark, note="And this?", by=erin)
    for _ in range(2):
        review_flags.lower_flag(mark, by=erin)
    flag = Flag.objects.get()
    assert flag.lowered_by == erin
    first = flag.lowered_at
    review_flags.lower_flag(mark, by=alice)
    assert Flag.objects.get().lowered_at == first
    review_flags.raise_flag(mark, note="And this?", by=erin)
    assert Flag.objects.count() == 2


def test_only_teachers_of_the_class_are_asked(mark, alice, bob, carol):
    for stranger in (bob, carol, alice):
        with pytest.raises(ValidationError):
            review_flags.raise_flag(mark, note="Look", by=alice, colleague=stranger)
    assert not Flag.objects.exists()


def test_a_flag_stays_with_the_sheet_when_its_marks_are_made_anew(exam, sheet, mark, alice):
    review_flags.raise_flag(mark, note="Look", by=alice)
    runs.drop_marks(sheet, by=alice, reason="Graded anew")
    factories.make_marks(sheet)
    anew = marks_of(sheet)[0]
    assert anew.pk != mark.pk
    review_flags.lower_flag(anew, by=alice)
    assert Flag.objects.get().lowered_by == alice


def test_a_flag_is_raised_and_lowered_on_the_page(exam, sheet, mark, teacher, erin):
    answer = teacher.post(url("mark_flag", mark), {"note": "Is this a 7?", "colleague": erin.pk})
    assert answer.status_code == 302
    for address in (url("review_sheet", sheet), f"{url('review_list', exam)}?show=flagged"):
        assert "lagged" in teacher.get(address).content.decode()
    text = teacher.get(url("review_sheet", sheet)).content.decode()
    assert "Flagged by Alice for Erin" in text
    assert "Is this a 7?" in text
    answer = teacher.post(url("mark_unflag", mark), **HTMX)
    assert answer["HX-Retarget"] == f"#mark-{mark.pk}"
    assert "Flagged by" not in answer.content.decode()
    page = teacher.get(f"{url('review_list', exam)}?show=flagged")
    assert not page.context["rows"]


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_flag_without_a_note_or_over_another_is_refused(mark, teacher, alice, headers):
    assert teacher.post(url("mark_flag", mark), {"note": " "}, **headers).status_code == 422
    review_flags.raise_flag(mark, note="Look", by=alice)
    answer = teacher.post(url("mark_flag", mark), {"note": "Other"}, **headers)
    assert answer.status_code == 409
    assert "Lower that flag first" in answer.content.decode()


def test_a_flag_for_me_says_so_in_the_list(exam, sheet, mark, alice, erin, sign_in):
    review_flags.raise_flag(mark, note="Look", by=alice, colleague=erin)
    address = f"{url('review_list', exam)}?show=flagged"
    assert "flagged for you" in sign_in(erin).get(address).content.decode()
    assert "flagged for you" not in sign_in(alice).get(address).content.decode()
