"""Samples: papers with a teacher's marks, and what happens when the rubric moves on."""

from decimal import Decimal

import pytest

from batching.conflicts import Conflict
from exams.models import SampleSheet
from exams.rubrics import current_rubric, leaves, save_rubric
from exams.samples import (
    MAX_SAMPLES,
    SampleError,
    SampleMark,
    all_samples,
    parse_mark,
    remove_sample,
    samples_of,
    save_sample,
    sheets_for_samples,
    staleness,
)
from tests.factories import BIOLOGY, make_page, make_sheet


def marks(q1="2", q2="1.5") -> dict[str, SampleMark]:
    return {"Q1": SampleMark(Decimal(q1), "all of it"), "Q2": SampleMark(Decimal(q2))}


def problem(sheet, by, **changes) -> list[str]:
    with pytest.raises(SampleError) as error:
        save_sample(sheet, **({"title": "Full", "marks": marks(), "by": by} | changes))
    return error.value.messages


@pytest.fixture
def sheet(exam):
    return make_sheet(exam, state="skipped", pages=2)


@pytest.fixture
def sample(sheet, alice):
    return save_sample(sheet, title="Full", marks=marks(), by=alice)


def test_a_sample_keeps_the_marks_of_the_teacher(sample, alice):
    stored = SampleSheet.objects.get()
    assert stored.marks == {
        "Q1": {"awarded": "2", "comment": "all of it"},
        "Q2": {"awarded": "1.5", "comment": ""},
    }
    assert stored.created_by == alice


def test_a_sample_goes_along_with_its_pages(sample, exam, django_assert_num_queries):
    with django_assert_num_queries(4):
        (found,) = samples_of(exam)
        assert len(found.sheet.pages.all()) == 2


def test_marking_it_again_changes_the_same_sample(sample, sheet, admin):
    again = save_sample(sheet, title="Partial", marks=marks("0.5", "0"), by=admin)
    assert again.history.latest().history_user == admin
    assert (again.pk, again.title) == (sample.pk, "Partial")
    assert again.history.count() == 2


def test_a_mark_that_is_not_possible_is_refused_by_criterion(sheet, alice):
    assert problem(sheet, alice, marks=marks("2.5", "0.3")) == [
        "Q1: 2.5 is not possible; 0 to 2 in steps of 0.5",
        "Q2: 0.3 is not possible; 0 to 3 in steps of 0.5",
    ]


def test_a_missing_and_an_unknown_mark_are_refused(sheet, alice):
    found = problem(
        sheet, alice, marks={"Q1": SampleMark(Decimal(1)), "Q9": SampleMark(Decimal(1))}
    )
    assert found == ["Q2: the mark is missing", "the rubric has no Q9"]


def test_a_sample_needs_a_title(sheet, alice):
    assert "title" in problem(sheet, alice, title="  ")[0]


def test_an_unmapped_sheet_must_be_mapped_or_skipped_first(exam, alice):
    sheet = make_sheet(exam, state="pending_mapping")
    assert "skip it" in problem(sheet, alice)[0]


@pytest.mark.parametrize("state", ["jsonl_ready", "in_batch"])
def test_a_sheet_on_its_way_to_a_model_cannot_become_a_sample(exam, alice, state):
    sheet = make_sheet(exam, state=state)
    with pytest.raises(Conflict, match="cannot be made a sample"):
        save_sample(sheet, title="Full", marks=marks(), by=alice)


def test_a_sheet_whose_pages_were_all_dropped_shows_nothing(exam, alice, sheet):
    for page in sheet.pages.all():
        page.dropped_at = page.sheet.created_at
        page.save()
    assert "no pages" in problem(sheet, alice)[0]
    assert not sheets_for_samples(exam)


def test_there_is_a_most_of_samples(exam, alice):
    for _ in range(MAX_SAMPLES):
        save_sample(make_sheet(exam, state="skipped"), title="x", marks=marks(), by=alice)
    assert "Remove one first" in problem(make_sheet(exam, state="skipped"), alice)[0]


def test_only_sheets_that_may_be_samples_are_offered(exam, sample):
    offered = [make_sheet(exam, state=state) for state in ("skipped", "mapped", "graded")]
    for state in ("pending_mapping", "in_batch", "failed"):
        make_sheet(exam, state=state)
    assert set(sheets_for_samples(exam)) == set(offered)


def test_other_wording_leaves_a_sample_as_it_is(sample, exam, alice):
    save_rubric(exam, [{**BIOLOGY[0], "description": "Other"}, BIOLOGY[1]], by=alice)
    assert samples_of(exam) == [sample]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([BIOLOGY[0]], "marks for Q2, which the rubric no longer has"),
        ([*BIOLOGY, {"id": "Q3", "description": "x", "max_marks": 1}], "no mark for Q3"),
        ([BIOLOGY[0], {**BIOLOGY[1], "step": 1}], "a mark that is no longer possible for Q2"),
    ],
)
def test_a_sample_that_no_longer_fits_is_left_out_and_says_why(sample, exam, alice, items, reason):
    rubric = save_rubric(exam, items, by=alice)
    assert samples_of(exam) == []
    (found,) = all_samples(exam)
    assert staleness(found, leaves(rubric)) == reason


def test_without_a_rubric_there_is_no_sample(exam, sheet, alice):
    current_rubric(exam).delete()
    assert "Write the rubric first" in problem(sheet, alice)[0]


def test_removing_twice_is_the_same_as_once(sample, alice, sheet):
    remove_sample(sample, by=alice)
    remove_sample(sample, by=alice)
    assert not SampleSheet.objects.exists()
    assert SampleSheet.history.filter(history_type="-").count() == 1
    sheet.refresh_from_db()


def test_a_page_added_later_is_part_of_the_sample(sample, exam, sheet):
    make_page(sheet, 3)
    assert len(samples_of(exam)[0].sheet.pages.all()) == 3


@pytest.mark.parametrize(
    ("text", "mark"), [("1,5", "1.5"), (" 2 ", "2"), ("", None), ("x", None), ("NaN", None)]
)
def test_a_mark_is_read_as_it_is_typed(text, mark):
    assert parse_mark(text) == (None if mark is None else Decimal(mark))
