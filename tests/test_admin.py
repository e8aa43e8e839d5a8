"""The admin is for looking: history cannot be written back, not even by an admin."""

import pytest
from django.contrib import admin
from django.urls import reverse
from simple_history.admin import SimpleHistoryAdmin

from batching.models import BatchJob
from grading.models import Mark
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


def test_the_admin_stops_a_job_through_the_command(exam, admin, sign_in):
    run = make_batch_run(exam)
    job = BatchJob.objects.create(run=run, number=1, kind="direct", state="review")
    answer = sign_in(admin).post(
        reverse("admin:batching_batchjob_changelist"),
        {"action": "stop", "_selected_action": [job.pk]},
        follow=True,
    )
    assert "stopped" in answer.content.decode()
    assert BatchJob.objects.get().state == "cancelled"
    assert BatchJob.objects.get().history.first().history_user == admin
