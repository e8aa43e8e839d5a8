"""Advice on wording: vague criteria are noticed, clear ones and real exam files are left alone."""

from pathlib import Path

import pytest

from exams.rubric_advice import advise
from exams.rubric_files import read_exam_file
from exams.rubric_items import read_items

ROOT = Path(__file__).resolve().parents[2]


def advice(description="What is it?", **fields):
    item = {"id": "Q1", "description": description, "max_marks": 2, "step": 0.5, "answer": "x"}
    return advise(read_items([item | fields]))


@pytest.mark.parametrize(
    "text",
    [
        "Shows good understanding of photosynthesis",
        "Demonstrates knowledge of the causes of the war",
        "Has a clear grasp of the method",
        "Understands the water cycle",
        "The student should know the three states of matter.",
        "Is aware of the risks",
        "Well written",
        "The essay is well structured and ends with a conclusion",
        "Arguments are adequately supported",
        "Explains the process clearly",
        "Uses appropriate vocabulary",
        "Good use of evidence",
        "Sufficient detail",
        "Style",
        "Content and style",
        "Overall impression",
        "Gives some examples of mammals",
        "States several reasons for the revolt",
        "Names organs of the body (heart, lungs etc.)",
        "Uses diagrams where appropriate",
        "Meets expectations",
        "Define osmosis and explain its role in plants",
        "Calculate the mean, then interpret the result",
    ],
)
def test_a_vague_criterion_gets_advice_that_quotes_its_words(text):
    found = advice(text)
    assert found
    assert found[0].field == "description"
    assert found[0].text


@pytest.mark.parametrize(
    "text",
    [
        "What is photosynthesis?",
        "What do you know about cells?",
        "Name the two parts of the cell theory.",
        "Explain how a cloud forms.",
        "Why does it begin to rain?",
        "Describe the structure of the heart.",
        "Give two examples of good conductors of heat.",
        "Draw and label the human heart.",
        "What is evaporation, and what drives it?",
        "Choose a scale for the y-axis and plot the points.",
        "Compare the knowledge of ancient and modern doctors about blood.",
        "How well do metals conduct heat?",
        "What are the effects of poor diet?",
        "Give the strong acid formed in this reaction.",
        "Write the sum of some of these numbers.",
        "The introduction names the author, the title and the question.",
        "Each claim is followed by a reason from the text.",
        "Explain the style of the poem in two sentences.",
        "Describe the content of the letter.",
        "Beschreibe den Aufbau des Herzens.",
    ],
)
def test_a_criterion_that_can_be_seen_on_sheet_is_left_alone(text):
    assert advice(text) == []


def test_the_exam_file_of_the_demo_is_left_alone():
    file = ROOT / "grading/demo/exam.yaml"
    assert advise(read_exam_file(file.read_bytes()).items) == []


def test_marks_without_a_key_are_noticed_unless_guidance_says_what_earns_them():
    assert [found.field for found in advice(answer="")] == ["answer"]
    assert advice(answer="", guidance="One mark for each organ.") == []


def test_vague_guidance_is_noticed_as_well():
    (found,) = advice(guidance="Full marks for a good answer.")
    assert (found.field, found.found) == ("guidance", "good answer")


def test_two_tasks_are_left_alone_when_the_guidance_says_what_each_is_worth():
    text = "Define osmosis and explain its role in plants"
    assert advice(text, guidance="One mark for the definition, one for the role.") == []


@pytest.mark.parametrize(
    ("fields", "is_noticed"),
    [
        ({"max_marks": 4, "step": 4}, True),
        ({"max_marks": 2, "step": 2}, False),
        ({"max_marks": 10, "step": 0.25}, True),
        ({"max_marks": 10, "step": 0.25, "guidance": "See the table of points."}, False),
        ({"max_marks": 6, "step": 0.5}, False),
        ({"max_marks": 3, "step": 1, "guidance": "Half a mark for a spelling slip."}, True),
        ({"max_marks": 3, "step": 0.5, "guidance": "Half a mark for a spelling slip."}, False),
    ],
)
def test_a_step_that_does_not_fit_the_marks_is_noticed(fields, is_noticed):
    assert [found.field for found in advice(**fields)] == ["step"] * is_noticed


@pytest.mark.parametrize(
    ("text", "marks", "step", "is_noticed"),
    [
        ("Name the four chambers of the heart.", 3, 1, True),
        ("Name the four chambers of the heart.", 4, 1, False),
        ("Name the three stages.", 3, 0.5, False),
        ("State 3 uses of copper.", 2, 0.5, True),
        ("Write 20 words on this.", 2, 0.5, False),
        ("Name the four chambers of the heart.", 2, 2, False),
    ],
)
def test_things_to_be_named_that_cannot_count_alike_are_noticed(text, marks, step, is_noticed):
    found = advice(text, max_marks=marks, step=step)
    assert [one.field for one in found] == ["marks"] * is_noticed


def test_one_thing_is_said_once():
    assert len(advice("Shows good understanding of photosynthesis")) == 1


def test_a_group_gets_no_advice_and_its_criteria_do():
    leaf = {"id": "Q1a", "description": "Well written", "max_marks": 1, "answer": "x"}
    group = {"id": "Q1", "description": "Style", "items": [leaf]}
    assert [found.code for found in advise(read_items([group]))] == ["Q1a"]
