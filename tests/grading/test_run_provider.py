"""Choosing who assesses: what the form of a run proposes, and what it says of who is not ready."""

import pytest
from django.urls import reverse

from batching import providers
from exams.models import Sheet
from tests.factories import make_sheet

pytestmark = pytest.mark.django_db


@pytest.fixture
def with_missing_key(settings, offices):
    settings.SHEAF_PROVIDERS = settings.SHEAF_PROVIDERS | {
        "openai": {"driver": "openai", "api_key": "", "title": "The school's OpenAI"}
    }
    settings.SHEAF_DEFAULT_PROVIDER = "batch"


def form(browser, exam):
    return browser.get(reverse("grading:run_create", args=[exam.pk]))


def test_providers_that_are_not_set_up_are_one_line_and_cannot_be_chosen(
    with_missing_key, exam, alice, sign_in
):
    make_sheet(exam, state="mapped")
    browser = sign_in(alice)
    text = form(browser, exam).content.decode()
    assert "1 other is not set up; ask an admin if you need it." in text
    assert "OPENAI_API_KEY" not in text
    assert "provider-openai" not in text
    assert 'value="batch" id="provider-batch" checked' in text
    answer = browser.post(reverse("grading:run_create", args=[exam.pk]), {"provider": "openai"})
    assert answer.status_code == 422
    assert Sheet.objects.get().state == "mapped"


def test_an_admin_reads_what_to_set_for_a_provider(with_missing_key, exam, admin, sign_in):
    make_sheet(exam, state="mapped")
    text = form(sign_in(admin), exam).content.decode()
    assert "<summary>1 other is not set up</summary>" in text
    assert "OPENAI_API_KEY is not set" in text


def test_where_no_provider_is_set_up_no_run_can_be_drafted(settings, exam, alice, sign_in):
    settings.SHEAF_PROVIDERS = {"openai": {"driver": "openai", "api_key": "", "title": "OpenAI"}}
    settings.SHEAF_DEFAULT_PROVIDER = "openai"
    make_sheet(exam, state="mapped")
    text = form(sign_in(alice), exam).content.decode()
    assert "1 is not set up; ask an admin to do it." in text
    assert '<button class="btn btn-primary" disabled>' in text


def test_the_providers_of_the_exam_are_proposed(offices, exam, alice, sign_in):
    make_sheet(exam, state="mapped")
    exam.provider, exam.second_provider = "direct", "batch"
    exam.save()
    page = form(sign_in(alice), exam)
    text = page.content.decode()
    assert 'value="direct" id="provider-direct" checked' in text
    assert '<option value="batch" selected>' in text


def test_an_exam_whose_provider_is_not_ready_proposes_another_one_and_says_so(
    with_missing_key, exam, alice, sign_in
):
    make_sheet(exam, state="mapped")
    exam.provider = "openai"
    exam.save()
    text = form(sign_in(alice), exam).content.decode()
    assert "The school&#x27;s OpenAI" in text
    assert "cannot be used now" in text
    assert 'value="batch" id="provider-batch" checked' in text


def test_the_second_provider_of_the_form_goes_along_with_the_run(offices, exam, alice, sign_in):
    make_sheet(exam, state="mapped")
    sign_in(alice).post(
        reverse("grading:run_create", args=[exam.pk]),
        {"provider": "batch", "second_provider": "direct"},
    )
    run = exam.runs.get().batch_run
    assert (run.provider, run.second_provider, run.budget) == ("batch", "direct", exam.budget)


def test_a_provider_that_loses_its_key_while_the_form_is_open_is_no_crash(
    offices, exam, alice, sign_in, monkeypatch
):
    make_sheet(exam, state="mapped")
    browser = sign_in(alice)
    ready = providers.choices()
    monkeypatch.setattr(offices["batch"], "missing", "OPENAI_API_KEY is not set.")
    monkeypatch.setattr("batching.providers.choices", lambda: ready)
    answer = browser.post(reverse("grading:run_create", args=[exam.pk]), {"provider": "batch"})
    assert answer.status_code == 422
    assert "OPENAI_API_KEY is not set" in answer.content.decode()
