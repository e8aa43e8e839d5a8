"""Sheaf in German: every page opens as it does in English, and numbers stay numbers.

A decimal comma is for people: what a browser, a script or a program reads keeps its point.
"""

import re
from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.languages import set_language
from exams.models import Sheet
from grading.models import Mark, Part
from tests import factories
from tests.page_addresses import OURS, url_of
from tests.page_matrix import MATRIX
from tests.test_every_page import arguments, people  # noqa: F401

GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de"}
# A student's pages, and those of whoever has the most to see.
READERS = {"admin": 1, "alice": 2, "carol": 4}


@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize("reader", READERS)
def test_every_page_opens_in_german_as_in_english(reader, people, arguments):  # noqa: F811
    browser, sign = people[READERS[reader]], READERS[reader]
    wrong = []
    give_halves()
    for name, methods in MATRIX.items():
        if methods.get("GET", "------")[sign] != "." or name not in OURS:
            continue
        url = url_of(name, arguments)
        english, german = browser.get(url), browser.get(url, **GERMAN)
        if english.status_code != german.status_code:
            wrong.append(f"{name}: {english.status_code}, in German {german.status_code}")
        if "text/html" in german.get("Content-Type", "") and german.status_code == 200:
            page = german.content.decode()
            wrong += [f"{name}: {one}" for one in broken_numbers(page)]
    assert not wrong, "\n".join(wrong)


MACHINE = re.compile(
    r"""<(?:input|progress|meter|option|button)\b[^>]*?\b(?:value|min|max|step)="(-?\d+,\d+)\"
    |\b(?:data-[\w-]+|width|height|x|y|cx|cy|points|viewBox|href|src|action|hx-\w+)="(-?\d+,\d+)\"
    """,
    re.VERBOSE,
)


def broken_numbers(page: str) -> list[str]:
    """Decimal commas where something else than a person reads."""
    return [match[0] for match in MACHINE.finditer(page)]


def test_a_decimal_comma_is_found_where_a_machine_reads():
    assert broken_numbers('<input type="number" step="0.5" value="1,5">')
    assert broken_numbers('<td data-value="1,5">1,5</td>')
    assert not broken_numbers('<td data-value="1.5">1,5</td> <input value="1.5">')


def give_halves() -> None:
    """1.5 points for every question, so that each number has its decimals."""
    for row in (*Mark.objects.all(), *Part.objects.all()):
        row.awarded = Decimal("1.5")
        row.save()


@pytest.fixture
def graded(exam, alice, carols_enrolment) -> Sheet:
    """A paper with 1.5 marks for each of its questions."""
    sheet = factories.make_sheet(exam, state="graded", enrolment=carols_enrolment, pages=1)
    give_halves()
    set_language(alice, "de")
    return sheet


def test_marks_have_a_comma_for_people_and_a_point_for_machines(sign_in, graded, alice, exam):
    browser = sign_in(alice)
    desk = browser.get(reverse("grading:review_sheet", args=[graded.pk])).content.decode()
    assert 'lang="de"' in desk
    assert not broken_numbers(desk)
    assert re.search(r'name="awarded"[^>]*value="1\.5"|value="1\.5"[^>]*name="awarded"', desk)
    assert 'data-saved="1.5"' in desk
    assert "1,5" in re.sub(r"<[^>]*>", " ", desk)
    marks = browser.get(reverse("api:sheet_review", args=[graded.pk]), **GERMAN)
    assert b"1,5" not in marks.content
    csv = browser.get(reverse("api:exam_results_csv", args=[exam.pk]), **GERMAN)
    assert b"1,5" not in csv.content
