import pytest

from batching.jsonl import decode_request, encode_request
from batching.requests import Data, Image, Request, Text

REQUEST = Request(
    custom_id="a1",
    system="Assess.",
    parts=(
        Data("rubric", {"criteria": [{"code": "Q1", "max": 1.5}]}),
        Text("Größe \u2028 line"),
        Image("pages/x.jpg", "0" * 64, "sheet", 1, "Page 1", ((0.1, 0.2, 0.3, 0.4),)),
    ),
    schema={"type": "object"},
)


def test_a_request_is_the_same_after_it_was_frozen():
    assert decode_request(encode_request(REQUEST)) == REQUEST


def test_freezing_twice_gives_the_same_bytes_on_one_line():
    assert encode_request(REQUEST) == encode_request(REQUEST)
    assert b"\n" not in encode_request(REQUEST)


def test_a_value_that_is_not_json_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        encode_request(Request("a1", "", (Data("rubric", float("nan")),), {}))
