"""The files for gradebooks, programs and the archive: complete, in order, and telling gaps."""

import csv
import hashlib
import io
import json
import logging
import zipfile
from decimal import Decimal

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import translation

from accounts.models import User
from exams.models import Exam, Page, Sheet, SheetState
from exams.rubric_files import read_exam_file
from grading import review
from grading.export_archive import archive
from grading.export_gradebooks import Match, canvas_csv, canvas_title, moodle_csv
from grading.export_json import results_json
from grading.export_rows import in_english
from grading.exports import marks_csv, results_csv
from tests import factories

FORMULA = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1"]


def table(lines):
    return list(csv.reader(io.StringIO("".join(lines).removeprefix("\ufeff"))))


def records(lines):
    head, *rows = table(lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


@pytest.fixture
def published(exam, carols_enrolment):
    return factories.make_sheet(exam, state="published", enrolment=carols_enrolment, pages=2)


@pytest.fixture
def changed(exam, doras_enrolment, alice):
    """Dora's, whose first mark Alice changed."""
    sheet = factories.make_sheet(exam, state="graded", enrolment=doras_enrolment)
    mark = sheet.marks.get(criterion__code="Q1")
    review.change_mark(
        mark.pk,
        awarded=Decimal("1.5"),
        feedback="Better than that, “really”;\nwith a line",
        reason="The arrow counts.",
        version=mark.version,
        by=alice,
    )
    return sheet


def test_a_row_for_every_mark_says_who_changed_it_and_why(exam, published, changed):
    rows = records(marks_csv(exam))
    assert [(row["Roll number"], row["Criterion"]) for row in rows] == [
        ("17B004", "Q1"),
        ("17B004", "Q2"),
        ("84B003", "Q1"),
        ("84B003", "Q2"),
    ]
    first, second = rows[:2]
    assert (first["Points"], first["Proposed points"], first["Overridden"]) == ("1.5", "1", "yes")
    assert (first["Changed by"], first["Reason"]) == ("Alice", "The arrow counts.")
    assert first["Feedback"].endswith("\nwith a line")
    assert (second["Changed by"], second["Changed at"], second["Overridden"]) == ("", "", "no")
    assert (second["Lowest"], second["Highest"], second["State"]) == ("0", "3", "to be reviewed")


@pytest.mark.parametrize("text", FORMULA)
def test_no_text_of_any_table_is_run_by_a_spreadsheet(exam, published, alice, text):
    User.objects.filter(pk=published.enrolment.student_id).update(name=text)
    Exam.objects.filter(pk=exam.pk).update(title=text)
    exam = Exam.objects.get(pk=exam.pk)
    published.marks.update(feedback=text)
    tables = [
        table(marks_csv(exam)),
        table(canvas_csv(exam, Match.EMAIL)),
        table(moodle_csv(exam)),
    ]
    for name, content in members(exam, alice).items():
        if name.endswith(".csv"):
            tables.append(table([content.decode()]))
    for cell in (cell for rows in tables for row in rows for cell in row):
        assert cell != text
        assert not cell.startswith(("=", "+", "@", "\t", "\r", "＝"))


def test_canvas_knows_students_by_roll_number_or_by_e_mail_and_gets_no_proposal(
    exam, published, changed
):
    by_roll = table(canvas_csv(exam, Match.ROLL_NUMBER))
    assert by_roll == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Biology unit test 3"],
        ["    Points Possible", "", "", "", "", "5"],
        ["Carol", "", "84B003", "", "X-B", "2"],
    ]
    assert table(canvas_csv(exam, Match.EMAIL))[2][2:4] == ["", "carol@school.example"]
    # Canvas reads the first column's name exactly.
    assert next(iter(canvas_csv(exam, Match.EMAIL))).startswith("Student,")


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("Unit test", "Unit test"),
        ("Unit test (2)", "Unit test [2]"),
        ("Unit test (2nd)", "Unit test (2nd)"),
        ("Final Grade essay", "Final-Grade essay"),
        ("The final grade", "The final grade"),
        ("Points Possible", "Points-Possible"),
    ],
)
def test_no_title_names_another_assignment_or_a_column_of_canvas(title, column):
    assert canvas_title(title) == column


def test_moodle_gets_the_total_and_the_feedback_of_all_questions(exam, published, changed):
    header, carol = table(moodle_csv(exam))
    assert header == [
        "ID number",
        "Email address",
        "Name",
        "Biology unit test 3",
        "Biology unit test 3 (feedback)",
    ]
    assert carol[:4] == ["84B003", "carol@school.example", "Carol", "2"]
    assert carol[4] == "Q1 (1 / 2): Feedback on Q1\nQ2 (1 / 3): Feedback on Q2"


def test_the_json_holds_what_its_description_says(exam, published, changed):
    value = json.loads("".join(results_json(exam)))
    assert (value["format"], value["version"]) == ("sheaf-results", 1)
    assert set(value) == {"format", "version", "exam", "criteria", "sheets"}
    assert value["exam"] == {
        "title": "Biology unit test 3",
        "date": None,
        "class": "X-B",
        "subject": "Biology",
    }
    assert value["criteria"][0] == {
        "code": "Q1",
        "description": "What is photosynthesis?",
        "kind": "base",
        "lowest": 0,
        "highest": 2,
        "step": 0.5,
    }
    dora, carol = value["sheets"]
    assert (carol["roll_number"], carol["total"], carol["out_of"]) == ("84B003", 2, 5)
    assert set(carol) == {
        *("sheet", "roll_number", "name", "email", "state", "reviewed_at", "published_at"),
        *("total", "out_of", "marks", "appeals"),
    }
    assert dora["marks"][0] == {
        "criterion": "Q1",
        "rubric_version": 1,
        "points": 1.5,
        "lowest": 0,
        "highest": 2,
        "feedback": "Better than that, “really”;\nwith a line",
        "overridden": True,
        "proposed": {"points": 1, "source": "staff", "provider": "", "model": ""},
        "changed_by": "Alice",
        "changed_at": dora["marks"][0]["changed_at"],
    }


def test_an_exam_without_marks_gives_whole_empty_files(exam):
    assert json.loads("".join(results_json(exam)))["sheets"] == []
    assert len(table(marks_csv(exam))) == 1
    assert len(table(canvas_csv(exam, Match.EMAIL))) == 2


def members(exam, by):
    with zipfile.ZipFile(io.BytesIO(b"".join(archive(exam, by=by)))) as zipped:
        assert zipped.testzip() is None
        return {name: zipped.read(name) for name in zipped.namelist()}


def test_the_archive_holds_everything_and_its_manifest_every_hash(exam, published, changed, alice):
    published.assessments.update(raw_reply="the raw reply")
    files = members(exam, alice)
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest["problems"] == []
    assert (manifest["format"], manifest["exported_by"]) == ("sheaf-archive", "Alice")
    assert {one["name"]: (one["sha256"], one["size"]) for one in manifest["files"]} == {
        name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in files.items()
    }
    for page in Page.objects.filter(sheet=published):
        name = f"pages/84B003-{published.pk}/page-{page.number:02d}.jpg"
        assert hashlib.sha256(files[name]).hexdigest() == page.sha256
    assert read_exam_file(files["exam.yaml"]).title == exam.title
    changes = records([files["history-of-marks.csv"].decode()])
    assert ("Alice", "The arrow counts.", "1.5") in {
        (row["Who"], row["Reason"], row["Points"]) for row in changes
    }
    assert len(records([files["history-of-sheets.csv"].decode()])) == 2
    assessments = [json.loads(one) for one in files["assessments.jsonl"].splitlines()]
    assert [one["raw_reply"] for one in assessments] == ["the raw reply", ""]
    assert [part["code"] for part in assessments[1]["parts"]] == ["Q1", "Q2"]
    assert assessments[0]["parts"][0]["reasoning"] == "Staff-only reasoning on Q1"


def test_every_file_says_the_same_to_a_german_teacher(exam, published, changed, alice):
    def files():
        in_english.cache_clear()
        texts = {
            "marks": marks_csv(exam),
            "results": results_csv(exam),
            "json": results_json(exam),
            "canvas": canvas_csv(exam, Match.ROLL_NUMBER),
            "moodle": moodle_csv(exam),
        }
        told = {name: "".join(pieces).encode() for name, pieces in texts.items()}
        zipped = members(exam, alice)
        del zipped["manifest.json"]  # has the time
        return told | zipped

    with translation.override("de"):
        assert str(SheetState.GRADED.label) == "zu prüfen"
        german = files()
    english = files()
    assert {name for name in english if english[name] != german[name]} == set()
    for name in ("marks", "results", "history-of-sheets.csv"):
        assert b"to be reviewed" in english[name]
    assert b",Staff," in english["marks"]


def test_two_archives_of_one_state_differ_in_the_manifest_alone(exam, published, changed, alice):
    one, two = members(exam, alice), members(exam, alice)
    assert list(one) == list(two)
    assert {name for name in one if one[name] != two[name]} <= {"manifest.json"}


def test_a_page_that_is_missing_or_another_one_stands_in_the_manifest(exam, published, alice):
    first, second = Page.objects.filter(sheet=published)
    default_storage.delete(first.image)
    Page.objects.filter(pk=second.pk).update(sha256="0" * 64)
    files = members(exam, alice)
    problems = json.loads(files["manifest.json"])["problems"]
    assert len(problems) == 2
    assert "page-01" in problems[0]
    assert "missing" in problems[0]
    assert "page-02" in problems[1]


def test_a_change_while_the_archive_is_written_stands_in_the_manifest(exam, published, alice):
    pieces = archive(exam, by=alice)
    begun = [next(pieces)]
    Sheet.objects.filter(pk=published.pk).update(state="reviewed")
    with zipfile.ZipFile(io.BytesIO(b"".join([*begun, *pieces]))) as zipped:
        (problem,) = json.loads(zipped.read("manifest.json"))["problems"]
    assert "changed while" in problem


def test_no_name_in_the_archive_leaves_its_folder(exam, carols_enrolment, alice):
    carols_enrolment.roll_number = "../../../etc/x"
    carols_enrolment.save()
    factories.make_sheet(exam, state="graded", enrolment=carols_enrolment)
    assert not [name for name in members(exam, alice) if ".." in name or name.startswith("/")]


FILES = ["csv", "marks", "canvas", "moodle", "json", "archive"]


@pytest.mark.parametrize("name", FILES)
def test_a_download_is_a_file_that_no_cache_keeps_and_is_logged(
    exam, published, alice, sign_in, caplog, name
):
    caplog.set_level(logging.INFO, logger="grading.views.exports")
    answer = sign_in(alice).get(reverse(f"grading:export_{name}", args=[exam.pk]))
    assert answer.streaming
    assert b"".join(answer.streaming_content)
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Disposition"].startswith('attachment; filename="biology-unit-test-3-')
    (line,) = [one.getMessage() for one in caplog.records]
    assert line.startswith(f"exam {exam.pk}: user {alice.pk} downloads ")
    for told in ("Biology", "Carol", "Alice"):
        assert told not in line


def test_canvas_is_not_matched_by_anything_else(exam, alice, sign_in):
    address = reverse("grading:export_canvas", args=[exam.pk])
    assert sign_in(alice).get(f"{address}?match=name").status_code == 404


def test_the_page_of_downloads_says_what_maps_to_what(exam, published, changed, alice, sign_in):
    browser, page = sign_in(alice), reverse("grading:exports", args=[exam.pk])
    text = browser.get(page).text
    for said in ("SIS User ID", "useridnumber", "1 reviewed or published result", "1 sheet is not"):
        assert said in text
    assert "no e-mail address" not in text
    User.objects.filter(pk=published.enrolment.student_id).update(email="")
    assert "1 student has no e-mail address" in browser.get(page).text


def test_without_marks_there_is_nothing_to_download(exam, alice, sign_in):
    text = sign_in(alice).get(reverse("grading:exports", args=[exam.pk])).text
    assert "Nothing to download yet" in text
    assert reverse("grading:export_csv", args=[exam.pk]) not in text
