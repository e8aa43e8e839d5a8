"""The pages of runs as a teacher goes through them: draft, look, send, stop."""

import pytest
from django.urls import reverse

from batching import tasks
from batching.collect import collect_job
from batching.submit import submit_job
from grading.models import GradingRun
from grading.runs import draft_run, send_run
from tests.batching.steps import look_again
from tests.factories import make_sheet

pytestmark = pytest.mark.django_db


def test_a_teacher_drafts_looks_and_sends(exam, mapped, alice, sign_in):
    browser = sign_in(alice)
    page = browser.get(reverse("grading:run_create", args=[exam.pk]))
    assert "3 sheets" in page.content.decode()
    assert "baseline" in page.content.decode()
    answer = browser.post(reverse("grading:run_create", args=[exam.pk]), {"provider": "offline"})
    run = GradingRun.objects.get()
    assert answer["Location"] == reverse("grading:run_detail", args=[run.pk])
    assert "hx-trigger" in browser.get(answer["Location"]).content.decode()
    tasks.build_run(run.pk)
    page = browser.get(answer["Location"]).content.decode()
    assert "Nothing has left Sheaf yet" in page
    assert "hx-trigger" not in page
    browser.post(reverse("grading:run_send", args=[run.pk]))
    assert run.batch_run.jobs.get().state == "submitted"


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("", "exams:upload_create"),
        ("pending_mapping", "exams:mapping"),
        ("in_batch", "grading:run_list"),
        ("reviewed", "grading:publish"),
    ],
)
def test_with_nothing_to_grade_the_page_says_what_to_do_first(state, name, exam, alice, sign_in):
    if state:
        make_sheet(exam, state=state)
    page = sign_in(alice).get(reverse("grading:run_create", args=[exam.pk])).text
    assert "No sheet is waiting to be graded" in page
    assert f'<a class="btn btn-primary mt-3" href="{reverse(name, args=[exam.pk])}"' in page
    assert '<form method="post" class="narrow"' not in page


def test_sheets_whose_pages_are_still_looked_at_are_waited_for(exam, mapped, alice, sign_in):
    exam.sheets.update(inspected_at=None)
    page = sign_in(alice).get(reverse("grading:run_create", args=[exam.pk])).text
    assert "load this page again in a moment" in page
    assert "Draft the run" not in page


def test_a_draft_refused_since_nothing_is_left_offers_no_other(exam, drafted, alice, sign_in):
    url = reverse("grading:run_create", args=[exam.pk])
    answer = sign_in(alice).post(url, {"provider": "offline"})
    assert answer.status_code == 422
    assert "Confirm whose sheets they are first" in answer.text
    assert "Draft the run" not in answer.text
    assert "Look and send" in answer.text


def test_where_only_graded_sheets_are_left_the_button_says_that_they_are_graded_again(
    exam, alice, sign_in
):
    make_sheet(exam, state="graded")
    browser, url = sign_in(alice), reverse("grading:run_create", args=[exam.pk])
    page = browser.get(url).text
    assert "will be drafted" not in page
    assert "Draft 1 sheet again" in page
    assert '<input type="hidden" name="again" value="1">' in page


def test_an_unknown_provider_is_refused(exam, mapped, alice, sign_in):
    answer = sign_in(alice).post(
        reverse("grading:run_create", args=[exam.pk]), {"provider": "nobody"}
    )
    assert answer.status_code == 422


def test_sending_twice_is_a_409_that_says_why(drafted, alice, sign_in):
    browser = sign_in(alice)
    browser.post(reverse("grading:run_send", args=[drafted.pk]))
    answer = browser.post(reverse("grading:run_send", args=[drafted.pk]))
    assert answer.status_code == 409
    assert "sent or cancelled" in answer.content.decode()


def test_a_run_that_is_stopping_says_so_and_is_stopped_once(draft, alice, sign_in):
    run, browser = draft(provider="batch"), sign_in(alice)
    page, stop = (reverse(f"grading:run_{name}", args=[run.pk]) for name in ("detail", "cancel"))
    send_run(run, by=alice)
    submit_job(run.batch_run.jobs.get().pk)
    assert stop in browser.get(page).content.decode()
    told = browser.post(stop, {"sure": 1}, follow=True).content.decode()
    assert "The run is being stopped" in told
    assert "Stopping: what was answered is kept" in told
    assert stop not in told
    look_again(run.batch_run.jobs.get())
    collect_job(run.batch_run.jobs.get().pk)
    ended = browser.get(page).content.decode()
    assert ">Stopped</h2>" in ended
    assert stop not in ended


def test_a_run_whose_vendor_cannot_be_asked_to_stop_is_given_up_by_a_second_stop(
    draft, alice, sign_in, settings
):
    run, browser = draft(provider="batch"), sign_in(alice)
    page, stop = (reverse(f"grading:run_{name}", args=[run.pk]) for name in ("detail", "cancel"))
    send_run(run, by=alice)
    submit_job(run.batch_run.jobs.get().pk)
    browser.post(stop, {"sure": 1})
    settings.SHEAF_PROVIDERS = {"offline": settings.SHEAF_PROVIDERS["offline"]}
    assert stop in browser.get(page).content.decode()
    browser.post(stop, {"sure": 1})
    assert run.batch_run.jobs.get().state == "cancelled"


@pytest.mark.parametrize("name", ["run_list", "run_detail", "run_progress", "run_items"])
def test_the_pages_of_a_run_cost_the_same_for_any_number_of_sheets(
    name, exam, alice, sign_in, django_assert_max_num_queries
):
    for _ in range(60):
        make_sheet(exam, state="mapped", pages=0)
    run = draft_run(exam, provider="offline", by=alice)
    browser = sign_in(alice)
    pk = exam.pk if name == "run_list" else run.pk
    with django_assert_max_num_queries(12):
        assert browser.get(reverse(f"grading:{name}", args=[pk])).status_code == 200


def test_a_refused_send_leads_back_to_the_run_when_its_page_is_loaded_again(
    drafted, alice, sign_in
):
    answer = sign_in(alice).get(reverse("grading:run_send", args=[drafted.pk]))
    assert answer.status_code == 302
    assert answer["Location"] == reverse("grading:run_detail", args=[drafted.pk])
    assert drafted.batch_run.jobs.get().state == "review"
