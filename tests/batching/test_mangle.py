"""The faults of a model's text, in replies of every purpose."""

from __future__ import annotations

import json

import pytest

from tests.emulators.mangle import OBEYED, TEXT_KINDS, mangle

SHEET = {
    "item_id": "a",
    "parts": {"Q1": {"page": 1, "reasoning": "", "awarded": 1}, "Q2": {"page": 1, "awarded": 0}},
}
KEY = {"item_id": "a", "criteria": [{"code": "Q1", "max_marks": 2.0, "step": None}]}
COPY = {"item_id": "a", "pages": [{"page": 3, "text": "A river."}]}
NOTHING_READ = {"item_id": "a", "criteria": []}
RUBRIC = {"criteria": [{"code": "Q1", "max": 2}, {"code": "Q2", "max": 3}]}


@pytest.mark.parametrize("kind", sorted(TEXT_KINDS))
@pytest.mark.parametrize("reply", [SHEET, KEY, COPY, NOTHING_READ])
def test_every_fault_can_happen_to_every_reply_and_leaves_the_good_one_alone(kind, reply):
    before = json.dumps(reply)
    assert isinstance(mangle(kind, reply, RUBRIC if "parts" in reply else None), str)
    assert json.dumps(reply) == before


@pytest.mark.parametrize(
    ("reply", "spoilt"),
    [
        (SHEET, lambda reply: reply["parts"]["Q1"]["awarded"]),
        (KEY, lambda reply: reply["criteria"][0]["max_marks"]),
        (COPY, lambda reply: reply["pages"][0]["page"]),
    ],
)
def test_the_first_mark_or_number_is_spoilt_and_nothing_else(reply, spoilt):
    mangled = json.loads(mangle("above-maximum", reply))
    assert spoilt(mangled) == 1_000_000
    assert str(mangled).replace("1000000", str(spoilt(reply)), 1) == str(reply)
    assert "NaN" in mangle("nan", reply)


@pytest.mark.parametrize("reply", [KEY, COPY])
def test_without_values_every_reply_is_empty(reply):
    assert set(json.loads(mangle("all-null", reply)).popitem()[1][0].values()) == {None}


def test_a_reply_without_a_number_or_a_mark_stays_as_it_is():
    for kind in ("nan", "above-maximum", "all-null"):
        assert json.loads(mangle(kind, NOTHING_READ)) == NOTHING_READ
    for reply in (KEY, COPY):
        assert json.loads(mangle("obeyed-injection", reply)) == reply


def test_who_obeys_a_sheet_gives_full_marks_and_needs_to_know_them():
    parts = json.loads(mangle("obeyed-injection", SHEET, RUBRIC))["parts"]
    assert {code: part["awarded"] for code, part in parts.items()} == {"Q1": 2, "Q2": 3}
    assert parts["Q1"]["reasoning"] == OBEYED
    with pytest.raises(ValueError, match="without the rubric"):
        mangle("obeyed-injection", SHEET)
