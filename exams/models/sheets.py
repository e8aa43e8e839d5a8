"""What was handed in: uploads, their members, answer sheets, pages, and sample sheets."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import RETURN_VALUE, ConcurrentTransitionMixin, FSMField, transition
from simple_history.models import HistoricalRecords

from accounts.models import Enrolment
from batching.claims import CLAIM_FIELDS, Claimable
from exams.models.exams import Exam


class UploadState(models.TextChoices):
    RECEIVED = "received", _("Received")
    UNPACKING = "unpacking", _("Unpacking")
    UNPACKED = "unpacked", _("Unpacked")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("left out")


class Upload(ConcurrentTransitionMixin, Claimable):
    """One ZIP, PDF or image as it came in."""

    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="uploads")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    uploaded_at = models.DateTimeField(default=timezone.now)
    original_name = models.CharField(max_length=255)
    file = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    state = FSMField(choices=UploadState, default=UploadState.RECEIVED, protected=True)
    member_count = models.PositiveIntegerField(null=True, blank=True)
    problem = models.TextField(blank=True)
    history = HistoricalRecords(excluded_fields=CLAIM_FIELDS)

    class Meta:
        ordering = ("-uploaded_at", "-pk")
        constraints = (
            models.UniqueConstraint(fields=("exam", "sha256"), name="one_upload_per_content"),
        )

    def __str__(self) -> str:
        return self.original_name

    @transition(field=state, source=UploadState.RECEIVED, target=UploadState.UNPACKING)
    def start(self, member_count: int) -> None:
        """The members are known; sheets begin to appear."""
        self.member_count = member_count

    @transition(field=state, source=UploadState.UNPACKING, target=UploadState.UNPACKED)
    def finish(self) -> None:
        """Every member has a line in the report."""

    @transition(
        field=state, source=(UploadState.RECEIVED, UploadState.UNPACKING), target=UploadState.FAILED
    )
    def fail(self, problem: str) -> None:
        """The file as a whole cannot be read."""
        self.problem = problem

    @transition(field=state, source=UploadState.FAILED, target=UploadState.RECEIVED)
    def retry(self) -> None:
        """A person asks to try the same file again."""
        self.problem = ""

    @transition(
        field=state, source=(UploadState.UNPACKED, UploadState.FAILED), target=UploadState.SKIPPED
    )
    def skip(self) -> None:
        """A person leaves it out of the exam; the reason of a failure stays."""

    @transition(
        field=state,
        source=UploadState.SKIPPED,
        target=RETURN_VALUE(UploadState.UNPACKED, UploadState.FAILED),
    )
    def unskip(self) -> str:
        """Take it in again; back to what it was."""
        return UploadState.FAILED if self.problem else UploadState.UNPACKED


class SheetState(models.TextChoices):
    PENDING_MAPPING = "pending_mapping", _("to be mapped")
    MAPPED = "mapped", _("Mapped")
    JSONL_READY = "jsonl_ready", _("in a draft")
    IN_BATCH = "in_batch", _("being graded")
    GRADED = "graded", _("to be reviewed")
    REVIEWED = "reviewed", _("Reviewed")
    OVERRIDDEN = "overridden", _("Overridden")
    PUBLISHED = "published", _("Published")
    SKIPPED = "skipped", _("Skipped")
    FAILED = "failed", _("Failed")


REVIEWED_STATES = (SheetState.REVIEWED, SheetState.OVERRIDDEN)
GRADED_STATES = (SheetState.GRADED, *REVIEWED_STATES)
DONE_STATES = (*REVIEWED_STATES, SheetState.PUBLISHED)
MARKED_STATES = (SheetState.GRADED, *DONE_STATES)


class Sheet(ConcurrentTransitionMixin, Claimable):
    """One student's answer to one exam.

    `source_files` are the storage names of its PDF or its images, in page order. `rendered_at`
    says that its pages exist, `inspected_at` that they were turned upright and that the roll
    number and the name were read from the first one.
    """

    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="sheets")
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="sheets")
    name = models.CharField(max_length=255)
    source_files = models.JSONField(default=list)
    source_sha256 = models.CharField(max_length=64)
    state = FSMField(choices=SheetState, default=SheetState.PENDING_MAPPING, protected=True)
    enrolment = models.ForeignKey(
        Enrolment, null=True, blank=True, on_delete=models.PROTECT, related_name="sheets"
    )
    suggested_enrolment = models.ForeignKey(
        Enrolment, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    suggestion_reason = models.CharField(max_length=300, blank=True)
    suggestion_certain = models.BooleanField(default=False)
    suggested_at = models.DateTimeField(null=True, blank=True)
    roll_number_read = models.CharField(max_length=40, blank=True)
    name_read = models.CharField(max_length=200, blank=True)
    rendered_at = models.DateTimeField(null=True, blank=True)
    inspected_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    history = HistoricalRecords(
        excluded_fields=[
            *CLAIM_FIELDS,
            "suggested_enrolment",
            "suggestion_reason",
            "suggestion_certain",
            "suggested_at",
            "roll_number_read",
            "name_read",
        ],
        history_change_reason_field=models.TextField(null=True),
    )

    class Meta:
        ordering = ("exam", "name", "pk")
        indexes = (models.Index(fields=("exam", "state")),)
        constraints = (
            models.UniqueConstraint(fields=("exam", "source_sha256"), name="one_sheet_per_paper"),
            models.UniqueConstraint(
                fields=("exam", "enrolment"),
                condition=Q(enrolment__isnull=False) & ~Q(state="skipped"),
                name="one_sheet_per_student",
            ),
            models.CheckConstraint(
                name="graded_sheets_have_a_student",
                condition=Q(state__in=["pending_mapping", "skipped", "failed"])
                | Q(enrolment__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @transition(field=state, source=SheetState.PENDING_MAPPING, target=SheetState.MAPPED)
    def map_to(self, enrolment: Enrolment) -> None:
        """A person (or a certain suggestion a person asked for) says whose sheet it is."""
        self.enrolment = enrolment

    @transition(field=state, source=SheetState.MAPPED, target=SheetState.PENDING_MAPPING)
    def unmap(self) -> None:
        """Take the mapping back."""
        self.enrolment = None

    @transition(
        field=state,
        source=(SheetState.PENDING_MAPPING, SheetState.MAPPED, SheetState.FAILED),
        target=SheetState.SKIPPED,
    )
    def skip(self) -> None:
        """Leave this sheet out of the exam."""
        if self.state == SheetState.FAILED:
            self.problem = ""
        self.enrolment = None

    @transition(field=state, source=SheetState.SKIPPED, target=SheetState.PENDING_MAPPING)
    def unskip(self) -> None:
        """Take it in again."""

    @transition(field=state, source=SheetState.MAPPED, target=SheetState.JSONL_READY)
    def draft(self) -> None:
        """Its request stands in a draft."""

    @transition(field=state, source=SheetState.JSONL_READY, target=SheetState.IN_BATCH)
    def send(self) -> None:
        """Its request was sent."""

    @transition(
        field=state, source=(SheetState.JSONL_READY, SheetState.IN_BATCH), target=SheetState.MAPPED
    )
    def release(self) -> None:
        """Its request was cancelled or refused with its whole job."""

    @transition(
        field=state, source=(SheetState.IN_BATCH, SheetState.MAPPED), target=SheetState.GRADED
    )
    def grade(self) -> None:
        """Marks were made: from a valid reply, by a person for a sheet that no model saw, or again
        from its assessment when a run that was to grade it anew did not.
        """
        self.problem = ""

    @transition(field=state, source=SheetState.GRADED, target=SheetState.MAPPED)
    def grade_again(self) -> None:
        """Unreviewed marks are dropped for another run."""

    @transition(
        field=state,
        source=(SheetState.GRADED, SheetState.OVERRIDDEN),
        target=SheetState.REVIEWED,
    )
    def approve(self, by: models.Model) -> None:
        """A teacher stands by the marks as they were proposed."""
        self.reviewed_by, self.reviewed_at = by, timezone.now()

    @transition(
        field=state, source=(SheetState.GRADED, SheetState.REVIEWED), target=SheetState.OVERRIDDEN
    )
    def override(self, by: models.Model) -> None:
        """A teacher stands by the marks after changing at least one."""
        self.reviewed_by, self.reviewed_at = by, timezone.now()

    @transition(field=state, source=REVIEWED_STATES, target=SheetState.GRADED)
    def reopen(self) -> None:
        """Take the review back; the marks stay."""
        self.reviewed_by = self.reviewed_at = None

    @transition(field=state, source=REVIEWED_STATES, target=SheetState.PUBLISHED)
    def publish(self) -> None:
        """Show the marks to the student."""
        self.published_at = timezone.now()

    @transition(
        field=state,
        source=SheetState.PUBLISHED,
        target=RETURN_VALUE(SheetState.REVIEWED, SheetState.OVERRIDDEN),
    )
    def take_back(self, *, overridden: bool) -> str:
        """Hide the marks from the student again; back to the review it had."""
        self.published_at = None
        return SheetState.OVERRIDDEN if overridden else SheetState.REVIEWED

    @transition(
        field=state,
        source=(SheetState.PENDING_MAPPING, SheetState.MAPPED, SheetState.IN_BATCH),
        target=SheetState.FAILED,
    )
    def fail(self, problem: str) -> None:
        """It cannot go on by itself; the reason is for a person."""
        self.problem = problem

    @transition(
        field=state,
        source=SheetState.FAILED,
        target=SheetState.MAPPED,
        conditions=[lambda sheet: sheet.enrolment_id is not None],
    )
    def recover(self) -> None:
        """Let a failed sheet with a student be graded again."""
        self.problem = ""

    @transition(field=state, source=SheetState.FAILED, target=SheetState.PENDING_MAPPING)
    def retry(self) -> None:
        """Let a failed sheet begin anew."""
        self.problem = ""
        self.enrolment = None


class MemberOutcome(models.TextChoices):
    ACCEPTED = "accepted", _("Accepted")
    REPEATED = "repeated", _("Repeated")
    REFUSED = "refused", _("Refused")
    IGNORED = "ignored", _("Ignored")


class UploadMember(models.Model):
    """One line of an upload's report: what became of one file in it."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="members")
    name = models.CharField(max_length=1000)
    outcome = models.CharField(max_length=10, choices=MemberOutcome)
    reason = models.TextField(blank=True)
    sheet = models.ForeignKey(
        Sheet, null=True, blank=True, on_delete=models.SET_NULL, related_name="members"
    )

    class Meta:
        ordering = ("upload", "name", "pk")
        constraints = (
            models.UniqueConstraint(fields=("upload", "name"), name="one_line_per_member"),
        )

    def __str__(self) -> str:
        return self.name


class Page(models.Model):
    """One upright image of a sheet. `turned` is what was done to get it upright, clockwise."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    sheet = models.ForeignKey(Sheet, on_delete=models.CASCADE, related_name="pages")
    number = models.PositiveIntegerField()
    image = models.CharField(max_length=200)
    thumbnail = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    thumbnail_sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    turned = models.PositiveSmallIntegerField(default=0)
    is_blank = models.BooleanField(default=False)
    is_faint = models.BooleanField(default=False)
    dropped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("sheet", "number")
        constraints = (
            models.UniqueConstraint(fields=("sheet", "number"), name="one_page_per_number"),
            models.CheckConstraint(
                name="turned_by_right_angles", condition=Q(turned__in=[0, 90, 180, 270])
            ),
        )

    def __str__(self) -> str:
        return f"{self.sheet}, page {self.number}"


class SampleSheet(models.Model):
    """A real sheet with marks given by a teacher, shown to the model as an example.

    `marks` maps each leaf's code to {"awarded": "1.5", "comment": "…"}. `transcription` is what
    stands on its pages, as a teacher confirmed it: [{"page": 1, "sha256": "…", "text": "…"}, …];
    `proposal` (of the same shape) is what `proposed_by` read and nobody has confirmed yet.
    """

    exam = models.ForeignKey(Exam, on_delete=models.CASCADE, related_name="samples")
    sheet = models.OneToOneField(Sheet, on_delete=models.CASCADE, related_name="sample")
    title = models.CharField(max_length=100)
    marks = models.JSONField(default=dict)
    transcription = models.JSONField(default=list, blank=True)
    proposal = models.JSONField(default=list, blank=True)
    proposed_by = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    history = HistoricalRecords()

    class Meta:
        ordering = ("exam", "title")

    def __str__(self) -> str:
        return self.title
