"""Whose paper is it: suggested for the whole class at once, decided by a person."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Enrolment, SchoolClass, User
from accounts.roster_import import import_roster
from batching.conflicts import Conflict
from exams import mapping
from exams.due import exams_to_suggest, sheets_to_inspect, sheets_to_render
from exams.inspection import inspect_sheet
from exams.mapping import AlreadyHasASheet, NotInThisClass
from exams.models import Exam, SampleSheet, Sheet, Upload
from exams.suggestions import Roster, certain_hash, solve
from tests import factories
from tests.factories import make_enrolment, make_sheet, make_upload, make_user
from tests.factories_intake import pdf, picture, rendered

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


def test_an_unreadable_paper_can_be_left_out_and_begins_anew_when_taken_in(exam, alice):
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


def test_a_damaged_paper_that_was_left_out_is_still_damaged(exam, alice):
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


# -- a whole upload -----------------------------------------------------------------------


def test_a_wrong_upload_is_left_out_as_a_whole_and_taken_in_again(exam, alice, carols_enrolment):
    upload, other = make_upload(exam), make_upload(exam)
    states = ("pending_mapping", "failed", "in_batch", "reviewed", "skipped")
    of_it = {state: make_sheet(exam, upload=upload, state=state) for state in states}
    of_it["mapped"] = make_sheet(exam, upload=upload, state="mapped", enrolment=carols_enrolment)
    elsewhere = make_sheet(exam, upload=other)
    assert mapping.skip_upload(upload, by=alice) == 3
    now = {state: fresh(sheet).state for state, sheet in of_it.items()}
    assert now == dict.fromkeys(of_it, "skipped") | {
        "in_batch": "in_batch",
        "reviewed": "reviewed",
    }
    assert fresh(of_it["mapped"]).enrolment is None
    assert fresh(elsewhere).state == "pending_mapping"
    line = fresh(of_it["mapped"]).history.first()
    assert (line.history_user, line.history_change_reason) == (alice, "Left out")
    line = Upload.objects.get(pk=upload.pk).history.first()
    assert (line.state, line.history_user) == ("skipped", alice)
    assert mapping.skip_upload(upload, by=alice) == 0
    assert mapping.unskip_upload(upload, by=alice) == 4
    assert Upload.objects.get(pk=upload.pk).state == "unpacked"
    assert fresh(of_it["mapped"]).state == "pending_mapping"
    assert mapping.unskip_upload(upload, by=alice) == 0


def test_a_failed_upload_is_failed_again_when_it_is_taken_in_again(exam, alice):
    upload = make_upload(exam, state="failed", problem="Its end is missing.")
    mapping.skip_upload(upload, by=alice)
    mapping.unskip_upload(upload, by=alice)
    upload = Upload.objects.get(pk=upload.pk)
    assert (upload.state, upload.problem) == ("failed", "Its end is missing.")


@pytest.mark.parametrize("state", ["received", "unpacking"])
def test_an_upload_that_is_still_unpacked_cannot_be_left_out(exam, alice, state):
    upload = make_upload(exam, state=state)
    sheet = make_sheet(exam, upload=upload)
    for command in (mapping.skip_upload, mapping.unskip_upload):
        with pytest.raises(Conflict):
            command(upload, by=alice)
    assert fresh(sheet).state == "pending_mapping"


def test_a_sample_stays_aside_when_its_upload_is_taken_in_again(exam, alice):
    upload = make_upload(exam)
    sample = make_sheet(exam, upload=upload, state="skipped")
    SampleSheet.objects.create(exam=exam, sheet=sample, title="Full", created_by=alice)
    mapping.skip_upload(upload, by=alice)
    assert mapping.unskip_upload(upload, by=alice) == 0
    assert fresh(sample).state == "skipped"


def test_leaving_out_a_large_upload_costs_as_many_queries_as_a_small_one(x_b, alice):
    costs = []
    for count in (3, 40):
        exam = factories.make_exam(x_b)
        upload = make_upload(exam)
        for _ in range(count):
            make_sheet(exam, upload=upload, pages=0)
        with CaptureQueriesContext(connection) as queries:
            assert mapping.skip_upload(upload, by=alice) == count
            assert mapping.unskip_upload(upload, by=alice) == count
        costs.append(len(queries))
    assert costs[0] == costs[1]


# -- certain ones -------------------------------------------------------------------------


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


def test_certain_ones_are_worked_out_again_when_the_class_has_changed(
    exam, x_b, alice, carols_enrolment, doras_enrolment
):
    sheet = make_sheet(exam, name="84B003.pdf")
    mapping.suggest_students(exam.pk)
    swap(x_b, by=alice)
    assert mapping.map_certain(exam, by=alice) == 1
    assert fresh(sheet).enrolment == doras_enrolment
    assert fresh(sheet).enrolment.roll_number == "84B003"


def test_only_what_a_person_was_shown_is_confirmed(exam, alice, carols_enrolment, dora):
    sheet = make_sheet(exam, name="84B003.pdf")
    mapping.suggest_students(exam.pk)
    shown = certain_hash([(sheet.pk, carols_enrolment.pk)])
    late = make_sheet(exam, name="17B004.pdf", suggested_at=None)
    with pytest.raises(Conflict, match="Nothing was mapped"):
        mapping.map_certain(exam, by=alice, seen=shown)
    assert not exam.sheets.filter(state="mapped").exists()
    # What was worked out meanwhile is kept, so that the page can show it.
    assert fresh(late).suggestion_certain
    late.delete()
    assert mapping.map_certain(exam, by=alice, seen=shown) == 1


def test_the_same_sheets_for_other_students_are_not_what_was_shown(
    exam, x_b, alice, carols_enrolment, doras_enrolment
):
    sheets = [make_sheet(exam, name="84B003.pdf"), make_sheet(exam, name="17B004.pdf")]
    mapping.suggest_students(exam.pk)
    pairs = zip(sheets, [carols_enrolment, doras_enrolment], strict=True)
    shown = certain_hash((sheet.pk, enrolment.pk) for sheet, enrolment in pairs)
    swap(x_b, by=alice)
    with pytest.raises(Conflict):
        mapping.map_certain(exam, by=alice, seen=shown)
    assert {fresh(sheet).state for sheet in sheets} == {"pending_mapping"}


# -- the class list -----------------------------------------------------------------------


def swap(school_class: SchoolClass, *, by: User) -> None:
    """A corrected roster: Carol and Dora have each other's roll number."""
    roster = (
        "roll_number,name,email\n"
        "17B004,Carol,carol@school.example\n84B003,Dora,dora@school.example\n"
    )
    import_roster(school_class, roster.encode(), by=by)


def test_a_roster_that_comes_after_the_papers_brings_suggestions(exam, x_b):
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


def test_papers_without_a_number_are_read_again_with_the_new_class_list(exam, x_b, alice):
    nothing, found = make_sheet(exam, name="scan.pdf"), make_sheet(exam, name="84B003.pdf")
    read = make_sheet(exam, name="scan2.pdf", roll_number_read="77Z777")
    turned = make_sheet(exam, name="scan3.pdf")
    turned._history_user = alice
    turned.save()
    mapping.suggest_students(exam.pk)
    assert list(sheets_to_inspect()) == []
    make_enrolment(x_b, make_user("carol"), "84B003")
    mapping.suggest_students(exam.pk)
    # The others need it not: a person had one in hand, and could have turned its pages.
    assert list(sheets_to_inspect()) == [nothing]
    assert {sheet.inspected_at is None for sheet in map(fresh, (found, read, turned))} == {False}
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
