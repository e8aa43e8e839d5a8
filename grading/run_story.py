"""What became of each sheet of a run: every attempt at it, with its reason and its cost.

Comes in: a run, and which sheets are wanted. Goes out: sheets with their attempts, those that
failed first; the same few queries for any number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from batching import providers, spending
from batching.models import LIVE_ITEM_STATES, BatchItem, ItemState
from batching.providers.base import Usage
from exams.costs import Cost, cost_of_job, total_of
from exams.models import MARKED_STATES, Sheet
from grading.models import GradingRun
from grading.runs import FAILED_ITEM_STATES

# By name in the address: the words for it, and the states of a sheet's last attempt.
ENDS = {
    "failed": (_("Failed"), FAILED_ITEM_STATES),
    "stopped": (_("Set free before it was graded"), ()),
    "open": (_("Under way"), LIVE_ITEM_STATES),
    "graded": (_("Graded"), (ItemState.ACCEPTED,)),
    "overtaken": (_("Changed or deleted meanwhile"), (ItemState.SUPERSEDED, ItemState.DISCARDED)),
    "free": (_("Not sent"), (ItemState.RELEASED,)),
}
ORDER = list(ENDS)
# Whatever their states are.
STOPPED = Q(set_free=True) | Q(state=ItemState.RELEASED, previous__isnull=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request for a sheet, and what it cost; `number` is from 1."""

    item: BatchItem
    number: int
    title: str
    cost: Cost | None

    @property
    def is_failed(self) -> bool:
        return self.item.state in FAILED_ITEM_STATES and not self.item.set_free


@dataclass(frozen=True, slots=True)
class Story:
    """A sheet (None when it was deleted) with its attempts, oldest first."""

    sheet: Sheet | None
    attempts: list[Attempt]
    end: str

    @property
    def can_be_reviewed(self) -> bool:
        return self.sheet is not None and self.sheet.state in MARKED_STATES

    @property
    def total(self) -> Cost | None:
        """What all attempts cost together, where there were several."""
        costs = [attempt.cost for attempt in self.attempts if attempt.cost]
        return total_of(costs) if len(costs) > 1 else None


def last_items(run: GradingRun, end: str = "") -> QuerySet[BatchItem]:
    """The last request for each sheet of a run, the failed ones first; those of one end, or all."""
    items = run.batch_run.items.filter(next__isnull=True)
    if end == "stopped":
        items = items.filter(STOPPED)
    elif end:
        items = items.filter(~STOPPED, state__in=ENDS[end][1])
    rank = Case(
        When(STOPPED, then=Value(ORDER.index("stopped"))),
        *(
            When(state__in=states, then=Value(ORDER.index(e)))
            for e, (_words, states) in ENDS.items()
            if states
        ),
        output_field=IntegerField(),
    )
    return items.order_by(rank, "number")


def stories_of(run: GradingRun, last: Sequence[BatchItem]) -> list[Story]:
    """The stories of the sheets whose last requests these are, in their order."""
    subjects = [item.subject_id for item in last]
    found: dict[int, list[BatchItem]] = {}
    attempts = run.batch_run.items.filter(subject_id__in=subjects).select_related("job")
    for item in attempts.order_by("round", "pk"):
        found.setdefault(item.subject_id, []).append(item)
    sheets = run.exam.sheets.in_bulk(subjects)
    return [
        Story(
            sheets.get(item.subject_id),
            [_attempt(one) for one in found[item.subject_id]],
            end_of(item),
        )
        for item in last
    ]


def end_of(item: BatchItem) -> str:
    """The name in ENDS of how a last request ended."""
    if item.set_free or (item.state == ItemState.RELEASED and item.previous_id):
        return "stopped"
    return next(name for name, (_words, states) in ENDS.items() if item.state in states)


def _attempt(item: BatchItem) -> Attempt:
    return Attempt(item, item.round + 1, providers.about(item.provider).title, cost_of_item(item))


def cost_of_item(item: BatchItem) -> Cost | None:
    """What one request was expected to cost and did cost; None before its line is written."""
    if item.job is None:
        return None
    price = item.job.price
    used = Usage(item.input_tokens, item.output_tokens, item.cached_tokens)
    estimated = Usage(item.estimated_input_tokens, item.estimated_output_tokens)
    return Cost(
        estimated=estimated,
        estimated_cost=spending.cost_of(estimated, price),
        used=used,
        cost=spending.cost_of(used, price),
        currency=price.get("currency", ""),
        is_known=cost_of_job(item.job, used).is_known,
    )
