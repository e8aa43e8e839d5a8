"""Answer keys that a model reads from a PDF: a proposal until a teacher confirms it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import ConcurrentTransitionMixin, FSMField, transition
from simple_history.models import HistoricalRecords

from batching.claims import CLAIM_FIELDS, Claimable
from batching.models import BatchItem, BatchRun
from exams.models.exams import Exam
from exams.models.rubrics import Rubric


class KeyState(models.TextChoices):
    RECEIVED = "received", _("being prepared")
    DRAFTED = "drafted", _("in a draft")
    SENT = "sent", _("being read")
    PROPOSED = "proposed", _("to be checked")
    CONFIRMED = "confirmed", _("Confirmed")
    DISCARDED = "discarded", _("Discarded")
    FAILED = "failed", _("Failed")


OPEN_KEY_STATES = (KeyState.RECEIVED, KeyState.DRAFTED, KeyState.SENT, KeyState.PROPOSED)


class KeyProposal(ConcurrentTransitionMixin, Claimable):
    """The PDF of an answer key, and what a model proposes to make of it.

    `pages` are its images, [{"number", "image", "sha256", "width", "height"}, …]; `text` is what
    the PDF itself holds as text ("" for a scan). `criteria` stand as the model wrote them.
    `based_on` is the content hash of the rubric that the request was made with ("" for none),
    `batch_run` the newest run of it, `item` the one whose reply was taken, `rubric` what the
    teacher made of it. `problem` is why it failed, or what is odd about the PDF.
    """

    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="key_proposals")
    original_name = models.CharField(max_length=255)
    file = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    pages = models.JSONField(default=list)
    text = models.TextField(blank=True)
    provider = models.CharField(max_length=60)
    state = FSMField(choices=KeyState, default=KeyState.RECEIVED, protected=True)
    batch_run = models.ForeignKey(
        BatchRun, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    item = models.OneToOneField(
        BatchItem, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    based_on = models.CharField(max_length=64, blank=True)
    prompt_version = models.CharField(max_length=40, blank=True)
    criteria = models.JSONField(default=list)
    problem = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    rubric = models.ForeignKey(
        Rubric, null=True, blank=True, on_delete=models.PROTECT, related_name="key_proposals"
    )
    history = HistoricalRecords(excluded_fields=[*CLAIM_FIELDS, "pages", "text"])

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("exam",),
                condition=Q(state__in=[state.value for state in OPEN_KEY_STATES]),
                name="one_open_key_proposal_per_exam",
            ),
            models.CheckConstraint(
                name="proposed_keys_have_a_reply",
                condition=~Q(state__in=["proposed", "confirmed"]) | Q(item__isnull=False),
            ),
            models.CheckConstraint(
                name="confirmed_keys_have_a_teacher",
                condition=~Q(state="confirmed")
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False, rubric__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.original_name

    @transition(field=state, source=(KeyState.RECEIVED, KeyState.FAILED), target=KeyState.DRAFTED)
    def draft(self, run: BatchRun) -> None:
        """Its pages exist and a run is planned that asks a model."""
        self.batch_run = run

    @transition(field=state, source=KeyState.DRAFTED, target=KeyState.SENT)
    def send(self) -> None:
        """The provider has it."""

    @transition(field=state, source=KeyState.SENT, target=KeyState.PROPOSED)
    def propose(self, item: BatchItem, criteria: list[dict[str, object]]) -> None:
        """A valid reply came: a teacher looks at it."""
        self.item, self.criteria = item, criteria
        self.based_on = item.fence["rubric_hash"]
        self.prompt_version = item.fence["prompt_version"]

    @transition(
        field=state,
        source=(KeyState.RECEIVED, KeyState.DRAFTED, KeyState.SENT),
        target=KeyState.FAILED,
    )
    def fail(self, problem: str) -> None:
        """It cannot be rendered or sent, or no usable reply came; the reason is for a person."""
        self.problem = problem

    @transition(field=state, source=KeyState.FAILED, target=KeyState.RECEIVED)
    def retry(self) -> None:
        """Let a PDF that was never rendered be tried again."""
        self.problem = ""

    @transition(field=state, source=KeyState.PROPOSED, target=KeyState.CONFIRMED)
    def confirm(self, rubric: Rubric, by: models.Model) -> None:
        """A teacher corrected it and made a rubric of it."""
        self.rubric, self.confirmed_by, self.confirmed_at = rubric, by, timezone.now()

    @transition(field=state, source=(*OPEN_KEY_STATES, KeyState.FAILED), target=KeyState.DISCARDED)
    def discard(self) -> None:
        """A person does not want it; a reply that still comes is not taken."""
