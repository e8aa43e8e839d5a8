"""The CSV of an exam's results: complete, and harmless in a spreadsheet."""

import csv
import io
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import User
from exams.rubrics import use_rubric
from grading.exports import harmless, results_csv
from tests import factories


def rows(text):
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_every_marked_sheet_is_a_row_with_its_leaves_and_total(exam, carols_enrolment):
    factories.make_sheet(exam, state="published", enrolment=carols_enrolment)
    factories.make_sheet(exam, state="mapped")
    header, carol = rows("".join(results_csv(exam)))
    assert header == ["Roll number", "Name", "State", "Q1", "Q2", "Total", "Out of"]
    assert carol == ["84B003", "Carol", "published", "1", "1", "2", "5"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_that_a_spreadsheet_would_run_is_only_text(exam, carols_enrolment, start):
    User.objects.filter(pk=carols_enrolment.student_id).update(name=f"{start}1+1")
    factories.make_sheet(exam, state="graded", enrolment=carols_enrolment)
    assert rows("".join(results_csv(exam)))[1][1] == f"'{start}1+1"


@pytest.mark.parametrize("sign", [";", "\t", "\r", "\n", ';"', '\n""'])
def test_no_spreadsheet_that_parts_cells_otherwise_runs_what_stands_inside_of_one(sign):
    assert harmless(f"good{sign}=cmd|x!A0;") == f"good{sign}'=cmd|x!A0;"
    assert harmless(f"good{sign}-2+cmd|x!A0;") == f"good{sign}'-2+cmd|x!A0;"
    assert harmless(f"good{sign} 2 of 3; - 1 = 2") == f"good{sign} 2 of 3; - 1 = 2"


def test_codes_and_roll_numbers_are_made_harmless_too(x_b, alice):
    assert harmless("=Q1") == "'=Q1"
    assert harmless("84B003") == "84B003"


def test_a_penalty_stays_a_number(x_b, alice):
    items = [
        {"id": "Q1", "description": "One", "max_marks": 4, "step": 0.5},
        {"id": "P", "description": "Late", "max_marks": 2, "step": 1, "kind": "penalty"},
    ]
    exam = factories.make_exam(x_b, items=items, by=alice)
    sheet = factories.make_sheet(exam, state="mapped")
    marks = factories.make_marks(sheet, factories.make_assessment(sheet, awarded=Decimal(0)))
    for mark, points in zip(marks, (Decimal("2.5"), Decimal(-1)), strict=True):
        mark.awarded = points
        mark.save()
    assert rows("".join(results_csv(exam)))[1][3:] == ["2.5", "-1", "1.5", "4"]


def test_sheets_of_two_rubric_versions_share_columns_by_code(exam, alice):
    factories.make_sheet(exam, state="graded")
    use_rubric(exam.rubrics.get())
    items = [
        {"id": "Q2", "description": "Two", "max_marks": 3, "step": 1},
        {"id": "Q3", "description": "Three", "max_marks": 1, "step": 1},
    ]
    factories.make_rubric(exam, items=items, by=alice)
    factories.make_sheet(exam, state="graded")
    header, old, new = rows("".join(results_csv(exam)))
    assert header[3:6] == ["Q1", "Q2", "Q3"]
    assert (old[3:6], new[3:6]) == (["1", "1", ""], ["", "1", "0"])


def test_the_download_is_a_file_that_no_cache_keeps(exam, alice, sign_in):
    answer = sign_in(alice).get(reverse("grading:export_csv", args=[exam.pk]))
    assert answer["Content-Type"].startswith("text/csv")
    assert 'filename="biology-unit-test-3-results.csv"' in answer["Content-Disposition"]
    assert answer["Cache-Control"] == "no-store"
