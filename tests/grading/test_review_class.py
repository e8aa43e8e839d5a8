"""A class of 60 with 10 questions, reviewed through the pages by a script, as two teachers do."""

import random
import re
from decimal import Decimal
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exams.models import Sheet
from grading.models import Mark
from tests import factories
from tests.grading.steps import fresh, marks_of, url

pytestmark = pytest.mark.slow

HTMX = {"HTTP_HX_REQUEST": "true"}
STUDENTS, QUESTIONS = 60, 10
ITEMS = [
    {"id": f"Q{number}", "description": f"Question {number}", "max_marks": 4, "step": 0.5}
    for number in range(1, QUESTIONS + 1)
]


@pytest.fixture
def big_exam(x_b, alice):
    exam = factories.make_exam(x_b, title="Final", items=ITEMS, by=alice)
    for _ in range(STUDENTS):
        factories.make_sheet(exam, state="graded", pages=0)
    return exam


def form_of(page: str, mark: int) -> dict[str, str]:
    """What a browser would send of a mark's form on a page."""
    form = re.search(rf'<form id="mark-{mark}-form".*?</form>', page, re.S)[0]
    return {
        "version": re.search(r'name="version" value="(\d+)"', form)[1],
        "awarded": re.search(r'value="([\d.]+)" checked', form)[1],
        "feedback": unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", form, re.S)[1]),
        "reason": unescape(re.search(r'name="reason" value="(.*?)"', form)[1]),
    }


def test_every_save_of_a_whole_class_survives_a_reload(big_exam, teacher):
    chance = random.Random(60)
    expected, walked = {}, []
    address = teacher.get(url("review_list", big_exam)).context["first"]
    while "/sheets/" in address:
        page = teacher.get(address)
        text = page.content.decode()
        walked.append(page.context["sheet"].pk)
        for card in page.context["cards"]:
            pk = card.mark.pk
            typed = form_of(text, pk)
            if len(walked) % 3 and chance.random() < 0.4:
                typed["awarded"] = str(chance.choice(["0", "0.5", "2.5", "4"]))
                typed["reason"] = "Partial credit"
            if len(walked) % 3 and chance.random() < 0.3:
                typed["feedback"] = f"Für dich: <{pk}> & “mehr”"
            answer = teacher.post(url("mark_save", card.mark), typed, **HTMX)
            assert answer.status_code == 200
            expected[pk] = (Decimal(typed["awarded"]), typed["feedback"])
        reloaded = teacher.get(address)
        text = reloaded.content.decode()
        for card in reloaded.context["cards"]:
            shown = form_of(text, card.mark.pk)
            assert (Decimal(shown["awarded"]), shown["feedback"]) == expected[card.mark.pk]
        approved = {"marks_version": reloaded.context["marks_version"], "show": "graded"}
        address = teacher.post(url("sheet_approve", page.context["sheet"]), approved).url
    assert len(walked) == len(set(walked)) == STUDENTS
    assert len(expected) == STUDENTS * QUESTIONS
    rows = Mark.objects.filter(sheet__exam=big_exam).values_list("pk", "awarded", "feedback")
    assert {pk: (awarded, feedback) for pk, awarded, feedback in rows} == expected
    states = Sheet.objects.filter(exam=big_exam).values_list("state", flat=True)
    assert set(states) == {"reviewed", "overridden"}


def test_two_browsers_on_the_same_marks_lose_nothing(big_exam, teacher, admin, sign_in):
    sheet = big_exam.sheets.first()
    other = sign_in(admin)
    mine, theirs = (
        browser.get(url("review_sheet", sheet)).content.decode() for browser in (teacher, other)
    )
    for mark in marks_of(sheet):
        first = form_of(theirs, mark.pk) | {"awarded": "4", "feedback": "Hers", "reason": "Full"}
        assert other.post(url("mark_save", mark), first, **HTMX).status_code == 200
        second = form_of(mine, mark.pk) | {"awarded": "1", "feedback": "His", "reason": "Thin"}
        answer = teacher.post(url("mark_save", mark), second, **HTMX)
        text = answer.content.decode()
        assert answer.status_code == 409
        assert "<dialog" in text
        for value in ("Hers", "His", "Theirs, saved by Admin", "<strong>4</strong>"):
            assert value in text
        assert (fresh(mark).awarded, fresh(mark).feedback) == (4, "Hers")
    # Mine over hers is a decision, and both stay in the history.
    mark = marks_of(sheet)[0]
    decided = second | {"version": "2", "dialog": "1"}
    assert teacher.post(url("mark_save", mark), decided, **HTMX).status_code == 200
    told = list(mark.history.order_by("version").values_list("feedback", flat=True))
    assert told[1:] == ["Hers", "His"]


def test_a_class_is_reviewed_question_by_question(big_exam, teacher):
    for number in range(1, QUESTIONS + 1):
        address = f"/exams/{big_exam.pk}/review/questions/Q{number}/"
        while address:
            page = teacher.get(address)
            for row in page.context["rows"]:
                mark = row["card"].mark
                typed = form_of(page.content.decode(), mark.pk)
                typed |= {"accept": "1", "desk": "question", "show": "open"}
                assert teacher.post(url("mark_save", mark), typed, **HTMX).status_code == 200
            following = page.context["next"]
            address = following and f"{page.request['PATH_INFO']}?show=open&from={following}"
        done = teacher.get(page.request["PATH_INFO"]).context
        assert (done["question_done"], done["question_total"]) == (STUDENTS, STUDENTS)
    teacher.post(url("approve_accepted", big_exam))
    assert set(big_exam.sheets.values_list("state", flat=True)) == {"reviewed"}


def test_six_hundred_sheets_ask_no_more_of_the_database_than_sixty(big_exam, teacher):
    sheet = big_exam.sheets.first()
    addresses = [
        *(f"{url('review_list', big_exam)}?show={show}" for show in ("graded", "eyes", "all")),
        url("review_counts", big_exam),
        f"{url('review_sheet', sheet)}?show=eyes",
        url("review_questions", big_exam),
        f"/exams/{big_exam.pk}/review/questions/Q1/",
    ]

    def numbers() -> list[int]:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                # Nobody but this transaction knows these rows: autovacuum takes them for none.
                cursor.execute("ANALYZE")
        found = []
        for address in addresses:
            with CaptureQueriesContext(connection) as ran:
                assert teacher.get(address).status_code == 200
            found.append(len(ran))
        return found

    teacher.get(addresses[0])
    few = numbers()
    for _ in range(540):
        factories.make_sheet(big_exam, state="graded", pages=0)
    assert numbers() == few
