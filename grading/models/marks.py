"""Marks: the current points of each criterion of each sheet, what the student will see."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from exams.models import Criterion, Sheet
from exams.points import plain
from grading.models.assessments import Part


class Mark(models.Model):
    """Made from a part of an assessment, then changed only by people.

    `version` counts the changes: who saves over a version they have not seen is refused.
    `floor` and `ceiling` are the criterion's range, copied so that the database can hold it.
    """

    sheet = models.ForeignKey(Sheet, on_delete=models.PROTECT, related_name="marks")
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="marks")
    part = models.ForeignKey(Part, on_delete=models.PROTECT, related_name="marks")
    awarded = models.DecimalField(max_digits=7, decimal_places=2)
    floor = models.DecimalField(max_digits=7, decimal_places=2)
    ceiling = models.DecimalField(max_digits=7, decimal_places=2)
    feedback = models.TextField(blank=True)
    is_overridden = models.BooleanField(default=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField(default=timezone.now)
    version = models.PositiveIntegerField(default=1)
    history = HistoricalRecords(history_change_reason_field=models.TextField(null=True))

    class Meta:
        ordering = ("sheet", "criterion__position")
        constraints = (
            models.UniqueConstraint(fields=("sheet", "criterion"), name="one_mark_per_criterion"),
            models.CheckConstraint(
                name="mark_within_range",
                condition=Q(awarded__gte=F("floor"), awarded__lte=F("ceiling")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.criterion}: {plain(self.awarded)}"


class Look(models.Model):
    """A teacher had this sheet's marks in front of them.

    `marks_version` names the marks as they were then (grading/queries.py), so that a look at
    older marks does not count.
    """

    sheet = models.ForeignKey(Sheet, on_delete=models.CASCADE, related_name="looks")
    teacher = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    marks_version = models.CharField(max_length=40)
    looked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("sheet", "teacher"), name="one_look_per_teacher"),
        )

    def __str__(self) -> str:
        return f"{self.teacher} looked at {self.sheet}"
