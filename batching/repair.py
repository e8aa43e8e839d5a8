"""Repair: what failed is sent again, alone, as long as that can help.

An invalid reply is asked for again with the reason; a reply that was cut off, with more room;
what nobody answered, as it was. After the configured number of times the run's second provider
gets its turn, with as many. What the model refused or the provider blocked is for a person at
once. Every attempt is an item of its own, so that each one's story and cost stay visible.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext_noop

from batching import providers
from batching.models import BatchItem, BatchJob, BatchRun
from batching.providers.base import Answer
from batching.rows import insert_rows

FailureKind = Literal["invalid", "truncated", "unanswered", "error", "refused", "hopeless"]
MOST_OUTPUT_FACTOR = 4
ATTEMPT = gettext_noop("Attempt %(number)s (%(what)s): %(why)s")
NEXT_ATTEMPT = gettext_noop("%(why)s Attempt %(number)s (%(what)s): %(why_then)s")


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that ended without a reply that could be taken, and in which way."""

    item: BatchItem
    kind: FailureKind


def kind_of(answer: Answer) -> FailureKind:
    """How an answer failed that was not taken."""
    if answer.finish == "refused":
        return "refused"
    if answer.finish == "truncated":
        return "truncated"
    if answer.finish == "error":
        return "error" if answer.retryable else "hopeless"
    return "invalid"


def send_again(job: BatchJob, failures: Sequence[Failure]) -> list[BatchItem]:
    """Plan the next item of each failure that another try can help; gives the items for which
    there is none: they have failed for good.

    The new items are built as a job of their own when this job has ended. A job that shall
    stop plans nothing.
    """
    run, final, planned = job.run, [], []
    for failure in failures:
        successor = None if job.cancel_asked_at else _successor(run, failure)
        if successor is None:
            final.append(failure.item)
        else:
            planned.append(successor)
    if planned:
        _add(run, planned)
    return final


def _add(run: BatchRun, planned: Sequence[BatchItem]) -> None:
    """Add items under the next numbers of their run.

    The run is not locked for it: whoever stops it holds it and waits for the job that is
    settled here. Where another worker took the same numbers first, the next ones are taken.
    """
    before = -1
    while True:
        last = run.items.aggregate(last=Max("number"))["last"]
        for number, item in enumerate(planned, start=last + 1):
            item.number = number
        try:
            with transaction.atomic():
                insert_rows(planned)
        except IntegrityError:
            if last == before:  # nobody took a number: it is something else
                raise
            before = last
        else:
            return


def stories(items: Sequence[BatchItem]) -> dict[int, str]:
    """By item pk: what became of every attempt, in one text for a person."""
    told: dict[int, str] = {}
    earlier = _earlier(items)
    for item in items:
        chain = [item]
        while chain[-1].previous_id is not None:
            chain.append(earlier[chain[-1].previous_id])
        if len(chain) == 1:
            told[item.pk] = item.reason
            continue
        told[item.pk] = _story(chain[::-1])
    return told


def _story(chain: Sequence[BatchItem]) -> str:
    story = ""
    for number, one in enumerate(chain, start=1):
        title = providers.about(one.provider).title
        values = {"number": number, "what": title, "why": one.reason}
        story = (
            NEXT_ATTEMPT % (values | {"why": story, "why_then": one.reason})
            if story
            else ATTEMPT % values
        )
    return story


def _earlier(items: Sequence[BatchItem]) -> dict[int, BatchItem]:
    """By pk: all attempts before these, with one query for each round."""
    found: dict[int, BatchItem] = {}
    wanted = {item.previous_id for item in items}
    while wanted := wanted - {None}:
        rows = BatchItem.objects.in_bulk(wanted)
        found |= rows
        wanted = {row.previous_id for row in rows.values()}
    return found


def _successor(run: BatchRun, failure: Failure) -> BatchItem | None:
    item = failure.item
    if failure.kind == "refused":
        return None
    helps = failure.kind != "truncated" or item.output_factor < MOST_OUTPUT_FACTOR
    tries_left = helps and item.tries_here < settings.SHEAF_RESEND_ROUNDS
    if failure.kind != "hopeless" and tries_left and providers.ready(item.provider):
        return _next(run, failure, item.provider, item.tries_here + 1)
    second = run.second_provider
    if second and item.provider != second and providers.ready(second):
        return _next(run, failure, second, 0)
    return None


def _next(run: BatchRun, failure: Failure, provider: str, tries_here: int) -> BatchItem:
    item = failure.item
    return BatchItem(
        run=run,
        purpose=item.purpose,
        subject_id=item.subject_id,
        previous=item,
        round=item.round + 1,
        tries_here=tries_here,
        provider=provider,
        # What a cut-off reply said is no help; the reason of an invalid one is.
        complaint=item.reason if failure.kind == "invalid" else "",
        output_factor=item.output_factor * (2 if failure.kind == "truncated" else 1),
        custom_id=uuid.uuid5(run.token, f"{item.subject_id}:{item.round + 1}").hex,
    )
