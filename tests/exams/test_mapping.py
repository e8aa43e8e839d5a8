"""Whose sheet is it, or that it is left out: decided by a person, and taken back."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from batching.conflicts import Conflict
from exams import mapping
from exams.due import exams_to_suggest, sheets_to_render
from exams.mapping import AlreadyHasASheet, NotInThisClass
from tests import factories
from tests.exams.steps import fresh
from tests.factories import make_enrolment, make_sheet

pytestmark = pytest.mark.django_db


def test_a_teacher_maps_a_sheet_and_the_history_says_who(exam, alice, carols_enrolment):
    sheet = make_sheet(exam)
    mapping.map_sheet(sheet, carols_enrolment, by=alice)
    sheet = fresh(sheet)
    assert (sheet.state, sheet.enrolment) == ("mapped", carols_enrolment)
    line = sheet.history.first()
    assert (line.history_user, line.history_change_reason) == (alice, "Mapped to 84B003")


def test_mapping_again_changes_nothing(exam, alice, carols_enrolment):
    sheet = make_sheet(exam)
    mapping.map_sheet(sheet, carols_enrolment, by=alice)
    before = fresh(sheet).history.count()
    mapping.map_sheet(sheet, carols_enrolment, by=alice)
    assert fresh(sheet).history.count() == before


def test_a_mapped_sheet_can_be_given_to_another_student(
    exam, alice, carols_enrolment, doras_enrolment
):
    sheet = make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    mapping.map_sheet(sheet, doras_enrolment, by=alice)
    assert fresh(sheet).enrolment == doras_enrolment


def test_two_sheets_for_one_student_are_refused_and_the_other_is_named(
    exam, alice, carols_enrolment
):
    make_sheet(exam, state="mapped", enrolment=carols_enrolment, name="first.pdf")
    sheet = make_sheet(exam)
    with pytest.raises(AlreadyHasASheet, match=r"first\.pdf"):
        mapping.map_sheet(sheet, carols_enrolment, by=alice)
    assert fresh(sheet).state == "pending_mapping"


def test_a_student_of_another_class_is_refused(exam, alice, x_c):
    with pytest.raises(NotInThisClass, match="X-B"):
        mapping.map_sheet(make_sheet(exam), make_enrolment(x_c), by=alice)


def test_the_database_itself_refuses_a_second_sheet(exam, carols_enrolment):
    make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_sheet(exam, state="mapped", enrolment=carols_enrolment)


def test_a_decision_withdraws_the_same_suggestion_elsewhere(exam, alice, carols_enrolment):
    one, two = make_sheet(exam, name="scan.pdf"), make_sheet(exam, name="84B003.pdf")
    mapping.suggest_students(exam.pk)
    mapping.map_sheet(one, carols_enrolment, by=alice)
    assert fresh(two).suggested_enrolment is None
    assert exams_to_suggest() == [exam.pk]


@pytest.mark.parametrize("state", ["in_batch", "graded", "published", "skipped", "failed"])
def test_a_sheet_past_mapping_is_a_conflict(exam, alice, carols_enrolment, state):
    sheet = make_sheet(exam, state=state)
    with pytest.raises(Conflict):
        mapping.map_sheet(sheet, carols_enrolment, by=alice)


def test_a_sheet_whose_pages_are_not_ready_is_a_conflict(exam, alice, carols_enrolment):
    with pytest.raises(Conflict, match="not ready"):
        mapping.map_sheet(make_sheet(exam, rendered_at=None), carols_enrolment, by=alice)


def test_mapping_is_taken_back(exam, alice, carols_enrolment):
    sheet = make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    for _ in range(2):
        mapping.unmap_sheet(sheet, by=alice)
    assert (fresh(sheet).state, fresh(sheet).enrolment) == ("pending_mapping", None)
    with pytest.raises(Conflict):
        mapping.unmap_sheet(make_sheet(exam, state="graded"), by=alice)


def test_a_sheet_is_left_out_and_taken_in_again(exam, alice, carols_enrolment):
    sheet = make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    for _ in range(2):
        mapping.skip_sheet(sheet, by=alice)
    assert (fresh(sheet).state, fresh(sheet).enrolment) == ("skipped", None)
    for _ in range(2):
        mapping.unskip_sheet(sheet, by=alice)
    assert fresh(sheet).state == "pending_mapping"
    for state in ("graded", "published"):
        with pytest.raises(Conflict):
            mapping.skip_sheet(make_sheet(exam, state=state), by=alice)


def test_a_failed_sheet_begins_anew(exam, alice):
    sheet = make_sheet(exam, state="failed", problem="unreadable", rendered_at=None, tries=4)
    mapping.retry_sheet(sheet, by=alice)
    sheet = fresh(sheet)
    assert (sheet.state, sheet.problem, sheet.tries) == ("pending_mapping", "", 0)
    with pytest.raises(Conflict):
        mapping.retry_sheet(make_sheet(exam, state="mapped"), by=alice)


def test_a_failed_sheet_keeps_its_student_when_it_is_tried_again(exam, alice, carols_enrolment):
    sheet = make_sheet(exam, state="failed", problem="No valid reply.", enrolment=carols_enrolment)
    mapping.retry_sheet(sheet, by=alice)
    sheet = fresh(sheet)
    assert (sheet.state, sheet.enrolment, sheet.problem) == ("mapped", carols_enrolment, "")


def test_all_failed_sheets_of_one_exam_go_on_where_they_stopped(exam, alice, carols_enrolment):
    mapped = make_sheet(exam, state="failed", problem="No reply.", enrolment=carols_enrolment)
    unread = make_sheet(exam, state="failed", problem="unreadable", rendered_at=None, tries=4)
    others = [make_sheet(state="failed", problem="unreadable"), make_sheet(exam, state="graded")]
    assert mapping.retry_failed(exam, by=alice) == 2
    assert (fresh(mapped).state, fresh(mapped).enrolment) == ("mapped", carols_enrolment)
    assert (fresh(unread).state, fresh(unread).tries) == ("pending_mapping", 0)
    assert [fresh(other).state for other in others] == ["failed", "graded"]
    line = fresh(unread).history.first()
    assert (line.history_user, line.history_change_reason) == (alice, "Tried again")
    assert mapping.retry_failed(exam, by=alice) == 0


def test_an_unreadable_sheet_can_be_left_out_and_begins_anew_when_taken_in(exam, alice):
    sheet = make_sheet(
        exam, state="failed", problem="unreadable", rendered_at=None, inspected_at=None, tries=4
    )
    mapping.skip_sheet(sheet, by=alice)
    assert (fresh(sheet).state, fresh(sheet).problem) == ("skipped", "")
    assert fresh(sheet).history.first().history_change_reason == (
        "Left out; it had failed: unreadable"
    )
    mapping.unskip_sheet(sheet, by=alice)
    assert fresh(sheet).tries == 0
    assert list(sheets_to_render()) == [sheet]


def test_a_damaged_sheet_that_was_left_out_is_still_damaged(exam, alice):
    sheet = make_sheet(exam, problem="The PDF is damaged")
    mapping.skip_sheet(sheet, by=alice)
    assert fresh(sheet).problem == "The PDF is damaged"
    assert fresh(sheet).history.first().history_change_reason == "Left out"


def test_a_sheet_without_a_page_left_is_refused(exam, alice, carols_enrolment):
    sheet = make_sheet(exam, name="84B003.pdf", pages=2)
    sheet.pages.update(dropped_at=sheet.created_at)
    with pytest.raises(ValidationError, match="Restore a page"):
        mapping.map_sheet(sheet, carols_enrolment, by=alice)
    mapping.suggest_students(exam.pk)
    assert mapping.map_certain(exam, by=alice) == 0
    sheet.pages.filter(number=2).update(dropped_at=None)
    assert mapping.map_certain(exam, by=alice) == 1
