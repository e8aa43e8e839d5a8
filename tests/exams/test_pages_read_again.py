"""Another first page: whose paper it is, is read and suggested again, and nothing is turned."""

import pytest
from PIL import Image

from batching.conflicts import Conflict
from exams import inspection, mapping
from exams.due import sheets_to_inspect
from exams.inspection import inspect_sheet
from exams.models import Sheet
from exams.pages import drop_page, give_page, move_page, restore_page, turn_page
from exams.tasks import inspect_sheet as inspect_task
from tests.factories import make_sheet
from tests.factories_intake import pdf, picture, rendered

pytestmark = pytest.mark.django_db


def head(name: str, roll: str) -> Image.Image:
    lines = (f"Name: {name}   Roll No: {roll}", "Plants make glucose from carbon dioxide.")
    return picture(*lines, size=(1240, 1754), face=38, mode="L")


BACK = picture(
    *["They use the energy of light for this work."] * 12, size=(1240, 1754), face=38, mode="L"
)


def fresh(sheet):
    return Sheet.objects.get(pk=sheet.pk)


def inspected(exam, *pages, name="scan.pdf"):
    sheet = rendered(exam, pdf(*pages, resolution=150), name)
    inspect_sheet(sheet.pk)
    return fresh(sheet)


@pytest.fixture
def read(exam, carols_enrolment):
    """A sheet whose first page was read, with a suggestion that needs no person."""
    sheet = make_sheet(exam, pages=3, roll_number_read="84B003", name_read="Carol")
    mapping.suggest_students(exam.pk)
    return fresh(sheet)


def test_a_first_page_that_goes_to_another_sheet_takes_its_student_along(
    exam, alice, carols_enrolment, doras_enrolment
):
    mixed = inspected(exam, head("Carol", "84B003"), head("Dora", "17B004"), BACK)
    other = inspected(exam, BACK, name="rest.pdf")
    mapping.suggest_students(exam.pk)
    assert fresh(mixed).suggested_enrolment == carols_enrolment
    give_page(mixed.pages.get(number=1), other, to=1, by=alice)
    for sheet in (mixed, other):
        assert fresh(sheet).suggested_enrolment is None, "at once"
    assert not mapping.map_certain(exam, by=alice)
    for sheet in (mixed, other):
        inspect_task(sheet.pk)
    mapping.suggest_students(exam.pk)
    assert fresh(mixed).suggested_enrolment == doras_enrolment
    assert fresh(other).suggested_enrolment == carols_enrolment


@pytest.mark.parametrize(
    ("change", "is_read_again"),
    [
        (lambda page, by: move_page(page(1), to=2, by=by), True),
        (lambda page, by: drop_page(page(1), by=by), True),
        (lambda page, by: move_page(page(2), to=3, by=by), False),
        (lambda page, by: drop_page(page(3), by=by), False),
        (lambda page, by: restore_page(page(1), by=by), False),
    ],
)
def test_only_another_first_page_is_read(read, alice, change, is_read_again):
    change(lambda number: read.pages.get(number=number), alice)
    after = fresh(read)
    assert (after.inspected_at is None) == is_read_again
    assert (after.suggested_enrolment is None) == is_read_again
    assert (after.roll_number_read == "") == is_read_again
    assert list(sheets_to_inspect()) == ([read] if is_read_again else [])


def test_a_page_that_comes_back_to_the_first_place_is_read_too(read, alice):
    drop_page(read.pages.get(number=1), by=alice)
    inspect_sheet(read.pk)
    assert list(sheets_to_inspect()) == []
    restore_page(read.pages.get(number=1), by=alice)
    assert list(sheets_to_inspect()) == [read]


def test_a_mapped_sheet_keeps_its_student_and_is_read_when_it_is_taken_back(
    read, alice, carols_enrolment
):
    sheet = mapping.map_sheet(read, carols_enrolment, by=alice)
    drop_page(sheet.pages.get(number=1), by=alice)
    after = fresh(sheet)
    assert (after.state, after.enrolment) == ("mapped", carols_enrolment)
    assert after.inspected_at is not None, "it can be graded"
    mapping.unmap_sheet(sheet, by=alice)
    assert fresh(sheet).suggested_enrolment is None
    assert list(sheets_to_inspect()) == [sheet]


def test_a_left_out_sheet_is_read_when_it_is_taken_in(read, alice):
    mapping.skip_sheet(read, by=alice)
    drop_page(read.pages.get(number=1), by=alice)
    assert list(sheets_to_inspect()) == []
    mapping.unskip_sheet(read, by=alice)
    assert list(sheets_to_inspect()) == [read]


@pytest.mark.parametrize(
    ("leave_out", "take_in"),
    [
        (mapping.skip_sheet, mapping.unskip_sheet),
        (
            lambda sheet, by: mapping.skip_upload(sheet.upload, by=by),
            lambda sheet, by: mapping.unskip_upload(sheet.upload, by=by),
        ),
    ],
    ids=["alone", "with its upload"],
)
def test_a_mapped_sheet_that_is_left_out_is_read_when_it_is_taken_in(
    read, alice, carols_enrolment, leave_out, take_in
):
    sheet = mapping.map_sheet(read, carols_enrolment, by=alice)
    drop_page(sheet.pages.get(number=1), by=alice)
    leave_out(sheet, by=alice)
    take_in(sheet, by=alice)
    assert list(sheets_to_inspect()) == [sheet]


def test_pages_that_a_person_turned_stay_as_they_are_when_the_first_one_is_read_again(exam, alice):
    sheet = inspected(exam, BACK, head("Carol", "84B003"), BACK)
    turn_page(sheet.pages.get(number=3), quarter_turns=2, by=alice)
    drop_page(sheet.pages.get(number=1), by=alice)
    before = list(sheet.pages.values("number", "sha256", "turned"))
    inspect_sheet(sheet.pk)
    assert fresh(sheet).roll_number_read == "84B003"
    assert list(sheet.pages.values("number", "sha256", "turned")) == before


def test_pages_can_go_on_moving_while_the_first_one_is_read_again(exam, read, alice):
    other = make_sheet(exam)
    first, second, _third = read.pages.order_by("number")
    give_page(first, other, by=alice)
    give_page(second, other, by=alice)
    give_page(second, read, to=1, by=alice)
    give_page(first, read, to=1, by=alice)
    assert [page.pk for page in read.pages.order_by("number")][:2] == [first.pk, second.pk]


def test_a_sheet_whose_pages_were_never_made_upright_gives_none(exam, read, alice):
    busy = make_sheet(exam, inspected_at=None, suggested_at=None)
    with pytest.raises(Conflict):
        give_page(busy.pages.get(), read, by=alice)


def test_what_a_worker_read_on_a_page_that_is_not_the_first_any_more_is_not_kept(
    exam, alice, monkeypatch
):
    sheet = inspected(exam, head("Carol", "84B003"), head("Dora", "17B004"), BACK)
    drop_page(sheet.pages.get(number=1), by=alice)
    real = inspection.read_file

    def meanwhile(name: str) -> bytes:
        monkeypatch.setattr(inspection, "read_file", real)
        move_page(sheet.pages.get(number=2), to=3, by=alice)
        return real(name)

    monkeypatch.setattr(inspection, "read_file", meanwhile)
    inspect_sheet(sheet.pk)
    after = fresh(sheet)
    assert (after.inspected_at, after.roll_number_read, after.tries) == (None, "", 0)
    inspect_sheet(sheet.pk)
    assert fresh(sheet).roll_number_read == ""
    assert fresh(sheet).inspected_at is not None
