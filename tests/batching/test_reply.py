import pytest

from batching.providers.base import Answer
from batching.reply import InvalidReply, read_reply, validator_for

SCHEMA = {
    "type": "object",
    "properties": {
        "item_id": {"type": "string"},
        "awarded": {"type": "number", "minimum": 0, "maximum": 2},
    },
    "required": ["item_id", "awarded"],
    "additionalProperties": False,
}
GOOD = '{"item_id": "a1", "awarded": 1.5}'


def read(text, **fields):
    return read_reply(Answer("a1", text, text, **fields), "a1", validator_for(SCHEMA))


def test_a_good_reply_is_read():
    assert read(GOOD) == {"item_id": "a1", "awarded": 1.5}


@pytest.mark.parametrize(
    "text", [f"```json\n{GOOD}\n```", f"```\n{GOOD}\n```", f"\ufeff{GOOD}", f"\n {GOOD} \n"]
)
def test_one_fence_and_a_byte_order_mark_are_taken_off(text):
    assert read(text)["awarded"] == 1.5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("Here are the marks: 2", "not valid JSON"),
        (GOOD + GOOD, "not valid JSON"),
        (f"Sure!\n```json\n{GOOD}\n```", "not valid JSON"),
        ('{"item_id": "a1", "awarded": NaN}', "NaN"),
        ('{"item_id": "a1", "awarded": Infinity}', "Infinity"),
        ('{"item_id": "a1", "awarded": 1e999}', "too large"),
        ('{"item_id": "a1", "awarded": 0, "awarded": 2}', "twice"),
        ('{"item_id": "a1", "awarded": "2"}', "awarded"),
        ('{"item_id": "a1", "awarded": 3}', "fit the schema at awarded: 3"),
        ('{"item_id": "a1"}', "fit the schema: .* required"),
        ('{"item_id": "a1", "awarded": 2, "extra": 1}', "extra"),
        ('{"item_id": "b2", "awarded": 2}', "another request"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_reply_that_is_not_exactly_right_gives_a_reason_and_no_mark(text, reason):
    with pytest.raises(InvalidReply, match=reason):
        read(text)


@pytest.mark.parametrize("finish", ["refused", "truncated", "error"])
def test_an_unfinished_reply_is_refused_even_when_its_text_is_good(finish):
    with pytest.raises(InvalidReply):
        read(GOOD, finish=finish)


def test_a_validator_is_built_once_per_schema():
    assert validator_for(SCHEMA) is validator_for(dict(SCHEMA))
