"""Our schemas in the flat form that Gemini's batches take, and replies on their way back."""

import json

import pytest
from jsonschema import Draft202012Validator

from batching.providers.base import Answer
from batching.providers.flat_schema import (
    UnknownSchema,
    flat_json_schema,
    is_flattened,
    nested_text,
    response_schema,
)
from batching.reply import InvalidReply, read_reply, validator_for
from exams.key_request import SCHEMA as KEY_SCHEMA
from tests.batching.provider_steps import closed, schema

PART = {
    "page": 1,
    "transcription": "ice",
    "reasoning": "named",
    "feedback": "good",
    "awarded": 1,
    "confidence": 0.5,
}
NESTED = {"item_id": "item-1", "parts": {"Q1": PART, "Q2": {**PART, "page": None, "awarded": 0.5}}}
FLAT = {
    "item_id": "item-1",
    "parts_by_code": [{"code": code, **part} for code, part in NESTED["parts"].items()],
}


def read(text, custom_id="item-1"):
    """What the engine makes of a model's text."""
    answer = Answer(custom_id, nested_text(text), text)
    return read_reply(answer, custom_id, validator_for(schema()))


def changed(**entry):
    """The flat reply with other values in its first entry."""
    first, *others = FLAT["parts_by_code"]
    return json.dumps({**FLAT, "parts_by_code": [{**first, **entry}, *others]})


# -- the form --------------------------------------------------------------------------------


def test_marks_by_criterion_become_a_list_of_flat_entries():
    flat = response_schema(schema())
    assert list(flat["properties"]) == ["item_id", "parts_by_code"]
    assert flat["required"] == flat["propertyOrdering"] == ["item_id", "parts_by_code"]
    entries = flat["properties"]["parts_by_code"]
    assert set(entries) == {"type", "items"}
    entry = entries["items"]
    assert entry["properties"]["code"] == {"type": "STRING", "enum": ["Q1", "Q2"]}
    assert entry["propertyOrdering"] == ["code", *PART]
    assert entry["required"] == ["code", *PART]
    assert all(
        one["type"] not in ("OBJECT", "ARRAY") and "properties" not in one
        for one in entry["properties"].values()
    )


def test_a_page_may_be_null_and_a_mark_lies_between_the_lowest_and_the_highest_of_all():
    properties = response_schema(schema())["properties"]["parts_by_code"]["items"]["properties"]
    assert properties["page"] == {
        "type": "INTEGER",
        "minimum": 1,
        "maximum": 10_000,
        "nullable": True,
    }
    assert properties["awarded"] == {"type": "NUMBER", "minimum": 0, "maximum": 3}
    assert properties["confidence"] == {"type": "NUMBER", "minimum": 0, "maximum": 1}
    # A bound on a text costs the service more states than it allows.
    assert properties["feedback"] == {"type": "STRING"}


def test_a_list_of_criteria_is_a_list_already_and_keeps_its_shape():
    assert not is_flattened(KEY_SCHEMA)
    assert flat_json_schema(KEY_SCHEMA) == KEY_SCHEMA
    criteria = response_schema(KEY_SCHEMA)["properties"]["criteria"]
    assert criteria["type"] == "ARRAY"
    assert criteria["items"]["propertyOrdering"][0] == "code"
    assert criteria["items"]["properties"]["max_marks"] == {
        "type": "NUMBER",
        "minimum": 0,
        "maximum": 1000,
        "nullable": True,
    }


def test_objects_that_are_not_equal_stay_objects():
    one, other = closed(a={"type": "string"}), closed(b={"type": "string"})
    for inner in (
        closed(x=one, y=other),
        closed(x=one, y={"type": "string"}),
        closed(x=closed(a={"type": "string"}), y=closed(a={"type": "integer"})),
        closed(x=closed(deep=one)),
        closed(x=closed(code={"type": "string"})),
        closed(x={**one, "required": []}),
    ):
        whole = closed(item_id={"type": "string"}, inner=inner)
        assert not is_flattened(whole)
        assert response_schema(whole)["properties"]["inner"]["type"] == "OBJECT"


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"type": "boolean"}, {"type": "BOOLEAN"}),
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"enum": ["a", "b"]}, {"type": "STRING", "enum": ["a", "b"]}),
        (
            {"type": ["string", "null"], "enum": ["a", None]},
            {"type": "STRING", "enum": ["a"], "nullable": True},
        ),
        ({"type": "number", "enum": [0.5, -1, 2]}, {"type": "NUMBER", "minimum": -1, "maximum": 2}),
        (
            {"type": "integer", "minimum": 0, "multipleOf": 5, "description": "Marks"},
            {"type": "INTEGER", "description": "Marks", "minimum": 0},
        ),
        (
            {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 3},
            {"type": "ARRAY", "items": {"type": "STRING"}},
        ),
    ],
)
def test_every_word_of_our_schemas_has_one_of_geminis_or_is_left_to_the_check(given, made):
    assert response_schema(closed(item_id={"type": "string"}, it=given))["properties"]["it"] == made


@pytest.mark.parametrize(
    "given",
    [
        {"$ref": "#/$defs/x"},
        {"anyOf": [{"type": "string"}, {"type": "number"}]},
        {"type": ["string", "number"]},
        {"type": "null"},
        {"type": "string", "enum": ["a", 1]},
        {},
    ],
)
def test_what_has_no_flat_form_is_refused_and_never_loosened(given):
    with pytest.raises(UnknownSchema):
        response_schema(closed(it=given))


def test_a_property_whose_name_means_a_flat_list_is_refused():
    with pytest.raises(UnknownSchema, match="marks_by_code"):
        response_schema(closed(marks_by_code={"type": "string"}))
    with pytest.raises(UnknownSchema):
        response_schema({"type": "array", "items": {"type": "string"}})


def test_entries_of_unlike_bounds_get_the_widest_and_none_where_one_has_none():
    def one(**bounds):
        return closed(awarded={"type": "number", **bounds}, kind={"enum": ["a", *bounds]})

    whole = closed(parts=closed(A=one(minimum=-2, maximum=0), B=one(minimum=1)))
    fields = response_schema(whole)["properties"]["parts_by_code"]["items"]["properties"]
    assert fields["awarded"] == {"type": "NUMBER", "minimum": -2}
    assert fields["kind"]["enum"] == ["a", "minimum", "maximum"]


def test_the_schema_in_the_prompt_takes_the_flat_form_of_every_good_reply_and_of_no_bad_one():
    validator = Draft202012Validator(flat_json_schema(schema()))
    assert validator.is_valid(FLAT)
    first, second = FLAT["parts_by_code"]
    for entries in (
        [first],
        [second, first],
        [first, first],
        [first, second, second],
        [{**first, "awarded": 3.5}, second],
        [first, {**second, "awarded": 3}],
        [first, {**second, "feedback": "x" * 2001}],
        [{name: value for name, value in first.items() if name != "code"}, second],
    ):
        assert not validator.is_valid({**FLAT, "parts_by_code": entries})


# -- the way back ----------------------------------------------------------------------------


def test_a_flat_reply_is_read_as_the_nested_one():
    assert json.loads(nested_text(json.dumps(FLAT))) == NESTED
    assert read(json.dumps(FLAT)) == NESTED
    assert read("\ufeff" + json.dumps(FLAT, indent=2)) == NESTED
    assert read(f"```json\n{json.dumps(FLAT)}\n```") == NESTED


def test_a_reply_in_the_nested_form_is_taken_as_it_is():
    text = json.dumps(NESTED, indent=3)
    assert nested_text(text) == text
    assert read(text) == NESTED


def test_the_order_of_entries_and_of_keys_does_not_matter():
    entries = [dict(reversed(list(entry.items()))) for entry in reversed(FLAT["parts_by_code"])]
    assert read(json.dumps({"parts_by_code": entries, "item_id": "item-1"})) == NESTED


def test_numbers_and_letters_come_through_as_they_were_written():
    text = changed(awarded=2.5, transcription='Überfluß \u2028 \U0001f600 \\ "quoted" \t')
    assert read(text)["parts"]["Q1"]["transcription"] == (
        'Überfluß \u2028 \U0001f600 \\ "quoted" \t'
    )
    assert '"awarded":2.5' in nested_text(text)


def test_a_code_that_stands_twice_is_an_error_and_no_mark_is_chosen():
    first, second = FLAT["parts_by_code"]
    text = json.dumps({**FLAT, "parts_by_code": [first, second, {**first, "awarded": 3}]})
    with pytest.raises(InvalidReply, match="a key stands twice"):
        read(text)


def test_both_forms_in_one_reply_are_an_error():
    with pytest.raises(InvalidReply, match="a key stands twice"):
        read(json.dumps({**FLAT, "parts": NESTED["parts"]}))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (json.dumps({**FLAT, "parts_by_code": FLAT["parts_by_code"][:1]}), "'Q2' is a required"),
        (json.dumps({**FLAT, "parts_by_code": []}), "'Q1' is a required"),
        (changed(code="Q9"), "Q1|Q9"),
        (changed(awarded=1_000_000), "parts/Q1/awarded"),
        (changed(awarded=0.3), "parts/Q1/awarded"),
        (changed(awarded=None), "parts/Q1/awarded"),
        (changed(mood="good"), "parts/Q1"),
        (changed(awarded=float("nan")), "NaN is not a JSON number"),
        (changed(awarded=1).replace('"awarded": 1', '"awarded": 1e999', 1), "not a JSON number"),
        (json.dumps({**FLAT, "item_id": "item-2"}), "the id of another request"),
        (changed(awarded=1).replace('"page"', '"awarded": 3, "page"', 1), "a key stands twice"),
        ('{"item_id": "x", ' + json.dumps(FLAT)[1:], "a key stands twice"),
        (changed(transcription="\ud800"), "characters that are no text"),
        (changed(transcription="a\0b"), "characters that are no text"),
        (json.dumps(FLAT)[:-1], "not valid JSON"),
        (json.dumps(FLAT) + " That is all.", "not valid JSON"),
        ("The student did well.", "not valid JSON"),
        ("", "empty"),
    ],
)
def test_nothing_that_is_wrong_becomes_right_on_the_way_back(text, problem):
    with pytest.raises(InvalidReply, match=problem):
        read(text)


@pytest.mark.parametrize(
    "entries", [None, {}, "Q1", [1], [None], [{}], [{"code": 1}], [{"code": None}], [[]]]
)
def test_a_list_that_is_none_is_left_as_it_was_written(entries):
    text = json.dumps({**FLAT, "parts_by_code": entries})
    assert nested_text(text) == text
    with pytest.raises(InvalidReply):
        read(text)


def test_a_text_of_a_thousand_brackets_is_left_as_it_is():
    for text in ("[" * 100_000, '{"parts_by_code":' * 50_000, "1" * 10_000, "null", "[]"):
        assert nested_text(text) == text
