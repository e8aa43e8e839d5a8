"""Runs, jobs and items: what was asked of a provider and what became of each request.

A run is one request to assess something, a job one provider batch of it, an item one line of
a job. Every item ends in exactly one final state, and a job completes only when all of its
items have: submitted = accepted + rejected + lost + superseded + discarded.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_fsm import ConcurrentTransitionMixin, FSMField, transition
from simple_history.models import HistoricalRecords

from accounts.models import SchoolClass
from batching.claims import CLAIM_FIELDS, Claimable


class BatchRun(Claimable):
    """One request to have many things done under one purpose, by one provider configuration."""

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purpose = models.CharField(max_length=40)
    provider = models.CharField(max_length=60)
    school_class = models.ForeignKey(SchoolClass, on_delete=models.PROTECT, related_name="runs")
    title = models.CharField(max_length=200)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    built_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{self.title} ({self.provider})"


class JobState(models.TextChoices):
    DRAFT = "draft", "Being built"
    REVIEW = "review", "Waits to be sent"
    SUBMITTED = "submitted", "Submitted"
    IN_PROGRESS = "in_progress", "In progress"
    COMPLETED = "completed", "Completed"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


LIVE_JOB_STATES = (JobState.SUBMITTED, JobState.IN_PROGRESS)
OPEN_JOB_STATES = (JobState.DRAFT, JobState.REVIEW, *LIVE_JOB_STATES)
FINAL_JOB_STATES = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)


class BatchJob(ConcurrentTransitionMixin, Claimable):
    """One provider batch: a file of lines, sent once, followed until every item has an end.

    `token` is written before the provider is called and travels in the call, so that an
    answer that got lost is found by looking, never by sending again.
    """

    run = models.ForeignKey(BatchRun, on_delete=models.PROTECT, related_name="jobs")
    number = models.PositiveIntegerField()
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = FSMField(choices=JobState, default=JobState.DRAFT, protected=True)
    kind = models.CharField(max_length=10)
    model = models.CharField(max_length=100, blank=True)
    lines_file = models.CharField(max_length=200, blank=True)
    lines_sha256 = models.CharField(max_length=64, blank=True)
    lines_bytes = models.BigIntegerField(default=0)
    item_count = models.PositiveIntegerField(default=0)
    remote_id = models.CharField(max_length=200, blank=True)
    remote_state = models.CharField(max_length=60, blank=True)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    submit_asked_at = models.DateTimeField(null=True, blank=True)
    submit_started_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True)
    polled_at = models.DateTimeField(null=True, blank=True)
    results_ready_at = models.DateTimeField(null=True, blank=True)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    history = HistoricalRecords(excluded_fields=[*CLAIM_FIELDS, "next_poll_at", "polled_at"])

    class Meta:
        ordering = ("run", "number")
        constraints = (
            models.UniqueConstraint(fields=("run", "number"), name="one_job_per_number"),
            models.UniqueConstraint(
                fields=("remote_id",), condition=~Q(remote_id=""), name="one_job_per_remote_id"
            ),
        )

    def __str__(self) -> str:
        return f"{self.run.title}, job {self.number}"

    @transition(field=state, source=JobState.DRAFT, target=JobState.REVIEW)
    def present(self) -> None:
        """The draft is complete: its lines and cost can be looked at."""

    @transition(field=state, source=JobState.REVIEW, target=JobState.SUBMITTED)
    def submit(self, by: models.Model) -> None:
        """A person approved the draft; the engine hands it in."""
        self.approved_by = by
        self.submit_asked_at = timezone.now()
        self.next_poll_at = self.submit_asked_at

    @transition(field=state, source=JobState.SUBMITTED, target=JobState.IN_PROGRESS)
    def start(self, remote_id: str = "") -> None:
        """The provider has it (a direct job: the workers have it)."""
        self.remote_id = remote_id
        self.submitted_at = timezone.now()

    @transition(field=state, source=JobState.IN_PROGRESS, target=JobState.COMPLETED)
    def complete(self) -> None:
        """Every item has a final state."""
        self.ended_at = timezone.now()

    @transition(field=state, source=LIVE_JOB_STATES, target=JobState.FAILED)
    def fail(self, problem: str) -> None:
        """The provider refused the whole job; its items were released."""
        self.problem = problem
        self.ended_at = timezone.now()

    @transition(
        field=state,
        source=OPEN_JOB_STATES,
        target=JobState.CANCELLED,
    )
    def cancel(self, problem: str = "") -> None:
        """A person stopped it; what was finished before was kept."""
        self.problem = problem
        self.ended_at = timezone.now()


class ItemState(models.TextChoices):
    PLANNED = "planned"
    BUILT = "built"
    SENT = "sent"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    LOST = "lost"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"
    RELEASED = "released"


LIVE_ITEM_STATES = (ItemState.PLANNED, ItemState.BUILT, ItemState.SENT)
COUNTED_ITEM_STATES = (
    ItemState.ACCEPTED,
    ItemState.REJECTED,
    ItemState.LOST,
    ItemState.SUPERSEDED,
    ItemState.DISCARDED,
)


class BatchItem(ConcurrentTransitionMixin, Claimable):
    """One request of a run. `subject_id` is the row that the purpose speaks about.

    planned -> built (its line is frozen) -> sent -> one of the five ends: accepted (a valid
    reply was taken), rejected (a reply that could not be taken), lost (no reply came),
    superseded (the thing changed since it was sent), discarded (the thing is gone). An item
    whose job was never sent, or was refused as a whole, is released.
    """

    run = models.ForeignKey(BatchRun, on_delete=models.PROTECT, related_name="items")
    job = models.ForeignKey(
        BatchJob, null=True, blank=True, on_delete=models.PROTECT, related_name="items"
    )
    purpose = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    number = models.PositiveIntegerField()
    custom_id = models.CharField(max_length=40, unique=True)
    state = FSMField(choices=ItemState, default=ItemState.PLANNED, protected=True)
    fence = models.JSONField(default=dict, blank=True)
    line_offset = models.BigIntegerField(null=True, blank=True)
    line_bytes = models.IntegerField(default=0)
    request_hash = models.CharField(max_length=64, blank=True)
    reply = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    model = models.CharField(max_length=100, blank=True)
    input_tokens = models.IntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("run", "number")
        indexes = (models.Index(fields=("job", "state", "number")),)
        constraints = (
            models.UniqueConstraint(fields=("run", "number"), name="one_item_per_number"),
            models.UniqueConstraint(
                fields=("purpose", "subject_id"),
                condition=Q(state__in=[state.value for state in LIVE_ITEM_STATES]),
                name="one_live_item_per_subject",
            ),
        )

    def __str__(self) -> str:
        return self.custom_id

    @transition(field=state, source=ItemState.PLANNED, target=ItemState.BUILT)
    def build(self) -> None:
        """Its line stands in the job's file."""

    @transition(field=state, source=ItemState.BUILT, target=ItemState.SENT)
    def send(self) -> None:
        """The provider has it."""

    @transition(field=state, source=ItemState.SENT, target=ItemState.ACCEPTED)
    def accept(self) -> None:
        """A valid reply was taken over by the purpose."""
        self.ended_at = timezone.now()

    @transition(field=state, source=ItemState.SENT, target=ItemState.REJECTED)
    def reject(self, reason: str) -> None:
        """A reply came that cannot be taken."""
        self.reason = reason
        self.ended_at = timezone.now()

    @transition(field=state, source=ItemState.SENT, target=ItemState.LOST)
    def lose(self, reason: str) -> None:
        """No reply came and none will."""
        self.reason = reason
        self.ended_at = timezone.now()

    @transition(field=state, source=ItemState.SENT, target=ItemState.SUPERSEDED)
    def supersede(self, reason: str) -> None:
        """The reply answers a request that is out of date."""
        self.reason = reason
        self.ended_at = timezone.now()

    @transition(field=state, source=ItemState.SENT, target=ItemState.DISCARDED)
    def discard(self, reason: str) -> None:
        """What the reply speaks about is gone."""
        self.reason = reason
        self.ended_at = timezone.now()

    @transition(
        field=state,
        source=(ItemState.PLANNED, ItemState.BUILT, ItemState.SENT),
        target=ItemState.RELEASED,
    )
    def release(self, reason: str) -> None:
        """It was not sent, or refused with its whole job: nothing was paid, nothing is owed."""
        self.reason = reason
        self.ended_at = timezone.now()
