"""What a row says in English is told in the reader's language, with the row's own values."""

import pytest
from django.utils import timezone
from django.utils.translation import get_language, gettext, override

from accounts.told import HOLE, OURS, REASONS, ROWS, told, told_reason
from batching.providers import said
from exams.suggestion_words import told_suggestion


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


@pytest.mark.parametrize(
    ("problem", "german"),
    [
        (
            "Page 3 cannot be read: it is only 9x9 pixels. Scan it again and upload it.",
            "Seite 3 ist nicht lesbar: sie hat nur 9x9 Pixel. Scannen Sie sie noch einmal und"
            " laden Sie sie hoch.",
        ),
        (
            "The same sheet as “a.pdf” from “monday.zip”, which was kept.",
            "Derselbe Bogen wie „a.pdf“ aus „monday.zip“, der behalten wurde.",
        ),
        (
            "It is a RAR archive. Accepted are PDF, JPEG or PNG files.",
            "Die Datei ist ein RAR-Archiv. Angenommen werden Dateien in PDF, JPEG oder PNG.",
        ),
        (
            "The server at http://10.0.0.5:8080/v1 answered 401: no reason was given. Check the"
            " key in LOCAL_API_KEY. It is tried again every hour; an admin can write the job off.",
            "Der Server http://10.0.0.5:8080/v1 hat 401 geantwortet: Ein Grund wurde nicht"
            " genannt. Prüfen Sie den Schlüssel in LOCAL_API_KEY. Es wird jede Stunde noch einmal"
            " versucht; die Verwaltung kann den Auftrag abschreiben.",
        ),
        (
            "Attempt 1 (Local model qwen): The reply does not fit the schema at parts: [] is no"
            " object Attempt 2 (OpenAI): OpenAI answered 500: Oh. Attempt 3 (Offline baseline):"
            " Page 2: Tesseract took longer than 60 seconds.",
            "Versuch 1 (Lokales Modell qwen): Die Antwort passt nicht zum Schema, Stelle parts: []"
            " is no object Versuch 2 (OpenAI): OpenAI hat 500 geantwortet: Oh. Versuch 3"
            " (Offline-Vergleich): Seite 2: Tesseract hat länger als 60 Sekunden gebraucht.",
        ),
        (
            "Written off by Alice. Its batch is not followed any more: OpenAI answered 403: Gone!",
            "Abgeschrieben von Alice. Der Batch wird nicht weiter verfolgt: OpenAI hat 403"
            " geantwortet: Gone!",
        ),
    ],
)
def test_a_problem_is_told_with_its_values_and_with_the_texts_inside_it(problem, german):
    with override("de"):
        assert told(problem) == german
    assert told(problem) == problem


@pytest.mark.parametrize(
    ("reason", "german"),
    [
        ("Taken back: Graded", "Zurückgenommen: Graded"),
        ("Mapped to 84B003", "Zugeordnet: 84B003"),
        (
            "Q1 changed: Feedback changed, points unchanged.",
            "Q1 geändert: Rückmeldung geändert, Punkte unverändert.",
        ),
        ("Undone: Put back to the value of 3 May.", "Rückgängig gemacht: Zurückgesetzt auf den"
         " Wert vom 3 May."),
        # What a teacher may type in English, although problems have such shapes.
        ("Page 2: she names all three", "Page 2: she names all three"),
        ("Line 4: the sign is wrong", "Line 4: the sign is wrong"),
        ("Carol answered 42: that is right", "Carol answered 42: that is right"),
        ("My mind changed: it is right", "My mind changed: it is right"),
    ],
)  # fmt: skip
def test_the_reason_of_a_change_is_told_but_what_a_teacher_typed_stays(reason, german):
    with override("de"):
        assert told_reason(reason) == german


def test_a_name_that_is_a_word_of_ours_stays_a_name():
    with override("de"):
        assert told("Name on page 1 reads Read") == "Der Name auf Seite 1 lautet Read"


@pytest.mark.parametrize("shape", [*ROWS.texts(), *REASONS.texts()])
def test_every_shape_is_told_in_german_and_none_takes_it_for_another(shape):
    def filled(text: str) -> str:
        return HOLE.sub(lambda hole: f"x{hole[1] or hole[2]}x", text)

    tell = told if shape in ROWS.texts() else told_reason
    with override("de"):
        german = gettext(shape)
        assert tell(filled(shape)) == filled(german)
    assert german != shape


@pytest.mark.parametrize("shape", [*ROWS.texts(), *REASONS.texts()])
def test_a_hole_has_one_name_and_no_percent_sign_is_doubled(shape):
    holes = [one or other for one, other in HOLE.findall(shape)]
    assert len(set(holes)) == len(holes) > 0
    assert "%%" not in shape
    assert "{{" not in shape


def test_a_sentence_of_somebody_else_is_not_told_by_halves():
    foreign = "Your quota is used up. OpenAI answered 429: Wait."
    several = "OpenAI answered 500: Oh\nno."
    with override("de"):
        assert told(foreign) == foreign
        assert told(several) == "OpenAI hat 500 geantwortet: Oh\nno."


def test_english_is_shown_as_it_stands():
    assert get_language() == "en"
    text = "Written off by Alice. Its provider never had it."
    assert told(text) is text


def test_what_a_provider_is_missing_names_its_setting_in_german():
    with override("de"):
        german = told(said.NO_OPENAI_KEY.format(variable="OPENAI_API_KEY"))
    assert german.startswith("OPENAI_API_KEY ist nicht gesetzt")
    assert OURS == ("why", "what")


def test_two_readings_of_a_roll_number_are_told_in_german():
    with override("de"):
        assert "12 oder 17" in told("12 or 17 on page 1 is no roll number of this class")
        assert "10 oder 16 oder 18" in told("Roll number on page 1 1O? could be 10 or 16 or 18")
        assert told("Tea or coffee") == "Tea or coffee"


def test_a_moment_in_a_reason_is_told_in_the_readers_zone_and_form():
    reason = "Undone: Put back to the value of 2026-07-01 22:30 UTC."
    with timezone.override("Europe/Berlin"):
        assert told_reason(reason) == "Undone: Put back to the value of 2 Jul 2026, 00:30."
        with override("de"):
            assert "vom 02.07.2026, 00:30" in told_reason(reason)
        typed = "Seen at 2026-07-01 22:30 UTC."
        assert told_reason(typed) == typed
    older = "Put back to the value of 12 May 2026, 14:02."
    assert told_reason(older) == older
