"""Result files: what a provider returned, byte for byte, under its hash."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from batching.models.runs import BatchJob


class ResultFile(models.Model):
    """One file of lines of a job. `position` is how far (in bytes) its lines were settled."""

    job = models.ForeignKey(BatchJob, on_delete=models.PROTECT, related_name="result_files")
    number = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    bytes = models.BigIntegerField()
    position = models.BigIntegerField(default=0)
    unreadable_lines = models.PositiveIntegerField(default=0)
    kept_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("job", "number")
        constraints = (
            models.UniqueConstraint(fields=("job", "number"), name="one_result_file_per_number"),
            models.CheckConstraint(
                condition=models.Q(position__lte=models.F("bytes")),
                name="position_within_result_file",
            ),
        )

    def __str__(self) -> str:
        return f"{self.job}, results {self.number}"
