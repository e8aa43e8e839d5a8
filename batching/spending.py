"""Spending: what jobs are expected to cost, what they did cost, and the caps on it.

Money is tokens times the price of the job's provider, as it was when its lines were built. A
job that runs counts with its estimate, one that has ended with what its provider counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from batching import providers, purposes
from batching.models import BatchJob, BatchRun, Budget, JobState
from batching.providers.base import Price, Usage

MILLION = Decimal(1_000_000)
SITE = "site"
SENT_STATES = (
    JobState.SUBMITTED,
    JobState.IN_PROGRESS,
    JobState.COMPLETED,
    JobState.FAILED,
    JobState.CANCELLED,
)


class OverBudget(ValidationError):
    """Sending this would pass a cap; nothing was sent."""


def price_value(price: Price) -> dict[str, str]:
    """A price as JSON, as it is kept with a job."""
    return {
        "input": str(price.input),
        "output": str(price.output),
        "cached": str(price.cached),
        "currency": price.currency,
    }


def cost_of(usage: Usage, price: dict[str, str]) -> Decimal:
    """What so many tokens cost, in the price's currency."""
    if not price:
        return Decimal(0)
    fresh = usage.input_tokens - usage.cached_tokens
    total = (
        fresh * Decimal(price["input"])
        + usage.cached_tokens * Decimal(price["cached"])
        + usage.output_tokens * Decimal(price["output"])
    )
    return (total / MILLION).quantize(Decimal("0.000001"))


def usage_of(job: BatchJob) -> Usage:
    """The tokens of all replies of a job, as the provider counted them."""
    sums = job.items.aggregate(
        input=Coalesce(Sum("input_tokens"), 0),
        output=Coalesce(Sum("output_tokens"), 0),
        cached=Coalesce(Sum("cached_tokens"), 0),
    )
    return Usage(sums["input"], sums["output"], sums["cached"])


def spent(jobs: QuerySet[BatchJob]) -> Decimal:
    """What approved jobs have cost or are expected to cost."""
    approved = jobs.filter(state__in=SENT_STATES, approved_by__isnull=False)
    total: Decimal = approved.aggregate(
        total=Coalesce(Sum(Coalesce(F("cost"), F("estimated_cost"))), Decimal(0))
    )["total"]
    return total


def is_price_known(job: BatchJob) -> bool:
    """Whether the price that a job was built with is what it costs, and not one nobody set."""
    if any(Decimal(job.price.get(name, 0)) for name in ("input", "output", "cached")):
        return True
    if job.provider not in providers.names() or not providers.price_known(job.provider):
        return False
    price = providers.get(job.provider).price
    return not (price.input or price.output or price.cached)


def unpriced(names: Iterable[str]) -> list[str]:
    """The titles of those providers that nobody gave a price, or that are not configured."""
    known = providers.names()
    return [
        providers.about(name).title
        for name in sorted(set(names))
        if name not in known or not providers.price_known(name)
    ]


def reprice(jobs: Iterable[BatchJob]) -> None:
    """Give jobs that were built before their provider had a price the one that it has now."""
    for job in jobs:
        if not is_price_known(job) and not unpriced([job.provider]):
            job.price = price_value(providers.get(job.provider).price)
            usage = Usage(job.estimated_input_tokens, job.estimated_output_tokens)
            job.estimated_cost = cost_of(usage, job.price)
            job.save()


def check_caps(run: BatchRun, jobs: QuerySet[BatchJob]) -> None:
    """Refuse to approve `jobs` of a run when their estimate does not fit under a cap.

    Must run in the transaction that approves them: it locks the budgets, so that two runs
    cannot both take the last of the money. Under a cap nothing goes out whose price nobody set.
    Raises OverBudget.
    """
    reprice(jobs.select_for_update().order_by("pk"))
    asks = {*jobs.values_list("provider", flat=True), run.second_provider} - {""}
    asked: Decimal = jobs.aggregate(total=Coalesce(Sum("estimated_cost"), Decimal(0)))["total"]
    caps = [(SITE, settings.SHEAF_SPENDING_CAP, BatchJob.objects.all())]
    if run.budget:
        own = BatchJob.objects.filter(run__budget=run.budget)
        caps.append((run.budget, purposes.get(run.purpose).cap(run), own))
    for name, cap, counted in sorted(caps, key=lambda one: one[0]):
        if cap is None:
            continue
        if names := unpriced(asks):
            raise OverBudget(_no_price(name) % {"names": ", ".join(names)})
        if not asked:
            continue
        lock_budget(name)
        already = spent(counted)
        if already + asked > cap:
            sums = {"asked": f"{asked:.2f}", "spent": f"{already:.2f}", "cap": f"{cap:.2f}"}
            raise OverBudget(_too_much(name) % sums)


def _no_price(budget: str) -> str:
    if budget == SITE:
        return _(
            "There is a cap on what Sheaf as a whole may spend, and nobody can say whether this"
            " fits: the price of %(names)s is not set. Ask an admin to set it, or take the cap"
            " away. Nothing was sent."
        )
    return _(
        "There is a cap on what this exam may spend, and nobody can say whether this fits: the"
        " price of %(names)s is not set. Ask an admin to set it, or take the cap away. Nothing"
        " was sent."
    )


def _too_much(budget: str) -> str:
    if budget == SITE:
        return _(
            "This is expected to cost %(asked)s. %(spent)s of the %(cap)s that Sheaf as a whole"
            " may spend are used or promised. Nothing was sent: raise the cap, or choose another"
            " provider."
        )
    return _(
        "This is expected to cost %(asked)s. %(spent)s of the %(cap)s that this exam may spend are"
        " used or promised. Nothing was sent: raise the cap, or choose another provider."
    )


def lock_budget(name: str) -> Budget:
    """The budget's row, locked until the transaction ends."""
    Budget.objects.get_or_create(name=name)
    return Budget.objects.select_for_update().get(name=name)
