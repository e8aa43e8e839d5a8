"""The admin is for looking, and for what the person on call does through commands.

History cannot be written back, not even by an admin.
"""

import re
from datetime import timedelta

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from simple_history.admin import SimpleHistoryAdmin

from batching.models import BatchJob, ProviderAccount
from exams.models import Sheet, Upload
from exams.rubrics import current_rubric
from grading.models import GradingRun, Mark
from tests.factories import make_batch_run, make_sheet

pytestmark = pytest.mark.django_db

AUDITED = [
    model for model, one in admin.site._registry.items() if isinstance(one, SimpleHistoryAdmin)
]


def test_an_admin_cannot_write_an_old_mark_back_past_the_review_page(exam, admin, sign_in):
    mark = make_sheet(exam, state="graded").marks.first()
    entry = mark.history.get()
    url = reverse("admin:grading_mark_simple_history", args=[mark.pk, entry.pk])
    browser = sign_in(admin)
    assert browser.get(url).status_code == 200
    assert browser.post(url, {"awarded": "2"}).status_code == 403
    assert Mark.objects.get(pk=mark.pk).version == 1


@pytest.mark.parametrize("model", AUDITED, ids=lambda model: model.__name__)
def test_every_history_page_refuses_to_write(model, admin, sign_in):
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_simple_history"
    assert sign_in(admin).post(reverse(name, args=[1, 1])).status_code == 403


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_every_list_of_the_admin_opens(model, admin, sign_in, exam):
    make_sheet(exam, state="graded")
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    assert sign_in(admin).get(reverse(name)).status_code == 200


def choose(browser, model, action, *rows):
    """The page that answers an action on the chosen rows of a list."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    return browser.post(address, chosen, follow=True).content.decode()


def test_the_admin_stops_a_job_through_the_command(exam, admin, sign_in):
    run = make_batch_run(exam)
    job = BatchJob.objects.create(run=run, number=1, kind="direct", state="review")
    assert "stopped" in choose(sign_in(admin), BatchJob, "stop", job)
    assert BatchJob.objects.get().state == "cancelled"
    assert BatchJob.objects.get().history.first().history_user == admin


def test_a_refused_job_does_not_keep_the_others_from_being_looked_at(exam, admin, sign_in):
    run, later = make_batch_run(exam), timezone.now() + timedelta(hours=1)
    ended = BatchJob.objects.create(run=run, number=1, kind="batch", state="completed")
    out = BatchJob.objects.create(
        run=run, number=2, kind="batch", state="in_progress", next_poll_at=later
    )
    page = choose(sign_in(admin), BatchJob, "look_now", ended, out)
    assert "Job 1 is not at a provider" in page
    assert BatchJob.objects.get(pk=out.pk).next_poll_at <= timezone.now()
    assert BatchJob.objects.get(pk=out.pk).history.first().history_user == admin
    assert BatchJob.objects.get(pk=ended.pk).next_poll_at is None


def test_a_pause_is_ended_by_a_person_and_its_refusals_stay_counted(admin, sign_in):
    until = timezone.now() + timedelta(hours=1)
    account = ProviderAccount.objects.create(account="k", paused_until=until, strikes=4, reason="r")
    browser = sign_in(admin)
    assert "may be asked again" in choose(browser, ProviderAccount, "ask_again", account)
    account.refresh_from_db()
    assert (account.paused_until, account.strikes) == (None, 4)
    assert "does not rest" in choose(browser, ProviderAccount, "ask_again", account)


def test_failed_uploads_and_sheets_are_tried_again_from_the_admin(exam, admin, sign_in):
    sheet = make_sheet(exam, state="failed")
    upload = sheet.upload
    Upload.objects.filter(pk=upload.pk).update(state="failed")
    browser = sign_in(admin)
    assert "begins anew" in choose(browser, Sheet, "retry_failed", sheet)
    assert Sheet.objects.get(pk=sheet.pk).state != "failed"
    assert "unpacked once more" in choose(browser, Upload, "retry_failed", upload)
    assert Upload.objects.get(pk=upload.pk).state == "received"
    assert "not waiting" in choose(browser, Upload, "retry_failed", upload)


def test_rows_of_the_admin_lead_to_their_pages(exam, admin, sign_in):
    sheet = make_sheet(exam, state="graded")
    run = GradingRun.objects.create(
        batch_run=make_batch_run(exam), exam=exam, rubric=current_rubric(exam)
    )
    browser = sign_in(admin)
    for row in (exam, sheet, sheet.upload, run):
        name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
        page = browser.get(reverse(name, args=[row.pk])).content.decode()
        link = re.search(r'href="([^"]*)"[^>]*class="viewsitelink"', page)
        assert browser.get(link[1], follow=True).status_code == 200


def test_the_admin_leads_to_health_and_flower(admin, sign_in, settings):
    browser, index = sign_in(admin), reverse("admin:index")
    assert reverse("system") in browser.get(index).content.decode()
    assert "Flower" not in browser.get(index).content.decode()
    settings.SHEAF_FLOWER_URL = "https://flower.school.example/"
    assert settings.SHEAF_FLOWER_URL in browser.get(index).content.decode()
