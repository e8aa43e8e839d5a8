"""Which lines answer which question: labels as students write them and as tesseract reads them."""

from __future__ import annotations

import pytest

from batching.providers.offline.apart import share_out
from batching.providers.offline.key import read_key
from batching.providers.offline.labels import Passage, find_answers, split_code
from batching.providers.offline.reading import Line, PageText, Reading, Word


def line(text: str, level: float, page: int = 1, left: float = 0.07) -> Line:
    words = [
        Word(word, left + 0.05 * n, level - 0.01, 0.04, 0.02, 0.9)
        for n, word in enumerate(text.split())
    ]
    return Line(page, tuple(words), level)


def page(*texts: str, number: int = 1) -> PageText:
    """Lines from the top of the page down; an empty text leaves a line free."""
    lines = [line(text, 0.2 + 0.03 * n, number) for n, text in enumerate(texts) if text]
    return PageText(number, (Reading(tuple(lines)),))


def found(codes: list[str], *pages: PageText, title: str = "Rivers") -> dict[str, str]:
    passages, _ = find_answers(pages, codes, title)
    return {code: p.text.replace("\n", " ") for code, p in zip(codes, passages, strict=True)}


@pytest.mark.parametrize(
    ("code", "split"),
    [
        ("Q1", ("1",)),
        ("2(b)", ("2", "b")),
        ("3ii", ("3", "ii")),
        ("1a", ("1", "a")),
        ("Question 04", ("4",)),
    ],
)
def test_a_code_is_what_a_student_would_write_of_it(code, split):
    assert split_code(code) == split


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Q1.", "Q2."),
        ("Q1. ", "Q2: "),
        ("Question 1", "Question 2"),
        ("Ans 1)", "Ans 2)"),
        ("1)", "2)"),
        ("1.", "2."),
        ("Ql.", "QZ."),
        ("Qi.", "O2."),
        ("@1.", "G2."),
    ],
)
def test_labels_are_found_alone_and_before_the_answer_and_badly_read(one, two):
    assert found(["Q1", "Q2"], page(one, "ice and snow", "", two, "sand")) == {
        "Q1": "ice and snow",
        "Q2": "sand",
    }
    assert found(["Q1", "Q2"], page(f"{one} ice and snow", "", f"{two} sand")) == {
        "Q1": "ice and snow",
        "Q2": "sand",
    }


def test_a_figure_that_cannot_be_read_is_known_from_its_neighbours():
    texts = page("Q1. ice", "", "QU. sand", "", "Q3. rain", "", "QF. wind")
    assert found(["Q1", "Q2", "Q3", "Q4"], texts) == {
        "Q1": "ice",
        "Q2": "sand",
        "Q3": "rain",
        "Q4": "wind",
    }


def test_parts_of_a_question_are_found_with_and_without_its_number():
    texts = page("1 (a)", "ice", "", "1(b)", "sand", "", "2.", "(a) rain", "", "(b) wind")
    assert found(["1a", "1b", "2(a)", "2(b)"], texts) == {
        "1a": "ice",
        "1b": "sand",
        "2(a)": "rain",
        "2(b)": "wind",
    }


def test_answers_out_of_order_keep_their_labels():
    texts = page("Question 2", "sand", "", "Question 1", "ice")
    assert found(["Q1", "Q2"], texts) == {"Q1": "ice", "Q2": "sand"}


def test_a_numbered_list_inside_an_answer_is_no_new_question():
    texts = page("Q1.", "1. ice", "2. snow", "3. hail", "", "Q2.", "sand", "", "Q3.", "rain")
    assert found(["Q1", "Q2", "Q3"], texts) == {
        "Q1": "1. ice 2. snow 3. hail",
        "Q2": "sand",
        "Q3": "rain",
    }


def test_an_answer_goes_on_at_the_top_of_the_next_page_without_its_head():
    head = PageText(2, (Reading((line("Page 2", 0.03, 2), line("snow", 0.2, 2))),))
    assert found(["Q1"], page("Q1.", "ice"), head) == {"Q1": "ice snow"}


def test_name_and_title_at_the_head_are_nobodys_answer():
    lines = (
        line("Rivers", 0.03),
        line("Name: Ann Other Roll No: 7", 0.06),
        line("ice", 0.3),
    )
    assert found(["Q1"], PageText(1, (Reading(lines),))) == {"Q1": "ice"}


def test_words_that_begin_like_labels_are_left_in_the_answer():
    texts = page("Q1.", "No trees grow there", "A cold wind blows", "", "Q2.", "Quite warm")
    assert found(["Q1", "Q2"], texts) == {
        "Q1": "No trees grow there A cold wind blows",
        "Q2": "Quite warm",
    }


def test_a_label_that_only_one_reading_saw_counts_for_all():
    one = Reading((line("Q1. ice", 0.2), line("sand", 0.3)))
    two = Reading((line("Q1. ice", 0.2), line("Q2. sand", 0.3)))
    assert found(["Q1", "Q2"], PageText(1, (one, two)))["Q2"] == "sand"


def test_an_answer_whose_label_was_lost_is_cut_off_the_one_before():
    keys = [
        read_key("Glaciers carve valleys shaped like a trough.", "What do glaciers do?"),
        read_key("Volcanoes throw out lava, ashes and poisonous gases.", "What do volcanoes do?"),
    ]
    texts = page("Q1. Glaciers carve valleys", "like a trough.", "", "Lava and ashes", "and gases.")
    passages, before = find_answers([texts], ["Q1", "Q2"], "")
    cut = share_out(keys, passages, before)
    assert [passage.text for passage in cut] == [
        "Glaciers carve valleys\nlike a trough.",
        "Lava and ashes\nand gases.",
    ]
    assert [passage.labelled for passage in cut] == [True, False]


def test_text_that_answers_no_other_question_stays_where_it_is():
    keys = [
        read_key("Glaciers carve valleys shaped like a trough.", "What do glaciers do?"),
        read_key("Volcanoes throw out lava, ashes and poisonous gases.", "What do volcanoes do?"),
    ]
    texts = page("Q1. Glaciers carve valleys", "like a trough.", "They are very cold.")
    passages, before = find_answers([texts], ["Q1", "Q2"], "")
    assert share_out(keys, passages, before) == [passages[0], Passage()]


def test_a_word_or_two_of_another_key_cut_nothing_off():
    keys = [
        read_key("Glaciers carve valleys shaped like a trough.", "What do glaciers do?"),
        read_key("Volcanoes throw out lava, ashes and poisonous gases.", "What do volcanoes do?"),
    ]
    texts = page("Q1. Glaciers carve valleys", "like a trough.", "Some are grey with ashes.")
    passages, before = find_answers([texts], ["Q1", "Q2"], "")
    assert share_out(keys, passages, before) == [passages[0], Passage()]
