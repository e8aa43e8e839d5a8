"""Turning, dropping and reordering pages, while that is still allowed."""

from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from PIL import Image

from batching.conflicts import Conflict
from exams import inspection, pages
from exams.models import Page, Sheet
from exams.pages import drop_page, move_page, restore_page, turn_page
from tests.exams.accidents import trouble
from tests.factories import make_sheet

pytestmark = pytest.mark.django_db


def fresh(page: Page) -> Page:
    return Page.objects.get(pk=page.pk)


def files() -> set[str]:
    root = Path(default_storage.path(""))
    return {str(path.relative_to(root)) for path in root.rglob("*.jpg")}


def order(sheet: Sheet) -> list[int]:
    return list(sheet.pages.values_list("pk", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_turn_makes_a_new_file_and_the_old_one_goes(exam, alice):
    page = make_sheet(exam).pages.get()
    turn_page(page, quarter_turns=1, by=alice)
    new = fresh(page)
    assert (new.turned, new.width, new.height) == (90, page.height, page.width)
    assert new.sha256 != page.sha256
    with default_storage.open(new.image) as file, Image.open(file) as image:
        assert image.size == (new.width, new.height)
    assert {new.image, new.thumbnail} == files()
    turn_page(new, quarter_turns=-1, by=alice)
    assert fresh(page).turned == 0


def test_the_sheets_history_says_who_turned_its_page(exam, alice):
    page = make_sheet(exam).pages.get()
    turn_page(page, quarter_turns=2, by=alice)
    line = page.sheet.history.first()
    assert (line.history_user, line.history_change_reason) == (alice, "Page 1 turned by 180°")


def test_a_page_is_dropped_and_restored(exam, alice):
    page = make_sheet(exam, pages=2).pages.first()
    drop_page(page, by=alice)
    dropped = fresh(page).dropped_at
    assert dropped is not None
    drop_page(page, by=alice)
    assert fresh(page).dropped_at == dropped
    restore_page(page, by=alice)
    assert fresh(page).dropped_at is None


@pytest.mark.parametrize(
    ("which", "to", "after"),
    [
        (0, 3, [1, 2, 0]),
        (2, 1, [2, 0, 1]),
        (1, 99, [0, 2, 1]),
        (1, 0, [1, 0, 2]),
        (1, 2, [0, 1, 2]),
    ],
)
def test_a_page_is_moved_and_the_others_close_up(exam, alice, which, to, after):
    sheet = make_sheet(exam, pages=3)
    before = order(sheet)
    moved = move_page(sheet.pages.get(pk=before[which]), to=to, by=alice)
    assert order(sheet) == [before[index] for index in after]
    assert list(sheet.pages.values_list("number", flat=True)) == [1, 2, 3]
    assert moved.number == after.index(which) + 1


@pytest.mark.parametrize("state", ["jsonl_ready", "in_batch", "graded", "published", "failed"])
def test_pages_that_stand_in_a_request_cannot_be_changed(exam, alice, state):
    page = make_sheet(exam, state=state, pages=2).pages.first()
    before = files()
    for change in (
        lambda: turn_page(page, quarter_turns=1, by=alice),
        lambda: drop_page(page, by=alice),
        lambda: restore_page(page, by=alice),
        lambda: move_page(page, to=2, by=alice),
    ):
        with pytest.raises(Conflict):
            change()
    assert Page.objects.filter(pk=page.pk).values().get()["sha256"] == page.sha256
    assert files() == before


@pytest.mark.parametrize("state", ["pending_mapping", "mapped", "skipped"])
def test_until_then_they_can(exam, alice, state):
    page = make_sheet(exam, state=state).pages.get()
    turn_page(page, quarter_turns=1, by=alice)
    assert fresh(page).turned == 90


@pytest.mark.django_db(transaction=True)
def test_whoever_turns_a_page_second_is_told(exam, alice, monkeypatch):
    page = make_sheet(exam).pages.get()
    real = pages.turned_files

    def meanwhile(*arguments: object) -> object:
        monkeypatch.setattr(pages, "turned_files", real)
        turn_page(page, quarter_turns=1, by=alice)
        return real(*arguments)

    monkeypatch.setattr(pages, "turned_files", meanwhile)
    with pytest.raises(Conflict, match="somebody else"):
        turn_page(page, quarter_turns=1, by=alice)
    new = fresh(page)
    assert new.turned == 90
    assert {new.image, new.thumbnail} == files()


@pytest.mark.django_db(transaction=True)
def test_trouble_after_the_commit_does_not_take_the_turned_page(exam, alice, monkeypatch):
    page = make_sheet(exam).pages.get()
    monkeypatch.setattr(
        "exams.inspection.delete_after_commit", lambda *names: transaction.on_commit(trouble)
    )
    with pytest.raises(ConnectionError):
        turn_page(page, quarter_turns=1, by=alice)
    new = fresh(page)
    assert new.turned == 90
    assert {new.image, new.thumbnail} <= files()


@pytest.mark.django_db(transaction=True)
def test_whoever_turns_a_page_whose_file_was_just_replaced_is_told(exam, alice, monkeypatch):
    page = make_sheet(exam).pages.get()
    real = inspection.read_file

    def meanwhile(name: str) -> bytes:
        monkeypatch.setattr(inspection, "read_file", real)
        turn_page(page, quarter_turns=2, by=alice)
        return real(name)

    monkeypatch.setattr(inspection, "read_file", meanwhile)
    with pytest.raises(Conflict, match="somebody else"):
        turn_page(page, quarter_turns=1, by=alice)
    assert fresh(page).turned == 180
