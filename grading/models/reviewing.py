"""What a review leaves behind besides marks: names that were shown, flags, accepted marks, and
the feedback that teachers keep for the next sheet."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from exams.models import Exam, Sheet

COMMENT_LENGTH = 500
NOTE_LENGTH = 500


def _person(**options: object) -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", **options
    )


class Reveal(models.Model):
    """A teacher let the name on one sheet be shown, or those of the whole exam (no `sheet`).

    It holds for this teacher until `hidden_at`. Rows are the log: none is taken away while its
    exam is there.
    """

    exam = models.ForeignKey(Exam, on_delete=models.CASCADE, related_name="reveals")
    sheet = models.ForeignKey(
        Sheet, null=True, blank=True, on_delete=models.CASCADE, related_name="reveals"
    )
    teacher = _person()
    revealed_at = models.DateTimeField(default=timezone.now)
    hidden_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-revealed_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("sheet", "teacher"),
                condition=Q(hidden_at__isnull=True, sheet__isnull=False),
                name="one_open_reveal_per_sheet",
            ),
            models.UniqueConstraint(
                fields=("exam", "teacher"),
                condition=Q(hidden_at__isnull=True, sheet__isnull=True),
                name="one_open_reveal_per_exam",
            ),
        )

    def __str__(self) -> str:
        return f"{self.teacher}: {self.sheet or self.exam}"


class Flag(models.Model):
    """A person asks somebody (or themselves, later) to look at one mark, and says what for.

    By the criterion's code, so that it stays with the sheet when its marks are made anew.
    """

    sheet = models.ForeignKey(Sheet, on_delete=models.CASCADE, related_name="flags")
    code = models.CharField(max_length=40)
    note = models.CharField(max_length=NOTE_LENGTH)
    colleague = _person(null=True, blank=True)
    raised_by = _person()
    raised_at = models.DateTimeField(default=timezone.now)
    lowered_by = _person(null=True, blank=True)
    lowered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-raised_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("sheet", "code"),
                condition=Q(lowered_at__isnull=True),
                name="one_open_flag_per_mark",
            ),
        )

    def __str__(self) -> str:
        return f"{self.code}: {self.note}"


class Accepted(models.Model):
    """A teacher stands by one mark in its `version`; a later change of the mark undoes it.

    The mark by its number alone: marks that are made anew are accepted anew.
    """

    sheet = models.ForeignKey(Sheet, on_delete=models.CASCADE, related_name="accepted")
    mark_pk = models.BigIntegerField(unique=True)
    version = models.PositiveIntegerField()
    teacher = _person()
    accepted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "accepted marks"

    def __str__(self) -> str:
        return f"{self.teacher} accepted mark {self.mark_pk}, version {self.version}"


class Comment(models.Model):
    """Feedback that the teachers of a class use again for one criterion of an exam."""

    exam = models.ForeignKey(Exam, on_delete=models.CASCADE, related_name="comments")
    code = models.CharField(max_length=40)
    text = models.CharField(max_length=COMMENT_LENGTH)
    uses = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    saved_by = _person()
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-uses", "-saved_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("exam", "code", "text"), name="one_comment_per_text"),
        )

    def __str__(self) -> str:
        return self.text
