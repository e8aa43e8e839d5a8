"""Exams, rubrics and answer keys over the API."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from exams.rubrics import current_rubric, leaves, use_rubric
from tests import papers
from tests.factories import BIOLOGY
from tests.factories_rubrics import text_pdf
from tests.grading.steps import fresh

pytestmark = pytest.mark.django_db


def url(exam, more="") -> str:
    return f"/api/v1/exams/{exam.pk}/{more}"


def test_an_exam_is_made_by_its_facts_once(alices, x_b):
    facts = {"title": "Cells", "school_class": x_b.pk, "subject": "Botany", "spending_cap": "2.50"}
    made = alices.post("/api/v1/exams/", facts, format="json")
    assert made.status_code == 201
    body = made.json()
    assert (body["subject"]["name"], body["spending_cap"]) == ("Botany", "2.50")
    assert body["standing"]["next"]["label"] == "Write the rubric"
    again = alices.post("/api/v1/exams/", facts, format="json")
    assert (again.status_code, set(again.json()["fields"])) == (400, {"title"})


def test_nobody_makes_an_exam_for_another_teachers_class(alices, x_c):
    facts = {"title": "Cells", "school_class": x_c.pk, "subject": "Botany"}
    answer = alices.post("/api/v1/exams/", facts, format="json")
    assert (answer.status_code, set(answer.json()["fields"])) == (400, {"school_class"})


def test_an_edit_needs_what_was_seen_and_a_stale_one_saves_nothing(alices, exam):
    seen = alices.get(url(exam)).json()["seen"]
    without = alices.patch(url(exam), {"title": "Cells"}, format="json")
    assert without.status_code == 428
    done = alices.patch(url(exam), {"title": "Cells", "seen": seen}, format="json")
    assert (done.status_code, done.json()["title"]) == (200, "Cells")
    assert done.json()["subject"]["name"] == "Biology"  # what is left out stays
    stale = alices.patch(url(exam), {"title": "Leaves", "seen": seen}, format="json")
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    assert "saved this exam" in stale.json()["message"]
    assert fresh(exam).title == "Cells"


def test_exams_are_found_by_title_and_class(alices, exam, x_b):
    def titles(query):
        return [row["title"] for row in alices.get(f"/api/v1/exams/{query}").json()["results"]]

    assert titles("") == titles("?search=unit") == titles(f"?school_class={x_b.pk}")
    assert titles("") == ["Biology unit test 3"]
    assert titles("?search=cells") == titles("?school_class=999") == []


def test_an_exam_file_comes_back_as_it_went_in(alices, x_b):
    file = SimpleUploadedFile("exam.yaml", papers.EXAM_FILE.encode())
    made = alices.post("/api/v1/exams/import/", {"file": file}, format="multipart")
    assert made.status_code == 201
    text = alices.get(f"/api/v1/exams/{made.json()['exam']['id']}/file/").content.decode()
    again = alices.post("/api/v1/exams/import/", {"text": text}, format="json")
    assert again.status_code == 200
    assert (again.json()["is_new"], again.json()["changes"]) == (False, [])
    wrong = alices.post("/api/v1/exams/import/", {"text": "exam: x"}, format="json")
    assert wrong.status_code == 400
    nothing = alices.post("/api/v1/exams/import/", {}, format="json")
    assert "one of the two" in nothing.json()["message"]


def test_a_rubric_is_saved_over_the_version_that_was_seen(alices, exam):
    before = alices.get(url(exam, "rubric/")).json()
    assert (before["version"], before["total"]) == (1, "5")
    items = before["rubric_items"]
    items[0]["answer"] = "Glucose."
    assert (
        alices.put(url(exam, "rubric/"), {"rubric_items": items}, format="json").status_code == 428
    )
    use_rubric(current_rubric(exam))
    change = {"rubric_items": items, "seen": before["hash"]}
    done = alices.put(url(exam, "rubric/"), change, format="json")
    assert (done.status_code, done.json()["version"]) == (200, 2)
    assert alices.put(url(exam, "rubric/"), change, format="json").status_code == 409
    assert alices.get(url(exam, "rubric/?version=1")).json()["rubric_items"] != items
    assert alices.get(url(exam, "rubric/?version=3")).status_code == 404
    versions = alices.get(url(exam, "rubric/versions/")).json()["results"]
    assert [row["version"] for row in versions] == [2, 1]


def test_every_bad_item_of_a_rubric_is_named(alices, exam):
    bad = [{"id": "Q1", "description": "x", "max_marks": 2, "step": 3}, *BIOLOGY[1:]]
    seen = alices.get(url(exam, "rubric/")).json()["hash"]
    for items in (bad, "text", {}, [1], [{"id": "Q1", "description": "\0", "max_marks": 1}]):
        change = {"rubric_items": items, "seen": seen}
        answer = alices.put(url(exam, "rubric/"), change, format="json")
        assert answer.status_code == 400, items
    assert exam.rubrics.count() == 1


def test_answers_are_put_in_by_the_ids_of_leaves(alices, exam):
    before = alices.get(url(exam, "answer-key/")).json()
    change = {"answers": {"Q1": "Glucose."}, "seen": before["hash"]}
    done = alices.patch(url(exam, "answer-key/"), change, format="json").json()
    assert done["answers"] == {**before["answers"], "Q1": "Glucose."}
    stale = alices.patch(
        url(exam, "answer-key/"), {**change, "answers": {"Q1": "No"}}, format="json"
    )
    assert stale.status_code == 409
    unknown = {"answers": {"Q9": "x"}, "seen": done["hash"]}
    answer = alices.patch(url(exam, "answer-key/"), unknown, format="json")
    assert (answer.status_code, "Q9" in answer.json()["message"]) == (400, True)


def test_a_pdf_proposes_answers_and_saves_none(alices, exam):
    pdf = SimpleUploadedFile("key.pdf", text_pdf(["Q1. Glucose and light.", "Q7. Nothing."]))
    answer = alices.post(url(exam, "answer-key/read/"), {"pdf": pdf}, format="multipart")
    assert answer.status_code == 200
    assert answer.json()["answers"] == {"Q1": "Glucose and light."}
    assert [left["label"] for left in answer.json()["leftovers"]] == ["Q7"]
    assert all("Glucose and light" not in leaf.answer for leaf in leaves(current_rubric(exam)))
    text = SimpleUploadedFile("key.pdf", b"no pdf")
    wrong = alices.post(url(exam, "answer-key/read/"), {"pdf": text}, format="multipart")
    assert wrong.status_code == 400
