"""The page of the person on call: red on silence, calm otherwise, and never a key."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from batching import pulses, tasks
from batching.models import BatchJob, ProviderAccount, Pulse
from batching.providers import get
from grading.system_health import (
    BEAT,
    STAGES,
    patience,
    provider_rows,
    spending_rows,
    system_health,
)
from tests import factories

RENDER = "exams.tasks.rasterize_sheet"


@pytest.fixture(autouse=True)
def _no_memory():
    pulses._noted.clear()


@pytest.fixture
def page(admin, sign_in):
    return lambda: sign_in(admin).get(reverse("system"))


def beat(ago=timedelta(0), name=BEAT):
    Pulse.objects.update_or_create(name=name, defaults={"succeeded_at": timezone.now() - ago})


def waiting_sheet(exam, ago):
    """A sheet that has waited for its pages for so long."""
    since = timezone.now() - ago
    return factories.make_sheet(
        exam, pages=0, rendered_at=None, inspected_at=None, suggested_at=None, created_at=since
    )


def stage(name):
    return next(one for one in system_health().stages if one.title == str(STAGES[name][0]))


def test_every_stage_that_the_sweeper_knows_has_a_name_for_people(db):
    titles = {str(title) for title, _field in STAGES.values()}
    assert {one.title for one in system_health().stages} == titles


@pytest.mark.parametrize(("ago", "is_silent"), [(None, True), (600, True), (30, False)])
def test_a_beat_that_was_not_heard_for_a_while_is_red(db, page, ago, is_silent):
    if ago is not None:
        beat(timedelta(seconds=ago))
    assert system_health().beat.is_silent == is_silent
    assert ("Something is silent" in page().text) == is_silent


@pytest.mark.parametrize(
    ("waits", "succeeded", "is_silent"),
    [
        (2, None, True),
        (2, 2, True),
        (2, 0, False),
        (0, None, False),
        (0, 2, False),
    ],
)
def test_work_that_waits_while_its_stage_is_quiet_is_red(exam, waits, succeeded, is_silent):
    """Times are in the patience that the page has."""
    waiting_sheet(exam, waits * patience())
    if succeeded is not None:
        beat(succeeded * patience(), RENDER)
    assert stage(RENDER).due == 1
    assert stage(RENDER).is_silent == is_silent


def test_the_oldest_due_work_is_named(exam):
    assert system_health().oldest is None
    waiting_sheet(exam, timedelta(minutes=5))
    oldest = waiting_sheet(exam, timedelta(minutes=9))
    assert system_health().oldest == oldest.created_at


def test_work_that_a_worker_holds_is_not_due(exam):
    sheet = waiting_sheet(exam, timedelta(hours=5))
    sheet.lease_until = timezone.now() + timedelta(minutes=1)
    sheet.save()
    assert stage(RENDER).due == 0


def test_a_task_that_ended_is_noted_a_few_times_a_minute_only(db):
    pulses.note_success(RENDER)
    first = Pulse.objects.get()
    with CaptureQueriesContext(connection) as again:
        pulses.note_success(RENDER)
    assert len(again) == 0
    pulses._noted.clear()
    pulses.note_success(RENDER)
    assert Pulse.objects.get().pk == first.pk
    assert Pulse.objects.get().succeeded_at > first.succeeded_at


def test_a_failure_keeps_its_kind_and_nothing_that_may_be_a_name(db):
    pulses.note_success(RENDER)
    pulses.note_failure(RENDER, ValueError("Carol's sheet is torn"))
    pulse = Pulse.objects.get()
    assert (pulse.failure, pulse.succeeded_at is None) == ("ValueError", False)
    assert stage(RENDER).has_failed_last
    pulses._noted.clear()
    pulses.note_success(RENDER)
    assert not stage(RENDER).has_failed_last


def test_tasks_of_others_are_not_noted(db):
    pulses.note_success("celery.backend_cleanup")
    assert not Pulse.objects.exists()


def test_every_provider_says_what_it_lacks_or_that_it_rests(db, settings, page):
    settings.SHEAF_PROVIDERS = {
        "offline": {"driver": "offline"},
        "keyless": {"driver": "openai", "api_key": ""},
        "twin": {"driver": "local", "base_url": "http://127.0.0.1:1/v1", "model": "m"}
        | {"emulated": True},
        "broken": {"driver": "openai", "no_such_option": 1},
    }
    until = timezone.now() + timedelta(minutes=5)
    ProviderAccount.objects.create(account=get("twin").account, paused_until=until, reason="Busy")
    rows = {row.name: row for row in provider_rows()}
    assert rows["offline"].problem == ""
    assert rows["keyless"].problem
    assert rows["twin"].is_emulated
    assert (rows["twin"].paused_until, rows["twin"].reason) == (until, "Busy")
    assert "no_such_option" in rows["broken"].problem
    assert "Busy" in page().text


def test_no_key_stands_on_the_page(settings, page):
    settings.SHEAF_PROVIDERS = {"openai": {"driver": "openai", "api_key": "sk-secret-123"}}
    assert "sk-secret-123" not in page().text


def test_spending_is_counted_by_exam_against_its_cap(exam, settings, page):
    settings.SHEAF_SPENDING_CAP = Decimal(10)
    exam.spending_cap = Decimal(4)
    exam.save()
    run = factories.make_batch_run(exam, budget=exam.budget)
    for number, (state, money) in enumerate([("completed", 3), ("in_progress", 1), ("review", 9)]):
        BatchJob.objects.create(
            run=run,
            number=number,
            provider="offline",
            state=state,
            estimated_cost=money,
            approved_by=None if state == "review" else exam.created_by,
        )
    site, own = spending_rows()
    assert (site.spent, site.cap, site.percent) == (4, 10, 40)
    assert (own.title, own.spent, own.percent, own.is_near) == (exam.title, 4, 100, True)
    assert exam.title in page().text


def test_money_stands_in_the_one_currency_of_all_prices(db, settings, page):
    price = {"input": 1, "output": 2, "currency": "EUR"}
    settings.SHEAF_PROVIDERS = {
        "ours": {"driver": "openai", "price": price},
        "broken": {"driver": "openai", "price": "free"},
        "offline": {"driver": "offline"},
    }
    assert spending_rows()[0].currency == "EUR"
    assert "0.00 EUR" in page().text
    theirs = {"driver": "gemini", "price": price | {"currency": "USD"}}
    settings.SHEAF_PROVIDERS = settings.SHEAF_PROVIDERS | {"theirs": theirs}
    assert spending_rows()[0].currency == ""


def test_a_cap_of_nothing_is_used_up_and_no_cap_has_no_share(db, settings):
    settings.SHEAF_SPENDING_CAP = Decimal(0)
    assert spending_rows()[0].percent == 100
    settings.SHEAF_SPENDING_CAP = None
    assert spending_rows()[0].percent is None


def test_flower_is_linked_where_it_is_known(settings, page):
    assert "Flower" not in page().text
    settings.SHEAF_FLOWER_URL = "https://flower.school.example"
    assert 'href="https://flower.school.example"' in page().text


def test_the_admins_start_page_turns_red_as_well(exam, admin, sign_in):
    assert "The beat is silent" in sign_in(admin).get("/").text
    beat()
    assert "All is well" in sign_in(admin).get("/").text


def test_queries_do_not_grow_with_the_work_that_waits(exam, page):
    counts = []
    for number in (1, 60):
        for _ in range(number):
            waiting_sheet(exam, timedelta(minutes=5))
        with CaptureQueriesContext(connection) as found:
            page()
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_a_worker_that_ends_a_task_well_or_badly_is_heard(db, exam):
    """The signals of Celery's own, as a worker sends them."""
    tasks.sweep.apply()
    assert not system_health().beat.is_silent
    tasks.build_run.apply((0,))
    noted = Pulse.objects.get(name=tasks.build_run.name)
    assert noted.succeeded_at or noted.failure
