"""The publish page: blockers with a way to them, the button, a stale page, taking back."""

import pytest
from django.urls import reverse

from exams.models import Sheet
from exams.standing import standings
from grading import publish, review_flags
from tests import factories
from tests.grading.steps import marks_of


@pytest.fixture
def page(exam):
    return reverse("grading:publish", args=[exam.pk])


@pytest.mark.parametrize("state", ["pending_mapping", "mapped", "in_batch", "graded", "failed"])
def test_every_blocker_is_named_and_leads_somewhere(exam, page, teacher, state):
    factories.make_sheet(exam, state=state)
    answer = teacher.get(page)
    text = answer.content.decode()
    assert "1 sheet" in text
    assert "Take me there" in text
    assert 'name="fingerprint"' not in text


def test_a_failed_sheet_leads_to_where_it_can_be_skipped(exam, page, teacher):
    factories.make_sheet(exam, state="failed")
    assert f'href="{reverse("exams:mapping", args=[exam.pk])}?tab=failed"' in teacher.get(page).text


def test_an_upload_that_failed_half_way_is_named_with_a_way_to_it(exam, page, teacher):
    factories.make_sheet(exam, state="reviewed")
    upload = factories.make_upload(exam, state="failed", problem="Its end is missing.")
    address = reverse("exams:upload_detail", args=[upload.pk])
    text = teacher.get(page).text
    assert "1 upload failed half-way" in text
    assert f'href="{address}"' in text
    assert reverse("exams:upload_skip", args=[upload.pk]) in teacher.get(address).text
    factories.make_upload(exam, state="failed", problem="Its end is missing.")
    text = teacher.get(page).text
    assert "2 uploads failed half-way" in text
    assert f'href="{reverse("exams:upload_create", args=[exam.pk])}"' in text


def test_an_empty_exam_has_nothing_to_publish(page, teacher):
    assert "Nothing to publish yet" in teacher.get(page).content.decode()


def test_the_button_publishes_what_the_page_showed(exam, page, teacher):
    sheet = factories.make_sheet(exam, state="reviewed")
    shown = teacher.get(page).context["now"].fingerprint
    assert teacher.post(page, {"fingerprint": shown}).status_code == 302
    assert Sheet.objects.get(pk=sheet.pk).state == "published"
    assert "1 result published" in teacher.get(page).content.decode()
    assert teacher.post(page, {"fingerprint": shown}).status_code == 409


def test_a_page_without_a_fingerprint_publishes_nothing(exam, page, teacher):
    factories.make_sheet(exam, state="reviewed")
    assert teacher.post(page).status_code == 409
    assert Sheet.objects.get().state == "reviewed"


def test_publishing_with_a_blocker_is_422(exam, page, teacher):
    factories.make_sheet(exam, state="graded")
    shown = publish.publication_state(exam).fingerprint
    assert teacher.post(page, {"fingerprint": shown}).status_code == 422


def test_taking_back_needs_a_reason_on_the_page_too(exam, page, teacher):
    sheet = factories.make_sheet(exam, state="published")
    address = reverse("grading:take_back", args=[exam.pk])
    assert teacher.post(address, {"reason": ""}).status_code == 422
    assert Sheet.objects.get().state == "published"
    assert teacher.post(address, {"reason": "Q2 was wrong"}).status_code == 302
    assert Sheet.objects.get().state == "reviewed"
    assert teacher.post(address, {"reason": "Again"}).status_code == 409
    assert "Q2 was wrong" in sheet.history.latest().history_change_reason


def test_one_sheet_is_taken_back_from_its_review(exam, teacher):
    sheet = factories.make_sheet(exam, state="published")
    address = reverse("grading:sheet_take_back", args=[sheet.pk])
    assert teacher.post(address, {"reason": ""}).status_code == 422
    assert Sheet.objects.get().state == "published"
    assert teacher.post(address, {"reason": "A page is missing"}).status_code == 302
    assert Sheet.objects.get().state == "reviewed"
    assert teacher.post(address, {"reason": "A page is missing"}).status_code == 409


def test_flags_that_are_still_up_are_named_before_the_button_and_stop_nothing(
    exam, page, teacher, alice
):
    sheet = factories.make_sheet(exam, state="reviewed")
    for mark in marks_of(sheet):
        review_flags.raise_flag(mark, note="Is this a 7?", by=alice)
    factories.make_sheet(exam, state="reviewed")
    text = teacher.get(page).text
    notice, button = text.index("1 sheet holds a flag"), text.index('name="fingerprint"')
    assert notice < button
    flags = f"{reverse('grading:review_list', args=[exam.pk])}?show=flagged"
    assert f'href="{flags}"' in text
    assert reverse("grading:review_sheet", args=[sheet.pk]) in teacher.get(flags).text
    where = standings([exam])[exam.pk]
    assert where.sentence == "2 reviewed, 1 flagged"
    assert where.next.text.endswith("1 sheet holds a flag that nobody has lowered.")
    for mark in marks_of(sheet):
        review_flags.lower_flag(mark, by=alice)
    assert "flag that nobody" not in teacher.get(page).text
    assert standings([exam])[exam.pk].sentence == "2 reviewed"
