"""Sheaf in German: every page opens as it does in English, and numbers stay numbers.

A decimal comma is for people: what a browser, a script or a program reads keeps its point.
"""

import html
import re
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils.translation import override

from accounts.languages import set_language
from accounts.told import HOLE, REASONS, ROWS, told
from batching.models import BatchItem, BatchJob, BatchRun
from exams.models import KeyProposal, Sheet, UploadMember
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


@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize("reader", ["admin", "alice"])
def test_no_reason_stands_on_a_german_page_in_english(reader, people, arguments, exam):  # noqa: F811
    """Whatever went wrong with a file, a sheet, a request or a job, and whatever was changed."""
    browser, sign = people[READERS[reader]], READERS[reader]
    pieces = go_wrong(exam)
    english: list[str] = []
    seen = ""
    for name, methods in MATRIX.items():
        if methods.get("GET", "------")[sign] != "." or name not in OURS or "api" in name:
            continue
        answer = browser.get(url_of(name, arguments), **GERMAN)
        if "text/html" in answer.get("Content-Type", "") and answer.status_code == 200:
            page = html.unescape(answer.content.decode())
            english += [f"{name}: {text}" for text in pieces if text in page]
            seen += page
    assert not english, "\n".join(english)
    with override("de"):
        problem = told(filled(ROWS.texts()[0]))
    for german in (problem, "Zurückgenommen: 31", "Zugeordnet: 31"):
        assert german in seen


def go_wrong(exam) -> list[str]:
    """Write every text with values where pages show it; the longest English piece of each."""
    rows, reasons = ROWS.texts(), REASONS.texts()
    upload = exam.uploads.first()
    for number, shape in enumerate(rows):
        upload.members.create(name=f"{number}.pdf", outcome="rejected", reason=filled(shape))
    for number, shape in enumerate(rows[::8]):
        factories.make_sheet(exam, state="failed", problem=filled(shape), name=f"f{number}.pdf")
    for model, field in ((BatchItem, "reason"), (BatchJob, "problem"), (KeyProposal, "problem")):
        for row, shape in zip(model.objects.all(), rows, strict=False):
            model.objects.filter(pk=row.pk).update(**{field: filled(shape)})
    BatchRun.objects.update(problem=filled(rows[0]))
    for row in (*exam.sheets.filter(state="graded"), *Mark.objects.all()):
        for number, shape in enumerate(reasons):
            row._change_reason, row._history_user = filled(shape), exam.created_by
            setattr(row, "problem" if isinstance(row, Sheet) else "feedback", str(number))
            row.save()
    assert UploadMember.objects.count() > len(rows) - 1
    pieces = (max(HOLE.sub("|", shape).split("|"), key=len) for shape in (*rows, *reasons))
    return [piece for piece in pieces if len(piece) > 12]


def filled(shape: str) -> str:
    return HOLE.sub("31", shape)


@pytest.fixture
def graded(exam, alice, carols_enrolment) -> Sheet:
    """A sheet with 1.5 marks for each of its questions."""
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
