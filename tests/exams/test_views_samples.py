"""The samples page: marking a sheet as a sample, and taking it away."""

import pytest
from django.urls import reverse

from exams.models import SampleSheet
from exams.rubrics import save_rubric
from exams.samples import remove_sample, save_sample
from tests.exams.test_samples import marks
from tests.factories import BIOLOGY, make_exam, make_sheet

TYPED = {
    "title": "Full marks",
    "awarded-Q1": "2",
    "comment-Q1": "names the light",
    "awarded-Q2": "1.5",
}


@pytest.fixture
def url(exam) -> str:
    return reverse("exams:samples", args=[exam.pk])


@pytest.fixture
def sheet(exam):
    return make_sheet(exam, state="skipped", pages=2)


@pytest.fixture
def edit_url(sheet) -> str:
    return reverse("exams:sample_edit", args=[sheet.pk])


def test_a_sheet_is_marked_beside_its_pages(browser, edit_url, sheet):
    page = browser.get(edit_url)
    text = page.content.decode()
    for shown in sheet.pages.all():
        assert reverse("exams:page_image", args=[shown.public_id]) in text
    assert page.context["rows"][0]["choices"] == ["0", "0.5", "1", "1.5", "2"]


def test_saving_makes_the_sample(browser, edit_url, url):
    assert browser.post(edit_url, TYPED)["Location"] == url
    assert SampleSheet.objects.get().marks["Q1"] == {"awarded": "2", "comment": "names the light"}
    text = browser.get(url).content.decode()
    assert "names the light" in text
    assert "/thumbnail/" in text


@pytest.mark.parametrize("mark", ["", "9", "0.3", "x"])
def test_a_mark_that_is_not_possible_is_422_and_keeps_the_rest(browser, edit_url, mark):
    answer = browser.post(edit_url, {**TYPED, "awarded-Q2": mark})
    assert answer.status_code == 422
    assert "Q2:" in answer.content.decode()
    assert "names the light" in answer.content.decode()
    assert not SampleSheet.objects.exists()


def test_editing_starts_from_what_is_stored(browser, edit_url):
    browser.post(edit_url, TYPED)
    rows = browser.get(edit_url).context["rows"]
    assert [row["awarded"] for row in rows] == ["2", "1.5"]


def test_of_two_who_mark_a_sample_the_second_sees_both_and_who_was_faster(
    sign_in, browser, admin, edit_url
):
    other = sign_in(admin)
    faster = {**TYPED, "title": "All of it", "awarded-Q1": "0.5", "comment-Q1": "an hour of work"}
    assert other.post(edit_url, faster).status_code == 302
    answer = browser.post(edit_url, {**TYPED, "seen": ""})  # on alice's page there was none yet
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Admin saved this sample on" in text
    assert "Saved now: 0.5, an hour of work" in text
    assert "Saved now: All of it" in text
    assert "names the light</textarea>" in text
    assert SampleSheet.objects.get().marks["Q1"]["awarded"] == "0.5"
    again = browser.post(edit_url, {**TYPED, "seen": answer.context["seen"]})
    assert again.status_code == 302
    sample = SampleSheet.objects.get()
    assert sample.marks["Q1"]["awarded"] == "2"
    assert [row.history_user.name for row in sample.history.all()] == ["Alice", "Admin"]


def test_a_sample_that_was_edited_twice_at_once_is_not_written_over(sign_in, browser, edit_url):
    browser.post(edit_url, TYPED)
    seen = browser.get(edit_url).context["seen"]
    assert browser.post(edit_url, {**TYPED, "title": "First", "seen": seen}).status_code == 302
    assert browser.post(edit_url, {**TYPED, "title": "Second", "seen": seen}).status_code == 409
    assert SampleSheet.objects.get().title == "First"


def test_a_second_click_on_save_is_no_conflict(browser, edit_url):
    assert [browser.post(edit_url, TYPED).status_code for _ in range(2)] == [302, 302]
    assert SampleSheet.objects.get().history.count() == 1


def test_a_sample_that_somebody_removed_is_made_anew_only_when_seen(browser, edit_url, alice):
    browser.post(edit_url, TYPED)
    seen = browser.get(edit_url).context["seen"]
    remove_sample(SampleSheet.objects.get(), by=alice)
    answer = browser.post(edit_url, {**TYPED, "seen": seen})
    assert answer.status_code == 409
    assert "removed this sample" in answer.content.decode()
    assert browser.post(edit_url, {**TYPED, "seen": answer.context["seen"]}).status_code == 302


def test_correcting_an_invalid_sample_is_no_way_around_a_conflict(
    sign_in, admin, browser, edit_url
):
    sign_in(admin).post(edit_url, TYPED)
    answer = browser.post(edit_url, {**TYPED, "awarded-Q1": "9", "seen": ""})
    assert (answer.status_code, answer.context["seen"]) == (422, "")


def test_a_sheet_on_its_way_to_a_model_is_409(browser, exam):
    sheet = make_sheet(exam, state="in_batch")
    answer = browser.post(reverse("exams:sample_edit", args=[sheet.pk]), TYPED)
    assert answer.status_code == 409
    assert not SampleSheet.objects.exists()


def test_a_sample_that_no_longer_fits_says_so(browser, edit_url, exam, alice, url):
    browser.post(edit_url, TYPED)
    save_rubric(exam, [BIOLOGY[0]], by=alice)
    text = browser.get(url).content.decode()
    assert "no longer fits the rubric" in text
    assert "marks for Q2" in text


def test_a_sample_is_removed_and_its_sheet_stays(browser, edit_url, sheet, url):
    browser.post(edit_url, TYPED)
    sample = SampleSheet.objects.get()
    assert browser.post(reverse("exams:sample_remove", args=[sample.pk]))["Location"] == url
    assert not SampleSheet.objects.exists()
    assert sheet in browser.get(url).context["sheets"]


def test_the_choice_leads_to_the_form_of_that_sheet(browser, exam, sheet, edit_url):
    choose = reverse("exams:sample_choose", args=[exam.pk])
    assert browser.get(choose, {"sheet": sheet.pk})["Location"] == edit_url


@pytest.mark.parametrize("asked", ["", "0", "x", "9" * 30])
def test_the_choice_of_nothing_is_404(browser, exam, sheet, asked):
    choose = reverse("exams:sample_choose", args=[exam.pk])
    assert browser.get(choose, {"sheet": asked}).status_code == 404


def test_the_choice_of_another_exams_sheet_is_404(browser, exam, alice, x_b):
    other = make_sheet(make_exam(x_b, title="Other", by=alice), state="skipped")
    choose = reverse("exams:sample_choose", args=[exam.pk])
    assert browser.get(choose, {"sheet": other.pk}).status_code == 404


def test_sheets_that_wait_for_a_student_are_pointed_out(browser, exam, url):
    make_sheet(exam, state="pending_mapping")
    assert "Confirm whose sheets they are first" in browser.get(url).content.decode()


@pytest.mark.parametrize("state", ["jsonl_ready", "in_batch"])
def test_while_all_sheets_are_in_a_run_the_page_says_so_and_what_to_do(browser, exam, url, state):
    make_sheet(exam, state=state)
    text = browser.get(url).text
    assert "No sheets yet" not in text
    assert "1 sheet is in a run" in text
    assert reverse("grading:run_list", args=[exam.pk]) in text


def test_sheets_that_all_failed_are_not_called_missing(browser, exam, url):
    make_sheet(exam, state="failed")
    text = browser.get(url).text
    assert "No sheets yet" not in text
    assert "have failed" in text


def test_an_exam_without_sheets_is_led_to_the_upload(browser, exam, url):
    text = browser.get(url).text
    assert "No sheets yet" in text
    assert reverse("exams:upload_create", args=[exam.pk]) in text


def test_without_a_rubric_there_is_nothing_to_mark(browser, exam, url, edit_url):
    exam.rubrics.all().delete()
    assert "Write the rubric" in browser.get(url).content.decode()
    assert browser.get(edit_url)["Location"] == reverse("exams:rubric", args=[exam.pk])


def test_the_page_costs_as_many_queries_for_many_samples(
    browser, exam, alice, url, django_assert_max_num_queries
):
    for _ in range(4):
        save_sample(make_sheet(exam, state="skipped"), title="x", marks=marks(), by=alice)
    with django_assert_max_num_queries(7 + 3):
        browser.get(url)
