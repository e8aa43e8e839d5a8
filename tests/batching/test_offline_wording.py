"""What the offline provider tells staff and students: sums that can be followed."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.utils.translation import gettext, override

from accounts.told import told_feedback
from batching.providers.offline.key import read_key
from batching.providers.offline.labels import Passage
from batching.providers.offline.marks import Criterion, legal_mark
from batching.providers.offline.reading import Line, Word
from batching.providers.offline.scoring import compare
from batching.providers.offline.wording import FEEDBACK, feedback, reasoning

LOCKS = "How does a canal lock lift a boat?"
LOCK_KEY = (
    "The boat enters the empty chamber. The lower gates are closed. Water flows in from the upper "
    "level. When both levels are equal the upper gates open."
)
SPEED = "A cyclist rides 120 m in 8 s. Calculate the speed."
SPEED_KEY = "v = s / t = 120 / 8 = 15 m/s"


def told(answer: str, key_text: str, question: str, most: str = "4", step: str = "0.5"):
    """(share, reasoning, feedback, mark) of an answer that was read without a mistake."""
    words = tuple(Word(word, 0.1, 0.5, 0.05, 0.02, 0.95) for word in answer.split())
    lines = (Line(1, words, 0.5),)
    key = read_key(key_text, question)
    outcome = compare(key, (lines,))
    criterion = Criterion(
        "Q1", question, key_text, "base", Decimal(0), Decimal(most), Decimal(step)
    )
    mark = legal_mark(criterion, outcome.share)
    passage = Passage((lines,))
    said = feedback(outcome, key, is_full=mark == criterion.most)
    return outcome.share, reasoning(outcome, passage, criterion, key), said, mark


def sum_in(text: str) -> float:
    """What the written sum of weights and shares comes to."""
    line = next(line for line in text.splitlines() if line.startswith("Weight × share"))
    pairs = re.findall(r"([\d.]+)% × ([\d.]+)%", line)
    total = sum(float(weight) * float(share) / 10_000 for weight, share in pairs)
    assert total == pytest.approx(float(re.search(r" = ([\d.]+)%", line)[1]) / 100, abs=0.003)
    return total


@pytest.mark.parametrize(
    "answer",
    [
        "The boat enters the empty chamber and the lower gates are closed.",
        "The boat enters. The lower gates are closed. Water flows in from the upper level.",
        LOCK_KEY,
    ],
)
def test_the_reasoning_writes_the_sum_that_gives_the_mark(answer):
    share, text, _, mark = told(answer, LOCK_KEY, LOCKS)
    whole = sum_in(text)
    assert min(1, whole / 0.86) == pytest.approx(share, abs=0.004)
    assert f"the nearest possible mark is {mark.normalize():f} " in text
    assert ("at most 100%" in text) == (whole > 0.86)


def test_the_reasoning_says_that_only_the_best_points_count():
    key = "Wood burns. Iron rusts. Milk turns sour. Eggs are boiled."
    share, text, _, _ = told("Iron rusts. Wood burns.", key, "Give any two chemical changes.")
    assert "the best 2 count" in text
    assert text.count(" × ") == 3  # the words "Weight × share", and two points
    assert min(1, sum_in(text) / 0.86) == pytest.approx(share, abs=0.004)


def test_the_reasoning_says_that_working_without_the_result_counts_half():
    _, text, _, _ = told("v = s / t = 120 / 8 = 51 m/s", SPEED_KEY, SPEED)
    assert "Without the result 15 the working counts 50%" in text
    _, text, _, _ = told("The speed is 15 m/s", SPEED_KEY, SPEED)
    assert "The right result is a full answer" in text


def test_the_reasoning_names_what_an_answer_says_against_a_point():
    key = "The volume of the gas increases."
    _, text, _, _ = told("The volume of the gas decreases.", key, "")
    assert "instead of" in text
    assert "25% of it counts" in text


@pytest.mark.parametrize(
    ("answer", "key", "question", "said"),
    [
        (LOCK_KEY, LOCK_KEY, LOCKS, "Full marks: your answer has what was expected."),
        (
            "The boat enters the empty chamber.",
            LOCK_KEY,
            LOCKS,
            "Parts of the expected answer: 4. Found in yours: 1; found only in part: 0;"
            " not found: 3.",
        ),
        ("Ducks swim.", LOCK_KEY, LOCKS, "What was expected was not found in your answer."),
        (
            "Iron rusts.",
            "Wood burns. Iron rusts. Milk turns sour. Eggs are boiled.",
            "Give any two chemical changes.",
            "Asked for: 2. Found in your answer: 1; found only in part: 0.",
        ),
        (
            "Not the lights, the volume.",
            "The volume of the gas increases because its particles move faster.",
            "",
            "Only part of what was expected was found in your answer.",
        ),
        ("False.", "True", "Is it?", "What was expected was not found in your answer."),
    ],
)
def test_a_student_reads_how_much_was_found(answer, key, question, said):
    assert told(answer, key, question)[2] == said


@pytest.mark.parametrize(
    ("answer", "key", "question"),
    [
        ("The boat enters the empty chamber.", LOCK_KEY, LOCKS),
        ("The boat enters. Water flows in from the upper level.", LOCK_KEY, LOCKS),
        ("v = s / t = 120 / 8 = 51 m/s", SPEED_KEY, SPEED),
        ("Ducks swim.", LOCK_KEY, LOCKS),
    ],
)
def test_no_word_of_the_key_is_in_the_feedback_and_staff_read_them_in_the_reasoning(
    answer, key, question
):
    _, text, said, _ = told(answer, key, question)
    words = set(re.findall(r"[a-z]{4,}|\d+", key.lower()))
    assert not words & set(re.findall(r"[a-z]{4,}|\d{2,}", said.lower()))
    assert words & set(re.findall(r"[a-z]{4,}|\d+", text.lower()))


def test_german_students_read_the_feedback_in_german_and_a_teachers_own_as_typed():
    with override("de"):
        for shape in FEEDBACK:
            text = shape.format(all=3, needed=2, whole=1, partly=0, missing=2)
            assert told_feedback(text) != text
        # The catalogue has these words as well, for a button.
        assert gettext("Publish") != "Publish"
        assert told_feedback("Publish") == "Publish"
    assert told_feedback(FEEDBACK[0]) == FEEDBACK[0]
