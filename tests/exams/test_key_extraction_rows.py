"""A proposed answer key as rows: what is odd is said, nothing is put right in silence."""

from decimal import Decimal

import pytest

from exams.key_rows import NOT_FOUND, Criterion, items_from, rows_of
from exams.rubric_items import RubricError, items_as_values, read_items
from tests.exams.key_steps import said
from tests.factories import BIOLOGY

TREE = [
    {"id": "Q1", "description": "What is light?", "max_marks": 2, "guidance": "Be kind."},
    {
        "id": "Q2",
        "description": "The heart",
        "guidance": "Drawings count.",
        "items": [
            {"id": "Q2a", "description": "Name its chambers.", "max_marks": 4, "answer": "Four."},
            {"id": "Q2b", "description": "Thickest wall?", "max_marks": 1, "binary": True},
        ],
    },
    {"id": "P1", "description": "Spelling", "kind": "penalty", "max_marks": 1, "step": 0.5},
]


def items(value=TREE):
    return read_items(value)


def row(proposed: dict):
    """The one row of an exam without a rubric."""
    (found,) = rows_of([proposed], ())
    return found


def left(**values) -> Criterion:
    """A row as a teacher left it."""
    given = {"was": values.get("code", "Q1"), "code": "Q1", "description": "x"}
    return Criterion(**{**given, "max_marks": Decimal(2), **values})


def unchanged(tree=TREE) -> list[Criterion]:
    rows = rows_of([], items(tree))
    return [
        Criterion(
            **{
                **r.values,
                "max_marks": Decimal(r.values["max_marks"]),
                "step": Decimal(r.values["step"]),
            }
        )
        for r in rows
    ]


# -- shown --------------------------------------------------------------------------------


def test_without_a_rubric_every_criterion_is_new_and_as_it_was_read():
    rows = rows_of([said("Q1", max_marks=2.5, step=0.5), said("Q2", page=3)], ())
    assert [r.values["code"] for r in rows] == ["Q1", "Q2"]
    assert rows[0].values | {"max_marks": "2.5", "step": "0.5", "was": ""} == rows[0].values
    assert all(r.is_new and not r.problems for r in rows)
    assert (rows[1].page, rows[1].confidence) == (3, 0.9)


def test_for_a_known_code_only_the_answer_is_proposed():
    (first, *_) = rows_of([said("q1", description="Something else")], items())
    assert first.values["was"] == first.values["code"] == "Q1"
    assert first.values["description"] == "What is light?"
    assert first.values["guidance"] == "Be kind."
    assert first.values["answer"] == "The answer to q1."
    assert not first.is_new
    assert first.problems == []


def test_marks_that_differ_from_the_rubrics_are_told_and_the_rubrics_stay():
    (first, *_) = rows_of([said("Q1", max_marks=3, step=0.5)], items())
    assert first.values["max_marks"] == "2"
    assert first.problems == [
        "The PDF seems to say 3 marks; the rubric says 2.",
        "The PDF seems to say 0.5 as step; the rubric says 1.",
    ]


def test_a_saved_answer_stands_beside_a_proposed_one_that_differs():
    tree = [{**BIOLOGY[0], "answer": "Sugar is made."}]
    (first,) = rows_of([said("Q1", answer="Glucose is made.")], items(tree))
    assert (first.values["answer"], first.saved) == ("Glucose is made.", "Sugar is made.")
    (same,) = rows_of([said("Q1", answer=" Sugar is made.\r\n")], items(tree))
    assert same.saved == ""


def test_a_criterion_of_the_rubric_that_the_model_passed_over_keeps_what_it_has():
    rows = {r.values["code"]: r for r in rows_of([said("Q1")], items())}
    assert list(rows) == ["Q1", "Q2a", "Q2b", "P1"]
    assert rows["Q2a"].problems == [NOT_FOUND]
    assert rows["Q2a"].values["answer"] == "Four."


def test_an_empty_answer_leaves_the_saved_one():
    rows = {r.values["code"]: r for r in rows_of([said("Q2a", max_marks=4, answer="  ")], items())}
    assert rows["Q2a"].values["answer"] == "Four."
    assert rows["Q2a"].problems == ["No answer was found for it."]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"max_marks": 2, "step": 0.3}, "marks 2 must be a multiple of step 0.3"),
        ({"max_marks": 0}, "marks must be > 0, not 0"),
        ({"max_marks": 2.333, "step": 1}, "marks may have at most two decimals, not 2.333"),
        ({"max_marks": None}, "The PDF does not say how many marks it gives."),
        ({"description": " "}, "description must not be empty"),
        ({"answer": "a\x07b"}, "answer contains the control character U+0007: delete it"),
        ({"answer": ""}, "No answer was found for it."),
        ({"confidence": 0.2}, "The model was unsure of what it read: compare it with the page."),
    ],
)
def test_what_is_odd_about_a_new_criterion_is_told_and_left_as_it_was_read(wrong, told):
    found = row(said("Q7") | wrong)
    assert told in found.problems
    for name, value in wrong.items():
        if name in found.values:
            assert found.values[name] == ("" if value is None else str(value))


def test_a_code_that_no_rubric_takes_is_told():
    assert row(said("Q 2 (a)")).problems[0].startswith("code 'Q 2 (a)' must be 1 to 40")


def test_a_code_that_stands_twice_is_shown_twice():
    rows = rows_of([said("Q1", answer="one"), said("q1", answer="two")], ())
    assert [r.values["answer"] for r in rows] == ["one", "two"]
    assert rows[0].problems == []
    assert rows[1].problems == ["There is another criterion 'q1': keep one of them."]


def test_the_second_answer_to_a_known_code_is_a_row_of_its_own():
    rows = rows_of([said("Q1", answer="one"), said("Q1", answer="two")], items(TREE[:1]))
    assert [(r.values["was"], r.values["answer"]) for r in rows] == [("Q1", "one"), ("", "two")]
    assert "keep one of them" in rows[1].problems[0]


def test_the_code_of_a_group_is_told():
    rows = rows_of([said("Q2")], items())
    assert rows[-1].is_new
    assert "made of several criteria" in rows[-1].problems[0]


def test_a_control_character_in_the_answer_to_a_known_code_is_told():
    (first, *_) = rows_of([said("Q1", answer="a\x07b")], items())
    assert "U+0007" in first.problems[0]
    assert first.values["answer"] == "a\x07b"


# -- and back -----------------------------------------------------------------------------


def test_rows_that_nobody_changed_are_the_rubric_again():
    found = read_items(items_from(unchanged(), items()))
    assert items_as_values(found) == items_as_values(items())


def test_a_corrected_row_keeps_its_place_its_kind_and_its_group():
    rows = unchanged()
    rows[1] = left(was="Q2a", code="Q2x", answer="Two atria.", step=Decimal("0.5"))
    rows[3] = left(was="P1", code="P1", max_marks=Decimal(2))
    tree = read_items(items_from(rows, items()))
    assert [item.id for item in tree] == ["Q1", "Q2", "P1"]
    assert [child.id for child in tree[1].items] == ["Q2x", "Q2b"]
    assert tree[1].items[0].answer == "Two atria."
    assert (tree[2].kind, tree[2].max_marks) == ("penalty", 2)


def test_new_rows_stand_at_the_end_and_left_out_ones_are_gone():
    rows = [r for r in unchanged() if r.was != "Q1"] + [left(was="", code="Q9")]
    assert [item.id for item in read_items(items_from(rows, items()))] == ["Q2", "P1", "Q9"]


def test_a_group_without_criteria_goes_with_the_last_of_them():
    rows = [r for r in unchanged() if not r.was.startswith("Q2")]
    assert [item.id for item in read_items(items_from(rows, items()))] == ["Q1", "P1"]


def test_a_row_made_from_a_criterion_that_is_gone_is_a_new_one():
    tree = read_items(items_from([left(was="Q8", code="Q8")], items(TREE[:1])))
    assert [item.id for item in tree] == ["Q8"]


def test_two_rows_that_claim_to_be_the_same_criterion_are_both_there_to_be_refused():
    values = items_from([left(code="Q1"), left(code="Q1")], items(TREE[:1]))
    with pytest.raises(RubricError, match="the id 'Q1' is taken"):
        read_items(values)


def test_without_a_step_the_rubrics_own_rule_decides():
    (item,) = read_items(items_from([left(was="", max_marks=Decimal("1.5"))], ()))
    assert item.step == Decimal("0.5")
