"""Two people or two workers at the same moment in intake, on a database with real locks."""

from django.core.files.storage import default_storage

from batching.conflicts import Conflict
from exams import mapping, pages
from exams.mapping import AlreadyHasASheet
from exams.models import Page, Sheet, Upload
from exams.rasterize import rasterize_sheet
from exams.uploads import DuplicateUpload
from exams.zip_import import unpack_upload
from tests.exams.steps import files
from tests.factories import make_sheet
from tests.factories_intake import packed, pdf, receive, unpacked
from tests.races import on_postgresql, race

pytestmark = on_postgresql


def test_the_same_file_sent_twice_at_once_comes_in_once(exam):
    content = packed(("a.pdf", pdf("Q1")))
    refusal = race(lambda: receive(exam, content, "first.zip"), lambda: receive(exam, content))
    assert isinstance(refusal, DuplicateUpload)
    assert refusal.first == Upload.objects.get()
    assert len(files("uploads")) == 1


def test_two_archives_with_the_same_paper_unpacked_at_once_give_it_once(exam):
    paper = pdf("the same")
    one = receive(exam, packed(("monday.pdf", paper)))
    two = receive(exam, packed(("tuesday.pdf", paper), ("other.pdf", pdf("another"))))
    race(lambda: unpack_upload(one.pk), lambda: unpack_upload(two.pk))
    assert sorted(Sheet.objects.values_list("name", flat=True)) == ["monday.pdf", "other.pdf"]
    assert two.members.get(name="tuesday.pdf").outcome == "repeated"
    assert set(Upload.objects.values_list("state", flat=True)) == {"unpacked"}
    assert len(files("papers")) == 2


def test_two_workers_at_once_render_a_paper_once(exam):
    sheet = unpacked(exam, pdf("one", "two"), "a.pdf").sheets.get()
    race(lambda: rasterize_sheet(sheet.pk), lambda: rasterize_sheet(sheet.pk))
    assert sheet.pages.count() == 2
    assert len(files("sheets")) == 4
    assert Sheet.objects.get(pk=sheet.pk).attempt == 1


def test_two_teachers_at_once_cannot_give_one_student_two_sheets(exam, alice, carols_enrolment):
    one, two = make_sheet(exam), make_sheet(exam)
    refusal = race(
        lambda: mapping.map_sheet(one, carols_enrolment, by=alice),
        lambda: mapping.map_sheet(two, carols_enrolment, by=alice),
    )
    assert isinstance(refusal, AlreadyHasASheet)
    assert refusal.other == one
    assert Sheet.objects.get(pk=two.pk).state == "pending_mapping"


def test_a_decision_and_all_certain_ones_at_once_go_one_after_the_other(
    exam, alice, carols_enrolment, doras_enrolment
):
    sure, other = make_sheet(exam, name="84B003.pdf"), make_sheet(exam, name="scan.pdf")
    mapping.suggest_students(exam.pk)
    count = race(
        lambda: mapping.map_sheet(other, carols_enrolment, by=alice),
        lambda: mapping.map_certain(exam, by=alice),
    )
    assert count == 0
    assert Sheet.objects.get(pk=sure.pk).state == "pending_mapping"


def test_leaving_out_and_mapping_at_once_is_a_conflict_for_the_second(
    exam, alice, carols_enrolment
):
    sheet = make_sheet(exam)
    refusal = race(
        lambda: mapping.skip_sheet(sheet, by=alice),
        lambda: mapping.map_sheet(sheet, carols_enrolment, by=alice),
    )
    assert isinstance(refusal, Conflict)
    assert Sheet.objects.get(pk=sheet.pk).state == "skipped"


def test_two_teachers_at_once_turn_a_page_once(exam, alice):
    page = make_sheet(exam).pages.get()

    def turn() -> Page:
        return pages.turn_page(page, quarter_turns=1, by=alice)

    assert isinstance(race(turn, turn), Conflict)
    page = Page.objects.get(pk=page.pk)
    assert page.turned == 90
    assert default_storage.exists(page.image)
    assert len(files(f"sheets/{page.sheet_id}")) == 2


def test_two_teachers_who_give_pages_to_each_others_sheet_lose_none(exam, alice):
    one, two = make_sheet(exam, pages=3), make_sheet(exam, pages=3)
    mine, theirs = one.pages.get(number=1), two.pages.get(number=1)
    race(
        lambda: pages.give_page(mine, two, by=alice),
        lambda: pages.give_page(theirs, one, by=alice),
    )
    for sheet in (one, two):
        numbers = sheet.pages.order_by("number").values_list("number", flat=True)
        assert list(numbers) == [1, 2, 3]
    assert Page.objects.get(pk=mine.pk).sheet == two
    assert Page.objects.get(pk=theirs.pk).sheet == one


def test_a_page_given_to_two_sheets_at_once_stands_in_one(exam, alice):
    one, two, three = (make_sheet(exam, pages=2) for _ in range(3))
    page = one.pages.get(number=1)
    race(
        lambda: pages.give_page(page, two, by=alice),
        lambda: pages.give_page(page, three, by=alice),
    )
    assert sorted(sheet.pages.count() for sheet in (two, three)) == [2, 3]
    assert one.pages.get().number == 1
