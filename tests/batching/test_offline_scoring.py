"""How much of a key an answer says: paraphrases count, fluent nonsense does not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from batching.providers.offline.key import read_key, split_points
from batching.providers.offline.marks import Criterion, legal_mark
from batching.providers.offline.reading import Line, Word
from batching.providers.offline.scoring import compare
from batching.providers.offline.words import likeness, numbers, related

LOCKS = "How does a canal lock lift a boat?"
LOCK_KEY = (
    "The boat enters the empty chamber. The lower gates are closed. Water flows in from the upper "
    "level. When both levels are equal the upper gates open."
)


def share(answer: str, key: str, question: str = "", confidence: float = 0.95) -> float:
    words = tuple(Word(word, 0.1, 0.5, 0.05, 0.02, confidence) for word in answer.split())
    return compare(read_key(key, question), [[Line(1, words, 0.5)]] if words else []).share


def test_the_key_itself_is_a_full_answer():
    assert share(LOCK_KEY, LOCK_KEY, LOCKS) == 1


def test_a_paraphrase_scores_nearly_as_much():
    answer = (
        "First the boat goes into the chamber, which is empty, and they close the lower gates. "
        "Then water from the upper level flows in until the levels are equal and the upper gates "
        "are opened."
    )
    assert share(answer, LOCK_KEY, LOCKS) > 0.85


def test_a_wrong_answer_on_the_same_topic_scores_low():
    answer = "A lock on a canal lifts the boat with strong chains and a big motor."
    assert share(answer, LOCK_KEY, LOCKS) < 0.15


def test_an_answer_on_something_else_scores_nothing():
    assert share("Napoleon lost the battle because of the mud.", LOCK_KEY, LOCKS) < 0.05


def test_half_of_the_points_are_worth_about_half():
    answer = "The boat enters the empty chamber and the lower gates are closed."
    assert 0.3 < share(answer, LOCK_KEY, LOCKS) < 0.7


def test_more_of_the_key_is_never_worth_less():
    sentences = LOCK_KEY.split(". ")
    shares = [share(". ".join(sentences[:n]), LOCK_KEY, LOCKS) for n in range(5)]
    assert shares == sorted(shares)
    assert shares[0] == 0


def test_badly_read_words_are_still_known():
    answer = "The boaf enlers the ernpty charnber. Tne lovver gates are closecl."
    clean = "The boat enters the empty chamber. The lower gates are closed."
    assert share(answer, LOCK_KEY, LOCKS, 0.4) > 0.6 * share(clean, LOCK_KEY, LOCKS)


def test_a_clearly_read_word_is_not_taken_for_another():
    key = "Conduction, convection and radiation."
    assert share("Radiation and conduction", key) == pytest.approx(2 / 3 / 0.86, abs=0.02)


def test_a_comparison_the_wrong_way_round_is_not_right():
    question = "Give a difference between plains and plateaus."
    key = "Plains are low and fertile, plateaus are raised and stony."
    right = share("Plains are low and fertile but plateaus are raised and stony.", key, question)
    wrong = share("Plateaus are low and fertile but plains are raised and stony.", key, question)
    assert right == 1
    assert wrong < 0.4


def test_a_denied_point_counts_little():
    question = "What about whales?"
    assert share("Whales breathe air with lungs.", "Whales breathe air with lungs.", question) == 1
    assert share("Whales cannot breathe air with lungs.", "They breathe air with lungs.") < 0.4


def test_the_opposite_of_a_word_is_not_the_word():
    key = "The volume of the gas increases."
    assert share("The volume of the gas increased.", key) == 1
    assert share("The volume of the gas decreases.", key) < 0.4


def test_a_year_is_right_or_wrong():
    key, question = "1492", "When did Columbus land in America?"
    assert share("He landed there in 1492.", key, question) == 1
    assert share("He landed there in 1942.", key, question) == 0


def test_figures_read_as_letters_are_known_but_no_figure_is_taken_for_another():
    assert share("It takes 5UU days and IOO nights", "500 days and 100 nights") == 1
    assert share("It takes 305 days", "365 days", "How many days?") < 0.6
    assert share("This is so", "15") == 0


def test_the_right_result_is_a_full_answer_and_the_right_working_half():
    key = "v = s / t = 120 / 8 = 15 m/s"
    question = "A cyclist rides 120 m in 8 s. Calculate the speed."
    assert share("The speed is 15 m/s", key, question) == 1
    assert share("v = s / t = 120 / 8 = 51 m/s", key, question) == pytest.approx(0.5, abs=0.1)


def test_a_formula_may_be_spaced_as_one_likes():
    assert share("E=m c^2", "E = mc^2") == 1
    assert share("E = mv", "E = mc^2") < 1


@pytest.mark.parametrize("answer", ["C", "c)", "(C) Bern", "The answer is C", "Bern"])
def test_a_choice_is_known_by_its_letter_or_its_words(answer):
    question = "What is the capital? A Paris, B Rome, C Bern, D Oslo"
    assert share(answer, "C", question) == 1


@pytest.mark.parametrize("answer", ["B", "A Paris", "Rome", "D) Bern"])
def test_another_choice_is_wrong(answer):
    assert share(answer, "C", "What is the capital? A Paris, B Rome, C Bern, D Oslo") == 0


def test_a_reason_is_worth_nothing_with_the_wrong_verdict():
    key, question = "True. Ice floats on water.", "True or false: ice is lighter than water. Why?"
    assert share("True, because ice floats on water.", key, question) == 1
    assert 0.3 < share("True.", key, question) < 0.8
    assert share("False, because ice floats on water.", key, question) == 0


def test_any_two_of_three_points_are_enough_where_two_are_asked_for():
    key = "Tulips are exported; cheese is made from milk; windmills pump water."
    question = "Name two things the country is known for."
    assert share("They export tulips. They make cheese from milk.", key, question) > 0.9


def test_three_halves_do_not_make_two_points():
    key = "Tulips grow in fields; cheese comes from milk; windmills drain the land."
    question = "Name two things the country is known for."
    assert share("Tulips in fields, cheese from milk.", key, question) == 1
    assert share("Tulips and cheese and windmills.", key, question) < 0.85


def test_repeating_the_question_proves_nothing():
    question = "Why do volcanoes form above plates that collide?"
    key = "Where plates collide one sinks, melts and rises as magma that forms volcanoes."
    assert share("Volcanoes form above plates that collide.", key, question) == 0
    assert share("One melts and rises.", key, question) > 0.5


def test_who_speaks_of_one_side_only_gets_little_for_the_other():
    question = "Compare rivers and glaciers."
    one = "Rivers move rock downhill and cut valleys like a V."
    key = f"{one} Glaciers move rock downhill and cut valleys like a U."
    assert share(one, key, question) < 0.8


def test_a_key_is_taken_apart_into_sentences_entries_and_members():
    assert split_points("It rains, e.g. in May. Snow is 3.5 m deep.") == [
        "It rains, e.g. in May.",
        "Snow is 3.5 m deep.",
    ]
    assert split_points("Any two of: iron; copper") == ["iron", "copper"]
    assert split_points("1. iron\n2. copper\n- gold") == ["iron", "copper", "gold"]
    assert split_points("The metals are: iron, copper and gold.") == ["iron", "copper", "gold"]


def test_points_weigh_what_the_key_says_they_are_worth():
    key = "Heat melts the ice [1]. Pressure squeezes water out of the snow [3]."
    one, three = share("Heat melts ice.", key), share("Pressure squeezes water out of snow.", key)
    assert three == pytest.approx(3 * one, abs=0.2)


def test_inflections_are_one_word_and_neighbours_in_the_dictionary_are_two():
    assert related("diffuses", "diffusion")
    assert related("assassination", "assassinated")
    assert related("city", "cities")
    assert not related("contract", "contrast")
    assert not related("action", "active") or related("act", "action")
    assert likeness("increase", "decrease") < 0.8


def test_numbers_are_read_in_every_spelling():
    assert numbers("1,000,000 men in 1914 and 2.50 m") == ["1000000", "1914", "2.5"]
    assert numbers("in l9l4", read=True) == ["1914"]


@pytest.mark.parametrize(
    ("least", "most", "step", "given", "mark"),
    [
        ("0", "2", "0.5", 0.6, "1"),
        ("0", "2", "0.5", 0.63, "1.5"),
        ("0", "5", "1", 1.0, "5"),
        ("0", "1", "1", 0.5, "0"),
        ("0", "0.3", "0.1", 0.67, "0.2"),
        ("-2", "0", "0.5", 0.0, "0"),
    ],
)
def test_marks_are_legal_steps(least, most, step, given, mark):
    criterion = Criterion("Q1", "", "", "base", Decimal(least), Decimal(most), Decimal(step))
    assert legal_mark(criterion, given) == Decimal(mark)
