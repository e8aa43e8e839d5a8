"""Settle: give items their end, from what came back for them.

Shared by direct jobs (one item at a time) and collected batches (chunks of a few hundred).
The caller holds the transaction and the lock of the job or the item. What failed is sent
again where that can help (batching/repair.py); the purpose hears of final failures only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from django.db import DataError, transaction
from django.utils.translation import gettext_noop

from batching import purposes, repair
from batching.models import BatchItem, BatchJob
from batching.providers.base import Answer
from batching.purposes import Reply, Verdict
from batching.repair import Failure
from batching.reply import InvalidReply, read_reply, validator_for
from batching.rows import update_rows

logger = logging.getLogger(__name__)

SETTLED_FIELDS = [
    "state",
    "reply",
    "reason",
    "set_free",
    "model",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "ended_at",
]

# What a database raises over a value that the schema let pass.
UNSTORABLE = (DataError, OverflowError, UnicodeError)


def settle(job: BatchJob, answers: Sequence[tuple[BatchItem, Answer]]) -> None:
    """Give every item of a chunk its end: valid replies go to the purpose, others get a reason.

    One bad reply never spoils its chunk: where the database refuses the whole, the items are
    settled one by one. Items must be in state `sent`.
    """
    if not answers:
        return
    try:
        with transaction.atomic():
            _settle(job, answers)
    except UNSTORABLE:
        for item, answer in answers:
            _settle_alone(job, item.pk, answer)


def _settle_alone(job: BatchJob, item_pk: int, answer: Answer) -> None:
    try:
        with transaction.atomic():
            _settle(job, [(_read_again(job, item_pk), answer)])
    except UNSTORABLE:
        refused = Answer(
            answer.custom_id,
            "",
            "",
            finish="error",
            problem=gettext_noop("The reply cannot be stored."),
        )
        _settle(job, [(_read_again(job, item_pk), refused)])


def _read_again(job: BatchJob, item_pk: int) -> BatchItem:
    item = job.items.get(pk=item_pk)
    item.run = job.run
    return item


def _settle(job: BatchJob, answers: Sequence[tuple[BatchItem, Answer]]) -> None:
    run = job.run
    purpose = purposes.get(run.purpose)
    validator = validator_for(purpose.schema(run))
    replies: list[Reply] = []
    failures: list[Failure] = []
    stopped: list[BatchItem] = []
    for item, answer in answers:
        item.reply, item.model = storable(answer.raw), storable(answer.model)[:100]
        item.input_tokens = answer.usage.input_tokens
        item.output_tokens = answer.usage.output_tokens
        item.cached_tokens = answer.usage.cached_tokens
        if answer.finish == "unanswered":
            item.lose(
                storable(answer.problem or gettext_noop("The provider did not run this request."))
            )
            if job.cancel_asked_at:
                item.set_free = True
                stopped.append(item)
            else:
                failures.append(Failure(item, "unanswered"))
            continue
        try:
            replies.append(Reply(item, read_reply(answer, item.custom_id, validator)))
        except InvalidReply as error:
            item.reject(storable(str(error)))
            failures.append(Failure(item, repair.kind_of(answer)))
    verdicts = purpose.accept(replies) if replies else {}
    for reply in replies:
        verdict = verdicts[reply.item.pk]
        _end(reply.item, verdict)
        if verdict.outcome == "rejected":
            failures.append(Failure(reply.item, "invalid"))
    save_items([item for item, _ in answers])
    if stopped:
        # A person stopped the job before they were run: that is no failure of theirs.
        purpose.released(stopped)
    if failures:
        logger.info("job %s: %d of %d replies failed", job.pk, len(failures), len(answers))
        _fail(job, failures)


def lose(job: BatchJob, items: Sequence[BatchItem], reason: str, *, free: bool = False) -> None:
    """End items that no reply came for; with `free` their subjects may be sent again at once,
    and are not sent again by the engine.
    """
    if not items:
        return
    for item in items:
        item.lose(reason)
        item.set_free = free
    save_items(items)
    if free:
        purposes.get(job.run.purpose).released(items)
    else:
        _fail(job, [Failure(item, "unanswered") for item in items])


def save_items(items: Sequence[BatchItem]) -> None:
    """Write the ends of items, in one statement for a few hundred."""
    update_rows(items, SETTLED_FIELDS)


def _fail(job: BatchJob, failures: Sequence[Failure]) -> None:
    final = repair.send_again(job, failures)
    if final:
        purposes.get(job.run.purpose).fail(final)


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
