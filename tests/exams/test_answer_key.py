"""Reading an answer key: from text, from a scan, and from files that are neither."""

import shutil

import pytest

from exams import answer_key
from exams.answer_key import AnswerKeyError, ReaderMissing, read_answer_key, split_answers
from exams.rubric_items import read_items
from tests.factories_intake import pdf, picture
from tests.factories_rubrics import scanned_pdf, text_pdf

ITEMS = read_items(
    [
        {"id": "Q1", "description": "What is photosynthesis?", "max_marks": 2},
        {
            "id": "Q2",
            "description": "The heart",
            "items": [
                {"id": "Q2a", "description": "Its chambers", "max_marks": 4},
                {"id": "Q2b", "description": "Its thickest wall", "max_marks": 1},
            ],
        },
        {"id": "Q10", "description": "Arteries and veins", "max_marks": 2},
    ]
)


def answers_in(text: str) -> dict[str, str]:
    return split_answers(text, ITEMS).answers


def left_over(text: str) -> list[tuple[str, str]]:
    return [(left.label, left.text) for left in split_answers(text, ITEMS).leftovers]


def test_each_answer_is_found_at_its_id():
    text = "Answer key\n\nQ1. Plants make glucose.\nQ2a) Four chambers\nQ2b: left\nQ10 - valves\n"
    assert answers_in(text) == {
        "Q1": "Plants make glucose.",
        "Q2a": "Four chambers",
        "Q2b": "left",
        "Q10": "valves",
    }


@pytest.mark.parametrize(
    "head", ["Q2a", "Q2 a)", "Q2(a)", "Q.2 (a)", "q2a:", "Question 2a.", "Answer to Q2a:", "2a)"]
)
def test_an_id_may_be_written_in_many_ways(head):
    assert answers_in(f"{head} Four chambers") == {"Q2a": "Four chambers"}


def test_a_letter_alone_counts_inside_its_question():
    text = "Q1 Plants\n(a) not a question of its own\nQ2 The heart\n(a) Four chambers\n(b) left\n"
    assert answers_in(text) == {
        "Q1": "Plants\n(a) not a question of its own",
        "Q2a": "Four chambers",
        "Q2b": "left",
    }


def test_an_answer_has_all_its_lines():
    text = "Q1 Plants make\nglucose.\n\nOxygen is released.\nQ2a Four"
    assert answers_in(text)["Q1"] == "Plants make\nglucose.\n\nOxygen is released."


def test_numbers_in_an_answers_own_list_do_not_begin_another():
    text = "Q1 Points:\n1. light\n2. water\n10. sugar\nQ10 valves"
    assert answers_in(text) == {
        "Q1": "Points:\n1. light\n2. water\n10. sugar",
        "Q10": "valves",
    }


def test_bare_numbers_count_when_there_is_nothing_better():
    text = "1. Plants\n2a. Four\n2b. left\n10. valves"
    assert answers_in(text) == {
        "Q1": "Plants", "Q2a": "Four", "Q2b": "left", "Q10": "valves",
    }  # fmt: skip


@pytest.mark.parametrize("head", ["Q9", "Question 9:", "q. 9)", "Answer to Q9 -", "Q1b", "Q2 (c)"])
def test_a_label_that_the_rubric_does_not_have_is_named_and_swallowed_by_no_answer(head):
    text = f"Q1 Plants\nQ2a Four\n{head} Something else\nand more\nQ10 valves"
    assert answers_in(text) == {"Q1": "Plants", "Q2a": "Four", "Q10": "valves"}
    label = head.removeprefix("Answer to ").rstrip(" -:)") + ")" * ("(" in head)
    assert left_over(text) == [(label, "Something else\nand more")]


def test_a_bare_number_that_the_rubric_does_not_have_is_named_too():
    text = "1. Plants\n2a. Points:\n1. light\n2. water\n3. air\n7. Something else\n10. valves"
    assert answers_in(text)["Q2a"] == "Points:\n1. light\n2. water\n3. air"
    assert left_over(text) == [("7", "Something else")]


def test_a_label_that_comes_again_is_named_and_swallowed_by_no_answer():
    text = "Q1 Plants\nQ2a Four\nQ1 Or algae"
    assert answers_in(text) == {"Q1": "Plants", "Q2a": "Four"}
    assert left_over(text) == [("Q1", "Or algae")]


def test_one_answer_for_a_question_whose_parts_get_the_marks_is_named():
    assert left_over("Q1 Plants\nQ2 Four chambers and a thick wall") == [
        ("Q2", "Four chambers and a thick wall")
    ]
    assert left_over("Q2 The heart\n(a) Four chambers") == []


def test_an_answer_that_begins_with_a_single_letter_is_no_label():
    text = "Q1 A plant makes glucose.\nQ2a Four (a) left (b) right\nQ10 (a) valves"
    assert left_over(text) == []
    assert answers_in(text)["Q1"] == "A plant makes glucose."


def test_a_part_is_known_by_its_letter_in_brackets_behind_its_question():
    assert answers_in("Q1 Plants\nQ2(a) Four\nQ2 (b) left") == {
        "Q1": "Plants", "Q2a": "Four", "Q2b": "left",
    }  # fmt: skip


def test_a_file_with_other_labels_only_is_refused_and_names_them():
    pdf = text_pdf(["Q7. Green plants make glucose from water.", "Q8. Veins have valves in them."])
    assert "The file has Q7, Q8, which get no marks in the rubric." in refused(pdf)


def test_a_number_within_a_sentence_begins_nothing():
    assert answers_in("10 mm is the width\n1 is a number") == {}


def test_the_question_the_marks_and_the_word_answer_are_left_out():
    text = "Q1. What is photosynthesis? (2 marks)\nAnswer: Plants make glucose.\nQ2a [4 marks] Four"
    assert answers_in(text) == {"Q1": "Plants make glucose.", "Q2a": "Four"}


def test_a_pdf_with_text_is_read():
    pdf = text_pdf(
        ["Q1. Green plants make glucose from water, using light energy.", "Oxygen is released."],
        ["Q2a. Left and right atrium, left and right ventricle.", "Q10. Veins (not arteries)."],
    )
    assert read_answer_key(pdf, ITEMS).answers == {
        "Q1": "Green plants make glucose from water, using light energy.\nOxygen is released.",
        "Q2a": "Left and right atrium, left and right ventricle.",
        "Q10": "Veins (not arteries).",
    }


def test_a_scan_is_read_with_tesseract():
    pdf = scanned_pdf(["Q1. Green plants make glucose.", "Q10. Veins have valves."])
    assert read_answer_key(pdf, ITEMS).answers == {
        "Q1": "Green plants make glucose.",
        "Q10": "Veins have valves.",
    }


def refused(data: bytes) -> str:
    with pytest.raises(AnswerKeyError) as error:
        read_answer_key(data, ITEMS)
    return error.value.messages[0]


def test_something_else_than_a_pdf_is_refused():
    assert "not a PDF" in refused(b"Q1. Plants make glucose")


def test_a_damaged_pdf_is_refused():
    assert "damaged" in refused(b"%PDF-1.4\n" + b"x" * 500)


def test_a_pdf_without_any_of_the_criteria_is_refused_and_names_them():
    pdf = text_pdf(["A letter to the parents of this class about the coming journey to Rome."])
    assert "(Q1, Q2a, Q2b, Q10)" in refused(pdf)


def test_a_long_scan_is_refused_before_it_is_read():
    pdf = scanned_pdf(*[["Q1"]] * (answer_key.MAX_SCANNED_PAGES + 1))
    assert "scan of 9 pages" in refused(pdf)


def test_a_pdf_of_too_many_pages_is_refused():
    assert "has 61 pages" in refused(text_pdf(*[["Q1 x"]] * (answer_key.MAX_PAGES + 1)))


def test_a_pdf_that_takes_too_long_is_given_up(settings):
    settings.SHEAF_PDF_SECONDS = 0.01
    scan = scanned_pdf(*[["Q1. Green plants make glucose."] * 25] * answer_key.MAX_SCANNED_PAGES)
    assert "took too long" in refused(scan)


def test_a_pdf_that_needs_too_much_memory_is_given_up(settings):
    settings.SHEAF_PDF_MEMORY_MB = 5
    assert "cannot be read" in refused(text_pdf(["Q1. Green plants make glucose."]))


def test_no_file_stays_behind(settings):
    before = set(settings.FILE_UPLOAD_TEMP_DIR.iterdir())
    read_answer_key(text_pdf(["Q1. Green plants make glucose from water and light."]), ITEMS)
    assert set(settings.FILE_UPLOAD_TEMP_DIR.iterdir()) == before


@pytest.mark.parametrize("program", ["pdfinfo", "pdftotext", "pdftoppm", "tesseract"])
def test_a_missing_program_is_not_taken_for_a_damaged_pdf(program, tmp_path, monkeypatch):
    for name in {"pdfinfo", "pdftotext", "pdftoppm", "tesseract"} - {program}:
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReaderMissing, match=f"{program} is not installed"):
        read_answer_key(scanned_pdf(["Q1. Green plants make glucose."]), ITEMS)


def test_a_pdf_with_endless_text_is_given_up():
    endless = text_pdf(*[["Q1. " + "glucose " * 40] * 160] * answer_key.MAX_PAGES)
    # In letters of three points, so that it all stands on the page.
    endless = endless.replace(b"/F1 12 Tf 16 TL", b"/F1 3.1 Tf 3 TL")
    assert "more text than" in refused(endless)


def test_a_scan_that_says_it_is_a_wall_is_read_like_any_other():
    lines = "Q1. Green plants make glucose.", "Q10. Veins have valves."
    wall = pdf(picture(*lines, size=(1240, 1754), face=36, mode="L"), resolution=8)
    assert read_answer_key(wall, ITEMS).answers == {
        "Q1": "Green plants make glucose.",
        "Q10": "Veins have valves.",
    }
