"""Marks over the API: nothing that somebody typed is overwritten unseen."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from grading.models import Mark
from tests.factories import make_user
from tests.grading.steps import fresh

pytestmark = pytest.mark.django_db


def url(mark, more="") -> str:
    return f"/api/v1/marks/{mark.pk}/{more}"


def change(client: APIClient, mark: Mark, headers=None, **body):
    return client.patch(url(mark), body, format="json", headers=headers)


def test_a_mark_is_changed_with_a_reason_over_the_version_that_was_seen(alices, alice, mark):
    answer = change(alices, mark, awarded="1.5", reason="Named light", version=1)
    assert answer.status_code == 200
    assert answer["ETag"] == '"2"'
    body = answer.json()
    assert (body["awarded"], body["version"], body["is_overridden"]) == ("1.5", 2, True)
    assert body["changed_by"] == {"id": alice.pk, "name": "Alice"}
    assert body["proposal"]["awarded"] == "1"
    again = change(alices, mark, awarded="1.5", reason="Named light", version=1)
    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert fresh(mark).history.count() == 2


def test_the_etag_of_a_mark_is_its_version(alices, mark):
    etag = alices.get(url(mark))["ETag"]
    assert change(alices, mark, {"If-Match": etag}, awarded="2", reason="All").status_code == 200
    stale = change(alices, mark, {"If-Match": etag}, awarded="0", reason="None")
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_mark")


def test_a_stale_change_shows_both_values_who_and_when(alices, client_of, mark, x_b):
    other = make_user("erin", "teacher")
    x_b.teachers.add(other)
    change(client_of(other), mark, awarded="2", feedback="Complete.", reason="All", version=1)
    answer = change(alices, mark, awarded="0.5", reason="Little", version=1)
    assert answer.status_code == 409
    body = answer.json()
    at = body["theirs"].pop("changed_at")
    assert at == fresh(mark).changed_at.isoformat()
    assert body["theirs"] == {
        "awarded": "2",
        "feedback": "Complete.",
        "version": 2,
        "changed_by": "Erin",
    }
    assert body["yours"] == {"awarded": "0.5", "feedback": None, "version": 1}
    assert fresh(mark).awarded == 2
    # Having seen theirs, one may still decide.
    assert change(alices, mark, awarded="0.5", reason="Little", version=2).status_code == 200


def test_without_a_version_nothing_is_changed(alices, mark):
    answer = change(alices, mark, awarded="2", reason="All")
    assert (answer.status_code, answer.json()["code"]) == (428, "version_required")
    assert change(alices, mark, {"If-Match": "*"}, awarded="2", reason="All").status_code == 400
    assert fresh(mark).version == 1


def test_illegal_points_and_a_missing_reason_are_named_by_field(alices, mark):
    answer = change(alices, mark, awarded="1.7", version=1)
    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == {"awarded", "reason"}


def test_feedback_alone_needs_no_reason_and_leaves_the_points(alices, mark):
    body = change(alices, mark, feedback="Well put.", version=1).json()
    assert (body["awarded"], body["feedback"]) == ("1", "Well put.")


def test_the_history_says_who_when_and_why_and_can_be_put_back(alices, mark):
    change(alices, mark, awarded="2", reason="All", version=1)
    rows = alices.get(url(mark, "history/")).json()["results"]
    assert [(row["awarded"], row["reason"]) for row in rows] == [("2", "All"), ("1", None)]
    assert [row["by"] and row["by"]["name"] for row in rows] == ["Alice", None]
    back = {"history_id": rows[1]["history_id"]}
    missing = alices.post(url(mark, "put-back/"), back, format="json")
    assert missing.status_code == 428
    done = alices.post(url(mark, "put-back/"), {**back, "version": 2}, format="json")
    assert (done.status_code, done.json()["awarded"], done.json()["version"]) == (200, "1", 3)
    stale = alices.post(url(mark, "put-back/"), {**back, "version": 2}, format="json")
    assert stale.status_code == 200  # it is so already, by the same person
    other = {"history_id": rows[0]["history_id"], "version": 2}
    assert alices.post(url(mark, "put-back/"), other, format="json").status_code == 409


def test_a_published_mark_cannot_be_changed(alices, mark, sheet):
    review = f"/api/v1/exams/{sheet.exam_id}"
    alices.post(
        f"{review}/approve/", {"without_look": True, "reason": "Seen in class"}, format="json"
    )
    seen = alices.get(f"{review}/publication/").json()
    assert alices.post(f"{review}/publish/", seen, format="json").json() == {"count": 1}
    answer = change(alices, mark, awarded="2", reason="All", version=1)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_marks_are_listed_by_sheet_criterion_and_what_was_changed(alices, mark, sheet):
    change(alices, mark, awarded="2", reason="All", version=1)
    exam = f"/api/v1/exams/{sheet.exam_id}/marks/"

    def codes(query):
        return [row["criterion"] for row in alices.get(exam + query).json()["results"]]

    assert codes("") == codes(f"?sheet={sheet.pk}") == ["Q1", "Q2"]
    assert codes("?criterion=Q2") == codes("?overridden=false") == ["Q2"]
    assert codes("?overridden=true") == ["Q1"]
    assert codes("?unsure=true") == codes("?sheet=999") == []
    assert alices.get(exam + "?overridden=perhaps").status_code == 400
