"""Samples, proposed answer keys and deleting an exam over the API."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from exams.models import Exam, KeyProposal, SampleSheet
from tests.factories import make_key, make_sheet
from tests.factories_rubrics import text_pdf

pytestmark = pytest.mark.django_db
FULL = {"Q1": {"awarded": "2", "comment": "All."}, "Q2": {"awarded": 3}}


def post(client, path, body=None):
    return client.post(f"/api/v1/{path}", body or {}, format="json")


def put(client, path, body):
    return client.put(f"/api/v1/{path}", body, format="json")


def test_a_sheet_becomes_a_sample_over_what_was_seen_of_it(alices, exam):
    sheet = make_sheet(exam, state="graded")
    path = f"sheets/{sheet.pk}/sample/"
    body = {"title": "Full marks", "marks": FULL}
    assert put(alices, path, body).status_code == 428
    made = put(alices, path, {**body, "seen": ""})
    assert (made.status_code, made.json()["stale"]) == (200, "")
    assert made.json()["marks"]["Q2"] == {"awarded": "3", "comment": ""}
    stale = put(alices, path, {"title": "Other", "marks": FULL, "seen": ""})
    assert (stale.status_code, stale.json()["code"]) == (409, "conflict")
    again = put(alices, path, {"title": "Other", "marks": FULL, "seen": made.json()["seen"]})
    assert again.json()["title"] == "Other"
    wrong = put(
        alices, path, {"title": "x", "marks": {"Q1": {"awarded": 9}}, "seen": again.json()["seen"]}
    )
    assert wrong.status_code == 400
    assert "Q2" in wrong.json()["message"]
    listed = alices.get(f"/api/v1/exams/{exam.pk}/samples/").json()["results"]
    assert [row["title"] for row in listed] == ["Other"]
    sample = f"/api/v1/samples/{made.json()['id']}/"
    assert alices.get(sample).json()["title"] == "Other"
    assert alices.delete(sample).status_code == 204
    assert alices.delete(sample).status_code == 404
    assert not SampleSheet.objects.exists()


def test_the_text_of_a_sample_is_confirmed_page_by_page(alices, alice, exam):
    sheet = make_sheet(exam, state="graded")
    sample = SampleSheet.objects.create(exam=exam, sheet=sheet, title="Full", created_by=alice)
    path = f"samples/{sample.pk}/text/"
    before = alices.get(f"/api/v1/{path}").json()
    assert (before["texts"], before["is_being_read"]) == ([], False)
    assert put(alices, path, {"texts": {"1": "Light."}}).status_code == 428
    assert put(alices, path, {"texts": {"one": "Light."}}).status_code == 400
    change = {"texts": {"1": "Green plants."}, "seen": before["seen"]}
    saved = put(alices, path, change)
    assert saved.json()["texts"] == [{"page": 1, "text": "Green plants."}]
    assert put(alices, path, {**change, "texts": {"1": "Else"}}).status_code == 409
    assert post(alices, f"{path}read/", {"provider": "offline"}).status_code == 400
    assert post(alices, f"{path}send/").status_code == 409
    assert post(alices, f"{path}stop/").status_code == 409
    read = post(alices, f"{path}read/", {"provider": "tesseract"})
    assert read.json()["proposed_by"]
    for _ in range(2):
        dropped = post(alices, f"{path}drop/").json()
        assert (dropped["proposal"], dropped["proposed_by"]) == ([], "")
    assert dropped["texts"] == saved.json()["texts"]


def test_an_answer_key_needs_a_provider_that_can_read(alices, exam, settings):
    path = f"/api/v1/exams/{exam.pk}/keys/"
    pdf = SimpleUploadedFile("key.pdf", text_pdf(["Q1. Light."]))
    refused = alices.post(path, {"pdf": pdf, "provider": "offline"}, format="multipart")
    assert (refused.status_code, set(refused.json()["fields"])) == (400, {"provider"})
    settings.SHEAF_PROVIDERS = {
        **settings.SHEAF_PROVIDERS,
        "openai": {**settings.SHEAF_PROVIDERS["openai"], "api_key": "sk-test"},
    }
    pdf.seek(0)
    taken = alices.post(path, {"pdf": pdf, "provider": "openai"}, format="multipart")
    assert (taken.status_code, taken.json()["state"]) == (202, "received")
    pdf.seek(0)
    again = alices.post(path, {"pdf": pdf, "provider": "openai"}, format="multipart")
    assert again.status_code == 409
    assert KeyProposal.objects.count() == 1


def test_a_proposed_key_is_discarded_once_and_confirmed_only_when_it_is_there(alices, exam):
    key = make_key(exam)
    path = f"keys/{key.pk}"
    body = alices.get(f"/api/v1/{path}/").json()
    assert (body["state"], body["page_count"], body["proposed"]) == ("received", 1, [])
    assert alices.get(f"/api/v1/{path}/pages/1/")["Content-Type"] == "image/jpeg"
    assert alices.get(f"/api/v1/{path}/pages/2/").status_code == 404
    items = alices.get(f"/api/v1/exams/{exam.pk}/rubric/").json()["rubric_items"]
    confirm = {"rubric_items": items, "seen": body["seen"]}
    assert post(alices, f"{path}/confirm/", {"rubric_items": items}).status_code == 428
    assert post(alices, f"{path}/confirm/", confirm).status_code == 409
    assert post(alices, f"{path}/send/").status_code == 409
    assert post(alices, f"{path}/retry/", {"provider": "offline"}).status_code == 400
    assert post(alices, f"{path}/discard/").json()["state"] == "discarded"
    assert post(alices, f"{path}/discard/").status_code == 409


def test_an_exam_goes_only_as_it_was_seen_and_never_once_assessed(alices, exam):
    path = f"exams/{exam.pk}/deletion/"
    make_sheet(exam)
    seen = alices.get(f"/api/v1/{path}").json()
    assert (seen["sheets"], seen["hindrances"]) == (1, [])
    more = make_sheet(exam)
    body = {"fingerprint": seen["fingerprint"]}
    assert post(alices, path, body).json()["code"] == "conflict"
    more.delete()
    gone = post(alices, path, body)
    assert (gone.status_code, gone.json()["sheets"]) == (200, 1)
    assert not Exam.objects.exists()
    assert post(alices, path, body).status_code == 404


def test_an_assessed_exam_stays(alices, exam):
    make_sheet(exam, state="graded")
    path = f"exams/{exam.pk}/deletion/"
    seen = alices.get(f"/api/v1/{path}").json()
    assert seen["hindrances"]
    kept = post(alices, path, {"fingerprint": seen["fingerprint"]})
    assert (kept.status_code, kept.json()["code"]) == (409, "must_stay")
