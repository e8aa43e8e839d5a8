"""Changing, approving and undoing: what a teacher may do to marks, and what is remembered."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from batching.conflicts import Conflict
from exams.models import Sheet
from grading import review
from grading.models import Assessment, Look, Mark
from tests import factories
from tests.grading.steps import fresh, marks_of, seen

ONE, HALF = Decimal(1), Decimal("0.5")


def change(mark, by, **changes):
    values = {
        "awarded": mark.awarded,
        "feedback": mark.feedback,
        "reason": "The sketch shows it.",
        "version": mark.version,
        "by": by,
    }
    return review.change_mark(mark.pk, **(values | changes))


@pytest.fixture
def sheet(exam):
    return factories.make_sheet(exam, state="graded")


def test_a_changed_mark_remembers_who_when_why_before_and_after(mark, alice):
    start = timezone.now()
    Mark.objects.get(pk=mark.pk).save()  # the assessment's own history row
    change(mark, alice, awarded=Decimal("1.5"), feedback="Well drawn.")
    now = fresh(mark)
    assert (now.awarded, now.feedback, now.version) == (Decimal("1.5"), "Well drawn.", 2)
    assert now.is_overridden
    assert now.changed_by == alice
    after, before = now.history.order_by("-history_id")[:2]
    assert (before.awarded, after.awarded) == (ONE, Decimal("1.5"))
    assert (before.feedback, after.feedback) == (mark.feedback, "Well drawn.")
    assert after.history_user == alice
    assert after.history_change_reason == "The sketch shows it."
    assert after.history_date >= start


def test_other_points_need_a_reason(mark, alice):
    with pytest.raises(ValidationError) as refused:
        change(mark, alice, awarded=Decimal(2), reason="  ")
    assert "Say why" in refused.value.message_dict["reason"][0]
    assert fresh(mark).version == 1


def test_other_feedback_alone_needs_no_reason_and_stands_in_the_history(mark, alice):
    change(mark, alice, feedback="Look at your sketch.", reason="")
    now = fresh(mark)
    assert now.is_overridden
    assert now.history.latest().feedback == "Look at your sketch."
    assert now.history.latest().history_user == alice


def test_saving_what_is_there_already_changes_nothing(mark, alice):
    rows = mark.history.count()
    change(mark, alice, feedback=mark.feedback + "\r\n")
    assert fresh(mark).version == 1
    assert mark.history.count() == rows


@pytest.mark.parametrize("points", ["2.5", "-0.5", "1.25", "99"])
def test_points_outside_the_range_or_between_the_steps_are_refused(mark, alice, points):
    with pytest.raises(ValidationError) as refused:
        change(mark, alice, awarded=Decimal(points))
    assert "give 0 to 2 in steps of 0.5" in refused.value.message_dict["awarded"][0]
    assert fresh(mark).awarded == ONE


def test_the_database_itself_holds_a_mark_within_its_range(mark):
    mark.awarded = Decimal("2.5")
    with pytest.raises(IntegrityError), transaction.atomic():
        mark.save()
    mark.awarded = Decimal("-0.5")
    with pytest.raises(IntegrityError), transaction.atomic():
        mark.save()


def test_of_two_teachers_the_slower_one_sees_both_values_and_overwrites_nothing(mark, alice, admin):
    change(mark, admin, awarded=Decimal(2), reason="Complete.")
    with pytest.raises(review.StaleMark) as stale:
        change(mark, alice, awarded=Decimal(0), reason="Off the point.")
    assert stale.value.mark.awarded == Decimal(2)
    assert stale.value.mark.changed_by == admin
    now = fresh(mark)
    assert (now.awarded, now.changed_by, now.version) == (Decimal(2), admin, 2)


def test_two_teachers_may_change_different_marks_of_one_sheet(sheet, alice, admin):
    first, second = marks_of(sheet)
    change(first, alice, awarded=Decimal(2))
    change(second, admin, awarded=Decimal(3))
    assert [mark.awarded for mark in marks_of(sheet)] == [2, 3]


def test_sending_the_same_change_twice_is_one_change(mark, alice):
    change(mark, alice, awarded=Decimal(2))
    change(mark, alice, awarded=Decimal(2))
    assert fresh(mark).version == 2


def test_the_reason_of_changed_points_can_be_put_right_afterwards(mark, alice):
    change(mark, alice, awarded=Decimal(2), reason="Misread")
    change(fresh(mark), alice, awarded=Decimal(2), reason="Partial credit")
    now = fresh(mark)
    assert (now.version, now.awarded) == (3, 2)
    assert now.history.latest().history_change_reason == "Partial credit"


def test_points_that_stand_as_proposed_take_no_reason(mark, alice):
    change(mark, alice, reason="Misread")
    assert fresh(mark).version == 1


@pytest.mark.parametrize("state", ["published"])
def test_a_published_mark_cannot_be_changed(exam, alice, state):
    sheet = factories.make_sheet(exam, state=state)
    mark = marks_of(sheet)[0]
    with pytest.raises(Conflict, match="Take the publication back"):
        change(mark, alice, awarded=Decimal(2))
    assert fresh(mark).version == 1


def test_changing_a_mark_of_a_reviewed_sheet_makes_it_overridden(exam, alice):
    sheet = factories.make_sheet(exam, state="reviewed")
    change(marks_of(sheet)[0], alice, awarded=Decimal(2))
    assert fresh(sheet).state == "overridden"
    assert sheet.history.latest().history_user == alice
    assert "Q1 changed" in sheet.history.latest().history_change_reason


def test_putting_the_only_change_back_makes_an_overridden_sheet_reviewed(exam, alice):
    sheet = factories.make_sheet(exam, state="reviewed")
    mark = marks_of(sheet)[0]
    first = mark.history.latest()
    change(mark, alice, awarded=Decimal(2))
    now = review.put_back(mark.pk, first.history_id, version=2, by=alice)
    assert (now.awarded, now.is_overridden, now.version) == (ONE, False, 3)
    assert fresh(sheet).state == "reviewed"
    assert "Put back to the value of" in mark.history.latest().history_change_reason


def test_putting_back_what_stands_there_already_changes_nothing(mark, alice):
    change(mark, alice, awarded=Decimal(2), reason="Misread")
    row = mark.history.latest()
    review.put_back(mark.pk, row.history_id, version=2, by=alice)
    assert (fresh(mark).version, mark.history.latest().pk) == (2, row.pk)


def test_putting_back_over_a_newer_change_is_refused(mark, alice, admin):
    first = mark.history.latest()
    change(mark, alice, awarded=Decimal(2))
    change(fresh(mark), admin, awarded=Decimal(0))
    with pytest.raises(review.StaleMark):
        review.put_back(mark.pk, first.history_id, version=2, by=alice)
    assert fresh(mark).awarded == 0


def test_the_history_of_another_mark_cannot_be_put_back_here(sheet, alice):
    first, second = marks_of(sheet)
    with pytest.raises(ValidationError, match="no such earlier value"):
        review.put_back(first.pk, second.history.latest().history_id, version=1, by=alice)


def test_approving_an_unchanged_sheet_makes_it_reviewed(sheet, alice):
    review.approve_sheet(sheet, marks_version=seen(sheet), by=alice)
    now = fresh(sheet)
    assert (now.state, now.reviewed_by) == ("reviewed", alice)
    assert sheet.history.latest().history_user == alice


def test_approving_a_sheet_with_a_changed_mark_makes_it_overridden(sheet, mark, alice):
    change(mark, alice, awarded=Decimal(2))
    review.approve_sheet(sheet, marks_version=seen(sheet), by=alice)
    assert fresh(sheet).state == "overridden"


def test_marks_that_changed_since_the_page_was_shown_are_not_approved(sheet, mark, alice, admin):
    shown = seen(sheet)
    change(mark, admin, awarded=Decimal(2))
    with pytest.raises(Conflict):
        review.approve_sheet(sheet, marks_version=shown, by=alice)
    assert fresh(sheet).state == "graded"


def test_marks_that_were_made_anew_are_not_approved_by_an_old_page(sheet, alice):
    shown = seen(sheet)
    Mark.objects.filter(sheet=sheet).delete()
    factories.make_marks(sheet)
    with pytest.raises(Conflict):
        review.approve_sheet(sheet, marks_version=shown, by=alice)


def test_approving_twice_is_approving_once(sheet, alice):
    review.approve_sheet(sheet, marks_version=seen(sheet), by=alice)
    rows = sheet.history.count()
    review.approve_sheet(sheet, marks_version=seen(sheet), by=alice)
    assert sheet.history.count() == rows


@pytest.mark.parametrize("state", ["mapped", "in_batch", "published"])
def test_only_a_graded_sheet_can_be_approved(exam, alice, state):
    sheet = factories.make_sheet(exam, state=state)
    version = seen(sheet) if marks_of(sheet) else "0-0"
    with pytest.raises(Conflict):
        review.approve_sheet(sheet, marks_version=version, by=alice)
    assert fresh(sheet).state == state


def test_a_review_can_be_taken_back(exam, alice):
    sheet = factories.make_sheet(exam, state="overridden")
    review.reopen_sheet(sheet, by=alice)
    now = fresh(sheet)
    assert (now.state, now.reviewed_by) == ("graded", None)


def test_a_published_review_cannot_be_taken_back(exam, alice):
    sheet = factories.make_sheet(exam, state="published")
    with pytest.raises(Conflict):
        review.reopen_sheet(sheet, by=alice)


def test_approving_all_takes_only_what_this_teacher_looked_at(exam, alice, admin):
    looked, not_looked, by_other = (factories.make_sheet(exam, state="graded") for _ in range(3))
    review.record_look(looked, marks_version=seen(looked), by=alice)
    review.record_look(by_other, marks_version=seen(by_other), by=admin)
    assert review.approve_unchanged(exam, by=alice, without_look=False) == 1
    assert fresh(looked).state == "reviewed"
    assert fresh(looked).reviewed_by == alice
    assert fresh(not_looked).state == fresh(by_other).state == "graded"


def test_a_look_at_older_marks_does_not_count(sheet, mark, exam, alice, admin):
    review.record_look(sheet, marks_version=seen(sheet), by=alice)
    first = mark.history.latest()
    change(mark, admin, awarded=Decimal(2))
    review.put_back(mark.pk, first.history_id, version=2, by=admin)
    assert review.approve_unchanged(exam, by=alice, without_look=False) == 0
    review.record_look(sheet, marks_version=seen(sheet), by=alice)
    assert review.approve_unchanged(exam, by=alice, without_look=False) == 1


def test_looking_twice_keeps_one_row_with_the_newer_look(sheet, alice):
    review.record_look(sheet, marks_version="1-1", by=alice)
    Look.objects.update(looked_at=timezone.now() - timedelta(days=1))
    review.record_look(sheet, marks_version="2-2", by=alice)
    look = Look.objects.get()
    assert look.marks_version == "2-2"
    assert look.looked_at > timezone.now() - timedelta(minutes=1)


def test_approving_all_never_takes_a_sheet_with_a_changed_mark(sheet, mark, exam, alice):
    change(mark, alice, awarded=Decimal(2))
    review.record_look(sheet, marks_version=seen(sheet), by=alice)
    assert review.approve_unchanged(exam, by=alice, without_look=False) == 0
    assert review.approve_unchanged(exam, by=alice, without_look=True, reason="Short test") == 0
    assert fresh(sheet).state == "graded"


def test_approving_unseen_needs_a_reason_which_stands_in_every_history(exam, alice):
    sheets = [factories.make_sheet(exam, state="graded") for _ in range(3)]
    mapped = factories.make_sheet(exam, state="mapped")
    with pytest.raises(ValidationError):
        review.approve_unchanged(exam, by=alice, without_look=True, reason=" ")
    assert review.approve_unchanged(exam, by=alice, without_look=True, reason="A short quiz") == 3
    for sheet in sheets:
        row = sheet.history.latest()
        assert (row.state, row.history_user, row.reviewed_by) == ("reviewed", alice, alice)
        assert "without a look at each: A short quiz" in row.history_change_reason
        assert row.history_type == "~"
    assert fresh(mapped).state == "mapped"


def test_approving_all_leaves_other_exams_alone(exam, x_b, alice):
    other = factories.make_sheet(factories.make_exam(x_b, by=alice), state="graded")
    factories.make_sheet(exam, state="graded")
    assert review.approve_unchanged(exam, by=alice, without_look=True, reason="Quiz") == 1
    assert fresh(other).state == "graded"


AWARDS = {"Q1": (Decimal(2), "Good."), "Q2": (HALF, "")}


def test_a_sheet_no_model_saw_is_graded_by_hand(exam, alice):
    sheet = factories.make_sheet(exam, state="mapped")
    review.grade_by_hand(sheet, awards=AWARDS, by=alice)
    assert fresh(sheet).state == "graded"
    assessment = Assessment.objects.get(sheet=sheet)
    assert (assessment.source, assessment.staff) == ("staff", alice)
    assert [mark.awarded for mark in marks_of(sheet)] == [Decimal(2), HALF]
    assert not any(mark.is_overridden for mark in marks_of(sheet))
    assert marks_of(sheet)[0].history.get().history_user == alice
    assert exam.rubrics.get().used_at is not None


def test_a_failed_sheet_with_a_student_can_be_graded_by_hand(exam, alice, carols_enrolment):
    sheet = factories.make_sheet(exam, state="failed", enrolment=carols_enrolment, problem="Why.")
    review.grade_by_hand(sheet, awards=AWARDS, by=alice)
    assert (fresh(sheet).state, fresh(sheet).problem) == ("graded", "")


@pytest.mark.parametrize("state", ["pending_mapping", "failed", "in_batch", "graded", "published"])
def test_a_sheet_without_a_student_or_under_way_is_not_graded_by_hand(exam, alice, state):
    sheet = factories.make_sheet(exam, state=state)
    before = Mark.objects.count()
    with pytest.raises(Conflict):
        review.grade_by_hand(sheet, awards=AWARDS, by=alice)
    assert fresh(sheet).state == state
    assert Mark.objects.count() == before


def test_grading_by_hand_names_every_missing_and_illegal_mark(exam, alice):
    sheet = factories.make_sheet(exam, state="mapped")
    with pytest.raises(ValidationError) as refused:
        review.grade_by_hand(sheet, awards={"Q2": (Decimal("3.5"), ""), "Q9": (ONE, "")}, by=alice)
    text = " ".join(refused.value.messages)
    assert "Q1: give it points" in text
    assert "Q2 cannot have 3.5" in text
    assert "Q9" in text
    assert not Assessment.objects.exists()
    assert Sheet.objects.get().state == "mapped"
