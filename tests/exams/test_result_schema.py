"""The schema of a reply: what it lets through is what the rubric allows, exactly."""

import json
from decimal import Decimal

import pytest
from jsonschema import Draft202012Validator

from exams.models import Criterion
from exams.result_schema import (
    is_legal,
    legal_marks,
    result_schema,
    schema_for,
)
from exams.rubrics import current_rubric, save_rubric
from tests.factories import make_exam


def leaf(max_marks="2", step="0.5", kind="base", code="Q1") -> Criterion:
    return Criterion(
        code=code, description="x", kind=kind, max_marks=Decimal(max_marks), step=Decimal(step)
    )


def reply(**awarded) -> dict:
    return {
        "item_id": "abc",
        "parts": {
            code: {
                "page": 1,
                "transcription": "t",
                "reasoning": "r",
                "feedback": "f",
                "awarded": mark,
                "confidence": 0.5,
            }
            for code, mark in awarded.items()
        },
    }


@pytest.fixture
def schema(exam) -> dict:
    return result_schema(current_rubric(exam))


def valid(schema: dict, value: dict) -> bool:
    return Draft202012Validator(schema).is_valid(value)


def test_the_schema_is_a_valid_schema(schema):
    Draft202012Validator.check_schema(schema)


def test_a_right_reply_passes(schema):
    assert valid(schema, reply(Q1=1.5, Q2=0))


@pytest.mark.parametrize("mark", [2.5, -0.5, 0.3, "1", None, True])
def test_a_mark_that_is_not_possible_fails(schema, mark):
    assert not valid(schema, reply(Q1=mark, Q2=1))


def test_a_missing_or_unknown_criterion_fails(schema):
    assert not valid(schema, reply(Q1=1))
    assert not valid(schema, reply(Q1=1, Q2=1, Q3=1))


@pytest.mark.parametrize(
    "key", ["page", "transcription", "reasoning", "feedback", "awarded", "confidence"]
)
def test_every_property_is_required(schema, key):
    value = reply(Q1=1, Q2=1)
    del value["parts"]["Q1"][key]
    assert not valid(schema, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("confidence", 1.1),
        ("confidence", -0.1),
        ("page", 0),
        ("page", "1"),
        ("feedback", "x" * 2001),
        ("surprise", 1),
    ],
)
def test_what_is_out_of_bounds_fails(schema, key, value):
    bad = reply(Q1=1, Q2=1)
    bad["parts"]["Q1"][key] = value
    assert not valid(schema, bad)


def test_a_page_may_be_unknown(schema):
    value = reply(Q1=1, Q2=1)
    value["parts"]["Q1"]["page"] = None
    assert valid(schema, value)


def test_evidence_is_written_before_the_mark(schema):
    assert list(schema["properties"]) == ["item_id", "parts"]
    assert list(schema["properties"]["parts"]["properties"]["Q1"]["properties"]) == [
        "page",
        "transcription",
        "reasoning",
        "feedback",
        "awarded",
        "confidence",
    ]


def test_few_marks_are_listed_and_many_are_a_range():
    assert awarded_schema(leaf("20", "0.5"))["enum"][-1] == 20
    assert awarded_schema(leaf("20.5", "0.5")) == {
        "type": "number",
        "minimum": 0,
        "maximum": 20.5,
        "multipleOf": 0.5,
    }


def test_a_step_that_binary_numbers_cannot_hold_is_left_to_the_exact_check():
    criterion = leaf("10", "0.1")
    assert "multipleOf" not in awarded_schema(criterion)
    for mark in legal_marks(criterion):
        assert valid(schema_for([criterion]), reply(Q1=float(mark)))
    assert not is_legal(criterion, Decimal("0.15"))


def test_whole_marks_are_written_without_a_point():
    assert json.dumps(awarded_schema(leaf("2", "0.5"))["enum"]) == "[0, 0.5, 1, 1.5, 2]"


def test_a_penalty_runs_from_minus_its_marks_to_zero():
    criterion = leaf("1", "0.5", kind="penalty")
    assert legal_marks(criterion) == [Decimal("-1"), Decimal("-0.5"), Decimal(0)]
    assert awarded_schema(criterion)["enum"] == [-1, -0.5, 0]


def test_a_binary_criterion_is_all_or_nothing():
    assert legal_marks(leaf("3", "3")) == [0, 3]


@pytest.mark.parametrize(
    ("mark", "legal"),
    [
        ("0", True),
        ("0.1", True),
        ("0.3", True),
        ("0.7", True),
        ("0.8", False),
        ("0.15", False),
        ("0.30", True),
        ("-0.1", False),
        ("NaN", False),
        ("Infinity", False),
    ],
)
def test_legal_is_exact(mark, legal):
    assert is_legal(leaf("0.7", "0.1"), Decimal(mark)) is legal


def test_every_legal_mark_is_legal_and_its_neighbours_are_not():
    for criterion in (leaf("7", "0.07"), leaf("5", "0.25"), leaf("4", "0.5", "penalty")):
        for mark in legal_marks(criterion):
            assert is_legal(criterion, mark)
            assert not is_legal(criterion, mark + Decimal("0.01"))


@pytest.mark.django_db
def test_the_schema_keeps_to_what_strict_mode_takes():
    exam = make_exam(
        items=[{"id": f"Q{n}", "description": "x", "max_marks": 20, "step": 0.5} for n in range(60)]
    )
    schema = result_schema(current_rubric(exam))
    nodes = list(walk(schema))
    assert not any({"$ref", "allOf", "not", "if", "oneOf"} & set(node) for node in nodes)
    assert sum(len(node.get("enum", ())) for node in nodes) <= 1000
    for node in nodes:
        if node.get("type") == "object":
            assert node["required"] == list(node["properties"])
            assert node["additionalProperties"] is False


def test_the_same_rubric_gives_the_same_schema(exam, alice, x_b):
    other = make_exam(x_b, title="Other", by=alice)
    first, second = (result_schema(current_rubric(e)) for e in (exam, other))
    assert json.dumps(first) == json.dumps(second)
    save_rubric(other, [{"id": "Q1", "description": "x", "max_marks": 1}], by=alice)
    assert json.dumps(result_schema(current_rubric(other))) != json.dumps(first)


def awarded_schema(criterion: Criterion) -> dict:
    parts = schema_for([criterion])["properties"]["parts"]["properties"]
    return parts[criterion.code]["properties"]["awarded"]


def walk(node):
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from walk(value)
