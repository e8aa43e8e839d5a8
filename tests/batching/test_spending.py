"""No cap is passed, however many people send at once; what was spent is what was counted."""

from decimal import Decimal

import pytest

from batching import jobs, purposes, spending
from batching.models import BatchJob, BatchRun
from batching.providers.base import Price, Usage
from batching.spending import OverBudget, cost_of
from tests.batching.steps import run_through
from tests.races import on_postgresql, race

PRICE = {"input": "1000", "output": "2000", "cached": "100", "currency": "USD"}
# Ten tokens in at 1,000 a million, five out at 2,000: what one request of the tests costs.
ONE = Decimal("0.02")


@pytest.fixture
def cap(monkeypatch):
    """Sets the cap of the runs' budget."""

    def _cap(amount):
        monkeypatch.setattr(type(purposes.get("count_words")), "cap", lambda self, run: amount)

    return _cap


def test_tokens_from_the_cache_cost_their_own_price():
    assert cost_of(Usage(1_000_000, 0, 400_000), PRICE) == Decimal("640")
    assert cost_of(Usage(0, 500_000), PRICE) == Decimal("1000")
    assert cost_of(Usage(10, 10), {}) == 0


@pytest.mark.django_db
def test_a_job_costs_what_the_provider_counted(plan, alice):
    run = plan("batch", 3)
    assert run.jobs.get().estimated_cost == 3 * ONE
    assert run.jobs.get().cost is None
    run_through(run, alice)
    assert run.jobs.get().cost == 3 * ONE


@pytest.mark.django_db
def test_a_run_over_the_sites_cap_is_not_sent_at_all(plan, alice, settings):
    settings.SHEAF_SPENDING_CAP = 5 * ONE
    run = plan("batch", 6)  # two jobs, four requests and two
    with pytest.raises(OverBudget, match=r"0\.12"):
        jobs.send_run(run, by=alice)
    assert set(run.jobs.values_list("state", flat=True)) == {"review"}
    settings.SHEAF_SPENDING_CAP = 6 * ONE
    assert jobs.send_run(run, by=alice) == 2


@pytest.mark.django_db
def test_a_budget_counts_only_its_own_runs(plan, alice, cap):
    cap(5 * ONE)
    run_through(plan("batch", [1, 2, 3], budget="exam-1"), alice)
    run_through(plan("batch", [4, 5, 6], budget="exam-2"), alice)
    more = plan("batch", [7, 8, 9], budget="exam-1")
    with pytest.raises(OverBudget, match="this exam"):
        jobs.send_run(more, by=alice)


@pytest.mark.django_db
def test_a_cancelled_draft_and_a_refused_job_leave_the_money_free(plan, alice, offices, cap):
    cap(3 * ONE)
    jobs.cancel_run(plan("batch", [1, 2, 3], budget="exam-1"), by=alice)
    offices["batch"].set_fault("refuse")
    run_through(plan("batch", [1, 2, 3], budget="exam-1"), alice)
    assert set(BatchJob.objects.values_list("state", "cost")) == {("cancelled", 0), ("failed", 0)}
    run_through(plan("batch", [1, 2, 3], budget="exam-1"), alice)
    assert BatchJob.objects.get(state="completed").cost == 3 * ONE


@pytest.mark.django_db
def test_what_is_free_needs_no_budget(plan, alice, offices, monkeypatch, settings):
    monkeypatch.setattr(offices["batch"], "price", Price())
    settings.SHEAF_SPENDING_CAP = Decimal(0)
    run_through(plan("batch", 2), alice)
    assert BatchJob.objects.get().state == "completed"


@pytest.mark.django_db
def test_under_a_cap_nothing_goes_out_whose_price_nobody_set(
    plan, alice, offices, monkeypatch, settings
):
    monkeypatch.setattr(offices["batch"], "price", Price())
    monkeypatch.setattr(offices["batch"], "price_known", False)
    run = plan("batch", 2)
    settings.SHEAF_SPENDING_CAP = Decimal(1000)
    with pytest.raises(OverBudget, match=r"price of .* is not set"):
        jobs.send_run(run, by=alice)
    assert set(run.jobs.values_list("state", flat=True)) == {"review"}
    settings.SHEAF_SPENDING_CAP = None
    assert jobs.send_run(run, by=alice) == 1


@pytest.mark.django_db
def test_a_draft_from_before_its_price_was_set_is_sent_at_the_price_of_now(
    plan, alice, offices, monkeypatch, settings
):
    with monkeypatch.context() as unpriced:
        unpriced.setattr(offices["batch"], "price", Price())
        unpriced.setattr(offices["batch"], "price_known", False)
        run = plan("batch", 2)
    settings.SHEAF_SPENDING_CAP = ONE
    with pytest.raises(OverBudget, match="expected to cost"):
        jobs.send_run(run, by=alice)
    settings.SHEAF_SPENDING_CAP = 2 * ONE
    jobs.send_run(run, by=alice)
    assert run.jobs.get().estimated_cost == 2 * ONE


@pytest.mark.django_db
def test_under_a_cap_the_second_provider_needs_a_price_too(
    plan, alice, offices, monkeypatch, settings
):
    run = plan("direct", 2)
    BatchRun.objects.filter(pk=run.pk).update(second_provider="batch")
    monkeypatch.setattr(offices["batch"], "price_known", False)
    settings.SHEAF_SPENDING_CAP = Decimal(1000)
    with pytest.raises(OverBudget, match="is not set"):
        jobs.send_run(run, by=alice)


class TestRaces:
    pytestmark = on_postgresql

    def test_two_runs_do_not_both_take_the_last_of_the_money(self, plan, alice, settings):
        settings.SHEAF_SPENDING_CAP = 3 * ONE
        one, other = plan("batch", [1, 2]), plan("batch", [3, 4])
        late = race(
            lambda: jobs.send_run(one, by=alice),
            lambda: jobs.send_run(other, by=alice),
        )
        assert isinstance(late, OverBudget)
        assert spending.spent(BatchJob.objects.all()) == 2 * ONE
