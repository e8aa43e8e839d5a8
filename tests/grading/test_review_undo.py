"""Undo: one's own changes are taken back, the last one first."""

from decimal import Decimal

import pytest

from batching.conflicts import Conflict
from exams.models import Sheet
from grading import review, review_undo
from grading.models import Mark
from tests.grading.steps import fresh, marks_of, url

HTMX = {"HTTP_HX_REQUEST": "true"}


def give(mark, points, by, feedback="Words"):
    return review.change_mark(
        mark.pk,
        awarded=Decimal(points),
        feedback=feedback,
        reason=f"To {points}",
        version=fresh(mark).version,
        by=by,
    )


def undo(sheet, by):
    return review_undo.undo_last(Mark.objects.filter(sheet=sheet), by=by)


def test_changes_are_undone_across_the_sheet_one_after_the_other(sheet, alice):
    one, two = marks_of(sheet)
    before = [(mark.awarded, mark.feedback) for mark in (one, two)]
    give(one, "2", alice)
    give(two, "3", alice)
    give(one, "0.5", alice)
    assert undo(sheet, alice).pk == one.pk
    assert fresh(one).awarded == 2
    assert undo(sheet, alice).pk == two.pk
    assert undo(sheet, alice).pk == one.pk
    assert [(mark.awarded, mark.feedback) for mark in marks_of(sheet)] == before
    with pytest.raises(Conflict, match="nothing of yours to undo"):
        undo(sheet, alice)
    # After new work there is something to undo again, and only that.
    give(two, "0", alice)
    undo(sheet, alice)
    with pytest.raises(Conflict):
        undo(sheet, alice)
    assert fresh(two).history.latest().history_change_reason == "Undone: To 0"


def test_nobody_undoes_what_somebody_else_changed(sheet, alice, admin):
    one, two = marks_of(sheet)
    give(two, "3", admin)
    with pytest.raises(Conflict, match="nothing of yours"):
        undo(sheet, alice)
    give(one, "2", alice)
    give(one, "0", admin)
    with pytest.raises(Conflict, match="changed again since"):
        undo(sheet, alice)
    assert fresh(one).awarded == 0


def test_undo_from_the_page_gives_the_card_as_it_was(sheet, mark, teacher, alice):
    give(mark, "2", alice)
    answer = teacher.post(url("sheet_undo", sheet), **HTMX)
    assert answer.status_code == 200
    assert answer["HX-Retarget"] == f"#mark-{mark.pk}"
    assert fresh(mark).awarded == 1
    again = teacher.post(url("sheet_undo", sheet), **HTMX)
    assert again.status_code == 409
    assert "nothing of yours" in again.content.decode()
    # Into the place of messages, not instead of it: that carries the texts of lost connections.
    assert '<div id="messages" hx-swap-oob="innerHTML">' in again.content.decode()
    assert teacher.post(url("sheet_undo", sheet)).status_code == 409
    give(mark, "2", alice)
    assert teacher.post(url("mark_undo", mark)).status_code == 302
    assert fresh(mark).awarded == 1
    assert teacher.post(url("mark_undo", mark), **HTMX).status_code == 409


def test_what_is_published_is_not_undone(sheet, mark, alice):
    give(mark, "2", alice)
    Sheet.objects.filter(pk=sheet.pk).update(state="published")
    with pytest.raises(Conflict, match="Take the publication back"):
        undo(sheet, alice)
    assert fresh(mark).awarded == 2
