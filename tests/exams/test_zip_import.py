"""From a ZIP to sheets: what becomes of every member, and of a paper that came before."""

import zipfile

import pytest
from django.core.files.storage import default_storage

from exams.archives import Member
from exams.models import Sheet
from exams.natural import natural_key
from exams.zip_import import grouped
from tests.exams.steps import stored
from tests.factories_intake import jpeg, packed, pdf, png, report, unpacked

pytestmark = pytest.mark.django_db


def test_a_sheet_for_each_pdf_each_folder_of_images_and_each_single_image(exam):
    upload = unpacked(
        exam,
        packed(
            ("84B003.pdf", pdf("one")),
            ("17B004/page10.jpg", jpeg("ten")),
            ("17B004/page2.jpg", jpeg("two")),
            ("loose.png", png("loose")),
            ("more/a.pdf", pdf("a")),
            ("more/b.pdf", pdf("b")),
        ),
    )
    assert upload.state == "unpacked"
    assert upload.member_count == 6
    assert set(report(upload).values()) == {"accepted"}
    names = {sheet.name: len(sheet.source_files) for sheet in upload.sheets.all()}
    assert names == {"84B003.pdf": 1, "17B004": 2, "loose.png": 1, "more/a.pdf": 1, "more/b.pdf": 1}
    with default_storage.open(upload.sheets.get(name="17B004").source_files[0]) as first:
        assert first.read() == jpeg("two")
    assert all(sheet.history.count() == 1 for sheet in upload.sheets.all())


def test_a_folder_with_a_pdf_and_images_gives_the_pdf_and_the_images_apart(exam):
    upload = unpacked(
        exam,
        packed(("x/a.pdf", pdf("a")), ("x/1.jpg", jpeg("1")), ("x/2.jpg", jpeg("2"))),
    )
    assert {s.name: len(s.source_files) for s in upload.sheets.all()} == {"x": 2, "x/a.pdf": 1}


def test_images_named_after_several_students_are_not_taken_for_one_paper(exam, carol, dora):
    upload = unpacked(
        exam,
        packed(
            ("scans/84B003_1.jpg", jpeg("c1")),
            ("scans/84B003_2.jpg", jpeg("c2")),
            ("scans/17B004.jpg", jpeg("d1")),
        ),
    )
    names = {sheet.name: len(sheet.source_files) for sheet in upload.sheets.all()}
    assert names == {"scans/84B003_1.jpg": 2, "scans/17B004.jpg": 1}


def test_a_students_folder_is_one_paper_whatever_its_pages_are_called(carol, dora):
    pages = [
        Member(zipfile.ZipInfo(name), name) for name in ("84B003/1.jpg", "84B003/17B004 copied.jpg")
    ]
    assert [name for name, _ in grouped(pages, ["84B003", "17B004"])] == ["84B003"]


def test_page_two_comes_before_page_ten():
    assert sorted(["p10", "p2", "P1", "p"], key=natural_key) == ["p", "P1", "p2", "p10"]
    assert natural_key("9" * 5000) > natural_key("9" * 4999)


def test_a_single_pdf_or_image_is_a_sheet_by_itself(exam):
    sheet = unpacked(exam, jpeg("one page"), "84B003.jpg").sheets.get()
    assert sheet.name == "84B003.jpg"
    assert report(sheet.upload) == {"84B003.jpg": "accepted"}
    assert sheet.source_files == [sheet.upload.file]


def test_what_computers_add_is_ignored_and_listed(exam):
    upload = unpacked(
        exam,
        packed(
            ("__MACOSX/._a.pdf", b"x"),
            ("x/.DS_Store", b"x"),
            ("Thumbs.db", b"x"),
            ("a.pdf", pdf("a")),
            ("empty folder/", b""),
        ),
    )
    assert report(upload) == {
        "__MACOSX/._a.pdf": "ignored",
        "x/.DS_Store": "ignored",
        "Thumbs.db": "ignored",
        "a.pdf": "accepted",
    }


def test_a_paper_that_the_exam_has_already_is_listed_and_not_doubled(exam):
    paper = pdf("the same")
    first = unpacked(exam, packed(("monday.pdf", paper)), "monday.zip")
    again = unpacked(
        exam,
        packed(("tuesday.pdf", paper), ("copy.pdf", paper), ("new.pdf", pdf("new"))),
        "tuesday.zip",
    )
    assert Sheet.objects.filter(exam=exam).count() == 2
    line = again.members.get(name="tuesday.pdf")
    assert line.outcome == "repeated"
    assert line.sheet == first.sheets.get()
    assert "monday.pdf" in line.reason
    assert "monday.zip" in line.reason
    assert again.members.get(name="copy.pdf").outcome == "repeated"


@pytest.mark.django_db(transaction=True)
def test_a_repeated_paper_leaves_no_file_behind(exam):
    paper = pdf("the same")
    unpacked(exam, packed(("a.pdf", paper)))
    unpacked(exam, packed(("b.pdf", paper), ("c.pdf", pdf("new"))))
    assert len(stored()) == 2


def test_the_same_images_alone_in_a_folder_are_the_same_paper(exam):
    unpacked(exam, jpeg("one"), "one.jpg")
    upload = unpacked(exam, packed(("84B003/one.jpg", jpeg("one"))))
    assert report(upload) == {"84B003/one.jpg": "repeated"}
