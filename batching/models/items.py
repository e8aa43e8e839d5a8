"""Items: one request each, and the one end that each of them comes to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

from batching.claims import Claimable
from batching.models.runs import BatchJob, BatchRun


class ItemState(models.TextChoices):
    PLANNED = "planned", _("Planned")
    BUILT = "built", _("Built")
    SENT = "sent", _("Sent")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    LOST = "lost", _("Lost")
    SUPERSEDED = "superseded", _("Superseded")
    DISCARDED = "discarded", _("Discarded")
    RELEASED = "released", _("Released")


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
    whose job was never sent, or was refused as a whole, is released. `set_free`: it was lost since
    its job was stopped, so that its subject may go on at once.

    An item that failed may be sent again: as a new item of the next `round`, which names the
    `previous` one, tells the model the `complaint` about its reply, and may allow it
    `output_factor` times the tokens. `tries_here` counts the earlier items at this provider.
    """

    run = models.ForeignKey(BatchRun, on_delete=models.PROTECT, related_name="items")
    job = models.ForeignKey(
        BatchJob, null=True, blank=True, on_delete=models.PROTECT, related_name="items"
    )
    previous = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="next"
    )
    round = models.PositiveSmallIntegerField(default=0)
    tries_here = models.PositiveSmallIntegerField(default=0)
    provider = models.CharField(max_length=60)
    complaint = models.TextField(blank=True)
    output_factor = models.PositiveSmallIntegerField(default=1)
    purpose = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    number = models.PositiveIntegerField()
    custom_id = models.CharField(max_length=40, unique=True)
    state = FSMField(choices=ItemState, default=ItemState.PLANNED, protected=True)
    fence = models.JSONField(default=dict, blank=True)
    line_offset = models.BigIntegerField(null=True, blank=True)
    line_bytes = models.IntegerField(default=0)
    request_hash = models.CharField(max_length=64, blank=True)
    set_free = models.BooleanField(default=False)
    reply = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    model = models.CharField(max_length=100, blank=True)
    input_tokens = models.IntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    cached_tokens = models.IntegerField(default=0)
    estimated_input_tokens = models.IntegerField(default=0)
    estimated_output_tokens = models.IntegerField(default=0)
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
