"""All certain suggestions confirmed with one click: those that a person was shown."""

import pytest

from batching.conflicts import Conflict
from exams import mapping
from exams.models import Sheet
from exams.suggestions import certain_hash
from tests.exams.steps import fresh, swap_roll_numbers
from tests.factories import make_sheet

pytestmark = pytest.mark.django_db


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
    swap_roll_numbers(x_b, by=alice)
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
    swap_roll_numbers(x_b, by=alice)
    with pytest.raises(Conflict):
        mapping.map_certain(exam, by=alice, seen=shown)
    assert {fresh(sheet).state for sheet in sheets} == {"pending_mapping"}
