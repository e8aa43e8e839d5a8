"""Appeals over the API: the same rules as on the pages."""

from __future__ import annotations

import pytest

from exams.models import Sheet
from grading.models import Appeal
from tests import factories
from tests.grading.steps import fresh, marks_of

pytestmark = pytest.mark.django_db

LIST = "/api/v1/appeals/"


@pytest.fixture
def appeal(sheet):
    Sheet.objects.filter(pk=sheet.pk).update(state="published")
    return factories.make_appeal(marks_of(sheet)[0])


@pytest.fixture
def carols(carol, client_of):
    return client_of(carol)


def post(client, path, body=None):
    return client.post(f"/api/v1/{path}", body or {}, format="json")


def test_a_student_appeals_a_teacher_answers(appeal, sheet, alices, carols, exam):
    result = carols.get(f"/api/v1/results/{sheet.pk}/").json()
    assert result["appeals_until"]
    second = result["marks"][1]["id"]
    made = post(carols, f"marks/{second}/appeal/", {"text": "All three are there"})
    assert made.status_code == 201
    assert post(carols, f"marks/{second}/appeal/", {"text": "More"}).status_code == 409
    row = made.json()
    assert (row["criterion"], row["state"], row["mark"]) == ("Q2", "open", second)
    answered = post(alices, f"appeals/{row['id']}/answer/", {"answer": "Look again"})
    assert (answered.status_code, answered.json()["state"]) == (200, "answered")
    late = post(carols, f"appeals/{row['id']}/withdraw/")
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    assert post(carols, f"appeals/{appeal.pk}/withdraw/").json()["state"] == "withdrawn"
    assert b"Alice" not in carols.get(LIST).content
    assert b"Carol" not in alices.get(LIST).content


def test_the_list_is_chosen_by_exam_and_state(appeal, sheet, exam, alices, carols, bob, client_of):
    other = factories.make_exam(exam.school_class, by=exam.created_by)
    for path, count in (
        ("", 1),
        (f"?exam={exam.pk}", 1),
        (f"?exam={other.pk}", 0),
        ("?state=open", 1),
        ("?state=answered", 0),
        ("?state=withdrawn", 0),
    ):
        assert alices.get(f"{LIST}{path}").json()["count"] == count, path
        assert carols.get(f"{LIST}{path}").json()["count"] == count, path
    assert client_of(bob).get(LIST).json()["count"] == 0
    assert alices.get(f"{LIST}?state=lost").status_code == 400
    second = factories.make_appeal(marks_of(sheet)[1])
    post(alices, f"appeals/{appeal.pk}/answer/", {"answer": "Yes"})
    post(carols, f"appeals/{second.pk}/withdraw/")
    for state, pks in (("open", []), ("answered", [appeal.pk]), ("withdrawn", [second.pk])):
        rows = alices.get(f"{LIST}?state={state}").json()["results"]
        assert [row["id"] for row in rows] == pks, state
    Sheet.objects.filter(pk=sheet.pk).update(state="reviewed")
    assert carols.get(LIST).json()["count"] == 0
    assert alices.get(LIST).json()["count"] == 2


def test_what_is_wrong_is_told_by_field(appeal, sheet, alices, carols):
    second = marks_of(sheet)[1].pk
    empty = post(carols, f"marks/{second}/appeal/", {"text": ""})
    assert (empty.status_code, list(empty.json()["fields"])) == (400, ["text"])
    empty = post(alices, f"appeals/{appeal.pk}/answer/", {"answer": "y" * 2001})
    assert (empty.status_code, list(empty.json()["fields"])) == (400, ["answer"])
    assert Appeal.objects.count() == 1
    assert fresh(appeal).is_open


def test_an_exam_takes_appeals_until_a_moment(exam, alices):
    path = f"/api/v1/exams/{exam.pk}/"
    one = alices.get(path).json()
    assert (one["appeals_until"], one["show_distribution"]) == (None, False)
    change = {"appeals_until": "2026-12-03T18:00:30+01:00", "show_distribution": True}
    done = alices.patch(path, change | {"seen": one["seen"]}, format="json")
    assert done.status_code == 200
    assert done.json()["appeals_until"] == "2026-12-03T17:00:00Z"
    assert done.json()["show_distribution"]
    kept = alices.patch(path, {"title": "Other", "seen": done.json()["seen"]}, format="json")
    assert kept.json()["appeals_until"] == "2026-12-03T17:00:00Z"
    assert kept.json()["show_distribution"]
    stale = alices.patch(path, {"appeals_until": None, "seen": one["seen"]}, format="json")
    assert stale.status_code == 409
    assert fresh(exam).appeals_until
    standing = alices.get(path).json()["standing"]
    assert (standing["appeals"], standing["flagged"]) == (0, 0)
