"""Whose paper is it: suggested for the whole class at once, decided by a person."""

import pytest
from django.db import IntegrityError, transaction

from batching.conflicts import Conflict
from exams import mapping
from exams.due import exams_to_suggest
from exams.mapping import AlreadyHasASheet, NotInThisClass
from exams.models import Exam, Sheet
from exams.suggestions import Roster, solve
from tests import factories
from tests.factories import make_enrolment, make_sheet, make_user

pytestmark = pytest.mark.django_db


def fresh(sheet: Sheet) -> Sheet:
    return Sheet.objects.select_related("suggested_enrolment", "enrolment").get(pk=sheet.pk)


def suggested(exam: Exam, *sheets: Sheet) -> list[tuple[str, bool]]:
    mapping.suggest_students(exam.pk)
    rows = [fresh(sheet) for sheet in sheets]
    return [
        (
            row.suggested_enrolment.roll_number if row.suggested_enrolment else "",
            row.suggestion_certain,
        )
        for row in rows
    ]


# -- suggestions --------------------------------------------------------------------------


def test_the_file_name_is_enough(exam, carol, dora):
    sheet = make_sheet(exam, name="84B003.pdf")
    assert suggested(exam, sheet) == [("84B003", True)]
    assert fresh(sheet).suggestion_reason == "File name contains roll number 84B003"


def test_the_page_is_enough_when_the_file_says_nothing(exam, carol, dora):
    sheet = make_sheet(exam, name="scan_0001.pdf", roll_number_read="84BOO3")
    assert suggested(exam, sheet) == [("84B003", True)]
    assert "reads 84BOO3, matches 84B003" in fresh(sheet).suggestion_reason


def test_the_students_name_in_the_file_name_is_enough(exam, x_b, carol):
    make_enrolment(x_b, make_user("mira kaya", username="mira"), "90B001")
    sheet = make_sheet(exam, name="Biology_Mira_Kaya.pdf")
    assert suggested(exam, sheet) == [("90B001", True)]


def test_file_name_against_page_is_for_a_person(exam, carol, dora):
    sheet = make_sheet(exam, name="84B003.pdf", roll_number_read="17B004")
    ((roll, certain),) = suggested(exam, sheet)
    assert not certain
    assert "17B004" in fresh(sheet).suggestion_reason
    assert "84B003" in fresh(sheet).suggestion_reason
    assert roll in ("84B003", "17B004")


def test_the_name_on_the_page_against_its_roll_number_is_for_a_person(exam, x_b, carol):
    make_enrolment(x_b, make_user("mira kaya", username="mira"), "90B001")
    sheet = make_sheet(exam, name="s.pdf", roll_number_read="84B003", name_read="Mira Kaya")
    assert suggested(exam, sheet) == [("84B003", False)]


def test_close_roll_numbers_need_the_name_as_well(exam, x_b, carol):
    make_enrolment(x_b, make_user("mira kaya", username="mira"), "84B008")
    alone = make_sheet(exam, name="s.pdf", roll_number_read="84B008")
    assert suggested(exam, alone) == [("84B008", False)]
    Sheet.objects.filter(pk=alone.pk).update(name_read="Mira Kaya")
    assert suggested(exam, alone) == [("84B008", True)]


def test_a_name_alone_is_only_a_hint(exam, x_b):
    make_enrolment(x_b, make_user("mira kaya", username="mira"), "90B001")
    sheet = make_sheet(exam, name="s.pdf", name_read="Mira Kaya")
    assert suggested(exam, sheet) == [("90B001", False)]


def test_two_sheets_for_one_student_are_both_for_a_person(exam, carol, dora):
    one, two = make_sheet(exam, name="84B003 a.pdf"), make_sheet(exam, name="84B003 b.pdf")
    found = suggested(exam, one, two)
    assert [certain for _, certain in found] == [False, False]
    assert sorted(roll for roll, _ in found) == ["", "84B003"]
    assert "another sheet" in fresh(one).suggestion_reason


def test_the_whole_class_is_solved_at_once(exam, x_b):
    # Both could be 84B003, but only the first can also be nobody else.
    make_enrolment(x_b, make_user("anna"), "84B003")
    make_enrolment(x_b, make_user("mira kaya", username="mira"), "84B008")
    one = make_sheet(exam, name="a.pdf", roll_number_read="84B003")
    two = make_sheet(exam, name="84B003 copy.pdf", roll_number_read="84B008", name_read="Mira Kaya")
    assert [roll for roll, _ in suggested(exam, one, two)] == ["84B003", "84B008"]


def test_a_student_who_has_a_sheet_is_not_suggested_again(exam, carols_enrolment):
    make_sheet(exam, state="mapped", enrolment=carols_enrolment, name="first.pdf")
    sheet = make_sheet(exam, name="84B003.pdf")
    assert suggested(exam, sheet) == [("", False)]
    assert "first.pdf" in fresh(sheet).suggestion_reason


def test_a_damaged_paper_is_never_certain(exam, carol):
    sheet = make_sheet(exam, name="84B003.pdf", problem="The PDF is damaged")
    assert suggested(exam, sheet) == [("84B003", False)]


def test_nothing_found_says_so(exam, carol):
    one = make_sheet(exam, name="scan.pdf")
    two = make_sheet(exam, name="scan2.pdf", roll_number_read="77Z777")
    assert suggested(exam, one, two) == [("", False), ("", False)]
    assert fresh(one).suggestion_reason == "No roll number or name was found"
    assert "77Z777" in fresh(two).suggestion_reason


def test_a_school_of_thousands_is_solved_in_seconds():
    rolls = {number: f"{number:04d}B" for number in range(1500)}
    roster = Roster(rolls, {number: f"student number {number}" for number in rolls})
    sheets = [Sheet(pk=number, name=f"{roll}.pdf") for number, roll in rolls.items()]
    found = solve(sheets, roster, {})
    assert all(found[number].enrolment == number for number in rolls)


def test_suggesting_twice_is_as_once_and_leaves_no_work(exam, carol):
    sheet = make_sheet(exam, name="84B003.pdf", suggested_at=None)
    assert exams_to_suggest() == [exam.pk]
    assert suggested(exam, sheet) == suggested(exam, sheet)
    assert exams_to_suggest() == []
    assert fresh(sheet).history.count() == 1


# -- decisions ----------------------------------------------------------------------------


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


def test_all_certain_suggestions_are_confirmed_at_once(exam, alice, carol, dora):
    sure = [make_sheet(exam, name="84B003.pdf"), make_sheet(exam, name="17B004.pdf")]
    unsure = make_sheet(exam, name="scan.pdf")
    mapping.suggest_students(exam.pk)
    assert mapping.map_certain(exam, by=alice) == 2
    assert [fresh(sheet).state for sheet in sure] == ["mapped", "mapped"]
    assert fresh(unsure).state == "pending_mapping"
    line = fresh(sure[0]).history.first()
    assert (line.history_user, line.state) == (alice, "mapped")
    assert mapping.map_certain(exam, by=alice) == 0


def test_a_certain_suggestion_gives_way_to_what_a_person_decided(
    exam, alice, carols_enrolment, dora
):
    sheet, other = make_sheet(exam, name="84B003.pdf"), make_sheet(exam, name="scan.pdf")
    mapping.suggest_students(exam.pk)
    Sheet.objects.filter(pk=other.pk).update(state="mapped", enrolment=carols_enrolment)
    assert mapping.map_certain(exam, by=alice) == 0
    assert fresh(sheet).state == "pending_mapping"


def test_a_decision_withdraws_the_same_suggestion_elsewhere(exam, alice, carols_enrolment):
    one, two = make_sheet(exam, name="scan.pdf"), make_sheet(exam, name="84B003.pdf")
    mapping.suggest_students(exam.pk)
    mapping.map_sheet(one, carols_enrolment, by=alice)
    assert fresh(two).suggested_enrolment is None
    assert exams_to_suggest() == [exam.pk]


def test_the_database_itself_refuses_a_second_sheet(exam, carols_enrolment):
    make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.make_sheet(exam, state="mapped", enrolment=carols_enrolment)
