"""What a student sees: own published marks, feedback and pages; nothing else exists for them."""

import json
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import notifications
from accounts.models import Notification
from batching.providers.offline.wording import NOT_FOUND
from exams.models import Exam, Sheet
from grading import queries
from grading.models import Mark
from grading.publish import take_back_sheet
from tests import factories

LIST = "/results/"


def body(answer):
    """A page without its CSRF token, which is another one each time."""
    return re.sub(rb"[A-Za-z0-9]{64}", b"", answer.content)


def result(sheet):
    return reverse("grading:my_result", args=[sheet.pk])


@pytest.fixture
def sheet(exam, carols_enrolment):
    return factories.make_sheet(exam, state="published", enrolment=carols_enrolment, pages=2)


@pytest.fixture
def student(carol, sign_in):
    return sign_in(carol)


def test_a_student_sees_points_feedback_total_and_the_own_pages(sheet, student):
    text = student.get(result(sheet)).content.decode()
    for shown in ("Feedback on Q1", "Feedback on Q2", "What is photosynthesis?", "84B003"):
        assert shown in text
    assert "<strong>2</strong><span>out of 5</span>" in text
    for page in sheet.pages.all():
        assert reverse("exams:page_image", args=[page.public_id]) in text


def test_nothing_for_staff_is_on_a_students_page(sheet, student, dora, alice):
    sheet.assessments.update(provider="offline", model="tesseract", raw_reply="raw reply text")
    for address in (LIST, result(sheet)):
        text = student.get(address).content.decode()
        assert "Biology unit test 3" in text
        for hidden in (
            "Staff-only reasoning",
            "What was read for",
            "One mark for each part.",
            "All living things are made of cells",
            "raw reply text",
            "tesseract",
            "offline",
            "confidence",
            "Dora",
            "17B004",
            "Alice",
            sheet.name,
        ):
            assert hidden not in text


@pytest.mark.parametrize("state", ["mapped", "in_batch", "graded", "reviewed", "overridden"])
def test_what_is_not_published_does_not_exist_for_its_student(
    exam, carols_enrolment, student, state
):
    sheet = factories.make_sheet(exam, state=state, enrolment=carols_enrolment)
    hidden, missing = student.get(result(sheet)), student.get("/results/999999/")
    assert hidden.status_code == missing.status_code == 404
    assert body(hidden) == body(missing)
    assert "No results yet" in student.get(LIST).content.decode()


def test_another_students_result_does_not_exist_for_a_student(sheet, dora, sign_in):
    browser = sign_in(dora)
    hidden, missing = browser.get(result(sheet)), browser.get("/results/999999/")
    assert hidden.status_code == missing.status_code == 404
    assert body(hidden) == body(missing)
    assert "Biology" not in browser.get(LIST).content.decode()


@pytest.mark.parametrize("person", ["alice", "bob", "admin"])
def test_the_student_portal_is_for_students(sheet, sign_in, request, person):
    browser = sign_in(request.getfixturevalue(person))
    assert browser.get(LIST).status_code == 404
    assert browser.get(result(sheet)).status_code == 404


def test_what_was_taken_back_is_gone(sheet, student, exam, alice):
    from grading import publish

    assert student.get(result(sheet)).status_code == 200
    publish.take_back(exam, by=alice, reason="A mistake")
    assert student.get(result(sheet)).status_code == 404


def test_a_dropped_page_is_not_shown_to_the_student(sheet, student):
    page = sheet.pages.first()
    sheet.pages.filter(pk=page.pk).update(dropped_at=sheet.created_at)
    assert str(page.public_id) not in student.get(result(sheet)).content.decode()


def test_what_stands_above_a_question_is_shown_and_its_guidance_is_not(x_b, alice, carol, sign_in):
    items = [
        {
            "id": "Q1",
            "description": "The plant cell",
            "guidance": "For staff: be kind",
            "items": [
                {"id": "Q1a", "description": "Draw it", "max_marks": 2, "step": 1},
                {"id": "Q1b", "description": "Label it", "max_marks": 1, "step": 1},
            ],
        }
    ]
    exam = factories.make_exam(x_b, items=items, by=alice)
    own = factories.make_sheet(exam, state="published", enrolment=carol.enrolments.get())
    text = sign_in(carol).get(result(own)).text
    assert text.count("The plant cell") == 1
    assert "be kind" not in text


def test_a_question_leads_to_the_page_where_its_answer_stands(sheet, student):
    text = student.get(result(sheet)).text
    assert text.count('href="#page-1"') == 2
    sheet.pages.filter(number=1).update(dropped_at=sheet.created_at)
    text = student.get(result(sheet)).text
    assert 'href="#page-1"' not in text
    assert 'id="page-2"' in text


def published(exam, count):
    for _ in range(count):
        factories.make_sheet(exam, state="published", pages=0)


def test_the_class_is_shown_only_where_the_teacher_allows_it(exam, sheet, student):
    published(exam, 4)
    assert "How the class did" not in student.get(result(sheet)).text
    Exam.objects.filter(pk=exam.pk).update(show_distribution=True)
    page = student.get(result(sheet))
    assert "How many of 5 results fall into each tenth" in page.text
    assert page.context["own_bin"] == 4
    assert page.text.count('class="own"') == 1


def test_the_class_is_never_shown_with_fewer_than_five_published_results(exam, sheet, student):
    Exam.objects.filter(pk=exam.pk).update(show_distribution=True)
    published(exam, 3)
    factories.make_sheet(exam, state="reviewed", pages=0)
    text = student.get(result(sheet)).text
    assert "How the class did" not in text
    assert '<svg class="spread"' not in text


def test_the_teachers_preview_counts_what_is_about_to_be_published(exam, alice, sign_in):
    Exam.objects.filter(pk=exam.pk).update(show_distribution=True)
    sheets = [factories.make_sheet(exam, state="reviewed", pages=0) for _ in range(5)]
    text = sign_in(alice).get(reverse("grading:sheet_preview", args=[sheets[0].pk])).text
    assert "How many of 5 results" in text


def test_the_distribution_costs_no_query_of_its_own_however_large_the_class(exam, sheet, student):
    Exam.objects.filter(pk=exam.pk).update(show_distribution=True)
    counts = []
    for more in (5, 20):
        published(exam, more)
        student.get(result(sheet))
        with CaptureQueriesContext(connection) as ran:
            student.get(result(sheet))
        counts.append(len(ran))
    assert counts == [5, 5], "session, person, bell, sheet, marks"


def test_a_teacher_allows_the_distribution_in_the_exams_form(exam, alice, sign_in):
    browser, page = sign_in(alice), reverse("exams:exam_edit", args=[exam.pk])
    form = browser.get(page).context["form"]
    typed = {name: form[name].value() or "" for name in form.fields}
    assert not typed["show_distribution"]
    assert browser.post(page, typed | {"show_distribution": "on"}).status_code == 302
    assert Exam.objects.get(pk=exam.pk).show_distribution
    assert exam.history.latest().history_user == alice
    assert browser.post(page, typed).status_code == 409  # it would be turned off unseen
    assert Exam.objects.get(pk=exam.pk).show_distribution


def test_results_of_all_classes_stand_in_one_list(sheet, carol, student, bob, x_c):
    other = factories.make_exam(x_c, title="Art", by=bob)
    enrolment = factories.make_enrolment(x_c, carol)
    factories.make_sheet(other, state="published", enrolment=enrolment)
    text = student.get(LIST).text
    for shown in ("Biology unit test 3", "X-B", "Art", "X-C"):
        assert shown in text


def test_many_results_are_paged(exam, carol, student, x_b, alice):
    enrolment = carol.enrolments.get()
    for number in range(49):
        one = factories.make_exam(x_b, title=f"Test {number}", by=alice)
        factories.make_sheet(one, state="published", enrolment=enrolment, pages=0)
    first, second = student.get(LIST), student.get(f"{LIST}?page=2")
    assert first.text.count('result-card"') == 48
    assert second.text.count('result-card"') == 1


def test_the_students_page_takes_five_queries(sheet, student, carol, x_b):
    student.get(result(sheet))
    for address in (result(sheet), LIST):
        with CaptureQueriesContext(connection) as ran:
            assert student.get(address).status_code == 200
        assert len(ran) <= 5


def test_the_teachers_preview_is_what_the_student_gets(exam, sheet, alice, student, sign_in):
    Sheet.objects.filter(pk=sheet.pk).update(state="reviewed")
    preview = sign_in(alice).get(reverse("grading:sheet_preview", args=[sheet.pk]))
    text = preview.content.decode()
    assert "will see once the exam is published" in text
    assert "Feedback on Q1" in text
    assert "Staff-only reasoning" not in text


def test_the_exams_results_list_totals_and_means(exam, sheet, alice, sign_in):
    factories.make_sheet(exam, state="graded")
    page = sign_in(alice).get(reverse("grading:results", args=[exam.pk]))
    spread, criteria = page.context["spread"], page.context["criteria"]
    assert (spread.count, spread.mean) == (2, 2)
    assert [(one.code, one.mean) for one in criteria] == [("Q1", 1), ("Q2", 1)]
    assert "Carol" in page.content.decode()


def test_the_results_page_takes_few_queries_however_many_sheets(exam, alice, sign_in):
    browser = sign_in(alice)
    address = reverse("grading:results", args=[exam.pk])
    factories.make_sheet(exam, state="graded", pages=0)
    browser.get(address)
    with CaptureQueriesContext(connection) as few:
        browser.get(address)
    for _ in range(9):
        factories.make_sheet(exam, state="graded", pages=0)
    with CaptureQueriesContext(connection) as many:
        browser.get(address)
    assert len(few) == len(many) <= 6


def test_results_that_nobody_reviewed_are_called_proposals(exam, alice, sign_in):
    factories.make_sheet(exam, state="reviewed")
    address = reverse("grading:results", args=[exam.pk])
    assert "proposals" not in sign_in(alice).get(address).text
    factories.make_sheet(exam, state="graded")
    assert "1 of 2 sheets is not reviewed yet" in sign_in(alice).get(address).text


def test_a_german_student_reads_the_baselines_feedback_in_german_and_the_teachers_as_typed(
    sheet, student
):
    first, second = Mark.objects.filter(sheet=sheet).order_by("pk")
    Mark.objects.filter(pk=first.pk).update(feedback=NOT_FOUND)
    Mark.objects.filter(pk=second.pk).update(feedback="Publish")
    text = student.get(result(sheet), headers={"accept-language": "de"}).text
    assert "In Ihrer Antwort wurde nicht gefunden, was erwartet wurde." in text
    assert ">Publish</p>" in text


def own(exam):
    """Where a line of the bell about an exam's results leads."""
    return queries.result_url(exam)


def test_a_line_about_marks_leads_to_the_own_result(sheet, student, exam, sign_in, dora):
    assert student.get(own(exam))["Location"] == result(sheet)
    strangers = sign_in(dora).get(own(exam))
    nothing = sign_in(dora).get(f"{LIST}?exam=99999")
    assert (strangers.status_code, body(strangers)) == (200, body(nothing))
    for odd in ("x", "-1", "9" * 30, "²"):
        assert student.get(f"{LIST}?exam={odd}").status_code == 200


def test_a_line_about_marks_that_were_taken_back_leads_to_the_list(sheet, student, exam, alice):
    take_back_sheet(sheet, by=alice, reason="A mistake")
    [told] = Notification.objects.filter(recipient=sheet.enrolment.student)
    assert told.url == own(exam)
    assert student.get(told.url).status_code == 200


def test_reading_a_result_reads_what_told_of_it_and_nothing_else(sheet, student, exam, carol):
    def tell(key, url):
        notifications.notify([carol], key=key, text=key, url=url)

    tell("published", own(exam))
    tell("answered", f"{own(exam)}#mark-1")
    tell("of another exam", f"{own(exam)}0")
    tell("of no result", "/account/")
    page = student.get(result(sheet)).content.decode()
    assert notifications.count_unread(carol) == 4  # looking writes nothing
    asked = re.search(r'id="bell" hx-post="([^"]+)" hx-vals=\'([^\']+)\'', page)
    answer = student.post(asked[1], json.loads(asked[2]))
    assert "2 unread" in answer.content.decode()
    assert "hx-post" not in answer.content.decode()
    left = Notification.objects.filter(recipient=carol, read_at=None).values_list("key", flat=True)
    assert set(left) == {"of another exam", "of no result"}
    assert "hx-post" not in student.get("/account/").content.decode().split("<main")[0]


def test_nobody_reads_lines_of_others_or_all_at_once(carol, dora, sign_in):
    notifications.notify([carol, dora], key="told", text="Told", url="/results/?exam=1")
    notifications.notify([dora], key="bare", text="Without an address")
    for url in ("", "/results/", "\0"):
        assert sign_in(dora).post("/notifications/seen/", {"url": url}).status_code == 200
    assert notifications.count_unread(dora) == 2
    sign_in(dora).post("/notifications/seen/", {"url": "/results/?exam=1"})
    assert (notifications.count_unread(dora), notifications.count_unread(carol)) == (1, 1)
