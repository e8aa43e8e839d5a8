"""Watching an upload: its progress while it works, and what became of every file."""

import pytest
from django.urls import reverse
from django.utils import timezone

from exams.models import Sheet, UploadMember
from exams.views.upload_report import LINES_PER_SCREEN
from exams.views.uploads import FAILED_SHOWN
from tests.exams.clicks import detail, form_address, progress
from tests.exams.steps import report_line
from tests.factories import make_sheet, make_upload


def ends(response):
    """How many files came to which end, as the report of a page counts them."""
    return {end.name: end.count for end in response.context["outcomes"] if end.count}


def test_progress_asks_for_itself_again_while_the_file_is_unpacked(sign_in, alice, exam):
    upload = make_upload(exam, state="unpacking", member_count=4)
    report_line(upload, "84B003.pdf")
    client = sign_in(alice)
    for text in (client.get(detail(upload)).text, client.get(progress(upload)).text):
        assert 'hx-trigger="every 2s"' in text
        assert f'hx-get="{progress(upload)}?report=awaited"' in text
        assert "1 of 4" in text


def test_progress_goes_on_while_sheets_are_read(sign_in, alice, exam):
    upload = make_upload(exam)
    make_sheet(exam, upload=upload)
    make_sheet(exam, upload=upload, inspected_at=None, suggested_at=None)
    text = sign_in(alice).get(progress(upload)).text
    assert f'hx-get="{progress(upload)}"' in text
    assert "1 of 2" in text


@pytest.mark.parametrize("state", ["unpacked", "failed"])
def test_progress_stops_by_arriving_without_its_trigger(sign_in, alice, exam, state):
    upload = make_upload(exam, state=state, problem="The ZIP is damaged.")
    make_sheet(exam, upload=upload)
    make_sheet(exam, upload=upload, state="failed", suggested_at=None, inspected_at=None)
    text = sign_in(alice).get(progress(upload)).text
    assert 'id="upload-progress"' in text
    assert "hx-trigger" not in text
    assert "<html" not in text


def test_the_report_comes_with_the_end_of_unpacking_and_stays_while_sheets_are_read(
    sign_in, alice, exam
):
    upload = make_upload(exam, state="unpacking", member_count=1)
    make_sheet(exam, upload=upload, inspected_at=None, suggested_at=None)
    client = sign_in(alice)
    assert "upload-report" not in client.get(progress(upload, "?report=awaited")).text
    upload.finish()
    upload.save()
    report_line(upload, "notes.txt", "refused", reason="It is text.")
    awaited = client.get(progress(upload, "?report=awaited")).text
    assert 'id="upload-report" hx-swap-oob="true"' in awaited
    assert "It is text." in awaited
    assert 'id="upload-report"' not in client.get(progress(upload)).text


def test_the_last_answer_brings_the_report_as_it_is_when_all_sheets_are_read(sign_in, alice, exam):
    upload, client = make_upload(exam), sign_in(alice)
    sheet = make_sheet(exam, upload=upload, inspected_at=None, suggested_at=None)
    report_line(upload, "84B003.pdf", sheet=sheet)
    assert "being read" in client.get(detail(upload)).text
    Sheet.objects.filter(pk=sheet.pk).update(inspected_at=timezone.now())
    last = client.get(progress(upload)).text
    assert 'id="upload-report" hx-swap-oob="true"' in last
    assert "84B003.pdf" in last
    assert "being read" not in last
    assert "hx-trigger" not in last


def test_the_last_answer_brings_the_screen_that_somebody_is_looking_at(sign_in, alice, exam):
    upload, client = make_upload(exam), sign_in(alice)
    sheet = make_sheet(exam, upload=upload, inspected_at=None, suggested_at=None)
    report_line(upload, "notes.txt", "refused", reason="It is text.")
    UploadMember.objects.bulk_create(
        UploadMember(upload=upload, name=f"{number:05d}.pdf", outcome="accepted")
        for number in range(LINES_PER_SCREEN + 1)
    )
    asked = "?outcome=accepted&page=2"
    for text in (client.get(detail(upload, asked)).text, client.get(progress(upload, asked)).text):
        assert f'hx-get="{progress(upload)}?outcome=accepted&amp;page=2"' in text
    Sheet.objects.filter(pk=sheet.pk).update(inspected_at=timezone.now())
    last = client.get(progress(upload, asked))
    assert [line.name for line in last.context["screen"]] == [f"{LINES_PER_SCREEN:05d}.pdf"]
    assert "notes.txt" not in last.text


def test_a_screen_is_asked_for_while_the_file_is_unpacked_too(sign_in, alice, exam):
    upload = make_upload(exam, state="unpacking")
    text = sign_in(alice).get(detail(upload, "?outcome=%22%3E%3Cb&page=")).text
    assert f'hx-get="{progress(upload)}?report=awaited&amp;outcome=%22%3E%3Cb"' in text


def test_the_report_has_a_line_for_every_file_with_the_refused_first(sign_in, alice, exam):
    upload = make_upload(exam, member_count=4)
    sheet = make_sheet(exam, upload=upload)
    report_line(upload, "a-accepted.pdf", sheet=sheet)
    report_line(upload, "b-ignored", "ignored", reason="Made by the computer.")
    report_line(upload, "c-repeated.pdf", "repeated", reason="The same sheet came before.")
    report_line(upload, "d-refused.exe", "refused", reason="It is a program.")
    text = sign_in(alice).get(detail(upload)).text
    order = ["d-refused.exe", "c-repeated.pdf", "b-ignored", "a-accepted.pdf"]
    places = [text.index(name) for name in order]
    assert places == sorted(places)
    for reason in ("It is a program.", "The same sheet came before.", "Made by the computer."):
        assert reason in text
    assert reverse("exams:sheet_pages", args=[sheet.pk]) in text


def test_a_file_whose_sheet_failed_is_no_success_and_says_why_and_what_to_do(sign_in, alice, exam):
    upload = make_upload(exam)
    damaged = make_sheet(
        exam, upload=upload, state="failed", problem="The PDF is damaged.", pages=0
    )
    report_line(upload, "damaged.pdf", sheet=damaged)
    report_line(upload, "sound.pdf", sheet=make_sheet(exam, upload=upload))
    response = sign_in(alice).get(detail(upload))
    assert ends(response) == {"failed": 1, "accepted": 1}
    first, second = response.context["screen"]
    assert (first.name, first.end_name, second.end_name) == ("damaged.pdf", "failed", "accepted")
    report = response.text.partition('id="upload-report"')[2]
    assert "One file became a sheet or a page of one." in report
    assert "One file came in and failed" in report
    assert "The PDF is damaged." in report
    for name in ("sheet_retry", "sheet_skip"):
        assert reverse(f"exams:{name}", args=[damaged.pk]) in report
    only = sign_in(alice).get(detail(upload, "?outcome=failed"))
    assert [line.name for line in only.context["screen"]] == ["damaged.pdf"]


def test_every_file_is_followed_to_the_end_of_its_sheet(sign_in, alice, exam):
    upload, client = make_upload(exam), sign_in(alice)
    unread = {"rendered_at": None, "inspected_at": None, "suggested_at": None, "pages": 0}
    sheet = make_sheet(exam, upload=upload, **unread)
    for name in ("page-1.jpg", "page-2.jpg"):
        report_line(upload, name, sheet=sheet)
    assert ends(client.get(detail(upload))) == {"reading": 2}
    assert ends(client.get(detail(upload, "?outcome=accepted"))) == {"reading": 2}
    sheet.fail("The image of page 1 cannot be used.")
    sheet.save()
    assert ends(client.get(detail(upload))) == {"failed": 2}
    sheet.skip()
    sheet.save()
    assert ends(client.get(detail(upload))) == {"skipped": 2}


def test_the_counts_of_the_report_follow_while_sheets_are_read(sign_in, alice, exam):
    upload, client = make_upload(exam), sign_in(alice)
    make_sheet(exam, upload=upload, inspected_at=None, suggested_at=None)
    sheet = make_sheet(exam, upload=upload, inspected_at=None, suggested_at=None)
    report_line(upload, "84B003.pdf", sheet=sheet)
    assert "One file is still being read." in client.get(progress(upload)).text
    sheet.fail("The PDF is damaged.")
    sheet.save()
    news = client.get(progress(upload, "?outcome=failed"))
    assert 'id="upload-counts" hx-swap-oob="true"' in news.text
    assert 'id="upload-report"' not in news.text
    assert ends(news) == {"failed": 1}


def test_where_nothing_can_be_mapped_another_file_is_the_way_on(sign_in, alice, exam):
    client, mapping = sign_in(alice), reverse("exams:mapping", args=[exam.pk])
    broken = make_upload(exam, state="failed", problem="The ZIP is damaged.")
    text = client.get(detail(broken)).text
    head = text.partition('id="upload-actions"')[2].partition("</div>")[0]
    assert mapping not in head
    assert f'class="btn btn-primary" href="{form_address(exam)}"' in head
    assert text.count(reverse("exams:upload_skip", args=[broken.pk])) == 1
    assert reverse("exams:upload_skip", args=[broken.pk]) in text.partition("Report</h2>")[0]
    make_sheet(exam, upload=broken)
    whole = client.get(detail(broken)).text
    assert whole.count(reverse("exams:upload_skip", args=[broken.pk])) == 1
    assert "1 sheet of it is skipped" in whole
    assert f'class="btn btn-primary" href="{mapping}"' in client.get(detail(broken)).text


def test_the_way_on_comes_with_the_news(sign_in, alice, exam):
    upload = make_upload(exam, state="unpacking")
    news = sign_in(alice).get(progress(upload)).text
    assert 'id="upload-actions" hx-swap-oob="true"' in news


def test_a_failed_sheet_that_was_skipped_leaves_no_bar_half_full(sign_in, alice, exam):
    upload = make_upload(exam)
    make_sheet(exam, upload=upload)
    nothing = {"rendered_at": None, "inspected_at": None, "pages": 0}
    make_sheet(exam, upload=upload, state="skipped", problem="Damaged.", **nothing)
    shown = sign_in(alice).get(progress(upload)).context["progress"]
    assert (shown.rendered, shown.to_render) == (1, 1)
    assert (shown.inspected, shown.to_inspect) == (1, 1)


def test_a_sheet_that_failed_does_not_keep_the_progress_from_ending(sign_in, alice, exam):
    upload = make_upload(exam)
    make_sheet(exam, upload=upload)
    nothing = {"rendered_at": None, "inspected_at": None, "pages": 0}
    make_sheet(exam, upload=upload, state="failed", problem="Damaged.", **nothing)
    shown = sign_in(alice).get(progress(upload)).context["progress"]
    assert (shown.rendered, shown.to_render, shown.failed) == (1, 1, 1)
    assert (shown.inspected, shown.to_inspect) == (1, 1)


def test_a_long_report_comes_in_screens_and_by_outcome(sign_in, alice, exam):
    upload = make_upload(exam)
    UploadMember.objects.bulk_create(
        UploadMember(upload=upload, name=f"{number:05d}.pdf", outcome="accepted")
        for number in range(LINES_PER_SCREEN + 5)
    )
    report_line(upload, "notes.txt", "refused", reason="It is text.")
    client = sign_in(alice)
    first = client.get(detail(upload)).context["screen"]
    assert (len(first.object_list), first.paginator.count) == (100, 106)
    assert first.object_list[0].name == "notes.txt"
    assert len(client.get(detail(upload, "?page=2")).context["screen"].object_list) == 6
    refused = client.get(detail(upload, "?outcome=refused")).context["screen"]
    assert [line.name for line in refused] == ["notes.txt"]


def test_failed_sheets_are_shown_with_their_reason_and_a_retry(sign_in, alice, exam):
    upload = make_upload(exam)
    for number in range(FAILED_SHOWN + 2):
        sheet = make_sheet(
            exam, upload=upload, state="failed", problem=f"Damaged: {number}.", pages=0
        )
    text = sign_in(alice).get(detail(upload)).text
    assert "Damaged: 0." in text
    assert text.count('name="back" value="upload"') == FAILED_SHOWN
    assert f"{reverse('exams:mapping', args=[exam.pk])}?tab=failed" in text
    assert "2 more" in text
    assert sheet.state == "failed"


def test_a_zip_without_sheets_says_what_to_do(sign_in, alice, exam):
    text = sign_in(alice).get(detail(make_upload(exam))).text
    assert "This file holds no sheets" in text
    assert form_address(exam) in text


def test_what_came_with_another_upload_is_not_counted(sign_in, alice, exam):
    other, upload = make_upload(exam), make_upload(exam)
    for one, pages in ((other, 3), (upload, 2)):
        report_line(one, f"{pages}.pdf", sheet=make_sheet(exam, upload=one, pages=pages))
    make_sheet(exam, upload=other)
    report_line(other, "notes.txt", "refused")
    response = sign_in(alice).get(detail(upload))
    counts = response.context["progress"]
    assert (counts.lines, counts.sheets, counts.pages) == (1, 1, 2)
    assert response.context["line_count"] == 1


def test_an_upload_without_a_failed_sheet_costs_five_queries(
    sign_in, alice, exam, django_assert_num_queries
):
    client, upload = sign_in(alice), make_upload(exam)
    for more in (5, 55):
        for number in range(more):
            report_line(upload, f"{more}-{number}.pdf", sheet=make_sheet(exam, upload=upload))
        # Session, user, bell; upload with its counts, report.
        with django_assert_num_queries(5):
            assert client.get(detail(upload)).status_code == 200


def test_sixty_members_and_sheets_cost_as_many_queries_as_five(
    sign_in, alice, exam, django_assert_num_queries
):
    client, upload = sign_in(alice), make_upload(exam)
    for more in (5, 55):
        for number in range(more):
            sheet = make_sheet(exam, upload=upload, pages=2, problem="No pages.", state="failed")
            report_line(upload, f"{more}-{number}.pdf", sheet=sheet)
        # Session, user, bell; upload with its counts, failed sheets, report.
        with django_assert_num_queries(6):
            assert client.get(detail(upload)).status_code == 200
        # It is the last answer and brings the report; the bell is not on it.
        with django_assert_num_queries(5):
            assert client.get(progress(upload)).status_code == 200


def test_an_upload_of_which_no_sheet_could_be_read_does_not_lead_to_the_mapping(
    sign_in, alice, exam
):
    upload = make_upload(exam)
    make_sheet(exam, upload=upload, state="failed")
    client = sign_in(alice)
    assert "say whose sheet is whose" not in client.get(detail(upload)).text
    make_sheet(exam, upload=upload)
    assert "say whose sheet is whose" in client.get(detail(upload)).text
