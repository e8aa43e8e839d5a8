"""What a row says in English is told in the reader's language, with the row's own values."""

import pytest
from django.utils.translation import override

from accounts.told import told
from batching.provider_words import MISSING, told_missing
from exams.suggestion_words import SHAPES, told_suggestion


@pytest.mark.parametrize(
    ("reason", "german"),
    [
        ("", ""),
        ("Name on page 1 reads Ines Carvalho", "Der Name auf Seite 1 lautet Ines Carvalho"),
        (
            "File name contains roll number 84B003; but page 1 reads 84B004",
            "Der Dateiname enthält die Listennummer 84B003; aber auf Seite 1 steht 84B004",
        ),
        (
            "Name on page 1 reads Ines, but that student has “scan 2.pdf”",
            "Der Name auf Seite 1 lautet Ines, aber zu dieser Person gehört schon „scan 2.pdf“",
        ),
        (
            "Roll number on page 1 reads 84B0O3, matches 84B003",
            "Die Listennummer auf Seite 1 lautet 84B0O3, das passt zu 84B003",
        ),
        ("Something that no shape fits", "Something that no shape fits"),
    ],
)
def test_the_reason_of_a_suggestion_is_told_in_german(reason, german):
    with override("de"):
        assert told_suggestion(reason) == german
    assert told_suggestion(reason) == reason


def test_a_name_that_is_a_word_of_ours_stays_a_name():
    with override("de"):
        assert told("Name on page 1 reads Read", SHAPES) == "Der Name auf Seite 1 lautet Read"


def test_a_shape_is_told_before_a_shorter_one_that_fits_too():
    """Else a second value would be swallowed by the first."""
    texts = [shape.replace("%(", "<").replace(")s", ">") for shape in SHAPES]
    for text, shape in zip(texts, SHAPES, strict=True):
        with override("de"):
            german = told(text, [shape])
            assert told(text, SHAPES) == german or "<why>" in text


def test_what_a_provider_is_missing_names_its_setting_in_german():
    with override("de"):
        told_german = told_missing(MISSING[0].format(variable="OPENAI_API_KEY"))
    assert told_german.startswith("OPENAI_API_KEY ist nicht gesetzt")
