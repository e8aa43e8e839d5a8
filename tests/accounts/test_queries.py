"""Which classes and enrolments somebody may see."""

import pytest

from accounts.queries import class_rows, classes_for, enrolments_for, without_password
from accounts.roster_import import import_roster
from tests import factories


def test_admins_see_all_classes_teachers_their_own_students_none(
    admin, alice, bob, carol, x_b, x_c
):
    assert set(classes_for(admin)) == {x_b, x_c}
    assert set(classes_for(alice)) == {x_b}
    assert set(classes_for(bob)) == {x_c}
    assert set(classes_for(carol)) == set()


def test_somebody_who_no_longer_is_a_teacher_sees_no_class(alice, x_b):
    alice.role = "student"
    assert set(classes_for(alice)) == set()


def test_enrolments_are_seen_by_admins_own_teachers_and_the_student(
    admin, alice, bob, carol, dora, x_c, carols_enrolment, doras_enrolment
):
    other = factories.make_enrolment(x_c)
    assert set(enrolments_for(admin)) == {carols_enrolment, doras_enrolment, other}
    assert set(enrolments_for(alice)) == {carols_enrolment, doras_enrolment}
    assert set(enrolments_for(bob)) == {other}
    assert set(enrolments_for(carol)) == {carols_enrolment}


def test_a_class_with_two_teachers_is_listed_once_with_its_students_counted(
    admin, alice, bob, carol, dora, x_b
):
    x_b.teachers.add(bob)
    assert [(row.name, row.student_count) for row in class_rows(admin)] == [("X-B", 2)]
    assert [(row.name, row.student_count) for row in class_rows(alice)] == [("X-B", 2)]


@pytest.fixture
def kofi(x_b, alice):
    """A student of X-B who never chose a password."""
    return import_roster(x_b, b"roll_number,name\n1,Kofi\n", by=alice).new_students[0]


def names(enrolments):
    return [enrolment.student.name for enrolment in enrolments]


def test_a_first_link_is_for_the_teacher_and_admins(admin, alice, bob, carol, kofi):
    assert names(without_password(admin)) == ["Kofi"]
    assert names(without_password(alice)) == ["Kofi"]
    assert names(without_password(bob)) == []
    assert names(without_password(kofi)) == []


def test_a_teacher_cannot_become_a_student_by_enrolling_them(admin, alice, bob, kofi, x_c):
    factories.make_enrolment(x_c, kofi, "1")
    assert names(without_password(bob)) == []
    assert names(without_password(alice)) == []
    assert set(names(without_password(admin))) == {"Kofi"}


def test_who_has_a_password_or_a_closed_account_gets_no_first_link(alice, kofi):
    kofi.is_active = False
    kofi.save()
    assert names(without_password(alice)) == []
    kofi.is_active = True
    kofi.set_password("a password")
    kofi.save()
    assert names(without_password(alice)) == []
