"""The purpose `extract_answer_key`: how the PDF of an answer key goes through the batch engine.

One item is one PDF. A valid reply becomes a proposal as it was written, right or wrong: what
is odd about it is shown to the teacher (exams/key_rows.py), never put right in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext_noop

from accounts.notifications import notify
from batching.models import BatchItem, BatchJob, BatchRun, JobState
from batching.purposes import Draft, Purpose, Reply, Verdict
from batching.repair import stories
from exams.key_pages import tell_failed
from exams.key_request import MAX_CRITERIA, PROMPT_VERSION, PURPOSE, SCHEMA, request_for
from exams.models import Exam, KeyProposal, KeyState
from exams.rubric_items import RubricItem, leaf_items
from exams.rubrics import content_hash, current_rubric, items_of

UNDER_WAY = (KeyState.DRAFTED, KeyState.SENT)
TOO_MANY_CRITERIA = gettext_noop(
    "With what the exam has already these are %(count)s criteria; at most %(most)s can be kept."
)


class ExtractAnswerKey(Purpose):
    """One item is the PDF of one answer key; its reply becomes a proposal."""

    name = PURPOSE

    def drafts(self, items: Sequence[BatchItem]) -> dict[int, Draft | str]:
        keys = KeyProposal.objects.select_related("exam__subject")
        found = keys.in_bulk([item.subject_id for item in items])
        return {item.pk: _draft(found.get(item.subject_id), item) for item in items}

    def schema(self, run: BatchRun) -> dict[str, Any]:
        return SCHEMA

    def built(self, items: Sequence[BatchItem]) -> bool:
        keys = lock_keys(items)
        for item in items:
            key = keys.get(item.subject_id)
            if key is None or not waits_for(key, item):
                return True
            if rubric_hash(key.exam) != item.fence["rubric_hash"]:
                return True
        return False

    def submitted(self, items: Sequence[BatchItem]) -> None:
        for key, item in _of(items):
            if key.state == KeyState.DRAFTED and key.batch_run_id == item.run_id:
                key.send()
                _save(key, gettext_noop("Sent"))

    def released(self, items: Sequence[BatchItem]) -> None:
        _fail(items, {item.pk: item.reason for item in items})

    def accept(self, replies: Sequence[Reply]) -> dict[int, Verdict]:
        keys = lock_keys([reply.item for reply in replies])
        return {reply.item.pk: _accept(keys.get(reply.item.subject_id), reply) for reply in replies}

    def fail(self, items: Sequence[BatchItem]) -> None:
        _fail(items, stories(items))

    def ended(self, job: BatchJob) -> None:
        key = KeyProposal.objects.select_related("exam").filter(batch_run=job.run_id).first()
        if key is None:
            return
        if key.state == KeyState.PROPOSED:
            notify(
                [key.created_by_id],
                key=f"key-{key.pk}-proposed-{job.run_id}",
                text=gettext_noop("%(exam)s: the answer key was read. Look at it and confirm it."),
                values={"exam": key.exam.title},
                url=reverse("exams:key_review", args=[key.pk]),
            )
        elif key.state == KeyState.FAILED and job.state != JobState.CANCELLED:
            tell_failed(key, key.problem)
        elif key.state in UNDER_WAY and job.state == JobState.FAILED:
            tell_failed(key, job.problem)  # its item is set free in a moment

    def late(self, job: BatchJob) -> None:
        key = KeyProposal.objects.select_related("exam").filter(batch_run=job.run_id).first()
        if key is not None:
            notify(
                [key.created_by_id],
                key=f"job-{job.pk}-late",
                text=gettext_noop(
                    "%(exam)s: the answer key has been at its provider for more than %(hours)s"
                    " hours. Nothing is lost; it can be discarded."
                ),
                values={"exam": key.exam.title, "hours": int(settings.SHEAF_LATE_HOURS)},
                url=reverse("exams:key_detail", args=[key.pk]),
            )

    def cap(self, run: BatchRun) -> Decimal | None:
        exams = Exam.objects.filter(key_proposals__in=run.items.values("subject_id"))
        return exams.order_by().values_list("spending_cap", flat=True).distinct().get()


def waits_for(key: KeyProposal, item: BatchItem) -> bool:
    """Whether the key is where the item needs it: drafted, or sent by an earlier item."""
    wanted = KeyState.DRAFTED if item.previous_id is None else KeyState.SENT
    return key.state == wanted and key.batch_run_id == item.run_id


def rubric_hash(exam: Exam) -> str:
    """The content hash of what stands in the exam's rubric now; "" without a rubric."""
    items = rubric_items(exam)
    return content_hash(items) if items else ""


def rubric_items(exam: Exam) -> tuple[RubricItem, ...]:
    """The items of the exam's current rubric; none without a rubric."""
    rubric = current_rubric(exam)
    return items_of(rubric) if rubric else ()


def lock_keys(items: Iterable[BatchItem]) -> dict[int, KeyProposal]:
    """By pk: the keys that items speak about, locked in the order of their pks."""
    keys = KeyProposal.objects.select_for_update(of=("self",)).select_related("exam")
    pks = {item.subject_id for item in items}
    return {key.pk: key for key in keys.filter(pk__in=pks).order_by("pk")}


def _of(items: Sequence[BatchItem]) -> list[tuple[KeyProposal, BatchItem]]:
    keys = lock_keys(items)
    return [(keys[item.subject_id], item) for item in items if item.subject_id in keys]


def _draft(key: KeyProposal | None, item: BatchItem) -> Draft | str:
    if key is None or not waits_for(key, item):
        return gettext_noop("The answer key is no longer waiting to be read.")
    rubric = rubric_items(key.exam)
    fence = {
        "pages": [[page["number"], page["sha256"]] for page in key.pages],
        "rubric_hash": content_hash(rubric) if rubric else "",
        "prompt_version": PROMPT_VERSION,
    }
    return Draft(request_for(key, rubric, item.custom_id), fence)


def _accept(key: KeyProposal | None, reply: Reply) -> Verdict:
    item, criteria = reply.item, reply.value["criteria"]
    if key is None:
        return Verdict("discarded", gettext_noop("The answer key is gone."))
    if key.state == KeyState.DISCARDED:
        return Verdict(
            "discarded", gettext_noop("The answer key was discarded before it was read.")
        )
    if key.state != KeyState.SENT or key.batch_run_id != item.run_id:
        return Verdict(
            "superseded", gettext_noop("The answer key was not waiting for this reply any more.")
        )
    known = {leaf.id.casefold() for leaf in leaf_items(rubric_items(key.exam))}
    added = sum(criterion["code"].casefold() not in known for criterion in criteria)
    if len(known) + added > MAX_CRITERIA:
        values = {"count": len(known) + added, "most": MAX_CRITERIA}
        return Verdict("rejected", TOO_MANY_CRITERIA % values)
    key.propose(item, criteria)
    _save(key, gettext_noop("Read"))
    return Verdict("accepted")


def _fail(items: Sequence[BatchItem], reasons: dict[int, str]) -> None:
    for key, item in _of(items):
        if key.state in UNDER_WAY and key.batch_run_id == item.run_id:
            key.fail(reasons[item.pk])
            _save(key, gettext_noop("Not read"))


def _save(key: KeyProposal, reason: str) -> None:
    key._change_reason = reason
    key.save()
