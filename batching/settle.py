"""Settle: give items their end, from what came back for them.

Shared by direct jobs (one item at a time) and collected batches (chunks of a few hundred).
The caller holds the transaction and the lock of the job or the item.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from django.db import DataError, transaction

from batching import purposes
from batching.models import BatchItem, BatchRun
from batching.providers.base import Answer
from batching.purposes import Reply, Verdict
from batching.reply import InvalidReply, read_reply, validator_for

logger = logging.getLogger(__name__)

SETTLED_FIELDS = [
    "state",
    "reply",
    "reason",
    "model",
    "input_tokens",
    "output_tokens",
    "ended_at",
]


# What a database raises over a value that the schema let pass.
UNSTORABLE = (DataError, OverflowError, UnicodeError)


def settle(run: BatchRun, answers: Sequence[tuple[BatchItem, Answer]]) -> None:
    """Give every item of a chunk its end: valid replies go to the purpose, others get a reason.

    One bad reply never spoils its chunk: where the database refuses the whole, the items are
    settled one by one. Items must be in state `sent`.
    """
    try:
        with transaction.atomic():
            _settle(run, answers)
    except UNSTORABLE:
        for item, answer in answers:
            _settle_alone(run, item.pk, answer)


def _settle_alone(run: BatchRun, item_pk: int, answer: Answer) -> None:
    items = BatchItem.objects.select_related("run")
    try:
        with transaction.atomic():
            _settle(run, [(items.get(pk=item_pk), answer)])
    except UNSTORABLE:
        refused = Answer(
            answer.custom_id, "", "", finish="error", problem="The reply cannot be stored."
        )
        _settle(run, [(items.get(pk=item_pk), refused)])


def _settle(run: BatchRun, answers: Sequence[tuple[BatchItem, Answer]]) -> None:
    purpose = purposes.get(run.purpose)
    validator = validator_for(purpose.schema(run))
    replies: list[Reply] = []
    failed: list[BatchItem] = []
    for item, answer in answers:
        item.reply, item.model = storable(answer.raw), storable(answer.model)[:100]
        item.input_tokens = answer.usage.input_tokens
        item.output_tokens = answer.usage.output_tokens
        try:
            replies.append(Reply(item, read_reply(answer, item.custom_id, validator)))
        except InvalidReply as error:
            item.reject(storable(str(error)))
            failed.append(item)
    verdicts = purpose.accept(replies) if replies else {}
    for reply in replies:
        verdict = verdicts[reply.item.pk]
        _end(reply.item, verdict)
        if verdict.outcome == "rejected":
            failed.append(reply.item)
    BatchItem.objects.bulk_update([item for item, _ in answers], SETTLED_FIELDS, batch_size=250)
    if failed:
        purpose.fail(failed)
        logger.info("run %s: %d of %d replies rejected", run.pk, len(failed), len(answers))


def lose(run: BatchRun, items: Sequence[BatchItem], reason: str, *, free: bool = False) -> None:
    """End items that no reply came for; with `free` their subjects may be sent again."""
    for item in items:
        item.lose(reason)
    BatchItem.objects.bulk_update(items, SETTLED_FIELDS, batch_size=250)
    if items:
        purpose = purposes.get(run.purpose)
        (purpose.released if free else purpose.fail)(items)


def storable(text: str) -> str:
    """The text with what no database keeps (NUL, half surrogates) written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _end(item: BatchItem, verdict: Verdict) -> None:
    ends: dict[str, Callable[[], None]] = {
        "accepted": item.accept,
        "rejected": lambda: item.reject(verdict.reason),
        "superseded": lambda: item.supersede(verdict.reason),
        "discarded": lambda: item.discard(verdict.reason),
    }
    ends[verdict.outcome]()
