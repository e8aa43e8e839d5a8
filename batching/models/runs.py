"""Runs and jobs: what was asked of a provider, and the batches it was asked in.

A run is one request to assess something, a job one provider batch of it. A job completes only
when all of its items have an end: submitted = accepted + rejected + lost + superseded +
discarded.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import ConcurrentTransitionMixin, FSMField, transition
from simple_history.models import HistoricalRecords

from accounts.models import SchoolClass
from batching.claims import CLAIM_FIELDS, Claimable


class BatchRun(Claimable):
    """One request to have many things done under one purpose, by one provider configuration.

    What `provider` fails at goes to the `second_provider`, where there is one. What its jobs
    cost counts against the budget named `budget` ("" for none but the site's).
    """

    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purpose = models.CharField(max_length=40)
    provider = models.CharField(max_length=60)
    second_provider = models.CharField(max_length=60, blank=True)
    budget = models.CharField(max_length=60, blank=True, db_index=True)
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
    DRAFT = "draft", _("Being built")
    REVIEW = "review", _("Waits to be sent")
    SUBMITTED = "submitted", _("Submitted")
    IN_PROGRESS = "in_progress", _("In progress")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


LIVE_JOB_STATES = (JobState.SUBMITTED, JobState.IN_PROGRESS)
OPEN_JOB_STATES = (JobState.DRAFT, JobState.REVIEW, *LIVE_JOB_STATES)
FINAL_JOB_STATES = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)


class BatchJob(ConcurrentTransitionMixin, Claimable):
    """One provider batch: a file of lines, sent once, followed until every item has an end.

    `token` is written before the provider is called and travels in the call, so that an
    answer that got lost is found by looking, never by sending again. `round` is 0 for the
    requests that a person sent, and grows with each time that failed ones are sent again.
    `account` is the provider's key and address that it was handed in with, `submit_tried_at` the
    last attempt at that, `times_full` how often there was no room for it.
    `price` (per million tokens) is what it was when the lines were built; `cost` is what the
    provider's own count of tokens comes to, once the job has ended.
    """

    run = models.ForeignKey(BatchRun, on_delete=models.PROTECT, related_name="jobs")
    number = models.PositiveIntegerField()
    round = models.PositiveSmallIntegerField(default=0)
    provider = models.CharField(max_length=60)
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = FSMField(choices=JobState, default=JobState.DRAFT, protected=True)
    kind = models.CharField(max_length=10)
    model = models.CharField(max_length=100, blank=True)
    lines_file = models.CharField(max_length=200, blank=True)
    lines_bytes = models.BigIntegerField(default=0)
    item_count = models.PositiveIntegerField(default=0)
    price = models.JSONField(default=dict, blank=True)
    estimated_input_tokens = models.BigIntegerField(default=0)
    estimated_output_tokens = models.BigIntegerField(default=0)
    estimated_cost = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)
    remote_id = models.CharField(max_length=200, blank=True)
    remote_state = models.CharField(max_length=60, blank=True)
    remote_done = models.PositiveIntegerField(null=True, blank=True)
    remote_total = models.PositiveIntegerField(null=True, blank=True)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    submit_asked_at = models.DateTimeField(null=True, blank=True)
    submit_started_at = models.DateTimeField(null=True, blank=True)
    submit_tried_at = models.DateTimeField(null=True, blank=True)
    times_full = models.PositiveSmallIntegerField(default=0)
    account = models.CharField(max_length=120, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    next_poll_at = models.DateTimeField(null=True, blank=True)
    polled_at = models.DateTimeField(null=True, blank=True)
    results_ready_at = models.DateTimeField(null=True, blank=True)
    results_kept_at = models.DateTimeField(null=True, blank=True)
    late_at = models.DateTimeField(null=True, blank=True)
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

    @transition(field=state, source=JobState.IN_PROGRESS, target=JobState.SUBMITTED)
    def queue_again(self, problem: str) -> None:
        """The provider had no room for it and ran nothing: it is handed in again, as a new one."""
        self.problem = problem
        self.token = uuid.uuid4()
        self.remote_id = ""
        self.submit_started_at = self.submit_tried_at = None
        self.submitted_at = None
        self.times_full += 1

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
