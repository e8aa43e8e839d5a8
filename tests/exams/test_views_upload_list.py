"""All uploads of an exam: none is out of reach, and a long list stays quick."""

import pytest
from django.urls import reverse

from exams.views import upload_list
from exams.views.exams import UPLOADS_SHOWN
from tests.factories import make_exam, make_sheet, make_upload


@pytest.fixture
def url(exam) -> str:
    return reverse("exams:upload_list", args=[exam.pk])


def test_the_exams_page_leads_to_uploads_that_it_has_no_room_for(browser, exam, url):
    uploads = [make_upload(exam) for _ in range(UPLOADS_SHOWN + 1)]
    page = browser.get(reverse("exams:exam_detail", args=[exam.pk])).text
    assert uploads[0].original_name not in page
    assert f'href="{url}"' in page
    listed = browser.get(url).text
    for upload in uploads:
        assert f'href="{reverse("exams:upload_detail", args=[upload.pk])}"' in listed


def test_a_long_list_has_pages_with_the_newest_first(browser, exam, url, monkeypatch):
    monkeypatch.setattr(upload_list, "PAGE_SIZE", 2)
    uploads = [make_upload(exam) for _ in range(3)]
    first, second = (browser.get(f"{url}?page={number}").context["page"] for number in (1, 2))
    assert list(first) == [uploads[2], uploads[1]]
    assert list(second) == [uploads[0]]


def test_an_upload_is_listed_with_its_sheets_and_none_of_another_exam(browser, exam, url, alice):
    upload = make_upload(exam)
    for _ in range(3):
        make_sheet(exam, upload=upload)
    make_upload(make_exam(exam.school_class, title="Other", by=alice), original_name="other.zip")
    page = browser.get(url)
    assert [row.sheet_count for row in page.context["page"]] == [3]
    assert "other.zip" not in page.text


def test_an_exam_without_uploads_says_what_to_do(browser, url):
    assert "Nothing was uploaded yet" in browser.get(url).text


def test_a_long_list_costs_a_handful_of_queries(browser, exam, url, django_assert_max_num_queries):
    for _ in range(20):
        make_sheet(exam, upload=make_upload(exam), pages=0)
    with django_assert_max_num_queries(5) as done:
        assert len(browser.get(url).context["page"]) == 20
    assert not {query["sql"].split()[0] for query in done.captured_queries} - {"SELECT"}
