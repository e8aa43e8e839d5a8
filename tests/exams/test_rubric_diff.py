"""The difference of two rubrics: what was added, removed, changed or moved, word by word."""

import pytest

from exams.rubric_diff import diff_rubrics
from exams.rubric_items import read_items
from tests.exams.test_rubrics import TREE
from tests.factories import BIOLOGY


def diff(old, new):
    return diff_rubrics(read_items(old), read_items(new))


def told(found):
    return [
        (change.what, change.code, [field.label for field in change.fields])
        for change in found.changes
    ]


def test_the_same_rubric_has_no_difference():
    assert not diff(TREE, TREE)
    assert not diff(TREE, TREE).is_structural


@pytest.mark.parametrize(
    ("change", "label", "is_structural"),
    [
        ({"description": "What is it?"}, "What is asked", False),
        ({"answer": "Something else"}, "Expected answer", False),
        ({"guidance": "Be strict"}, "Guidance", False),
        ({"max_marks": 4}, "Marks", True),
        ({"step": 1}, "Step", True),
        ({"kind": "bonus"}, "Kind", True),
    ],
)
def test_a_changed_field_is_named_and_whether_it_touches_marks(change, label, is_structural):
    found = diff(BIOLOGY, [BIOLOGY[0] | change, BIOLOGY[1]])
    assert told(found) == [("changed", "Q1", [label])]
    assert found.is_structural == is_structural


def test_only_the_words_that_differ_are_marked():
    new = {**BIOLOGY[0], "description": "What is cell respiration?"}
    (change,) = diff(BIOLOGY, [new, BIOLOGY[1]]).changes
    before, after = change.fields[0].before, change.fields[0].after
    assert "".join(piece.text for piece in before) == "What is photosynthesis?"
    assert "".join(piece.text for piece in after) == "What is cell respiration?"
    assert [piece.text for piece in after if piece.is_other] == ["cell respiration"]


def test_added_and_removed_criteria_are_told_with_their_fields():
    found = diff(BIOLOGY[:1], BIOLOGY[1:])
    assert [line[:2] for line in told(found)] == [("added", "Q2"), ("removed", "Q1")]
    assert found.is_structural
    assert "Marks" in told(found)[0][2]


def test_another_code_for_the_same_words_is_a_change_and_not_two():
    found = diff(BIOLOGY, [{**BIOLOGY[0], "id": "A1"}, BIOLOGY[1]])
    assert told(found) == [("changed", "A1", ["Code"])]
    assert found.is_structural


def test_two_criteria_of_the_same_words_are_not_taken_for_each_other():
    twice = [BIOLOGY[0], {**BIOLOGY[0], "id": "Q9"}]
    found = diff(twice, [{**BIOLOGY[0], "id": "A1"}, {**BIOLOGY[0], "id": "A2"}])
    assert {line[0] for line in told(found)} == {"added", "removed"}


def test_another_order_is_told_as_a_move_of_the_fewest():
    items = [{**BIOLOGY[0], "id": f"Q{n}", "description": f"What is {n}?"} for n in range(5)]
    found = diff(items, [items[4], *items[:4]])
    assert told(found) == [("moved", "Q4", [])]
    assert found.is_structural


def test_a_criterion_that_went_into_a_group_says_so():
    group = {"id": "G", "description": "Group", "items": [BIOLOGY[0]]}
    found = diff([BIOLOGY[0], {**BIOLOGY[1]}], [group, BIOLOGY[1]])
    assert ("changed", "Q1", ["Inside"]) in told(found)
