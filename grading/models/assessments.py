"""Assessments: immutable judgements of a sheet, with all that is needed to defend them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from batching.models import BatchItem, BatchRun
from exams.models import Criterion, Exam, Rubric, Sheet
from exams.points import plain


class GradingRun(models.Model):
    """What a run of the batch engine means here: this exam, assessed by this rubric.

    `graded_again` holds, by the pk (as text) of each sheet whose marks were dropped for this run,
    the pks of the assessment that they were made from and of the enrolment that they were for, and
    once the sheet was set free whether it has them back:
    {"12": {"assessment": 7, "enrolment": 3, "back": true}}.
    """

    batch_run = models.OneToOneField(
        BatchRun, on_delete=models.PROTECT, primary_key=True, related_name="grading_run"
    )
    exam = models.ForeignKey(Exam, on_delete=models.PROTECT, related_name="runs")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="runs")
    graded_again = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("-batch_run",)

    def __str__(self) -> str:
        return str(self.batch_run)

    @property
    def with_marks_back(self) -> int:
        """How many sheets that it set free have the marks again that they had before it."""
        return sum(kept.get("back") is True for kept in self.graded_again.values())

    @property
    def without_marks_back(self) -> int:
        """How many sheets that it set free had marks before it, and have not got them back."""
        return sum(kept.get("back") is False for kept in self.graded_again.values())


class Source(models.TextChoices):
    AI_BATCH = "ai_batch", _("AI batch")
    LOCAL_MODEL = "local_model", _("local model")
    OFFLINE = "offline", _("offline baseline")
    CLASSIFIER = "classifier", _("Classifier")
    CHECKS = "checks", _("Checks")
    STAFF = "staff", _("Staff")
    AUDIT = "audit", _("Audit")

    def named(self, provider: str, model: str) -> str:
        """Provider and model beside the source's own name, which is not said twice."""
        said = provider in self.value.split("_") or model.startswith(provider)
        return " ".join(part for part in ("" if said else provider, model) if part)


class Assessment(models.Model):
    """One assessor's judgement of one sheet. Rows are only ever added.

    `request_hash` is the hash of the exact request line (batching/providers/lines.py says how it
    is taken), `raw_reply` the line that came back. `pages` names the pages it was made from:
    [[number, sha256], …].
    """

    sheet = models.ForeignKey(Sheet, on_delete=models.PROTECT, related_name="assessments")
    rubric = models.ForeignKey(Rubric, on_delete=models.PROTECT, related_name="assessments")
    source = models.CharField(max_length=20, choices=Source)
    item = models.OneToOneField(
        BatchItem, null=True, blank=True, on_delete=models.PROTECT, related_name="assessment"
    )
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    provider = models.CharField(max_length=60, blank=True)
    model = models.CharField(max_length=100, blank=True)
    prompt_version = models.CharField(max_length=40, blank=True)
    rubric_hash = models.CharField(max_length=64)
    request_hash = models.CharField(max_length=64, blank=True)
    raw_reply = models.TextField(blank=True)
    pages = models.JSONField(default=list)
    input_tokens = models.IntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("sheet", "created_at", "pk")
        constraints = (
            models.CheckConstraint(
                name="assessed_by_a_reply_or_a_person",
                condition=Q(item__isnull=False) | Q(staff__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_source_display()} of {self.sheet}"


class Part(models.Model):
    """An assessment's score for one criterion. `reasoning` is for staff only."""

    assessment = models.ForeignKey(Assessment, on_delete=models.CASCADE, related_name="parts")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="+")
    awarded = models.DecimalField(max_digits=7, decimal_places=2)
    transcription = models.TextField(blank=True)
    feedback = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    confidence = models.FloatField(null=True, blank=True)
    page_number = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ("assessment", "criterion__position")
        constraints = (
            models.UniqueConstraint(
                fields=("assessment", "criterion"), name="one_part_per_criterion"
            ),
        )

    def __str__(self) -> str:
        return f"{self.criterion}: {plain(self.awarded)}"
