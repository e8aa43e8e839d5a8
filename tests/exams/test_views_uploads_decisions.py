"""A whole upload on its page: tried again, left out of the exam and taken in again."""

import pytest
from django.urls import reverse

from exams.models import Upload
from tests.exams.clicks import PEOPLE, detail
from tests.exams.steps import report_line
from tests.factories import make_sheet, make_upload


@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_retry_an_upload(request, sign_in, exam, person, may):
    upload = make_upload(exam, state="failed", problem="The ZIP is damaged.")
    client = sign_in(request.getfixturevalue(person))
    response = client.post(reverse("exams:upload_retry", args=[upload.pk]))
    assert response.status_code == (302 if may else 404)
    assert Upload.objects.get().state == ("received" if may else "failed")


def test_a_failed_upload_says_why_and_can_be_tried_again(sign_in, alice, exam):
    upload = make_upload(exam, state="failed", problem="The ZIP is damaged: its end is missing.")
    client = sign_in(alice)
    text = client.get(detail(upload)).text
    assert "its end is missing" in text
    address = reverse("exams:upload_retry", args=[upload.pk])
    assert address in text
    assert client.post(address).url == detail(upload)
    assert Upload.objects.get().state == "received"
    assert client.post(address).status_code == 409


def test_looking_at_the_retry_address_changes_nothing(sign_in, alice, exam):
    upload = make_upload(exam, state="failed")
    address = reverse("exams:upload_retry", args=[upload.pk])
    assert sign_in(alice).get(address).status_code == 405


@pytest.mark.parametrize("name", ["upload_skip", "upload_unskip"])
@pytest.mark.parametrize(("person", "may"), PEOPLE)
def test_only_the_own_teacher_and_admins_leave_an_upload_out(
    request, sign_in, exam, name, person, may
):
    before, after = {
        "upload_skip": ("unpacked", "skipped"),
        "upload_unskip": ("skipped", "unpacked"),
    }[name]
    upload = make_upload(exam, state=before)
    client = sign_in(request.getfixturevalue(person))
    looked = client.get(reverse(f"exams:{name}", args=[upload.pk]))
    assert looked.status_code in (404, 405)
    assert Upload.objects.get().state == before
    response = client.post(reverse(f"exams:{name}", args=[upload.pk]))
    assert response.status_code == (302 if may else 404)
    assert Upload.objects.get().state == (after if may else before)


def test_an_upload_without_sheets_is_left_out_alone(sign_in, alice, exam):
    upload = make_upload(exam, state="failed")
    client = sign_in(alice)
    for name, text in (("skip", "was left out."), ("unskip", "was taken in again.")):
        answer = client.post(reverse(f"exams:upload_{name}", args=[upload.pk]), follow=True).text
        assert text in answer
        assert "0 sheets" not in answer


def test_a_wrong_upload_is_left_out_on_its_page_and_taken_in_again(sign_in, alice, exam):
    upload = make_upload(exam)
    sheets = [make_sheet(exam, upload=upload, state=state) for state in ("mapped", "graded")]
    report_line(upload, "84B003.pdf", sheet=sheets[0])
    client = sign_in(alice)
    text = client.get(detail(upload)).text
    assert "1 sheet of it is skipped, and who it was mapped to is forgotten." in text
    assert "1 went on already" in text
    skip, unskip = (
        reverse(f"exams:{name}", args=[upload.pk]) for name in ("upload_skip", "upload_unskip")
    )
    assert skip in text
    assert unskip not in text
    text = client.post(skip, follow=True).text
    assert "and 1 sheet of it were left out." in text
    assert "This upload is left out of the exam" in text
    assert "84B003.pdf" in text  # the report
    assert unskip in text
    assert skip not in text
    assert [sheet.state for sheet in upload.sheets.order_by("pk")] == ["skipped", "graded"]
    text = client.post(unskip, follow=True).text
    assert "and 1 sheet of it were taken in again." in text
    assert [sheet.state for sheet in upload.sheets.order_by("pk")] == ["pending_mapping", "graded"]


def test_an_upload_that_is_being_unpacked_offers_no_leaving_out(sign_in, alice, exam):
    upload = make_upload(exam, state="unpacking", member_count=2)
    address = reverse("exams:upload_skip", args=[upload.pk])
    client = sign_in(alice)
    assert address not in client.get(detail(upload)).text
    assert client.post(address).status_code == 409


def test_a_broken_upload_that_was_left_out_still_says_why_it_is_broken(sign_in, alice, exam):
    upload = make_upload(exam, state="failed", problem="The ZIP is damaged: its end is missing.")
    client = sign_in(alice)
    client.post(reverse("exams:upload_skip", args=[upload.pk]))
    text = client.get(detail(upload)).text
    assert "its end is missing" in text
    assert "holds no sheets" not in text
