"""The first page by role: where every exam stands and its next step."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role
from tests import factories


def next_step(browser):
    ((_, standing),) = browser.get("/").context["rows"]
    return standing.next.url


def test_a_student_goes_on_to_the_own_results(carol, sign_in):
    assert sign_in(carol).get("/").url == reverse("grading:my_results")


def test_a_teacher_without_a_class_is_told_whom_to_ask(db, sign_in):
    browser = sign_in(factories.make_user("erin", Role.TEACHER))
    assert "Ask your school" in browser.get("/").content.decode()


def test_a_teacher_without_exams_is_led_to_a_new_one(x_b, teacher):
    assert reverse("exams:exam_create") in teacher.get("/").content.decode()


@pytest.mark.parametrize(
    ("states", "name"),
    [
        ([], "exams:upload_create"),
        (["pending_mapping", "graded"], "exams:mapping"),
        (["mapped", "graded"], "grading:run_create"),
        (["graded", "reviewed"], "grading:review_list"),
        (["reviewed", "overridden", "skipped"], "grading:publish"),
        (["published"], "grading:results"),
    ],
)
def test_every_exam_has_its_next_step_beside_it(exam, teacher, states, name):
    for state in states:
        factories.make_sheet(exam, state=state)
    assert next_step(teacher) == reverse(name, args=[exam.pk])
    assert next_step(teacher) in teacher.get("/").content.decode()


def test_the_line_says_where_the_sheets_are(exam, teacher):
    for state in ("graded", "reviewed", "overridden", "failed"):
        factories.make_sheet(exam, state=state)
    assert "1 to review, 2 reviewed, 1 failed" in teacher.get("/").content.decode()


def test_teachers_see_only_their_own_exams_and_admins_all(exam, x_c, alice, admin, sign_in):
    other = factories.make_exam(x_c, title="Chemistry of X-C")
    assert other.title not in sign_in(alice).get("/").content.decode()
    page = sign_in(admin).get("/")
    assert other.title in page.content.decode()
    assert exam.title in page.content.decode()
    assert page.context["people"] == {"teacher": 2, "student": 0}


def test_queries_do_not_grow_with_the_number_of_exams(exam, x_b, teacher):
    teacher.get("/")
    with CaptureQueriesContext(connection) as few:
        teacher.get("/")
    for _ in range(6):
        factories.make_exam(x_b)
    with CaptureQueriesContext(connection) as many:
        teacher.get("/")
    assert len(few) == len(many) <= 9
