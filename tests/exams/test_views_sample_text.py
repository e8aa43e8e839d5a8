"""The page of a sample's text: typed, read, compared, confirmed."""

from decimal import Decimal

import pytest
from django.urls import reverse

from batching.build import build_run
from batching.collect import collect_job
from batching.models import BatchItem, BatchJob, BatchRun
from batching.poll import poll_job
from batching.submit import submit_job
from exams.models import Page, SampleSheet
from exams.samples import SampleMark, save_sample
from exams.transcription import propose_text, save_text
from tests.factories import make_enrolment, make_sheet

pytestmark = pytest.mark.django_db

TYPED = {"text-1": "Q1. Plants make glucose.", "text-2": ""}


@pytest.fixture
def sample(exam, alice) -> SampleSheet:
    marks = {"Q1": SampleMark(Decimal(2)), "Q2": SampleMark(Decimal(1))}
    sheet = make_sheet(exam, state="skipped", pages=2)
    return save_sample(sheet, title="Full", marks=marks, by=alice)


@pytest.fixture
def url(sample):
    return lambda name="sample_text": reverse(f"exams:{name}", args=[sample.pk])


def test_each_page_has_a_field_beside_its_picture(browser, url, sample):
    text = browser.get(url()).content.decode()
    for page in sample.sheet.pages.all():
        assert reverse("exams:page_image", args=[page.public_id]) in text
    assert 'name="text-2"' in text


def test_saving_confirms_the_text_and_the_list_says_how_it_is_sent(
    browser, url, sample, settings, exam
):
    samples = reverse("exams:samples", args=[exam.pk])
    settings.SHEAF_SAMPLES = "text"
    assert (
        "It has no confirmed text, so its images are sent" in browser.get(samples).content.decode()
    )
    seen = browser.get(url()).context["seen"]
    assert browser.post(url(), TYPED | {"seen": seen})["Location"] == samples
    assert "sent in place of its images" in browser.get(samples).content.decode()
    settings.SHEAF_SAMPLES = "images"
    assert "its images are sent" in browser.get(samples).content.decode()
    Page.objects.filter(sheet=sample.sheet).update(sha256="0" * 64)
    assert "Its pages changed" in browser.get(samples).content.decode()


def test_a_text_that_cannot_be_kept_is_422_and_stays_in_its_field(browser, url, x_b):
    make_enrolment(x_b, roll_number="84B777")
    answer = browser.post(url(), {"text-1": "84B777 wrote this", "text-2": "kept"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "84B777 wrote this</textarea>" in text
    assert "Leave it out" in text


def test_of_two_who_save_the_second_sees_both(browser, url, sample, sign_in, admin):
    seen = browser.get(url()).context["seen"]
    sign_in(admin).post(url(), TYPED | {"seen": seen})
    answer = browser.post(url(), {"text-1": "Mine", "seen": seen})
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "Mine</textarea>" in text
    assert "Q1. Plants make glucose." in text
    again = browser.post(url(), {"text-1": "Mine", "seen": answer.context["seen"]})
    assert again.status_code == 302


def test_what_was_read_stands_in_the_fields_marked_as_such(browser, url, sample, alice):
    save_text(sample, {1: "confirmed words"}, by=alice)
    sample.refresh_from_db()
    propose_text(sample, {1: "<b>read</b> words"}, source="A model")
    text = browser.get(url()).content.decode()
    assert "Read by A model, and confirmed by nobody yet" in text
    assert "&lt;b&gt;read&lt;/b&gt; words</textarea>" in text
    assert "confirmed words" in text
    browser.post(url("sample_text_drop"))
    assert "confirmed words</textarea>" in browser.get(url()).content.decode()


def test_tesseract_reads_at_a_click(browser, url):
    answer = browser.post(url("sample_read"), {"provider": "tesseract"})
    assert answer["Location"] == url()
    assert "Tesseract, on this machine" in browser.get(url()).content.decode()


def test_a_model_reads_after_a_look_at_what_it_costs(browser, url, sample, offices):
    assert browser.post(url("sample_read"), {"provider": "batch"})["Location"] == url()
    assert "The request is being made" in browser.get(url()).content.decode()
    build_run(BatchRun.objects.get().pk)
    text = browser.get(url("sample_read_progress")).content.decode()
    assert "some 10 tokens in and 5 out, about 0.02 USD" in text
    assert "nothing is masked" in text
    assert "hx-trigger" not in text
    browser.post(url("sample_read_send"))
    job = BatchJob.objects.get()
    submit_job(job.pk)
    text = browser.get(url("sample_read_progress")).content.decode()
    assert "Being read" in text
    assert "hx-trigger" in text
    poll_job(job.pk)
    collect_job(job.pk)
    text = browser.get(url("sample_read_progress"), {"shown": ""}).content.decode()
    assert "Show what was read" in text
    assert "Written on page 1</textarea>" in browser.get(url()).content.decode()


def test_a_reading_over_the_cap_is_refused_and_says_so(browser, url, sample, offices, exam):
    exam.spending_cap = Decimal("0.01")
    exam.save()
    browser.post(url("sample_read"), {"provider": "batch"})
    build_run(BatchRun.objects.get().pk)
    assert "this does not fit" in browser.get(url()).content.decode()
    answer = browser.post(url("sample_read_send"))
    assert answer.status_code == 422
    assert "Nothing was sent" in answer.content.decode()
    assert BatchJob.objects.get().state == "review"


def test_a_draft_that_covers_other_places_than_the_exam_says_can_only_be_discarded(
    browser, url, offices, exam
):
    browser.post(url("sample_read"), {"provider": "batch"})
    build_run(BatchRun.objects.get().pk)
    assert "/text/send/" in browser.get(url()).content.decode()
    exam.regions = [{"page": 1, "x": 0, "y": 0, "w": 1, "h": 0.1, "holds": ["name"]}]
    exam.save()
    text = browser.get(url()).content.decode()
    assert "Where names stand on the pages has changed" in text
    assert "painted over" not in text
    assert "/text/send/" not in text
    assert "Discard the draft" in text


def test_a_draft_can_be_discarded_and_a_failed_reading_says_why(browser, url, offices):
    browser.post(url("sample_read"), {"provider": "batch"})
    build_run(BatchRun.objects.get().pk)
    browser.post(url("sample_read_stop"))
    assert BatchJob.objects.get().state == "cancelled"
    browser.post(url("sample_read"), {"provider": "batch"})
    run = BatchRun.objects.order_by("pk").last()
    build_run(run.pk)
    browser.post(url("sample_read_send"))
    offices["batch"].set_fault("refuse")
    submit_job(run.jobs.get().pk)
    assert "the file is not acceptable" in browser.get(url()).content.decode()


def test_removing_a_sample_stops_its_reading(browser, url, sample, offices):
    browser.post(url("sample_read"), {"provider": "batch"})
    browser.post(f"/samples/{sample.pk}/remove/")
    assert not SampleSheet.objects.exists()
    assert set(BatchItem.objects.values_list("state", flat=True)) == {"released"}


def test_nobody_reads_is_422_and_nothing_to_send_is_409(browser, url, sample):
    assert browser.post(url("sample_read"), {"provider": "nobody"}).status_code == 422
    assert browser.post(url("sample_read_send")).status_code == 409
    assert browser.post(url("sample_read_stop")).status_code == 409


def test_the_page_costs_the_same_queries_for_any_number_of_pages(
    exam, alice, browser, django_assert_max_num_queries
):
    marks = {"Q1": SampleMark(Decimal(2)), "Q2": SampleMark(Decimal(1))}
    sheet = make_sheet(exam, state="skipped", pages=8)
    sample = save_sample(sheet, title="Full", marks=marks, by=alice)
    with django_assert_max_num_queries(8):
        browser.get(reverse("exams:sample_text", args=[sample.pk]))
