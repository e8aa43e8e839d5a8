"""Who may see which exams, uploads, sheets and pages."""

import pytest
from django.utils import timezone

from exams.queries import exams_for, pages_for, sheets_for, uploads_for
from tests.factories import make_exam, make_sheet

pytestmark = pytest.mark.django_db


@pytest.fixture
def sheets(exam, carols_enrolment, doras_enrolment, x_c):
    return {
        "carol": make_sheet(exam, state="published", enrolment=carols_enrolment, pages=2),
        "dora": make_sheet(exam, state="reviewed", enrolment=doras_enrolment),
        "stranger": make_sheet(make_exam(x_c), state="published"),
    }


def names(queryset, sheets) -> set[str]:
    return {name for name, sheet in sheets.items() if sheet in queryset}


def test_admins_see_all_and_teachers_their_own_classes(sheets, admin, alice, bob):
    assert names(sheets_for(admin), sheets) == {"carol", "dora", "stranger"}
    assert names(sheets_for(alice), sheets) == {"carol", "dora"}
    assert names(sheets_for(bob), sheets) == {"stranger"}
    assert uploads_for(admin).count() == 2
    assert uploads_for(alice).get() == sheets["carol"].upload
    assert exams_for(bob).get() == sheets["stranger"].exam
    assert pages_for(alice).count() == 3


def test_students_see_their_own_published_sheet_and_nothing_else(sheets, carol, dora):
    assert names(sheets_for(carol), sheets) == {"carol"}
    assert exams_for(carol).get() == sheets["carol"].exam
    assert pages_for(carol).count() == 2
    assert not uploads_for(carol).exists()
    for nothing in (sheets_for, exams_for, pages_for, uploads_for):
        assert not nothing(dora).exists()


def test_a_student_does_not_see_a_dropped_page(sheets, carol, alice):
    sheets["carol"].pages.filter(number=2).update(dropped_at=timezone.now())
    assert pages_for(carol).get().number == 1
    assert pages_for(alice).filter(sheet=sheets["carol"]).count() == 2


def test_a_sheet_that_was_taken_back_is_gone_for_the_student(sheets, carol):
    row = sheets["carol"]
    row.take_back(overridden=False)
    row.save()
    assert not sheets_for(carol).exists()
    assert not exams_for(carol).exists()


def test_a_teacher_who_left_the_class_sees_nothing_of_it(sheets, alice, x_b):
    x_b.teachers.remove(alice)
    assert not sheets_for(alice).exists()
