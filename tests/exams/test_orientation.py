"""Pages that lie upside down or sideways are found; upright ones are never turned."""

import pytest

from exams.orientation import turn_needed, turned
from exams.tesseract import read_text
from tests.factories_intake import picture

ANSWER = (
    "Name: Mira Kaya      Roll No: 84B003",
    "Plants make glucose from carbon dioxide and water.",
    "They use the energy of light for this work.",
    "Oxygen is released into the air by the leaves.",
    "Animals breathe the oxygen and give back",
    "carbon dioxide, which the plants use again.",
)
PAGE = picture(*ANSWER, size=(1240, 1754), face=38, mode="L")
SHORT = picture("Q4. Both have walls", "of muscle", size=(1240, 1754), face=38, mode="L")


@pytest.mark.parametrize("lies", [0, 90, 180, 270])
def test_a_page_is_turned_back_however_it_lies(lies):
    turn = turn_needed(turned(PAGE, lies))
    assert turn.degrees == -lies % 360
    assert "84B003" in read_text(turned(turned(PAGE, lies), turn.degrees), layout=6)


def test_a_page_with_few_words_is_decided_by_what_can_be_read():
    assert turn_needed(SHORT).degrees == 0
    assert turn_needed(turned(SHORT, 180)).degrees == 180


@pytest.mark.parametrize(
    "page",
    [
        picture(size=(1240, 1754)),
        picture("7", size=(1240, 1754)),
        picture("= + - x", face=60),
        turned(picture("the", size=(1240, 1754), face=40), 180),
    ],
    ids=["nothing", "a digit", "signs", "one word"],
)
def test_in_doubt_a_page_stays_as_it_is(page):
    assert turn_needed(page).degrees == 0
