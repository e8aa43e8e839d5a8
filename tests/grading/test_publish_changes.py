"""Before publishing again: what is different from what students saw; and what they will see."""

from decimal import Decimal

import pytest
from django.urls import reverse

from batching.conflicts import Conflict
from exams.models import Exam, Sheet
from grading import publish, queries, review, runs
from grading.publish_changes import since_last_publication
from tests import factories
from tests.grading.steps import fresh, marks_of, url


def publish_now(exam, by):
    fingerprint = publish.publication_state(exam).fingerprint
    return publish.publish_exam(exam, fingerprint=fingerprint, by=by)


def give(sheet, code, awarded, by, feedback=None):
    mark = sheet.marks.get(criterion__code=code)
    return review.change_mark(
        mark.pk,
        awarded=Decimal(str(awarded)),
        feedback=mark.feedback if feedback is None else feedback,
        reason="Counted again.",
        version=mark.version,
        by=by,
    )


@pytest.fixture
def sheets(exam, alice, carols_enrolment, doras_enrolment):
    """Carol's and Dora's, published and taken back."""
    made = [
        factories.make_sheet(exam, state="reviewed", enrolment=one)
        for one in (carols_enrolment, doras_enrolment)
    ]
    publish_now(exam, alice)
    publish.take_back(exam, by=alice, reason="The key was wrong.")
    return made


def test_an_exam_that_was_never_published_has_no_changes(exam):
    factories.make_sheet(exam, state="reviewed")
    assert since_last_publication(exam) is None


def test_nothing_is_different_right_after_taking_back(exam, sheets):
    since = since_last_publication(exam)
    assert (since.who, since.again, since.new, since.changes) == ("Alice", 2, 0, ())


def test_every_mark_that_students_saw_otherwise_is_named(exam, sheets, alice, admin):
    carol, dora = sheets
    give(carol, "Q1", 2, alice)
    give(carol, "Q2", 3, alice)
    give(dora, "Q2", 1, admin, feedback="Clearer now")
    factories.make_sheet(exam, state="reviewed")
    since = since_last_publication(exam)
    assert since.new == 1
    assert [(one.roll_number, one.code, one.shift, one.who) for one in since.changes] == [
        ("17B004", "Q2", 0, "Admin"),
        ("84B003", "Q1", 1, "Alice"),
        ("84B003", "Q2", 2, "Alice"),
    ]
    assert since.changes[0].same_points
    assert since.changes[0].was.feedback == "Feedback on Q2"


def test_what_was_changed_and_changed_back_is_no_change(exam, sheets, alice):
    give(sheets[0], "Q1", 2, alice)
    give(sheets[0], "Q1", 1, alice)
    assert since_last_publication(exam).changes == ()


def test_only_what_changed_since_the_last_time_counts(exam, sheets, alice):
    give(sheets[0], "Q1", 2, alice)
    publish_now(exam, alice)
    assert since_last_publication(exam).again == 0
    publish.take_back_sheet(fresh(sheets[0]), by=alice, reason="Again.")
    give(sheets[0], "Q2", 2, alice)
    since = since_last_publication(exam)
    assert since.again == 1
    assert [(one.code, one.was.awarded, one.now.awarded) for one in since.changes] == [("Q2", 1, 2)]


def test_marks_that_were_dropped_or_made_anew_are_changes_too(exam, sheets, alice):
    review.reopen_sheet(fresh(sheets[0]), by=alice)
    runs.drop_marks(fresh(sheets[0]), by=alice, reason="Not hers.")
    changes = since_last_publication(exam).changes
    assert [(one.code, one.now, one.shift) for one in changes] == [
        ("Q1", None, None),
        ("Q2", None, None),
    ]
    review.grade_by_hand(
        fresh(sheets[0]),
        awards={"Q1": (Decimal(2), ""), "Q2": (Decimal(1), "Feedback on Q2")},
        by=alice,
    )
    assert [(one.code, one.shift) for one in since_last_publication(exam).changes] == [("Q1", 1)]


def test_the_page_shows_them_before_the_button(exam, sheets, alice, teacher):
    give(sheets[0], "Q1", 2, alice)
    text = teacher.get(url("publish", exam)).text
    assert "1 mark is different from what students saw" in text
    assert "1 → <strong>2</strong>" in text
    assert "(+1)" in text
    assert "Counted again." in text


def test_each_sheet_that_blocks_leads_to_where_it_is_dealt_with(exam, teacher, alice):
    sheets = {
        state: factories.make_sheet(exam, state=state)
        for state in ("pending_mapping", "mapped", "in_batch", "graded", "failed")
    }
    found = {one.state: one.url for one in publish.blocking_sheets(exam, alice)}
    assert found == {
        "pending_mapping": reverse("exams:mapping", args=[exam.pk]),
        "mapped": url("sheet_by_hand", sheets["mapped"]),
        "in_batch": url("run_list", exam),
        "graded": url("review_sheet", sheets["graded"]),
        "failed": reverse("exams:mapping", args=[exam.pk]) + "?tab=failed",
    }
    text = teacher.get(url("publish", exam)).text
    for address in found.values():
        assert f'href="{address}"' in text
        assert teacher.get(address).status_code == 200


def test_students_without_a_sheet_are_named(exam, carols_enrolment, doras_enrolment, teacher):
    factories.make_sheet(exam, state="reviewed", enrolment=carols_enrolment)
    factories.make_sheet(exam, state="skipped", enrolment=doras_enrolment)
    text = teacher.get(url("publish", exam)).text
    assert "17B004 Dora" in text
    assert "84B003 Carol" not in text


def test_any_student_of_the_exam_is_previewed_by_roll_number(
    exam, carols_enrolment, doras_enrolment, teacher
):
    carol = factories.make_sheet(exam, state="reviewed", enrolment=carols_enrolment)
    dora = factories.make_sheet(exam, state="reviewed", enrolment=doras_enrolment)
    page = url("publish_preview", exam)
    assert teacher.get(page).url == url("sheet_preview", dora)
    assert teacher.get(f"{page}?roll=84b003").url == url("sheet_preview", carol)
    answer = teacher.get(f"{page}?roll=nobody", follow=True)
    assert answer.redirect_chain == [(url("publish", exam), 302)]
    assert "no graded sheet with the roll number nobody" in answer.text


def test_the_preview_leads_through_all_sheets_and_shows_the_students_own_page(
    exam, carols_enrolment, doras_enrolment, teacher, carol, sign_in, alice
):
    dora = factories.make_sheet(exam, state="reviewed", enrolment=doras_enrolment)
    sheet = factories.make_sheet(exam, state="reviewed", enrolment=carols_enrolment, pages=2)
    preview = teacher.get(url("sheet_preview", sheet)).text
    assert f'href="{url("sheet_preview", dora)}"' in preview
    assert "2 of 2" in preview
    publish_now(exam, alice)
    student = sign_in(carol).get(reverse("grading:my_result", args=[sheet.pk])).text
    start, end = '<div class="result">', "</dialog>"
    parts = [text[text.index(start) : text.index(end)] for text in (preview, student)]
    assert parts[0] == parts[1]


def test_one_published_sheet_is_taken_back_from_its_preview(exam, teacher):
    sheet = factories.make_sheet(exam, state="published")
    text = teacher.get(url("sheet_preview", sheet)).text
    assert url("sheet_take_back", sheet) in text
    answer = teacher.post(url("sheet_take_back", sheet), {"reason": "A page is missing"})
    assert answer.status_code == 302
    assert fresh(sheet).state == "reviewed"
    assert url("sheet_take_back", sheet) not in teacher.get(url("sheet_preview", sheet)).text


def test_publishing_is_refused_when_students_would_see_more_than_the_page_said(exam, alice):
    factories.make_sheet(exam, state="reviewed")
    shown = publish.publication_state(exam).fingerprint
    Exam.objects.filter(pk=exam.pk).update(show_distribution=True)
    with pytest.raises(Conflict):
        publish.publish_exam(exam, fingerprint=shown, by=alice)
    assert Sheet.objects.get().state == "reviewed"


def test_looking_at_the_page_changes_nothing(exam, sheets, teacher):
    before = [queries.marks_version(marks_of(one)) for one in sheets], Sheet.history.count()
    teacher.get(url("publish", exam))
    teacher.get(url("sheet_preview", sheets[0]))
    assert (
        [queries.marks_version(marks_of(one)) for one in sheets],
        Sheet.history.count(),
    ) == before
    assert Exam.objects.get(pk=exam.pk).history.count() == 1
