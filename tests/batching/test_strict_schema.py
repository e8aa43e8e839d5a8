"""Our schemas in OpenAI's strict form, judged by rules that were written apart from it."""

from __future__ import annotations

from copy import deepcopy

import pytest
from jsonschema import Draft202012Validator

from batching.providers.strict_schema import MAX_ENUM_VALUES, UnsupportedSchema, strict_schema
from tests.batching.provider_steps import schema
from tests.emulators.openai_judge import Refused, check_format


def judge(value):
    check_format({"type": "json_schema", "name": "reply", "strict": True, "schema": value})


def one(name, value, **more):
    """A schema with one property."""
    return {"type": "object", "properties": {name: value}, **more}


def test_the_schema_of_an_assessed_sheet_is_strict_but_for_the_lengths_of_texts():
    ours = schema()
    with pytest.raises(Refused, match="maxLength"):
        judge(ours)
    strict = strict_schema(ours)
    judge(strict)
    part = strict["properties"]["parts"]["properties"]["Q1"]
    assert list(part["properties"]) == [
        "page", "transcription", "reasoning", "feedback", "awarded", "confidence",
    ]  # fmt: skip
    assert part["properties"]["awarded"] == {"type": "number", "enum": [0, 0.5, 1, 1.5, 2, 2.5, 3]}
    assert part["properties"]["page"] == {
        "type": ["integer", "null"], "minimum": 1, "maximum": 10_000,
    }  # fmt: skip
    assert part["properties"]["feedback"] == {"type": "string"}


def test_our_own_schema_is_left_as_it_was():
    ours = schema()
    before = deepcopy(ours)
    strict_schema(ours)
    assert ours == before


def test_a_property_that_may_be_left_out_must_be_written():
    strict = strict_schema(one("note", {"type": "string"}))
    judge(strict)
    assert strict["required"] == ["note"]
    reply = {"note": "x"}
    assert Draft202012Validator(one("note", {"type": "string"})).is_valid(reply)


def test_an_object_takes_no_more_than_its_properties():
    open_one = one("a", one("b", {"type": "string"}), additionalProperties=True)
    strict = strict_schema(open_one)
    judge(strict)
    assert strict["additionalProperties"] is False
    assert strict["properties"]["a"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"const": 3}, {"enum": [3]}),
        ({"type": "string", "minLength": 2}, {"type": "string"}),
        ({"type": "string", "format": "uuid"}, {"type": "string", "format": "uuid"}),
        ({"type": "string", "format": "uri"}, {"type": "string"}),
        ({"type": "number", "multipleOf": 0.5}, {"type": "number", "multipleOf": 0.5}),
        (
            {"oneOf": [{"type": "string"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "null"}]},
        ),
        ({"allOf": [{"type": "string"}], "maxLength": 4}, {"type": "string"}),
        ({"$ref": "#/$defs/mark", "description": "A mark"}, {"$ref": "#/$defs/mark"}),
        (
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "maxItems": 3},
            {"type": "array", "maxItems": 3, "items": {"type": "string"}},
        ),
        ({"type": "integer", "not": {"const": 4}}, {"type": "integer"}),
    ],
)
def test_what_strict_mode_knows_is_kept_and_the_rest_is_left_to_our_own_check(ours, theirs):
    whole = one("a", ours, **{"$defs": {"mark": {"type": "number", "maximum": 3}}})
    strict = strict_schema(whole)
    judge(strict)
    assert strict["properties"]["a"] == theirs
    assert strict["$defs"] == {"mark": {"type": "number", "maximum": 3}}


@pytest.mark.parametrize(
    ("ours", "place"),
    [
        ({"type": "array"}, "#/properties/a"),
        ({"type": "object"}, "#/properties/a"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "#/properties/a"),
        ({"description": "anything"}, "#/properties/a"),
        (True, "#/properties/a"),
        ({"type": "array", "items": {}}, "#/properties/a/items"),
        ({"allOf": [{"type": "string"}, {"maxLength": 3}]}, "#/properties/a"),
    ],
)
def test_what_strict_mode_cannot_say_is_refused_with_its_place(ours, place):
    with pytest.raises(UnsupportedSchema, match=place):
        strict_schema(one("a", ours))


@pytest.mark.parametrize(
    "root",
    [
        {"type": "array", "items": {"type": "string"}},
        {"anyOf": [one("a", {"type": "string"}), one("b", {"type": "string"})]},
        {"type": "object", "properties": {}, "anyOf": []},
    ],
)
def test_the_root_is_an_object(root):
    with pytest.raises(UnsupportedSchema, match="root"):
        strict_schema(root)


def test_a_schema_beyond_the_limits_is_refused_before_it_is_sent():
    listed = {"enum": list(range(MAX_ENUM_VALUES))}
    strict_schema(one("a", listed))
    with pytest.raises(UnsupportedSchema, match="1,001 listed values"):
        strict_schema({"type": "object", "properties": {"a": listed, "b": {"const": 1}}})
    many = {f"p{n}": {"type": "null"} for n in range(5001)}
    with pytest.raises(UnsupportedSchema, match="5,001 properties"):
        strict_schema({"type": "object", "properties": many})
    with pytest.raises(UnsupportedSchema, match="characters"):
        strict_schema(one("a" * 120_001, {"type": "null"}))
    deep = {"type": "string"}
    for _ in range(10):
        deep = one("a", deep)
    with pytest.raises(UnsupportedSchema, match="levels deep"):
        strict_schema(deep)
    strict_schema(deep["properties"]["a"])
