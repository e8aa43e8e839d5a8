"""The short form of a rubric: what is right, and what is said about what is not."""

from decimal import Decimal

import pytest

from exams.rubric_items import (
    MAX_ITEMS,
    RubricError,
    check_items,
    items_as_values,
    leaf_items,
    read_items,
)


def item(code: str = "Q1", **fields) -> dict:
    return {"id": code, "description": f"About {code}", "max_marks": 2, **fields}


def group(code: str, *items: dict, **fields) -> dict:
    return {"id": code, "description": f"About {code}", "items": list(items), **fields}


def refused(*items: dict) -> list[str]:
    with pytest.raises(RubricError) as error:
        read_items(list(items))
    return error.value.messages


def test_without_a_step_whole_marks_are_given():
    assert read_items([item()])[0].step == 1


@pytest.mark.parametrize(("marks", "step"), [(2.5, "0.5"), (0.75, "0.25"), (3, "1")])
def test_without_a_step_the_largest_usual_one_that_fits_is_taken(marks, step):
    assert read_items([item(max_marks=marks)])[0].step == Decimal(step)


def test_without_a_step_odd_marks_need_one():
    assert "step is missing" in refused(item(max_marks=1.1))[0]


def test_binary_is_all_or_nothing():
    assert read_items([item(binary=True, max_marks=3)])[0].step == 3


def test_binary_beside_another_step_is_refused():
    assert "leave step out" in refused(item(binary=True, step=0.5))[0]


def test_a_decimal_step_is_exact():
    checked = read_items([item(max_marks=0.7, step=0.1)])[0]
    assert (checked.max_marks, checked.step) == (Decimal("0.7"), Decimal("0.1"))


def test_full_marks_must_be_a_multiple_of_the_step():
    assert refused(item(), item("Q2", max_marks=2, step=0.3)) == [
        "Q2: max_marks 2 must be a multiple of step 0.3"
    ]


def test_a_step_larger_than_the_marks_is_refused():
    assert "multiple of step" in refused(item(max_marks=1, step=2))[0]


def test_a_step_with_three_decimals_is_refused():
    assert "two decimals" in refused(item(step=0.125))[0]


def test_a_step_that_makes_thousands_of_marks_is_refused():
    assert "too fine" in refused(item(max_marks=100, step=0.01))[0]


@pytest.mark.parametrize("marks", [0, -1])
def test_marks_must_be_positive(marks):
    assert refused(item(max_marks=marks)) == [f"Q1: max_marks must be > 0, not {marks}"]


def test_true_is_not_a_number_of_marks():
    assert "max_marks must be a number, not True" in refused(item(max_marks=True))[0]


def test_an_item_without_marks_and_without_items_is_refused():
    assert "max_marks is missing" in refused({"id": "Q1", "description": "x"})[0]


@pytest.mark.parametrize("key", ["max_marks", "step", "binary", "answer"])
def test_an_item_made_of_items_has_no_marks_of_its_own(key):
    values = {"max_marks": 2, "step": 1, "binary": True, "answer": "x"}
    bad = group("Q1", item("Q1a"), **{key: values[key]})
    assert f"{key} does not go together with items" in refused(bad)[0]


def test_the_same_id_twice_is_refused_wherever_it_stands():
    messages = refused(item("Q1"), group("Q2", item("q1")))
    assert messages == ["item 1 of Q2 (q1): the id 'q1' is taken: each item needs its own"]


@pytest.mark.parametrize("code", ["", "Q 1", "-Q", "Q" * 41, "Q/1", "Ü1"])
def test_an_id_that_no_schema_can_carry_is_refused(code):
    assert "letters, digits" in refused(item(code))[0]


def test_an_unknown_key_gets_a_suggestion():
    bad = {"id": "Q1", "description": "x", "max_mark": 2, "max_marks": 2}
    assert refused(bad) == ["Q1: unknown key 'max_mark'; did you mean 'max_marks'?"]


def test_items_take_the_kind_of_the_item_they_belong_to():
    group_of_bonus = group("B", item("B1"), group("B2", item("B2a")), kind="bonus")
    assert [leaf.kind for leaf in leaf_items(read_items([group_of_bonus]))] == ["bonus"] * 2


def test_a_base_item_may_hold_a_penalty():
    checked = read_items([group("Q1", item("Q1a"), item("Q1s", kind="penalty"))])
    assert [leaf.kind for leaf in leaf_items(checked)] == ["base", "penalty"]


def test_a_bonus_item_cannot_hold_a_penalty():
    assert "kind must be bonus" in refused(group("B", item("B1", kind="penalty"), kind="bonus"))[0]


def test_nesting_has_a_limit():
    deep = group("A", group("B", group("C", item("D"))))
    assert read_items([deep])
    assert "at most 4 levels" in refused(group("Z", deep))[0]


def test_nesting_without_end_is_refused_and_does_not_end_the_process():
    deep: dict = item("X")
    for number in range(5000):
        deep = group(f"G{number}", deep)
    assert "at most 4 levels" in check_items([deep])[0].text


def test_the_number_of_items_has_a_limit_over_all_levels():
    groups = [group(f"G{g}", *(item(f"G{g}-{i}") for i in range(MAX_ITEMS // 2))) for g in range(2)]
    assert f"has {MAX_ITEMS + 2} items" in refused(*groups)[0]


def test_an_empty_rubric_is_refused():
    assert "empty list" in refused()[0]


def test_every_problem_is_listed_at_once():
    messages = refused(item(max_marks=0), item("Q2", knid="x"), item("Q3", kind="bouns"))
    assert [message.split(":")[0] for message in messages] == [
        "Q1",
        "Q2",
        "Q3",
    ]


def test_what_no_schema_can_say_is_listed_beside_what_it_can():
    messages = refused(
        item(max_marks=0),
        item("Q2", max_marks=2, step=0.3),
        item("q2", kind="bouns"),
        {"id": 4, "description": " ", "max_marks": 1},
        group("Q5", item("Q1"), item("Q5b", knid="x"), "no item"),
        {"description": "x", "max_mark": 1},
    )
    assert messages == [
        "Q1: max_marks must be > 0, not 0",
        "Q2: max_marks 2 must be a multiple of step 0.3",
        "item 3 (q2): the id 'q2' is taken: each item needs its own",
        "q2: kind must be one of base, bonus, penalty, not 'bouns'",
        "item 4: description must not be empty",
        "item 4: id must be text, not 4",
        "item 1 of Q5 (Q1): the id 'Q1' is taken: each item needs its own",
        "Q5b: unknown key 'knid'; did you mean 'kind'?",
        "item 3 of Q5: must be a group of `key: value` lines, not 'no item'",
        "item 6: id is missing",
        "item 6: unknown key 'max_mark'; did you mean 'max_marks'?",
    ]


def test_a_step_under_a_wrong_key_is_not_missing_too():
    assert refused(item(max_marks=1.1, setp=0.1)) == [
        "Q1: unknown key 'setp'; did you mean 'step'?"
    ]


def test_text_from_a_form_and_text_from_a_file_are_the_same_text():
    from_form = read_items([item(answer=" a\r\nb \r\n", description="Caf\u0065\u0301")])
    from_file = read_items([item(answer="a\nb", description="Caf\u00e9")])
    assert from_form[0].answer == "a\nb "[:3]
    assert from_form[0].description == from_file[0].description


def test_a_control_character_is_refused_by_name():
    assert "U+0000" in refused(item(answer="a\x00b"))[0]


def test_the_short_form_reads_back_as_the_same_items():
    items = read_items(
        [
            item("Q1", step=0.5, guidance="g", answer="a"),
            group("Q2", item("Q2a"), item("Q2b", binary=True), item("Q2s", kind="penalty")),
            group("B", item("B1", max_marks=0.3, step=0.1), kind="bonus"),
        ]
    )
    assert read_items(items_as_values(items)) == items
