"""Pages are turned upright once, and the first one says whose paper it is."""

from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from batching.claims import claim
from exams import inspection
from exams.due import sheets_to_inspect
from exams.inspection import inspect_sheet
from exams.models import Sheet
from exams.orientation import turned
from exams.pages import turn_page
from exams.rasterize import rasterize_sheet
from tests.exams.accidents import (
    die_at_every_try,
    fenced_with_trouble,
    kill_before_the_rows,
    let_the_lease_end,
)
from tests.exams.steps import files
from tests.factories_intake import pdf, picture, rendered, unpacked

pytestmark = pytest.mark.django_db

HEAD = picture(
    "Name: Carol   Roll No: 84B003",
    "Plants make glucose from carbon dioxide and water.",
    "They use the energy of light for this work.",
    size=(1240, 1754),
    face=38,
    mode="L",
)
BLANK = Image.new("L", (1240, 1754), 250)


def paper(exam, *pages: Image.Image) -> Sheet:
    return rendered(exam, pdf(*pages, resolution=150))


def inspected(sheet: Sheet) -> Sheet:
    inspect_sheet(sheet.pk)
    return Sheet.objects.get(pk=sheet.pk)


def images_of(sheet: Sheet) -> set[Path]:
    return set(files(f"sheets/{sheet.pk}"))


def named(sheet: Sheet) -> set[Path]:
    rows = sheet.pages.values_list("image", "thumbnail")
    return {Path(default_storage.path(name)) for row in rows for name in row}


@pytest.mark.django_db(transaction=True)
def test_a_page_that_lies_upside_down_is_turned_and_read(exam, carol):
    sheet = paper(exam, turned(HEAD, 180))
    before = sheet.pages.get()
    sheet = inspected(sheet)
    page = sheet.pages.get()
    assert page.turned == 180
    assert (page.public_id, page.pk) == (before.public_id, before.pk)
    assert page.sha256 != before.sha256
    assert sheet.roll_number_read == "84B003"
    assert sheet.name_read == "Carol"
    assert sheet.inspected_at is not None
    assert images_of(sheet) == named(sheet)


def test_an_upright_page_keeps_its_file(exam, carol):
    sheet = paper(exam, HEAD)
    before = sheet.pages.values().get()
    sheet = inspected(sheet)
    assert sheet.pages.values().get() == before


def test_the_first_page_with_writing_is_read_and_a_blank_one_is_left_alone(exam, carol):
    sheet = inspected(paper(exam, BLANK, HEAD))
    assert sheet.roll_number_read == "84B003"
    assert list(sheet.pages.values_list("turned", "is_blank")) == [(0, True), (0, False)]


@pytest.mark.django_db(transaction=True)
def test_inspecting_twice_in_a_row_is_as_once(exam, carol):
    sheet = inspected(paper(exam, turned(HEAD, 180)))
    before = (list(sheet.pages.values()), images_of(sheet), sheet.history.count())
    sheet = inspected(sheet)
    assert (list(sheet.pages.values()), images_of(sheet), sheet.history.count()) == before


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_after_turning_leaves_the_next_one_the_same_work(exam, carol):
    sheet = paper(exam, turned(HEAD, 180))
    held = claim(sheets_to_inspect(), sheet.pk)
    left = Path(default_storage.path(f"sheets/{sheet.pk}/upright/{held.attempt}"))
    left.mkdir(parents=True)
    (left / "orphan.jpg").write_bytes(b"turned")
    Sheet.objects.filter(pk=sheet.pk).update(lease_until=timezone.now())
    sheet = inspected(sheet)
    assert sheet.pages.get().turned == 180
    assert images_of(sheet) == named(sheet)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_slept_beyond_its_lease_writes_nothing(exam, carol, monkeypatch):
    sheet = paper(exam, turned(HEAD, 180))
    real = inspection.turn_needed

    def overtaken(image):
        monkeypatch.setattr(inspection, "turn_needed", real)
        Sheet.objects.filter(pk=sheet.pk).update(lease_until=timezone.now())
        inspect_sheet(sheet.pk)
        return real(image)

    monkeypatch.setattr(inspection, "turn_needed", overtaken)
    sheet = inspected(sheet)
    assert sheet.pages.get().turned == 180
    assert images_of(sheet) == named(sheet)


@pytest.mark.django_db(transaction=True)
def test_a_page_that_stands_in_a_request_by_now_is_not_turned(exam, carols_enrolment, monkeypatch):
    sheet = paper(exam, turned(HEAD, 180))
    before = sheet.pages.get().sha256
    real = inspection.turn_needed

    def meanwhile(image):
        row = Sheet.objects.get(pk=sheet.pk)
        row.map_to(carols_enrolment)
        row.draft()
        row.save()
        return real(image)

    monkeypatch.setattr(inspection, "turn_needed", meanwhile)
    sheet = inspected(sheet)
    assert sheet.pages.get().sha256 == before
    assert images_of(sheet) == named(sheet)


def test_a_sheet_that_cannot_be_read_fails_after_three_tries(exam, settings):
    sheet = paper(exam, HEAD)
    for _ in range(settings.SHEAF_MAX_TRIES):
        assert not claim(sheets_to_inspect(), sheet.pk).exhausted
        Sheet.objects.filter(pk=sheet.pk).update(lease_until=timezone.now())
    sheet = inspected(sheet)
    assert sheet.state == "failed"
    assert "several times" in sheet.problem
    assert sheet.pages.count() == 1


def test_without_tesseract_the_sheet_waits_and_no_try_is_lost(exam, monkeypatch):
    sheet = paper(exam, HEAD)
    monkeypatch.setenv("PATH", "/nowhere")
    sheet = inspected(sheet)
    assert (sheet.tries, sheet.inspected_at, sheet.state) == (0, None, "pending_mapping")
    assert sheet.lease_until > timezone.now()


def test_a_sheet_without_pages_is_not_inspected(exam):
    sheet = unpacked(exam, pdf("Q1"), "a.pdf").sheets.get()
    assert inspected(sheet).inspected_at is None
    rasterize_sheet(sheet.pk)
    assert inspected(sheet).inspected_at is not None


@pytest.mark.django_db(transaction=True)
def test_trouble_after_the_commit_does_not_take_the_upright_pages(exam, carol, monkeypatch):
    sheet = paper(exam, turned(HEAD, 180))
    monkeypatch.setattr(inspection, "fenced", fenced_with_trouble)
    with pytest.raises(ConnectionError):
        inspect_sheet(sheet.pk)
    assert sheet.pages.get().turned == 180
    assert images_of(sheet) == named(sheet)


@pytest.mark.django_db(transaction=True)
def test_a_poisonous_sheet_leaves_no_file_behind(exam, carol, monkeypatch):
    sheet = paper(exam, turned(HEAD, 180))
    with monkeypatch.context() as patch:
        kill_before_the_rows(patch, inspection)
        die_at_every_try(inspect_sheet, sheet)
    assert images_of(sheet) > named(sheet)
    assert inspected(sheet).state == "failed"
    assert images_of(sheet) == named(sheet)


@pytest.mark.django_db(transaction=True)
def test_a_page_that_a_teacher_turns_meanwhile_is_inspected_again(exam, alice, monkeypatch):
    sheet = paper(exam, turned(HEAD, 180))
    real = inspection.read_file

    def meanwhile(name: str) -> bytes:
        monkeypatch.setattr(inspection, "read_file", real)
        turn_page(sheet.pages.get(), quarter_turns=2, by=alice)
        return real(name)

    monkeypatch.setattr(inspection, "read_file", meanwhile)
    sheet = inspected(sheet)
    assert (sheet.inspected_at, sheet.tries) == (None, 0)
    assert sheet in sheets_to_inspect()
    sheet = inspected(sheet)
    assert sheet.inspected_at is not None
    assert sheet.pages.get().turned == 180


def test_a_page_whose_file_is_lost_ends_as_a_failed_sheet(exam, settings):
    sheet = paper(exam, HEAD)
    default_storage.delete(sheet.pages.get().image)
    for _ in range(settings.SHEAF_MAX_TRIES):
        with pytest.raises(FileNotFoundError):
            inspect_sheet(sheet.pk)
        let_the_lease_end(sheet)
    assert inspected(sheet).state == "failed"
