"""Uploads, sheets, mapping and pages over the API."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from exams.models import Page, Upload
from tests.exams.steps import report_line
from tests.factories import make_enrolment, make_sheet, make_upload
from tests.factories_intake import jpeg, suggested
from tests.grading.steps import fresh

pytestmark = pytest.mark.django_db


def post(client, path, body=None):
    return client.post(f"/api/v1/{path}", body or {}, format="json")


def names(client, path):
    return [row["name"] for row in client.get(f"/api/v1/{path}").json()["results"]]


def test_several_pictures_are_the_pages_of_one_sheet(alices, exam):
    files = [SimpleUploadedFile(f"84B003 page {n}.jpg", jpeg(f"Page {n}")) for n in (1, 2)]
    answer = alices.post(f"/api/v1/exams/{exam.pk}/uploads/", {"files": files}, format="multipart")
    assert (answer.status_code, answer.json()["name"]) == (202, "84B003.zip")
    unknown = SimpleUploadedFile("x.zip", b"no zip")
    wrong = alices.post(f"/api/v1/exams/{exam.pk}/uploads/", {"files": unknown}, format="multipart")
    assert wrong.status_code == 400
    nothing = alices.post(f"/api/v1/exams/{exam.pk}/uploads/", {}, format="multipart")
    assert set(nothing.json()["fields"]) == {"files"}
    assert Upload.objects.count() == 1


def test_a_strangers_file_is_not_even_read(client_of, bob, exam):
    client = client_of(bob)
    # Whoever read this would say that it is no form.
    answer = client.post(
        f"/api/v1/exams/{exam.pk}/uploads/", b"x", content_type="multipart/form-data; boundary=y"
    )
    assert answer.status_code == 404


def test_the_report_names_what_became_of_each_file(alices, exam):
    upload = make_upload(exam)
    report_line(upload, "a.pdf")
    report_line(upload, "b.txt", "refused", reason="It is a text.")
    assert names(alices, f"uploads/{upload.pk}/report/") == ["a.pdf", "b.txt"]
    assert names(alices, f"uploads/{upload.pk}/report/?outcome=refused") == ["b.txt"]
    assert alices.get(f"/api/v1/uploads/{upload.pk}/report/?outcome=x").status_code == 400


def test_an_upload_is_left_out_and_taken_in_again_with_its_sheets(alices, exam):
    sheet = make_sheet(exam)
    path = f"uploads/{sheet.upload_id}"
    for _ in range(2):
        assert post(alices, f"{path}/skip/").json()["state"] == "skipped"
    assert fresh(sheet).state == "skipped"
    for _ in range(2):
        assert post(alices, f"{path}/unskip/").json()["state"] == "unpacked"
    assert fresh(sheet).state == "pending_mapping"
    assert post(alices, f"{path}/retry/").status_code == 409


def test_sheets_are_found_by_state_student_and_words(alices, exam, carols_enrolment):
    one = make_sheet(exam, state="mapped", enrolment=carols_enrolment, name="one.pdf")
    make_sheet(exam, name="two.pdf")
    path = f"exams/{exam.pk}/sheets/"
    assert names(alices, path) == ["one.pdf", "two.pdf"]
    for query in ("?state=mapped", "?student=84b003", "?search=carol", "?search=one"):
        assert names(alices, path + query) == ["one.pdf"], query
    assert names(alices, f"{path}?search=carol&state=graded") == []
    assert alices.get(f"/api/v1/{path}?state=lost").status_code == 400
    row = alices.get(f"/api/v1/sheets/{one.pk}/").json()
    assert row["student"]["roll_number"] == "84B003"
    assert row["page_count"] == 1


def test_a_sheet_is_mapped_unmapped_skipped_and_taken_in_again(alices, exam, carols_enrolment):
    sheet, other = make_sheet(exam), make_sheet(exam)
    path, body = f"sheets/{sheet.pk}", {"enrolment": carols_enrolment.pk, "seen": None}
    mapped = post(alices, f"{path}/map/", body)
    assert (mapped.status_code, mapped.json()["state"]) == (200, "mapped")
    taken = post(alices, f"sheets/{other.pk}/map/", body)
    assert (taken.status_code, taken.json()["code"]) == (409, "already_has_a_sheet")
    for move, state in (
        ("unmap", "pending_mapping"),
        ("skip", "skipped"),
        ("unskip", "pending_mapping"),
    ):
        for _ in range(2):
            assert post(alices, f"{path}/{move}/").json()["state"] == state
    assert post(alices, f"sheets/{make_sheet(exam, state='graded').pk}/retry/").status_code == 409


def test_who_has_not_seen_the_new_owner_changes_nothing(alices, exam, carols_enrolment):
    sheet = make_sheet(exam, state="mapped", enrolment=carols_enrolment)
    other = make_enrolment(exam.school_class)
    body = {"enrolment": other.pk, "seen": None}
    assert post(alices, f"sheets/{sheet.pk}/map/", body).status_code == 409
    body["seen"] = carols_enrolment.pk
    assert post(alices, f"sheets/{sheet.pk}/map/", body).json()["student"]["enrolment"] == other.pk


def test_a_student_of_another_class_is_not_there(alices, exam, x_c):
    body = {"enrolment": make_enrolment(x_c).pk}
    assert post(alices, f"sheets/{make_sheet(exam).pk}/map/", body).status_code == 404


def test_only_the_certain_suggestions_that_were_seen_are_confirmed(alices, exam, carols_enrolment):
    free = make_enrolment(exam.school_class)
    sheet = suggested(exam, carols_enrolment)
    path = f"exams/{exam.pk}/mapping/"
    mapping = alices.get(f"/api/v1/{path}").json()
    assert mapping["certain"] == [sheet.pk]
    assert {row["enrolment"] for row in mapping["without_sheet"]} == {free.pk, carols_enrolment.pk}
    other = suggested(exam, free)
    stale = post(alices, f"{path}certain/", {"seen": mapping["certain_hash"]})
    assert stale.status_code == 409
    assert fresh(sheet).state == fresh(other).state == "pending_mapping"
    seen = alices.get(f"/api/v1/{path}").json()["certain_hash"]
    assert post(alices, f"{path}certain/", {"seen": seen}).json() == {"count": 2}


def test_pages_are_turned_dropped_restored_and_moved_until_they_are_sent(alices, exam):
    sheet = make_sheet(exam, pages=2)
    first, second = (str(page.public_id) for page in sheet.pages.order_by("number"))
    turned = post(alices, f"pages/{first}/turn/", {"direction": "right"}).json()
    assert (turned["turned"], turned["width"], turned["height"]) == (90, 877, 620)
    assert post(alices, f"pages/{first}/turn/", {"direction": "up"}).status_code == 400
    for _ in range(2):
        assert post(alices, f"pages/{second}/drop/").json()["is_dropped"]
    for _ in range(2):
        assert not post(alices, f"pages/{second}/restore/").json()["is_dropped"]
    assert post(alices, f"pages/{second}/move/", {"to": 1}).json()["number"] == 1
    pages = alices.get(f"/api/v1/sheets/{sheet.pk}/pages/").json()["results"]
    assert [page["id"] for page in pages] == [second, first]
    picture = alices.get(pages[0]["thumbnail"])
    assert (picture["Content-Type"], picture["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert "no-store" in picture["Cache-Control"]
    graded = Page.objects.get(sheet=make_sheet(exam, state="graded"))
    assert post(alices, f"pages/{graded.public_id}/drop/").status_code == 409
