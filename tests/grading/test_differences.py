"""The difference of two texts: word by word, and never at any price."""

import time
from itertools import pairwise

import pytest

from grading.differences import words

LONG = " ".join(
    f"The {place}th sentence of the answer says what the key says." for place in range(90)
)


def whole(pieces, *kinds):
    return "".join(text for kind, text in pieces if kind in kinds)


def test_words_in_common_stay_and_an_empty_text_is_new():
    assert words("", "a b") == (("new", "a b"),)
    assert words("a b", "a b") == (("same", "a b"),)
    assert words("a b", "") == (("gone", "a b"),)
    assert words("", "") == ()


def test_one_word_of_a_long_text_is_shown_alone():
    assert len(LONG) > 5000
    changed = LONG.replace("The 45th", "The next")
    assert [one for one in words(LONG, changed) if one[0] != "same"] == [
        ("gone", "45th"),
        ("new", "next"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (LONG, LONG.replace("answer", "sheet")),
        ("no " * 1700, "no yes " * 700),
        ("no. " * 1250, "no. yes. " * 500),
        ("\n".join("ab" * 800), "\n".join("ba" * 800)),
    ],
    ids=["every sentence", "one word", "one sentence", "lines"],
)
def test_long_texts_are_compared_in_a_moment_and_lose_nothing(before, after):
    start = time.process_time()
    pieces = words(before, after)
    assert time.process_time() - start < 0.3
    assert whole(pieces, "same", "gone") == before
    assert whole(pieces, "same", "new") == after
    assert not any(one[0] == other[0] for one, other in pairwise(pieces))


def test_sentences_in_common_stay_where_words_are_too_many():
    after = (
        LONG.replace("The 3th", "This 3th")
        .replace("The 80th", "This 80th")
        .replace("key says", "key demands", 60)
    )
    pieces = words(LONG, after)
    assert len(whole(pieces, "same")) > 1000
