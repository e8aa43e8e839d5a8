"""Appeals: a student objects to a published mark, a teacher answers, nothing is lost between."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Enrolment, Notification
from batching.conflicts import Conflict
from exams.models import Exam
from exams.standing import standings
from grading import appeals, publish, review, review_eyes, runs
from grading.models import Appeal, AppealState
from tests import factories
from tests.grading.steps import fresh, marks_of, seen

WHY = "The arrow shows the direction."


@pytest.fixture
def exam(exam):
    exam.appeals_until = timezone.now() + timedelta(days=7)
    exam.save()
    return exam


@pytest.fixture
def sheet(exam, carols_enrolment):
    """Carol's, published."""
    return factories.make_sheet(exam, state="published", enrolment=carols_enrolment)


@pytest.fixture
def appeal(mark, carol):
    return appeals.raise_appeal(mark, by=carol, text=WHY)


def lines(person):
    return list(Notification.objects.filter(recipient=person).order_by("pk"))


def test_a_student_objects_once_however_often_one_clicks(mark, carol):
    for _ in range(2):
        appeals.raise_appeal(mark, by=carol, text=f" {WHY}\r\n")
    one = Appeal.objects.get()
    assert (one.text, one.state) == (WHY, AppealState.OPEN)
    assert (one.awarded_then, one.version_then) == (mark.awarded, 1)
    assert one.history.get().history_user == carol
    with pytest.raises(Conflict, match="about Q1 already"):
        appeals.raise_appeal(mark, by=carol, text="And another thing")
    assert Appeal.objects.count() == 1


def test_an_appeal_says_something_and_no_novel(mark, carol):
    for text, words in ((" \n", "Write what"), ("x" * 2001, "At most 2000")):
        with pytest.raises(ValidationError, match=words):
            appeals.raise_appeal(mark, by=carol, text=text)
    appeals.raise_appeal(mark, by=carol, text="x" * 2000)


def test_nobody_objects_to_the_marks_of_somebody_else(mark, dora, alice):
    for stranger in (dora, alice):
        with pytest.raises(Conflict):
            appeals.raise_appeal(mark, by=stranger, text=WHY)
    assert not Appeal.objects.exists()


@pytest.mark.parametrize("until", [None, timedelta(seconds=-1)])
def test_who_is_late_or_may_not_is_told_that_the_time_is_over(exam, mark, carol, until):
    Exam.objects.filter(pk=exam.pk).update(appeals_until=until and timezone.now() + until)
    with pytest.raises(Conflict, match="is over"):
        appeals.raise_appeal(mark, by=carol, text=WHY)


def test_only_published_marks_are_objected_to(exam, sheet, mark, alice, carol):
    publish.take_back(exam, by=alice, reason="A mistake")
    with pytest.raises(Conflict, match="not published"):
        appeals.raise_appeal(mark, by=carol, text=WHY)


def test_a_student_asks_about_one_mark_a_few_times_and_no_more(mark, carol):
    for number in range(appeals.MOST_FOR_ONE_MARK):
        one = appeals.raise_appeal(mark, by=carol, text=f"No {number}")
        for _ in range(2):
            appeals.withdraw_appeal(one, by=carol)
        assert fresh(one).state == AppealState.WITHDRAWN
        assert one.history.count() == 2
    with pytest.raises(Conflict, match="talk to your teacher"):
        appeals.raise_appeal(mark, by=carol, text="Once more")


def test_only_who_raised_an_appeal_withdraws_it_and_not_once_it_is_answered(
    appeal, alice, carol, dora
):
    with pytest.raises(Conflict):
        appeals.withdraw_appeal(appeal, by=dora)
    appeals.answer_appeal(appeal, by=alice, answer="Yes")
    with pytest.raises(Conflict, match="answered already"):
        appeals.withdraw_appeal(appeal, by=carol)
    assert fresh(appeal).state == AppealState.ANSWERED


def test_an_appeal_is_answered_once_and_the_student_hears_of_it(mark, appeal, alice, admin, carol):
    for _ in range(2):
        appeals.answer_appeal(appeal, by=alice, answer=" The arrow is upside down. ")
    one = fresh(appeal)
    assert (one.answer, one.answered_by) == ("The arrow is upside down.", alice)
    assert one.history.count() == 2
    assert [line.text for line in lines(carol)] == [
        "Your appeal about Q1 in Biology unit test 3 was answered."
    ]
    assert lines(carol)[0].url.endswith(f"#mark-{mark.pk}")
    for answer in ("No", one.answer):
        with pytest.raises(Conflict, match="Alice answered this meanwhile"):
            appeals.answer_appeal(appeal, by=admin, answer=answer)
    with pytest.raises(Conflict, match="answered this meanwhile"):
        appeals.answer_appeal(appeal, by=alice, answer="Another answer")
    assert fresh(appeal).answer == "The arrow is upside down."


def test_what_was_decided_since_a_page_was_shown_stands(appeal, alice, admin, carol):
    stale = [fresh(appeal) for _ in range(2)]
    appeals.answer_appeal(appeal, by=alice, answer="Yes")
    with pytest.raises(Conflict, match="answered already"):
        appeals.withdraw_appeal(stale[0], by=carol)
    with pytest.raises(Conflict, match="Alice answered this meanwhile"):
        appeals.answer_appeal(stale[1], by=admin, answer="No")
    assert (fresh(appeal).state, fresh(appeal).answer) == (AppealState.ANSWERED, "Yes")


def test_an_answer_says_something_and_a_withdrawn_appeal_takes_none(appeal, alice, carol):
    for answer in (" ", "x" * 2001):
        with pytest.raises(ValidationError):
            appeals.answer_appeal(appeal, by=alice, answer=answer)
    appeals.withdraw_appeal(appeal, by=carol)
    with pytest.raises(Conflict, match="withdrew this meanwhile"):
        appeals.answer_appeal(appeal, by=alice, answer="Yes")
    assert not lines(carol)


def test_the_teachers_of_the_class_hear_of_a_day_once(exam, mark, appeal, alice, bob, carol, dora):
    gone = factories.make_user("erin", "teacher", is_active=False)
    exam.school_class.teachers.add(gone)
    other = factories.make_sheet(
        exam, state="published", enrolment=Enrolment.objects.get(student=dora)
    )
    for one in (marks_of(other)[0], marks_of(mark.sheet)[1]):
        appeals.raise_appeal(one, by=one.sheet.enrolment.student, text=WHY)
    (line,) = lines(alice)
    assert not lines(gone)
    assert line.text == "Students appeal against their marks in Biology unit test 3."
    assert line.url.endswith("/review/?show=appealed")
    assert not lines(bob)


def test_an_appeal_goes_along_from_taking_back_to_publishing_again(
    exam, sheet, mark, appeal, alice, carol
):
    publish.take_back_sheet(sheet, by=alice, reason="Look again")
    assert not appeals.appeals_for(carol).exists()
    review.change_mark(
        mark.pk, awarded=Decimal(2), feedback="Complete.", reason="The arrow", version=1, by=alice
    )
    appeals.answer_appeal(appeal, by=alice, answer="You are right.")
    assert "once your marks are shown again" in lines(carol)[-1].text
    shown = publish.publication_state(exam).fingerprint
    assert publish.publish_exam(exam, fingerprint=shown, by=alice) == 1
    one = appeals.with_marks(appeals.appeals_for(carol)).get()
    assert (one.answer, one.awarded_then, one.awarded_now) == ("You are right.", 1, 2)


def test_an_open_appeal_does_not_stop_publishing(exam, sheet, appeal, alice):
    publish.take_back_sheet(sheet, by=alice, reason="Another matter")
    shown = publish.publication_state(exam).fingerprint
    assert publish.publish_exam(exam, fingerprint=shown, by=alice) == 1
    assert fresh(appeal).is_open


def test_an_appeal_stays_with_the_sheet_when_its_marks_are_made_anew(exam, sheet, appeal, alice):
    publish.take_back_sheet(sheet, by=alice, reason="Look again")
    review.reopen_sheet(sheet, by=alice)
    assert seen(sheet)
    runs.drop_marks(fresh(sheet), by=alice, reason="Graded anew")
    assert appeals.count_waiting(exam) == 0, "there is nothing to answer it at"
    factories.make_marks(sheet)
    type(sheet).objects.filter(pk=sheet.pk).update(state="graded")
    assert appeals.count_waiting(exam) == 1
    one = appeals.with_marks(Appeal.objects.all()).get()
    assert one.mark_pk == marks_of(sheet)[0].pk


def test_whose_sheet_it_was_not_does_not_stand_in_the_way_of_its_student(
    exam, sheet, mark, appeal, carol, dora, doras_enrolment
):
    type(sheet).objects.filter(pk=sheet.pk).update(enrolment=doras_enrolment)
    assert not appeals.appeals_for(carol).exists()
    assert not appeals.appeals_for(dora).exists()
    appeals.raise_appeal(mark, by=dora, text="My own words")
    assert appeals.appeals_for(dora).get().text == "My own words"


def test_the_database_takes_one_open_appeal_and_no_half_answer(appeal, mark, alice, carol):
    wrong = (
        {},
        {"answer": "Yes", "answered_at": timezone.now()},
        {"answer": "Yes", "answered_by": alice},
        {"answered_at": timezone.now(), "answered_by": alice},
        {
            "answer": "Yes",
            "answered_at": timezone.now(),
            "answered_by": alice,
            "withdrawn_at": timezone.now(),
        },
        {"text": "", "withdrawn_at": timezone.now()},
    )
    for fields in wrong:
        values = {"text": "Again", "awarded_then": 1, "version_then": 1} | fields
        with pytest.raises(IntegrityError), transaction.atomic():
            Appeal.objects.create(sheet=mark.sheet, code="Q1", raised_by=carol, **values)


def test_where_the_exam_stands_says_how_many_wait(exam, sheet, appeal, alice, carol):
    one = standings([exam])[exam.pk]
    assert one.appeals == 1
    assert one.sentence == "1 published, 1 appeal to answer"
    assert (one.next.label, one.next.urgent) == ("Answer appeals", True)
    assert one.next.url.endswith("/review/?show=appealed")
    second = appeals.raise_appeal(marks_of(sheet)[1], by=carol, text=WHY)
    assert standings([exam])[exam.pk].sentence == "1 published, 2 appeals to answer"
    appeals.withdraw_appeal(second, by=carol)
    appeals.answer_appeal(appeal, by=alice, answer="Yes")
    one = standings([exam])[exam.pk]
    assert (one.appeals, one.next.label) == (0, "See the results")


def test_the_list_of_what_waits_has_sheets_with_an_open_appeal(exam, sheet, appeal, alice):
    factories.make_sheet(exam, state="published")
    factories.make_sheet(exam, state="graded")
    assert [one.pk for one in review_eyes.sheets_of(exam, "appealed")] == [sheet.pk]
    assert review_eyes.counts(exam)["appealed"] == 1
    appeals.answer_appeal(appeal, by=alice, answer="Yes")
    assert not review_eyes.sheets_of(exam, "appealed").exists()
    assert review_eyes.counts(exam)["appealed"] == 0


def test_publishing_is_refused_when_students_could_appeal_longer_than_the_page_said(exam, alice):
    factories.make_sheet(exam, state="reviewed")
    shown = publish.publication_state(exam).fingerprint
    Exam.objects.filter(pk=exam.pk).update(appeals_until=None)
    with pytest.raises(Conflict):
        publish.publish_exam(exam, fingerprint=shown, by=alice)
