"""Reading YAML that nobody has checked yet."""

import json
import time

import pytest

from exams.rubric_items import RubricError
from exams.rubric_yaml import MAX_BYTES, read_yaml


def refused(text: str | bytes) -> str:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    with pytest.raises(RubricError) as error:
        read_yaml(data)
    return "\n".join(error.value.messages)


def test_a_repeated_key_is_refused_with_both_lines():
    assert refused("exam: A\nclass: B\nexam: C") == (
        "line 3: the key 'exam' stands here twice (first in line 1)"
    )


def test_a_repeated_key_inside_an_item_is_refused():
    assert "twice" in refused("rubric_items:\n  - id: Q1\n    id: Q2\n")


def test_an_alias_bomb_is_refused_before_it_grows():
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "anchors and aliases" in refused(bomb)


def test_a_tag_cannot_make_an_object():
    assert "tags are not taken" in refused("exam: !!python/object/apply:os.system [id]")


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 100_000, "{a: " * 50_000])
def test_deep_nesting_is_refused_at_once(text):
    started = time.monotonic()
    assert "too deep" in refused(text)
    assert time.monotonic() - started < 2


def test_nesting_has_a_limit():
    assert read_yaml(b"[" * 16 + b"]" * 16).value
    assert "too deep" in refused("[" * 17 + "]" * 17)


def test_a_file_that_is_too_large_is_refused_unread():
    assert "at most 1 MB, and this one has 1.1 MB" in refused(b"a: " + b"x" * MAX_BYTES)


def test_too_many_entries_are_refused():
    assert "too many entries" in refused("- a\n" * 30_000)


def test_a_second_document_is_refused():
    assert "second document" in refused("exam: A\n---\nexam: B")


def test_a_control_character_is_refused_with_its_line():
    assert refused("exam: A\nclass: a\x0cb") == (
        "line 2: the control character U+000C is not allowed. Delete it."
    )


def test_text_that_is_not_utf_8_is_refused_with_its_line():
    assert "line 2: this is not UTF-8" in refused("exam: A\nclass: Klasse Ä".encode("latin-1"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encodings_that_windows_writes_are_read(encoding):
    assert read_yaml("exam: Prüfung".encode(encoding)).value == {"exam": "Prüfung"}


def test_an_empty_file_says_so():
    assert refused("  \n") == "The file is empty."


def test_what_looks_like_a_number_stays_text_where_text_is_meant():
    text = "class: 010\nid: 1:30\nanswer: no\ndate: 2026-10-14\nmax_marks: 2.5\nbinary: true\n"
    assert read_yaml(text.encode()).value == {
        "class": "010",
        "id": "1:30",
        "answer": "no",
        "date": "2026-10-14",
        "max_marks": 2.5,
        "binary": True,
    }


def test_a_key_without_a_value_counts_as_not_given():
    assert read_yaml(b"exam: A\nanswer:\nguidance: ~\n").value == {"exam": "A"}


@pytest.mark.parametrize("number", [".inf", ".nan", "NaN", "Infinity", "1_0", "0x1F"])
def test_odd_numbers_are_no_numbers(number):
    assert read_yaml(f"max_marks: {number}".encode()).value == {"max_marks": number}


def test_a_number_beyond_all_bounds_is_refused():
    assert "too large" in refused("max_marks: 1e999")


def test_json_is_read_as_python_writes_it():
    value = {"exam": 'Ünit "3" 😀\\', "marks": [1, 2.5, -3, True], "deep": {"a": ["b"]}}
    for text in (json.dumps(value), json.dumps(value, indent="\t", ensure_ascii=False)):
        assert read_yaml(text.encode()).value == value


def test_every_value_knows_its_line():
    parsed = read_yaml(b"exam: A\nrubric_items:\n  - id: Q1\n    answer: |\n      x\n  - id: Q2\n")
    assert parsed.lines[("exam",)] == 1
    assert parsed.lines[("rubric_items", 0, "answer")] == 4
    assert parsed.lines[("rubric_items", 1)] == 6
