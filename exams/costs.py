"""What jobs cost, for pages: the estimate before, what was counted after, and what the caps leave.

Comes in: jobs of a run. Goes out: values to be shown. The rules themselves, and the refusal of
what does not fit, are the engine's (batching/spending.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db.models import Sum
from django.utils.translation import gettext as _

from batching import providers, spending
from batching.models import BatchItem, BatchJob, JobState
from batching.providers.base import Usage
from exams.models import Exam

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens and money of one or more jobs: as estimated, and as counted so far.

    `is_known` says that the price is; without one the money is no number to be shown. `is_free`:
    it is known to cost nothing. `counts_tokens`: the provider counts any.
    """

    estimated: Usage
    estimated_cost: Decimal
    used: Usage
    cost: Decimal
    currency: str
    is_known: bool = True

    @property
    def is_free(self) -> bool:
        return self.is_known and not self.estimated_cost and not self.cost

    @property
    def counts_tokens(self) -> bool:
        return bool(self.estimated.input_tokens or self.used.input_tokens)


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit on money: what of it is used or promised, and what is asked of it now.

    `unpriced` names what is asked and nobody gave a price: a limit cannot hold it. `unknown` names
    what was sent without one: it is not in `spent`.
    """

    whose: str
    limit: Decimal | None
    spent: Decimal
    asked: Decimal
    unpriced: str = ""
    unknown: str = ""

    @property
    def fits(self) -> bool:
        if self.limit is None:
            return True
        return not self.unpriced and (not self.asked or self.spent + self.asked <= self.limit)

    @property
    def left(self) -> Decimal:
        return max(NOTHING, (self.limit or NOTHING) - self.spent)


@dataclass(frozen=True, slots=True)
class Spent:
    """What the sent jobs of an exam cost or are expected to cost, in one currency each.

    `amounts` are (amount, currency), the dearest first; `unpriced` names the models of jobs that
    nobody gave a price: what they cost is in none of the amounts.
    """

    amounts: tuple[tuple[Decimal, str], ...]
    unpriced: str

    @property
    def currency(self) -> str:
        """The only one, before anything was spent that of all prices; "" for several."""
        if not self.amounts:
            return providers.currency()
        return self.amounts[0][1] if len(self.amounts) == 1 else ""


def spent_on(exam: Exam) -> Spent:
    """What an exam's sent jobs took of its money so far; one query."""
    amounts: dict[str, Decimal] = {}
    unpriced = set()
    jobs = BatchJob.objects.filter(
        run__budget=exam.budget, state__in=spending.SENT_STATES, approved_by__isnull=False
    )
    for job in jobs.only("provider", "price", "cost", "estimated_cost"):
        if not spending.is_price_known(job):
            unpriced.add(providers.about(job.provider).title)
        elif amount := job.estimated_cost if job.cost is None else job.cost:
            currency = job.price.get("currency", "")
            amounts[currency] = amounts.get(currency, NOTHING) + amount
    dearest = sorted(((amount, name) for name, amount in amounts.items()), reverse=True)
    return Spent(tuple(dearest), ", ".join(sorted(unpriced)))


def usage_by_job(jobs: Iterable[BatchJob]) -> dict[int, Usage]:
    """The tokens that providers counted so far, by job pk; one query."""
    sums = (
        BatchItem.objects.filter(job__in=list(jobs))
        .order_by()
        .values_list("job")
        .annotate(Sum("input_tokens"), Sum("output_tokens"), Sum("cached_tokens"))
    )
    return {job: Usage(*counted) for job, *counted in sums}


def cost_of_job(job: BatchJob, used: Usage) -> Cost:
    """The cost of one job; what its replies so far come to while it has not ended."""
    return Cost(
        estimated=Usage(job.estimated_input_tokens, job.estimated_output_tokens),
        estimated_cost=job.estimated_cost,
        used=used,
        cost=spending.cost_of(used, job.price) if job.cost is None else job.cost,
        currency=job.price.get("currency", ""),
        is_known=spending.is_price_known(job),
    )


def total_of(costs: Iterable[Cost]) -> Cost:
    """All of them together; known only when each one is, and in one currency."""
    costs = list(costs)
    currencies = {cost.currency for cost in costs}
    return Cost(
        estimated=_sum(cost.estimated for cost in costs),
        estimated_cost=sum((cost.estimated_cost for cost in costs), NOTHING),
        used=_sum(cost.used for cost in costs),
        cost=sum((cost.cost for cost in costs), NOTHING),
        currency=currencies.pop() if len(currencies) == 1 else "",
        is_known=all(cost.is_known for cost in costs) and len(currencies) < 2,
    )


def caps_on(exam: Exam, jobs: Iterable[BatchJob]) -> list[Cap]:
    """What the exam and the site may still spend, with what the jobs that wait would take."""
    waiting = [job for job in jobs if job.state == JobState.REVIEW]
    asked = sum((job.estimated_cost for job in waiting), NOTHING)
    names = {name for job in waiting for name in (job.provider, job.run.second_provider) if name}
    unpriced = ", ".join(spending.unpriced(names))
    own = spent_on(exam)
    taken = sum((amount for amount, _currency in own.amounts), NOTHING)
    caps = [Cap(_("This exam"), exam.spending_cap, taken, asked, unpriced, own.unpriced)]
    if settings.SHEAF_SPENDING_CAP is not None:
        everything = spending.spent(BatchJob.objects.all())
        caps.append(
            Cap(_("Sheaf as a whole"), settings.SHEAF_SPENDING_CAP, everything, asked, unpriced)
        )
    return caps


def costs_of(jobs: Iterable[BatchJob], used: Mapping[int, Usage] | None = None) -> dict[int, Cost]:
    """The cost of each job by its pk."""
    jobs = list(jobs)
    counted = usage_by_job(jobs) if used is None else used
    return {job.pk: cost_of_job(job, counted.get(job.pk, Usage())) for job in jobs}


def _sum(usages: Iterable[Usage]) -> Usage:
    added = Usage()
    for one in usages:
        added = Usage(
            added.input_tokens + one.input_tokens,
            added.output_tokens + one.output_tokens,
            added.cached_tokens + one.cached_tokens,
        )
    return added
