"""A mark on the review page: what a save gives back, its history, an earlier value put back."""

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.urls import reverse

from grading import review, runs
from tests import factories
from tests.grading.steps import fresh, marks_of, seen, url

HTMX = {"HTTP_HX_REQUEST": "true"}


def values(mark, **changes):
    given = {"awarded": mark.awarded, "feedback": mark.feedback, "reason": "", "version": 1}
    return {name: str(value) for name, value in (given | changes).items()}


def test_saving_without_script_returns_to_the_mark(mark, teacher):
    answer = teacher.post(url("mark_save", mark), values(mark, awarded=2, reason="Complete."))
    assert answer.status_code == 302
    assert answer.url.endswith(f"#mark-{mark.pk}")
    assert fresh(mark).awarded == 2


def test_saving_with_htmx_gives_what_changed_and_nothing_that_is_being_typed(mark, sheet, teacher):
    answer = teacher.post(
        url("mark_save", mark), values(mark, awarded="1.5", reason="Nearly."), **HTMX
    )
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in text
    assert "<textarea" not in text
    assert 'type="radio"' not in text
    for part in ("state", "version", "points", "flags", "changes"):
        assert re.search(rf'id="mark-{mark.pk}-{part}"[^>]* hx-swap-oob="true"', text), part
    assert "<strong>2.5</strong>" in text
    assert seen(sheet) in text
    assert 'name="version" value="2"' in text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_illegal_or_unexplained_mark_is_422_and_keeps_what_was_typed(mark, teacher, headers):
    typed = values(mark, awarded="1.75", feedback="My own words", reason="")
    answer = teacher.post(url("mark_save", mark), typed, **headers)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "give 0 to 2 in steps of 0.5" in text
    assert "Say why" in text
    # To htmx only why: what was typed is still on the page.
    assert ("My own words" in text) is not bool(headers)
    assert fresh(mark).version == 1


def test_a_common_reason_is_proposed_for_the_next_sheet_and_own_words_are_not(
    mark, exam, sheet, teacher
):
    page = url("review_sheet", sheet)
    proposed = re.compile(r'name="reason" value="([^"]*)"')
    answer = values(mark, awarded="1.5", reason="Misread")
    assert teacher.post(url("mark_save", mark), answer).status_code == 302
    # For the others; this one has its own, which saving it again must not replace.
    assert proposed.findall(teacher.get(page).content.decode()) == ["", "Misread"]
    answer = values(mark, awarded="2", reason="Names both chambers", version=2)
    assert teacher.post(url("mark_save", mark), answer).status_code == 302
    assert set(proposed.findall(teacher.get(page).content.decode())) == {""}
    # Nor does it stand beside feedback that is changed while it is still in its field.
    answer = values(mark, awarded="2", feedback="Fine.", reason="Names both chambers", version=3)
    assert teacher.post(url("mark_save", mark), answer).status_code == 302
    assert "Names both" not in mark.history.latest().history_change_reason
    answer = values(mark, awarded="2", feedback="Good.", reason="Kinder words", version=4)
    teacher.post(url("mark_save", mark), answer)
    assert mark.history.latest().history_change_reason == "Kinder words"


@pytest.mark.parametrize("nonsense", ["", "two", "NaN", "1e9", "Infinity"])
def test_points_that_are_no_number_are_422(mark, teacher, nonsense):
    typed = values(mark, awarded=nonsense, reason="x")
    assert teacher.post(url("mark_save", mark), typed).status_code == 422
    assert fresh(mark).version == 1


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_stale_save_is_409_and_shows_both_values_who_and_when(mark, teacher, admin, headers):
    review.change_mark(
        mark.pk, awarded=Decimal(2), feedback="Hers", reason="Full.", version=1, by=admin
    )
    typed = values(mark, awarded="0.5", feedback="His", reason="Thin.")
    answer = teacher.post(url("mark_save", mark), typed, **headers)
    text = answer.content.decode()
    assert answer.status_code == 409
    for shown in ("Hers", "His", "Theirs, saved by Admin", "<strong>2</strong>", "0.5"):
        assert shown in text
    assert fresh(mark).feedback == "Hers"
    assert 'name="version" value="2"' in text  # "save mine over it" is a save of version 2
    again = teacher.post(url("mark_save", mark), typed | {"version": "2"}, **headers)
    assert again.status_code in (200, 302)
    assert (fresh(mark).feedback, fresh(mark).version) == ("His", 3)


def test_the_dialog_asks_why_only_where_the_points_are_other_ones(mark, teacher, admin):
    review.change_mark(
        mark.pk, awarded=Decimal(2), feedback="Hers", reason="Full.", version=1, by=admin
    )
    for points, asked in (("0.5", True), ("2", False)):
        typed = values(mark, awarded=points, feedback="His", reason="Thin.")
        answer = teacher.post(url("mark_save", mark), typed, **HTMX)
        assert answer.status_code == 409
        assert ('id="conflict-reason"' in answer.text) == asked, points


def test_keeping_theirs_shows_the_card_as_it_is_now(mark, teacher):
    answer = teacher.get(url("mark_save", mark), **HTMX)
    assert answer.status_code == 200
    assert f'id="mark-{mark.pk}"' in answer.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_saving_a_published_mark_is_409(exam, teacher, headers):
    sheet = factories.make_sheet(exam, state="published")
    mark = marks_of(sheet)[0]
    answer = teacher.post(url("mark_save", mark), values(mark, awarded=2, reason="x"), **headers)
    assert answer.status_code == 409
    assert "Take the publication back" in answer.content.decode()
    assert fresh(mark).version == 1


def test_the_history_shows_before_and_after_who_and_why(mark, teacher, alice):
    review.change_mark(
        mark.pk,
        awarded=Decimal(2),
        feedback="New words",
        reason="It is there.",
        version=1,
        by=alice,
    )
    text = teacher.get(url("mark_history", mark), **HTMX).content.decode()
    for shown in ("<del>1</del>", "<strong>2</strong>", "Alice", "It is there.", "New words"):
        assert shown in text
    assert b"<html" in teacher.get(url("mark_history", mark)).content


def test_only_beside_its_card_does_the_history_put_back_into_the_card(mark, teacher, alice):
    form = {"awarded": Decimal(2), "feedback": "", "reason": "More.", "version": 1}
    review.change_mark(mark.pk, **form, by=alice)
    to_the_card = f'hx-target="#mark-{mark.pk}"'
    page = teacher.get(url("mark_history", mark)).content.decode()
    assert "Put this back" in page
    assert to_the_card not in page
    beside = teacher.get(url("mark_history", mark), **HTMX).content.decode()
    assert to_the_card in beside


def test_an_earlier_value_is_put_back_from_the_page(mark, teacher, alice):
    first = mark.history.latest()
    review.change_mark(mark.pk, awarded=Decimal(2), feedback="", reason="x", version=1, by=alice)
    form = {"history_id": first.history_id, "version": 2}
    assert teacher.post(url("mark_put_back", mark), form, **HTMX).status_code == 200
    assert fresh(mark).awarded == 1
    assert teacher.post(url("mark_put_back", mark), form, **HTMX).status_code in (200, 409)
    assert teacher.post(url("mark_put_back", mark), {"history_id": "x"}).status_code == 422
    wrong = {"history_id": 999999, "version": 3}
    assert teacher.post(url("mark_put_back", mark), wrong).status_code == 422


@pytest.mark.parametrize("address", ["review_sheet", "review_question"])
def test_marks_dropped_while_a_page_is_drawn_are_said_to_be_gone(
    exam, sheet, mark, teacher, alice, address
):
    """Somebody is faster just when the page asks for the marks."""
    wanted = (
        url("review_sheet", sheet)
        if address == "review_sheet"
        else reverse("grading:review_question", args=[exam.pk, "Q1"])
    )
    dropped = []

    def meanwhile(execute, sql, params, many, context):
        if not dropped and sql.startswith('SELECT "grading_mark"."id", '):
            dropped.append(sql)
            runs.drop_marks(sheet, by=alice, reason="Not hers.")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(meanwhile):
        answer = teacher.get(wanted)
    assert dropped
    if address == "review_sheet":
        assert answer.status_code == 409
        assert "were dropped meanwhile" in answer.text
    else:
        assert (answer.status_code, answer.context["rows"]) == (200, [])
    assert teacher.get(url("review_sheet", sheet)).status_code == 404
