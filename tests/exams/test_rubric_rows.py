"""Rows of the rubric's editor: every move keeps a tree a tree, and nothing typed gets lost."""

import random
from decimal import Decimal
from itertools import pairwise

import pytest

from exams.rubric_items import MAX_DEPTH, items_as_values, read_items
from exams.rubric_rows import (
    LISTS,
    MOVES,
    Row,
    UnreadableForm,
    advice_of,
    edit_rows,
    errors_of,
    rows_from,
    rows_of,
    shown,
    total_of_rows,
    values_of,
)
from tests.exams.test_rubrics import TREE


def tree(text: str) -> list[Row]:
    """Rows from "Q1 Q2 >Q2a >Q2b": a > for each step inwards."""
    found = []
    for word in text.split():
        code = word.lstrip(">")
        values = {"code": code, "description": f"What is {code}?", "marks": "1", "answer": "x"}
        found.append(Row(code, len(word) - len(code), **values))
    return found


def drawn(rows: list[Row]) -> str:
    return " ".join(f"{'>' * row.depth}{row.code}" for row in rows)


def lists_of(rows: list[Row]) -> dict[str, list[str]]:
    return {
        name: [str(getattr(row, "key" if name == "row" else name)) for row in rows]
        for name in LISTS
    }


def test_a_rubric_comes_back_from_the_form_as_it_went_in():
    items = read_items(TREE)
    rows = rows_from(lists_of(rows_of(items)))
    assert errors_of(rows) == {}
    assert read_items(values_of(rows)[0]) == items
    assert values_of(rows)[0] == items_as_values(items)


def test_sums_and_the_total_leave_out_bonus_and_penalty():
    rows = shown(rows_of(read_items(TREE)))
    assert {row.code: row.sum for row in rows if row.is_inner} == {"Q2": Decimal(4)}
    assert total_of_rows(rows) == Decimal(6)


@pytest.mark.parametrize(
    ("before", "act", "after"),
    [
        ("A B >B1 C", "up:C", "A C B >B1"),
        ("A B >B1 C", "up:B", "B >B1 A C"),
        ("A B >B1 C", "down:A", "B >B1 A C"),
        ("A B >B1 C", "down:B", "A C B >B1"),
        ("A B >B1 >B2", "up:B2", "A B >B2 >B1"),
        ("A B >B1", "up:B1", "A B >B1"),
        ("A B >B1", "up:A", "A B >B1"),
        ("A >A1 B", "down:A1", "A >A1 B"),
        ("A B >B1 C", "in:B", "A >B >>B1 C"),
        ("A B C", "in:A", "A B C"),
        ("A >A1 B", "in:B", "A >A1 >B"),
        ("A >B >>C D", "in:D", "A >B >>C >D"),
        ("A >B >>C >>>D >>>E", "in:E", "A >B >>C >>>D >>>E"),
        ("A >A1 >A2 B", "out:A1", "A >A2 A1 B"),
        ("A >A1 >>A1a >A2 B", "out:A1", "A >A2 A1 >A1a B"),
        ("A B", "out:B", "A B"),
        ("A B >B1 C", "delete:B", "A C"),
        ("A", "delete:A", ""),
        ("A B", "up:missing", "A B"),
        ("A B", "explode:A", "A B"),
        ("A B", "", "A B"),
    ],
)
def test_a_row_moves_with_all_that_is_in_it_or_stays(before, act, after):
    assert drawn(edit_rows(tree(before), act)[0]) == after


@pytest.mark.parametrize(
    ("before", "act", "after"),
    [
        ("Q1 Q2 >Q2a", "add", "Q1 Q2 >Q2a Q3"),
        ("Q1 Q2 >Q2a", "inside:Q2", "Q1 Q2 >Q2a >Q2b"),
        ("Q1 Q2 >Q2a", "inside:Q2a", "Q1 Q2 >Q2a >>Q2a1"),
        ("Q1 Q2 >Q2a", "below:Q1", "Q1 Q3 Q2 >Q2a"),
        ("Q2 Q3", "add", "Q2 Q3 Q4"),
        ("A >B >>C >>>D", "inside:D", "A >B >>C >>>D"),
    ],
)
def test_a_new_row_gets_the_next_code(before, act, after):
    rows, key = edit_rows(tree(before), act)
    assert drawn(rows) == after
    assert after == before or key in {row.key for row in rows}


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_clicked_the_rows_stay_a_tree_and_keep_their_words(seed):
    chance = random.Random(seed)
    rows = tree("A B >B1 >B2 >>B2a C >C1")
    words = {row.key: row.description for row in rows}
    for _ in range(60):
        move = chance.choice([*MOVES[:4], "below", "inside"])
        rows, _key = edit_rows(rows, f"{move}:{chance.choice(rows).key}")
        depths = [row.depth for row in rows]
        assert depths[0] == 0
        assert max(depths) < MAX_DEPTH
        assert all(b <= a + 1 for a, b in pairwise(depths))
        assert {row.key: row.description for row in rows if row.key in words} == words


def test_marks_of_a_row_that_got_rows_inside_wait_until_it_is_a_leaf_again():
    rows, _ = edit_rows(tree("A B"), "in:B")
    assert "max_marks" not in values_of(rows)[0][0]
    rows, _ = edit_rows(rows, "out:B")
    assert values_of(rows)[0][0]["max_marks"] == 1


def one(**texts: str) -> list[Row]:
    values = {"code": "Q1", "description": "What?", "marks": "2", "answer": "x"} | texts
    return [Row("r0", **values)]


@pytest.mark.parametrize(
    ("texts", "field", "words"),
    [
        ({"code": ""}, "code", "short code"),
        ({"code": "Q 1"}, "code", "letters, digits"),
        ({"description": "  "}, "description", "what is asked"),
        ({"marks": ""}, "marks", "Give it marks"),
        ({"marks": "two"}, "marks", "no number"),
        ({"marks": "NaN"}, "marks", "no number"),
        ({"marks": "9" * 40}, "marks", "no number"),
        ({"marks": "0"}, "marks", "> 0"),
        ({"marks": "-1"}, "marks", "no number"),
        ({"marks": "2.3", "step": "0.5"}, "marks", "multiple of step"),
        ({"marks": "2.125"}, "marks", "two decimals"),
        ({"marks": "2.3"}, "step", "Step is missing"),
        ({"step": "x"}, "step", "no number"),
        ({"step": "3"}, "marks", "multiple of step"),
        ({"marks": "1000", "step": "0.01"}, "step", "too fine"),
        ({"kind": "gift"}, "kind", "one of base, bonus"),
        ({"answer": "a\x07"}, "answer", "control character"),
        ({"guidance": "g" * 20_001}, "guidance", "20001 characters"),
    ],
)
def test_a_mistake_is_named_at_its_field_once(texts, field, words):
    (errors,) = errors_of(one(**texts)).values()
    assert list(errors) == [field]
    assert len(errors[field]) == 1
    assert words in errors[field][0]
    assert "max_marks" not in errors[field][0]


def test_every_mistake_of_every_row_is_named_at_once():
    rows = tree("A B >A >C")
    rows[0] = Row("r0", code="", description="", marks="")
    errors = errors_of(rows)
    assert set(errors[0]) == {"code", "description", "marks"}
    rows = tree("A B >A C")
    assert "taken" in errors_of(rows)[2]["code"][0]


def test_a_group_with_an_answer_of_its_own_is_told_so():
    assert "answer does not go" in errors_of(tree("A >B"))[0]["answer"][0].lower()


def test_no_rows_at_all_is_a_mistake_of_the_whole():
    assert errors_of([]) == {-1: {"": ["Write at least one criterion."]}}


def test_a_comma_is_taken_for_a_point():
    assert values_of(one(marks="2,5"))[0][0]["max_marks"] == 2.5


@pytest.mark.parametrize(
    "broken",
    [{}, {"row": ["a"]}, {name: ["a", "a"] for name in LISTS}],
    ids=["nothing beside rows", "a list that is too short", "one key twice"],
)
def test_a_form_whose_lists_do_not_fit_is_refused(broken):
    lists = lists_of(tree("A B")) | (broken or {"marks": []})
    with pytest.raises(UnreadableForm):
        rows_from(lists)


@pytest.mark.parametrize("depths", [["3", "9"], ["x", "²"], ["-1", "1"]])
def test_depths_that_cannot_be_become_the_nearest_that_can(depths):
    rows = rows_from(lists_of(tree("A B")) | {"depth": depths})
    assert rows[0].depth == 0
    assert rows[1].depth <= 1


def test_advice_is_given_while_numbers_are_still_missing():
    rows = one(description="Shows good understanding", marks="")
    assert [found.field for found in advice_of(rows)[0]] == ["description"]
