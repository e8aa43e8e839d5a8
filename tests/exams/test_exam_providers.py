"""Who assesses an exam, who comes second, and what all of it may cost: set on the exam's page."""

from decimal import Decimal

import pytest
from django.urls import reverse

from batching.models import BatchJob, JobState
from tests.exams.test_views_exams import hidden_seen
from tests.factories import make_batch_run

pytestmark = pytest.mark.django_db

FACTS = {"title": "Biology unit test 3", "subject_name": "Biology"}


@pytest.fixture
def url(exam) -> str:
    return reverse("exams:exam_edit", args=[exam.pk])


def save(browser, url, **typed):
    seen = hidden_seen(browser.get(url))
    return browser.post(url, FACTS | typed | {"seen": seen})


def test_a_teacher_chooses_who_assesses_and_what_it_may_cost(browser, url, exam, alice):
    answer = save(browser, url, provider="openai", second_provider="offline", spending_cap="12.50")
    assert answer.status_code == 302
    exam.refresh_from_db()
    assert (exam.provider, exam.second_provider, exam.spending_cap) == (
        "openai",
        "offline",
        Decimal("12.50"),
    )
    assert exam.history.first().history_user == alice


def test_the_form_says_which_provider_is_not_ready(browser, url):
    text = browser.get(url).content.decode()
    assert "(not ready)" in text
    assert "as everywhere here: Offline baseline" in text


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"spending_cap": "-1"}, "greater than or equal to 0"),
        ({"provider": "nobody"}, "not one of the available choices"),
        ({"provider": "openai", "second_provider": "openai"}, "another one than the first"),
        ({"second_provider": "offline"}, "another one than the first"),
    ],
)
def test_what_cannot_be_is_422(browser, url, exam, typed, words):
    answer = save(browser, url, **typed)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    exam.refresh_from_db()
    assert (exam.provider, exam.spending_cap) == ("", None)


def test_a_cap_of_nothing_is_a_cap(browser, url, exam):
    save(browser, url, spending_cap="0")
    exam.refresh_from_db()
    assert exam.spending_cap == 0


def test_an_exam_keeps_a_provider_that_is_no_longer_configured(browser, url, exam):
    exam.provider = "gone"
    exam.save()
    assert "gone (no longer configured)" in browser.get(url).content.decode()
    assert save(browser, url, provider="gone", spending_cap="1").status_code == 302


def test_of_two_who_edit_the_cap_the_second_sees_both(browser, url, exam, sign_in, admin):
    seen = hidden_seen(browser.get(url))
    save(sign_in(admin), url, spending_cap="3")
    answer = browser.post(url, FACTS | {"spending_cap": "5", "seen": seen})
    assert answer.status_code == 409
    assert "May cost at most" in answer.content.decode()
    exam.refresh_from_db()
    assert exam.spending_cap == 3


def test_the_page_of_the_exam_says_who_assesses_and_what_is_spent(browser, exam, alice, settings):
    settings.SHEAF_PROVIDERS = {
        "offline": {"driver": "offline"},
        "openai": {"driver": "openai", "price": {"input": 1, "output": 2}},
    }
    exam.provider, exam.second_provider, exam.spending_cap = "offline", "openai", Decimal(10)
    exam.save()
    url = reverse("exams:exam_detail", args=[exam.pk])
    assert "0.00 of at most 10.00 USD used or promised" in browser.get(url).content.decode()
    run = make_batch_run(exam, budget=exam.budget)
    BatchJob.objects.create(
        run=run,
        number=1,
        provider="offline",
        state=JobState.COMPLETED,
        approved_by=alice,
        cost=Decimal("1.25"),
    )
    text = browser.get(url).content.decode()
    assert "Assessed by Offline baseline, what it fails at by" in text
    assert "1.25 of at most 10.00 used or promised" in text


def test_a_new_exam_may_name_its_providers_at_once(browser, x_b):
    browser.post(
        reverse("exams:exam_create"),
        {
            "title": "New",
            "school_class": x_b.pk,
            "subject_name": "Biology",
            "provider": "offline",
            "by_hand": "1",
        },
    )
    assert x_b.exams.get().provider == "offline"
