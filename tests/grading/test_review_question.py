"""One question across all sheets: cards in steps, accepting, progress, approving in the end."""

from decimal import Decimal

import pytest
from django.urls import reverse

from batching.conflicts import Conflict
from grading import review, review_accept
from grading.models import Accepted
from grading.review import StaleMark
from tests import factories
from tests.grading.steps import fresh, marks_of, url

HTMX = {"HTTP_HX_REQUEST": "true"}


def question(exam, code="Q1", **query):
    said = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    address = reverse("grading:review_question", args=[exam.pk, code])
    return f"{address}?{said}" if said else address


def shown(page):
    return [row["card"].mark.pk for row in page.context["rows"]]


def form(mark, **changes):
    given = {
        "awarded": mark.awarded,
        "feedback": mark.feedback,
        "reason": "",
        "version": mark.version,
        "desk": "question",
        "show": "open",
        "accept": "1",
    }
    return {name: str(value) for name, value in (given | changes).items()}


@pytest.fixture
def sheets(exam):
    return [factories.make_sheet(exam, state="graded", pages=2) for _ in range(25)]


def test_a_list_or_a_place_that_nobody_knows_is_the_usual_one(exam, sheet, teacher):
    usual = shown(teacher.get(question(exam)))
    for nonsense in ({"show": "nonsense"}, {"from_": "9" * 30}, {"from_": "²"}):
        assert shown(teacher.get(question(exam, **nonsense))) == usual


def test_all_sheets_come_once_in_steps_though_what_is_done_leaves_the_list(exam, sheets, teacher):
    address, seen = question(exam), []
    for _ in range(10):
        page = teacher.get(address)
        if not page.context["rows"]:
            break
        for number, row in enumerate(page.context["rows"]):
            mark = row["card"].mark
            assert mark.criterion.code == "Q1"
            seen.append(mark.pk)
            if number % 2 == 0:  # every second one is left for later
                teacher.post(url("mark_save", mark), form(mark), **HTMX)
        if page.context["next"] is None:
            break
        address = question(exam, show="open", from_=page.context["next"])
    assert len(seen) == len(set(seen)) == 25
    left = teacher.get(question(exam))
    assert left.context["question_done"] == Accepted.objects.count()
    assert left.context["tabs"][0][2] == 25 - Accepted.objects.count()


def test_saving_in_a_question_accepts_and_shows_how_far_it_is(exam, sheets, teacher, alice):
    mark = marks_of(sheets[0])[0]
    answer = teacher.post(
        url("mark_save", mark), form(mark, awarded="2", reason="Complete."), **HTMX
    )
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "1 of 25" in text
    assert "accepted" in text
    assert (fresh(mark).awarded, Accepted.objects.get().version) == (2, 2)
    # Saving along the way, without going on, accepts nothing.
    second = marks_of(sheets[1])[0]
    teacher.post(url("mark_save", second), form(second, accept="", feedback="Half"), **HTMX)
    assert Accepted.objects.count() == 1


def test_without_script_saving_returns_to_the_question(exam, sheets, teacher):
    mark = marks_of(sheets[0])[0]
    answer = teacher.post(url("mark_save", mark), form(mark))
    assert answer.url.startswith(question(exam, show="open"))
    assert Accepted.objects.exists()
    refused = teacher.post(url("mark_save", mark), form(mark, awarded="9", feedback="Kept"))
    assert refused.status_code == 422
    other = marks_of(sheets[1])[0]
    refused = teacher.post(
        url("mark_save", other), form(other, awarded="2", feedback="Kept", show="all")
    )
    assert refused.status_code == 422


def test_a_change_undoes_the_acceptance_of_the_value_before(sheet, mark, alice, admin):
    for _ in range(2):
        review_accept.accept_mark(mark, version=1, by=alice)
    assert Accepted.objects.count() == 1
    change = {"feedback": "", "reason": "x", "by": admin}
    review.change_mark(mark.pk, awarded=Decimal(2), version=1, **change)
    assert not review_accept.sheets_all_accepted(sheet.exam).exists()
    with pytest.raises(StaleMark):
        review_accept.accept_mark(mark, version=1, by=alice)
    review_accept.accept_mark(mark, version=2, by=alice)
    mark.delete()
    with pytest.raises(Conflict, match="dropped meanwhile"):
        review_accept.accept_mark(mark, version=2, by=alice)


def test_sheets_with_every_question_accepted_are_approved_at_once(exam, sheets, teacher, alice):
    whole, changed, half = sheets[:3]
    top = marks_of(changed)[0]
    review.change_mark(top.pk, awarded=Decimal(2), feedback="", reason="x", version=1, by=alice)
    for mark in (*marks_of(whole), *marks_of(changed), marks_of(half)[0]):
        review_accept.accept_mark(mark, version=mark.version, by=alice)
    text = teacher.get(url("review_questions", exam)).content.decode()
    assert "every question accepted (2)" in text
    assert "3 of 25" in text
    assert "2 of 25" in text
    for _ in range(2):
        assert teacher.post(url("approve_accepted", exam)).status_code == 302
    assert [fresh(one).state for one in (whole, changed, half)] == [
        "reviewed",
        "overridden",
        "graded",
    ]
    assert fresh(whole).reviewed_by == alice
    assert whole.history.count() == 2
    assert "question by question" in whole.history.latest().history_change_reason


def test_a_question_that_no_sheet_has_is_not_there(exam, sheets, teacher):
    assert teacher.get(question(exam, "Q9")).status_code == 404
    assert teacher.get(question(exam, "Q2")).status_code == 200


def test_a_question_that_is_done_leads_to_the_next(exam, sheet, teacher, alice):
    mark = marks_of(sheet)[0]
    review_accept.accept_mark(mark, version=1, by=alice)
    text = teacher.get(question(exam, show="open")).content.decode()
    assert "This question is done" in text
    assert "Go on with Q2" in text
    # Without a list named it shows all of them again.
    assert shown(teacher.get(question(exam))) == [mark.pk]


def test_the_page_that_a_mark_was_read_from_is_shown(exam, sheets, teacher):
    sheet = sheets[0]
    sheet.assessments.get().parts.update(page_number=2)
    page = teacher.get(question(exam, show="all", from_=marks_of(sheet)[0].pk))
    row = page.context["rows"][0]
    assert (row["sheet"], row["page"].number) == (sheet, 2)
    assert len(page.context["rows"]) <= 10


def test_marks_by_two_versions_of_the_rubric_are_one_question(exam, sheet, teacher, alice):
    newer = [{"id": "Q1", "description": "Asked anew", "max_marks": 4, "step": 1}]
    factories.make_rubric(exam, items=newer, by=alice)
    other = factories.make_sheet(exam, state="graded")
    page = teacher.get(question(exam))
    assert sorted(shown(page)) == sorted([marks_of(sheet)[0].pk, marks_of(other)[0].pk])
    assert page.context["question"].description == "Asked anew"
