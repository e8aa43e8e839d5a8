"""The first page by role: where every exam stands, what comes next, and what is new."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import notifications
from accounts.models import Notification, Role
from exams.models import Exam
from tests import factories


def next_step(browser):
    ((_, standing),) = browser.get("/").context["rows"]
    return standing.next.url


def test_a_student_sees_what_is_new_and_the_own_published_results(
    exam, carol, carols_enrolment, dora, sign_in
):
    mine = factories.make_sheet(exam, state="published", enrolment=carols_enrolment)
    factories.make_sheet(exam, state="published")
    notifications.notify([carol], key="told", text="Biology is out", url="/")
    notifications.notify([dora], key="told", text="Not for carol", url="/")
    page = sign_in(carol).get("/")
    assert [sheet.pk for sheet in page.context["results"]] == [mine.pk]
    assert "Biology is out" in page.text
    assert "Not for carol" not in page.text
    assert reverse("grading:my_result", args=[mine.pk]) in page.text


def test_a_student_without_results_is_told_when_they_come(carol, sign_in):
    assert "No results yet" in sign_in(carol).get("/").text


def test_what_was_read_is_not_new_any_more(carol, sign_in):
    notifications.notify([carol], key="told", text="Biology is out", url="/")
    browser = sign_in(carol)
    browser.post(reverse("accounts:notification_open", args=[Notification.objects.get().pk]))
    assert browser.get("/").context["news"] == []


def test_a_teacher_sees_the_own_classes_with_their_numbers(exam, x_c, carol, dora, teacher):
    ((school_class, exams),) = teacher.get("/").context["classes"]
    assert (school_class.name, school_class.student_count, exams) == ("X-B", 2, 1)


def test_the_way_of_the_sheets_is_counted_at_every_stop(exam, teacher):
    for state in ("pending_mapping", "mapped", "in_batch", "graded", "reviewed", "published"):
        factories.make_sheet(exam, state=state)
    ((_, standing),) = teacher.get("/").context["rows"]
    assert [step.count for step in standing.steps] == [6, 5, 4, 3, 2, 1]
    assert 'class="mini-way"' in teacher.get("/").text


def test_how_many_exams_wait_for_a_person_stands_above_them(exam, x_b, teacher):
    factories.make_sheet(exam, state="published")
    assert teacher.get("/").context["waiting"] == 0
    factories.make_sheet(factories.make_exam(x_b), state="graded")
    assert teacher.get("/").context["waiting"] == 1


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


@pytest.mark.parametrize("person", ["alice", "admin"])
def test_queries_do_not_grow_with_the_number_of_exams_and_classes(request, exam, person, sign_in):
    browser = sign_in(request.getfixturevalue(person))
    counts = {}
    for number in (3, 60):
        while Exam.objects.count() < number:
            school_class = factories.make_class(f"Class {Exam.objects.count()}", exam.created_by)
            factories.make_sheet(factories.make_exam(school_class))
        with CaptureQueriesContext(connection) as found:
            assert browser.get("/").status_code == 200
        counts[number] = len(found)
    assert counts[3] == counts[60] <= (11 if person == "alice" else 32)


def test_queries_of_a_student_do_not_grow_with_the_results(
    carol, carols_enrolment, x_b, sign_in, django_assert_max_num_queries
):
    browser = sign_in(carol)
    for number in (1, 6):
        for _ in range(number):
            exam = factories.make_exam(x_b)
            factories.make_sheet(exam, state="published", enrolment=carols_enrolment)
            notifications.notify([carol], key=f"told {exam.pk}", text="Out", url="/")
        with django_assert_max_num_queries(5):
            browser.get("/")
