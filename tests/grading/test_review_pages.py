"""The review pages as a teacher meets them: who may open them, what they show, approving."""

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from exams.models import SampleSheet, Sheet
from exams.rubrics import use_rubric
from grading import review
from grading.models import Comment, Look
from grading.review_blind import reveal_sheet, sheet_code
from tests import factories
from tests.grading.steps import fresh, marks_of, seen, url

HTMX = {"HTTP_HX_REQUEST": "true"}


def body(answer):
    """A page without its CSRF token, which is another one each time."""
    return re.sub(rb"[A-Za-z0-9]{64}", b"", answer.content)


PAGES = ["review_list", "publish", "results", "export_csv"]
SHEET_PAGES = ["review_sheet", "sheet_preview", "sheet_by_hand"]
MARK_PAGES = ["mark_save", "mark_history"]
EXAM_WRITES = ["approve_all", "publish", "take_back"]
SHEET_WRITES = ["sheet_look", "sheet_approve", "sheet_reopen", "sheet_by_hand", "sheet_take_back"]
MARK_WRITES = ["mark_save", "mark_put_back"]


def every_address(exam, sheet, mark):
    for names, row in ((PAGES, exam), (SHEET_PAGES, sheet), (MARK_PAGES, mark)):
        yield from (("get", name, row) for name in names)
    for names, row in ((EXAM_WRITES, exam), (SHEET_WRITES, sheet), (MARK_WRITES, mark)):
        yield from (("post", name, row) for name in names)


@pytest.mark.parametrize("stranger", ["bob", "carol", "dora"])
@pytest.mark.parametrize("state", ["graded", "published"])
def test_strangers_and_students_get_the_same_404_as_for_what_never_existed(
    exam, carols_enrolment, sign_in, request, stranger, state
):
    sheet = factories.make_sheet(exam, state=state, enrolment=carols_enrolment)
    browser = sign_in(request.getfixturevalue(stranger))
    for method, name, row in every_address(exam, sheet, marks_of(sheet)[0]):
        there = getattr(browser, method)(url(name, row))
        missing = getattr(browser, method)(reverse(f"grading:{name}", args=[999999]))
        assert (name, there.status_code, missing.status_code) == (name, 404, 404)
        assert body(there) == body(missing)
    assert Sheet.objects.get(pk=sheet.pk).state == state
    assert not Look.objects.exists()


def test_somebody_not_signed_in_is_asked_to_sign_in(exam, sheet, mark, client):
    for method, name, row in every_address(exam, sheet, mark):
        answer = getattr(client, method)(url(name, row))
        assert answer.status_code == 302
        assert answer.url.startswith(reverse("accounts:login"))


@pytest.mark.parametrize("person", ["alice", "admin"])
def test_the_teacher_and_the_admin_see_every_page(exam, sheet, mark, sign_in, request, person):
    browser = sign_in(request.getfixturevalue(person))
    for method, name, row in every_address(exam, sheet, mark):
        if method == "get":
            answer = browser.get(url(name, row))
            expected = 302 if name in ("sheet_by_hand", "mark_save") else 200
            assert (name, answer.status_code) == (name, expected)


def test_looking_at_pages_writes_nothing(exam, sheet, mark, teacher):
    for method, name, row in every_address(exam, sheet, mark):
        if method == "get":
            with CaptureQueriesContext(connection) as ran:
                teacher.get(url(name, row))
            assert not [
                query["sql"]
                for query in ran
                if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
            ]


def test_writes_are_refused_by_get(exam, sheet, mark, teacher):
    for name, row in (
        ("approve_all", exam),
        ("take_back", exam),
        ("sheet_look", sheet),
        ("sheet_approve", sheet),
        ("sheet_reopen", sheet),
        ("sheet_take_back", sheet),
        ("mark_put_back", mark),
    ):
        assert teacher.get(url(name, row)).status_code == 405


def test_the_list_takes_five_queries_however_long_it_is(exam, teacher):
    for _ in range(3):
        factories.make_sheet(exam, state="graded", pages=0)
    teacher.get(url("review_list", exam))
    with CaptureQueriesContext(connection) as few:
        teacher.get(url("review_list", exam))
    for _ in range(20):
        factories.make_sheet(exam, state="graded", pages=0)
    with CaptureQueriesContext(connection) as many:
        page = teacher.get(url("review_list", exam))
    assert len(page.context["page"].object_list) == 23
    assert len(many) == len(few) <= 5


def test_a_sample_is_listed_and_is_none_of_the_sheets_to_be_reviewed(exam, teacher, alice):
    factories.make_sheet(exam, state="reviewed")
    sample = factories.make_sheet(exam, state="mapped")
    SampleSheet.objects.create(exam=exam, sheet=sample, title="Full", created_by=alice)
    page = teacher.get(f"{url('review_list', exam)}?show=all")
    assert (page.context["done"], page.context["total"]) == (1, 1)
    counts = {name: count for name, _label, count in page.context["tabs"]}
    assert (counts["all"], counts["other"], len(page.context["rows"])) == (2, 1, 2)


def test_what_needs_eyes_has_a_list_of_its_own(exam, teacher):
    sure, unsure = (factories.make_sheet(exam, state="graded") for _ in range(2))
    marks_of(unsure)[1].part.__class__.objects.filter(assessment__sheet=unsure).update(
        confidence=0.2
    )
    page = teacher.get(url("review_list", exam))
    assert {row["pk"] for row in page.context["page"]} == {sure.pk, unsure.pk}
    page = teacher.get(url("review_list", exam) + "?show=unsure")
    assert [row["pk"] for row in page.context["page"]] == [unsure.pk]
    assert "2 unsure" in page.content.decode()


def test_the_list_says_when_marks_come_from_an_older_rubric(exam, sheet, teacher, alice):
    assert b"older rubric" not in teacher.get(url("review_list", exam)).content
    use_rubric(exam.rubrics.get())
    factories.make_rubric(
        exam,
        items=[{"id": "Q1", "description": "Other", "max_marks": 2, "step": 1}],
        by=alice,
    )
    assert b"older rubric" in teacher.get(url("review_list", exam)).content
    assert b"older version of the rubric" in teacher.get(url("review_sheet", sheet)).content


def test_the_sheet_shows_what_the_model_read_and_what_only_staff_may_read(sheet, teacher):
    text = teacher.get(url("review_sheet", sheet)).content.decode()
    for shown in (
        "What was read for Q1",
        "Staff-only reasoning on Q2",
        "Feedback on Q1",
        "One mark for each part.",
        "All living things are made of cells",
        reverse("grading:blind_page", args=[sheet.pages.get().public_id]),
    ):
        assert shown in text
    assert "style=" not in text


def test_text_from_a_model_is_text(exam, carols_enrolment, teacher):
    sheet = factories.make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    assessment = factories.make_assessment(sheet)
    evil = "<script>alert(1)</script>"
    assessment.parts.update(transcription=evil, reasoning=evil, feedback=evil)
    factories.make_marks(sheet, assessment)
    Sheet.objects.filter(pk=sheet.pk).update(state="graded")
    for name in ("review_sheet", "sheet_preview"):
        text = teacher.get(url(name, sheet)).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_a_look_is_recorded_by_a_post_and_then_all_looked_at_can_be_approved(
    exam, sheet, teacher, alice
):
    other = factories.make_sheet(exam, state="graded")
    form = {"marks_version": seen(sheet)}
    assert teacher.post(url("sheet_look", sheet), form, **HTMX).status_code == 204
    assert Look.objects.get().teacher == alice
    teacher.post(url("approve_all", exam))
    assert (fresh(sheet).state, fresh(other).state) == ("reviewed", "graded")


def test_the_list_counts_and_marks_the_sheets_that_one_click_approves(
    exam, sheet, mark, teacher, alice, admin
):
    def button() -> str:
        text = teacher.get(url("review_list", exam)).content.decode()
        return next(line for line in text.splitlines() if "Approve all I looked at" in line)

    assert "(0)" in button()
    assert " disabled" in button()
    others = [factories.make_sheet(exam, state="graded") for _ in range(4)]
    for one in (sheet, *others[:2]):
        review.record_look(one, marks_version=seen(one), by=alice)
    # Neither a changed sheet, nor one that changed since, nor what another teacher looked at.
    review.change_mark(mark.pk, awarded=Decimal(2), feedback="", reason="x", version=1, by=admin)
    review.record_look(sheet, marks_version=seen(sheet), by=alice)
    newer = marks_of(others[0])[0]
    change = {"feedback": "", "reason": "x", "by": admin}
    review.change_mark(newer.pk, awarded=Decimal(2), version=1, **change)
    review.record_look(others[2], marks_version=seen(others[2]), by=admin)
    assert "(1)" in button()
    assert " disabled" not in button()
    rows = teacher.get(url("review_list", exam)).context["rows"]
    marked = [row["sheet_code"] for row in rows if ("looked", "looked at") in row["flags"]]
    assert sorted(marked) == sorted(sheet_code(one.pk) for one in (sheet, others[1]))
    teacher.post(url("approve_all", exam))
    assert [fresh(one).state for one in (sheet, *others)] == [
        "graded", "graded", "reviewed", "graded", "graded",
    ]  # fmt: skip


def test_without_script_the_look_leads_to_the_next_sheet(exam, sheet, teacher):
    other = factories.make_sheet(exam, state="graded")
    answer = teacher.post(url("sheet_look", sheet), {"marks_version": seen(sheet)})
    assert answer.url == url("review_sheet", other)


def test_approving_all_unseen_without_a_reason_is_422(exam, sheet, teacher):
    assert teacher.post(url("approve_all", exam), {"without_look": "1"}).status_code == 422
    assert fresh(sheet).state == "graded"
    teacher.post(url("approve_all", exam), {"without_look": "1", "reason": "A quiz"})
    assert fresh(sheet).state == "reviewed"


def test_approving_goes_on_to_the_next_sheet_and_at_the_end_to_the_list(exam, sheet, teacher):
    other = factories.make_sheet(exam, state="graded")
    answer = teacher.post(url("sheet_approve", sheet), {"marks_version": seen(sheet)})
    assert answer.url == url("review_sheet", other)
    answer = teacher.post(url("sheet_approve", other), {"marks_version": seen(other)})
    assert answer.url == url("review_list", exam)
    assert fresh(other).state == "reviewed"


def test_approving_what_changed_since_is_409(sheet, mark, teacher, admin):
    shown = seen(sheet)
    review.change_mark(mark.pk, awarded=Decimal(2), feedback="", reason="x", version=1, by=admin)
    assert teacher.post(url("sheet_approve", sheet), {"marks_version": shown}).status_code == 409
    assert fresh(sheet).state == "graded"


def test_a_review_is_opened_again_from_the_page(exam, teacher):
    sheet = factories.make_sheet(exam, state="reviewed")
    assert teacher.post(url("sheet_reopen", sheet)).status_code == 302
    assert fresh(sheet).state == "graded"
    assert teacher.post(url("sheet_reopen", sheet)).status_code == 409


def test_a_sheet_is_graded_by_hand_from_the_page(exam, teacher):
    sheet = factories.make_sheet(exam, state="mapped")
    one, two = exam.rubrics.get().criteria.order_by("position")
    assert teacher.get(url("sheet_by_hand", sheet)).status_code == 200
    form = {f"awarded_{one.pk}": "2", f"feedback_{one.pk}": "Good", f"awarded_{two.pk}": ""}
    assert teacher.post(url("sheet_by_hand", sheet), form).status_code == 422
    assert (
        teacher.post(url("sheet_by_hand", sheet), form | {f"awarded_{two.pk}": "1.25"}).status_code
        == 422
    )
    answer = teacher.post(url("sheet_by_hand", sheet), form | {f"awarded_{two.pk}": "1.5"})
    assert answer.url == url("review_sheet", sheet)
    assert [mark.awarded for mark in marks_of(sheet)] == [Decimal(2), Decimal("1.5")]
    answer = teacher.post(url("sheet_by_hand", sheet), form | {f"awarded_{two.pk}": "1"})
    assert answer.status_code == 409


def test_marks_of_the_offline_baseline_carry_its_notice(exam, sheet, teacher, settings):
    from batching import providers

    text = teacher.get(url("review_sheet", sheet)).content.decode()
    notice = providers.get("offline").notice
    assert notice
    assert notice[:40] not in text
    sheet.assessments.update(provider="offline", source="offline")
    text = teacher.get(url("review_sheet", sheet)).content.decode()
    assert notice[:40] in text


def test_the_exam_and_its_review_lead_to_history_statistics_and_downloads(
    exam, teacher, sheet, alice
):
    told = [url(name, exam) for name in ("exam_history", "statistics", "exports")]
    for page in (
        reverse("exams:exam_detail", args=[exam.pk]),
        url("review_list", exam),
        url("review_questions", exam),
    ):
        text = teacher.get(page).text
        assert [address for address in told if f'href="{address}"' not in text] == [], page
    own = url("sheet_history", sheet)
    assert own not in teacher.get(url("review_sheet", sheet)).text, "it tells whose sheet it is"
    reveal_sheet(sheet, by=alice)
    assert own in teacher.get(url("review_sheet", sheet)).text


def test_an_exam_without_marks_leads_to_its_history_alone(exam, teacher):
    factories.make_sheet(exam, state="mapped")
    text = teacher.get(reverse("exams:exam_detail", args=[exam.pk])).text
    assert url("exam_history", exam) in text
    assert url("statistics", exam) not in text
    assert url("exports", exam) not in text


@pytest.mark.parametrize("odd", ["9" * 5000, "9" * 19, "\x00"])
def test_what_no_form_of_ours_sends_is_answered_and_no_error(exam, sheet, mark, teacher, odd):
    comment = Comment.objects.create(exam=exam, code="Q1", text="Well", saved_by=exam.created_by)
    value = {"awarded": "2", "feedback": "", "reason": "x", "version": "1", "insert": odd}
    changed = {"text": "Well done", "version": "1", "mark": odd}
    assert teacher.post(url("mark_save", mark), value).status_code in (302, 422)
    assert teacher.post(url("comment_change", comment), changed).status_code == 302
    assert teacher.post(url("sheet_look", sheet), {"marks_version": odd}).status_code == 302
    assert teacher.get(url("publish_preview", exam), {"roll": odd}).status_code == 302
