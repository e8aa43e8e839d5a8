"""Appeals: a student's objection to a mark, and the teacher's answer."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from exams.models import Sheet

APPEAL_LENGTH = 2000
IS_OPEN = Q(answered_at__isnull=True, withdrawn_at__isnull=True)


class AppealState(models.TextChoices):
    OPEN = "open", _("waits for an answer")
    ANSWERED = "answered", _("answered")
    WITHDRAWN = "withdrawn", _("withdrawn")


class Appeal(models.Model):
    """What a student says against one published mark, and what a teacher answers.

    By the criterion's code, as a flag is, so that it stays with the sheet when its marks are made
    anew. `awarded_then` and `version_then` are the mark's when the student objected. `answer` is
    for the student.
    """

    sheet = models.ForeignKey(Sheet, on_delete=models.CASCADE, related_name="appeals")
    code = models.CharField(max_length=40)
    raised_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    raised_at = models.DateTimeField(default=timezone.now)
    text = models.CharField(max_length=APPEAL_LENGTH)
    awarded_then = models.DecimalField(max_digits=7, decimal_places=2)
    version_then = models.PositiveIntegerField()
    answer = models.CharField(max_length=APPEAL_LENGTH, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    answered_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    history = HistoricalRecords(history_change_reason_field=models.TextField(null=True))

    class Meta:
        ordering = ("raised_at", "pk")
        constraints = (
            # Of its student: who had the sheet by mistake does not stand in the way of its owner.
            models.UniqueConstraint(
                fields=("sheet", "code", "raised_by"),
                condition=IS_OPEN,
                name="one_open_appeal_per_mark",
            ),
            models.CheckConstraint(
                name="appeal_answer_has_who_and_when",
                condition=Q(answered_at__isnull=True, answered_by__isnull=True, answer="")
                | Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer=""),
            ),
            models.CheckConstraint(
                name="appeal_answered_or_withdrawn",
                condition=Q(answered_at__isnull=True) | Q(withdrawn_at__isnull=True),
            ),
            models.CheckConstraint(name="appeal_says_something", condition=~Q(text="")),
        )

    def __str__(self) -> str:
        return f"{self.code}: {self.text[:60]}"

    @property
    def state(self) -> AppealState:
        if self.answered_at:
            return AppealState.ANSWERED
        return AppealState.WITHDRAWN if self.withdrawn_at else AppealState.OPEN

    @property
    def is_open(self) -> bool:
        return self.state == AppealState.OPEN
