"""Exams: one assessment task for one class and subject."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from accounts.models import SchoolClass, Subject


class Exam(models.Model):
    """One assessment task. Its rubric is versioned (exams/models/rubrics.py).

    `regions` are areas of a page that hold names or roll numbers: a list of {page, x, y, w, h,
    holds}, shares of the page's size; they are masked in what is sent to a provider.
    `provider` and `second_provider` are proposed when a run is drafted; all its runs together may
    cost at most `spending_cap` (None: no limit of its own), which is counted under `budget`.
    `show_distribution` lets its students see how the totals of their class spread; until
    `appeals_until` (None: never) they may object to published marks.
    `roster_hash` is the class list as it was when students were last suggested for its sheets.
    """

    title = models.CharField(max_length=200)
    school_class = models.ForeignKey(SchoolClass, on_delete=models.PROTECT, related_name="exams")
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="exams")
    date = models.DateField(null=True, blank=True)
    instructions = models.TextField(blank=True)
    regions = models.JSONField(default=list, blank=True)
    provider = models.CharField(max_length=60, blank=True)
    second_provider = models.CharField(max_length=60, blank=True)
    spending_cap = models.DecimalField(
        max_digits=10,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    show_distribution = models.BooleanField(default=False)
    appeals_until = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    roster_hash = models.CharField(max_length=64, blank=True, editable=False)
    history = HistoricalRecords(excluded_fields=["roster_hash"])

    class Meta:
        ordering = ("-date", "title", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("school_class", "title", "date"), name="one_exam_per_title_and_date"
            ),
            # Databases take two missing dates for different ones.
            models.UniqueConstraint(
                fields=("school_class", "title"),
                condition=Q(date__isnull=True),
                name="one_undated_exam_per_title",
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def appeals_are_open(self) -> bool:
        """Whether students may object to published marks now."""
        return self.appeals_until is not None and timezone.now() <= self.appeals_until

    @property
    def budget(self) -> str:
        """The name under which the engine counts what all runs of this exam cost."""
        return f"exam-{self.pk}"
