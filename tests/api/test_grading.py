"""Runs, review and results over the API, beside the whole way."""

from __future__ import annotations

import pytest

from batching.models import BatchItem
from tests.factories import make_sheet
from tests.grading.conftest import draft, grade, offices  # noqa: F401 (fixtures)
from tests.grading.steps import fresh, seen

pytestmark = pytest.mark.django_db


def post(client, path, body=None):
    return client.post(f"/api/v1/{path}", body or {}, format="json")


def test_providers_say_what_they_lack_and_never_a_key(alices, settings):
    settings.SHEAF_PROVIDERS = {
        **settings.SHEAF_PROVIDERS,
        "openai": {**settings.SHEAF_PROVIDERS["openai"], "api_key": "sk-secret"},
    }
    answer = alices.get("/api/v1/providers/")
    rows = {row["name"]: row for row in answer.json()["results"]}
    assert rows["offline"]["is_default"]
    assert rows["gemini"]["missing"]
    assert b"sk-secret" not in answer.content


def test_a_run_that_cannot_be_drafted_says_why(alices, exam):
    path = f"exams/{exam.pk}/runs/"
    nothing = post(alices, path, {"provider": "offline"})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_grade")
    make_sheet(exam, state="mapped")
    missing = post(alices, path, {"provider": "openai"})
    assert (missing.status_code, set(missing.json()["fields"])) == (400, {"provider"})


def test_a_draft_is_cancelled_once_and_frees_its_sheets(alices, exam, draft):  # noqa: F811
    run = draft(2)
    path = f"runs/{run.pk}"
    example = alices.get(f"/api/v1/{path}/example/?item=2").json()
    assert (example["item"], example["is_as_drafted"]) == (2, True)
    assert alices.get(f"/api/v1/{path}/example/?item=9").status_code == 404
    assert alices.get(f"/api/v1/{path}/example/1/99/").status_code == 404
    assert post(alices, f"{path}/cancel/").json()["is_over"]
    again = post(alices, f"{path}/cancel/")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    rows = alices.get(f"/api/v1/{path}/items/?end=free").json()["results"]
    assert [row["end"] for row in rows] == ["free", "free"]
    listed = alices.get(f"/api/v1/exams/{exam.pk}/runs/").json()["results"]
    assert [row["state"] for row in listed] == ["Discarded"]


def test_what_failed_is_drafted_again_alone(alices, draft, grade):  # noqa: F811
    run = draft(2)
    grade(run)
    nothing = post(alices, f"runs/{run.pk}/again/", {"provider": "batch"})
    assert nothing.status_code == 409
    assert BatchItem.objects.count() == 2
    body = alices.get(f"/api/v1/runs/{run.pk}/").json()
    assert (body["is_over"], body["sheets"]["accepted"]) == (True, 2)
    attempts = alices.get(f"/api/v1/runs/{run.pk}/items/").json()["results"][0]["attempts"]
    assert attempts[0]["state"] == "accepted"


def test_graded_sheets_are_graded_again_by_choice(alices, exam, draft, grade):  # noqa: F811
    grade(draft(2))
    path = f"exams/{exam.pk}/runs/"
    assert post(alices, path, {"provider": "batch"}).status_code == 409
    drafted = post(alices, path, {"provider": "batch", "again": True})
    assert (drafted.status_code, drafted.json()["sheets"]["total"]) == (202, 2)


def test_a_sheet_is_approved_reopened_and_its_marks_dropped(alices, sheet):
    path, body = f"sheets/{sheet.pk}", {"marks_version": seen(sheet)}
    for _ in range(2):
        assert post(alices, f"{path}/approve/", body).json()["state"] == "reviewed"
    assert post(alices, f"{path}/drop-marks/", {"reason": "Wrong sheet"}).status_code == 409
    assert post(alices, f"{path}/reopen/").json()["state"] == "graded"
    assert post(alices, f"{path}/reopen/").status_code == 409
    assert post(alices, f"{path}/drop-marks/", {"reason": " "}).status_code == 400
    dropped = post(alices, f"{path}/drop-marks/", {"reason": "Wrong sheet"}).json()
    assert (dropped["state"], dropped["marks"], dropped["total"]) == ("mapped", [], None)


def test_many_sheets_are_approved_without_a_look_only_for_a_reason(alices, exam, sheet):
    make_sheet(exam, state="graded")
    path = f"exams/{exam.pk}/approve/"
    assert post(alices, path).json() == {"count": 0}
    refused = post(alices, path, {"without_look": True})
    assert (refused.status_code, set(refused.json()["fields"])) == (400, {"reason"})
    assert post(alices, path, {"without_look": True, "reason": "Seen"}).json() == {"count": 2}


def test_a_sheet_that_no_model_saw_is_graded_by_hand(alices, exam):
    sheet = make_sheet(exam, state="mapped")
    path = f"sheets/{sheet.pk}/grade/"
    half = post(alices, path, {"awards": {"Q1": {"awarded": "1.7"}}})
    assert half.status_code == 400
    assert "Q2: give it points." in half.json()["message"]
    awards = {"Q1": {"awarded": "1.5", "feedback": "Good."}, "Q2": {"awarded": 3}}
    done = post(alices, path, {"awards": awards}).json()
    assert (done["state"], done["total"], done["out_of"]) == ("graded", "4.5", "5")
    assert post(alices, path, {"awards": awards}).status_code == 409


def test_one_sheet_is_taken_back_for_a_reason(alices, exam, carols_enrolment, carol, client_of):
    sheet = make_sheet(exam, state="published", enrolment=carols_enrolment)
    carols = client_of(carol)
    result = f"/api/v1/results/{sheet.pk}/"
    assert (
        carols.get(result).json()["total"]
        == alices.get(f"/api/v1/sheets/{sheet.pk}/preview/").json()["total"]
    )
    assert post(alices, f"sheets/{sheet.pk}/take-back/").status_code == 400
    body = {"reason": "A page was missing"}
    assert post(alices, f"sheets/{sheet.pk}/take-back/", body).json()["state"] == "reviewed"
    assert post(alices, f"sheets/{sheet.pk}/take-back/", body).status_code == 409
    assert carols.get(result).status_code == 404
    assert fresh(sheet).published_at is None


def test_nothing_for_staff_stands_in_a_students_result(exam, carol, carols_enrolment, client_of):
    sheet = make_sheet(exam, state="published", enrolment=carols_enrolment)
    text = client_of(carol).get(f"/api/v1/results/{sheet.pk}/").content.decode()
    assert "Feedback on Q1" in text
    for word in ("reasoning", "guidance", "One mark for each part", "confidence", "Green plants"):
        assert word not in text


def test_results_have_their_spread_and_each_criterions_mean(alices, exam):
    empty = alices.get(f"/api/v1/exams/{exam.pk}/statistics/").json()
    assert empty == {"spread": None, "criteria": []}
    make_sheet(exam, state="graded")
    found = alices.get(f"/api/v1/exams/{exam.pk}/statistics/").json()
    assert found["spread"]["count"] == 1
    assert [row["code"] for row in found["criteria"]] == ["Q1", "Q2"]
    [row] = alices.get(f"/api/v1/exams/{exam.pk}/results/").json()["results"]
    assert (row["state"], row["out_of"]) == ("graded", "5")
