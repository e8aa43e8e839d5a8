"""Whose paper is it: suggested for the whole class at once, and anew when the class changes."""

import pytest

from accounts.models import Enrolment, User
from exams import mapping
from exams.due import exams_to_suggest, sheets_to_inspect
from exams.inspection import inspect_sheet
from exams.models import Exam, Sheet
from exams.suggestions import Roster, solve
from tests import factories
from tests.exams.steps import fresh
from tests.factories import make_enrolment, make_sheet, make_user
from tests.factories_intake import pdf, picture, rendered

pytestmark = pytest.mark.django_db


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


# -- whose paper --------------------------------------------------------------------------


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


def test_a_page_that_reads_a_number_of_another_class_is_for_a_person(exam, carol):
    sheet = make_sheet(exam, name="84B003.pdf", roll_number_read="17X999")
    assert suggested(exam, sheet) == [("84B003", False)]
    assert "but page 1 reads 17X999" in fresh(sheet).suggestion_reason


def test_a_number_read_with_a_slip_does_not_speak_against_the_file_name(exam, carol):
    sheet = make_sheet(exam, name="84B003.pdf", roll_number_read="84B0?3")
    assert suggested(exam, sheet) == [("84B003", True)]


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


def test_a_damaged_sheet_is_never_certain(exam, carol):
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


# -- the class list -----------------------------------------------------------------------


def test_a_roster_that_comes_after_the_sheets_brings_suggestions(exam, x_b):
    sheet = make_sheet(exam, name="84B003.pdf")
    assert suggested(exam, sheet) == [("", False)]
    assert exams_to_suggest() == []
    make_enrolment(x_b, make_user("carol"), "84B003")
    assert exams_to_suggest() == [exam.pk]
    assert suggested(exam, sheet) == [("84B003", True)]
    assert exams_to_suggest() == []


def test_what_a_page_said_is_used_when_the_roster_comes_later(exam, x_b):
    sheet = make_sheet(exam, name="scan.pdf", roll_number_read="84B003")
    assert suggested(exam, sheet) == [("", False)]
    make_enrolment(x_b, make_user("carol"), "84B003")
    assert suggested(exam, sheet) == [("84B003", True)]
    assert list(sheets_to_inspect()) == []


def test_sheets_without_a_number_are_read_again_with_the_new_class_list(exam, x_b):
    nothing, found = make_sheet(exam, name="scan.pdf"), make_sheet(exam, name="84B003.pdf")
    read = make_sheet(exam, name="scan2.pdf", roll_number_read="77Z777")
    mapping.suggest_students(exam.pk)
    assert list(sheets_to_inspect()) == []
    make_enrolment(x_b, make_user("carol"), "84B003")
    mapping.suggest_students(exam.pk)
    assert list(sheets_to_inspect()) == [nothing]
    assert {sheet.inspected_at is None for sheet in map(fresh, (found, read))} == {False}
    mapping.suggest_students(exam.pk)
    Sheet.objects.filter(pk=nothing.pk).update(inspected_at=nothing.inspected_at)
    mapping.suggest_students(exam.pk)
    assert list(sheets_to_inspect()) == []


def test_a_number_without_a_label_is_found_when_the_roster_comes_later(exam, x_b):
    sheet = rendered(exam, pdf(picture("84B003", "Plants make glucose", face=34)), "scan.pdf")
    inspect_sheet(sheet.pk)
    assert suggested(exam, sheet) == [("", False)]
    make_enrolment(x_b, make_user("carol"), "84B003")
    mapping.suggest_students(exam.pk)
    inspect_sheet(sheet.pk)
    assert exams_to_suggest() == [exam.pk]
    assert suggested(exam, sheet) == [("84B003", True)]


@pytest.mark.parametrize("change", ["leaves", "is renamed", "gets another number"])
def test_every_change_of_the_class_makes_its_exams_due(exam, x_b, carols_enrolment, change):
    make_sheet(exam, name="84B003.pdf")
    mapping.suggest_students(exam.pk)
    assert exams_to_suggest() == []
    if change == "leaves":
        carols_enrolment.delete()
    elif change == "is renamed":
        User.objects.filter(pk=carols_enrolment.student_id).update(name="Caroline")
    else:
        Enrolment.objects.filter(pk=carols_enrolment.pk).update(roll_number="84B009")
    assert exams_to_suggest() == [exam.pk]


def test_exams_without_an_unmapped_sheet_are_not_due_however_the_class_changes(exam, x_b):
    make_sheet(exam, state="mapped")
    make_sheet(exam, state="skipped")
    make_enrolment(x_b)
    assert exams_to_suggest() == []


def test_finding_what_is_due_costs_two_queries_for_any_number_of_exams(
    x_b, x_c, django_assert_num_queries
):
    for _ in range(3):
        for school_class in (x_b, x_c):
            make_enrolment(school_class)
            exam = factories.make_exam(school_class)
            make_sheet(exam)
            mapping.suggest_students(exam.pk)
        with django_assert_num_queries(2):
            exams_to_suggest()


def test_the_class_list_is_no_part_of_an_exams_history(exam, carol):
    before = exam.history.count()
    make_sheet(exam, name="84B003.pdf")
    mapping.suggest_students(exam.pk)
    assert Exam.objects.get(pk=exam.pk).roster_hash
    assert exam.history.count() == before
    assert not hasattr(exam.history.first(), "roster_hash")
