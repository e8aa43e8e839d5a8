"""Rubrics: the versioned tree of what is assessed in an exam, with the answer key."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from exams.models.exams import Exam


class UsedRubric(Exception):
    """Somebody was graded by this version: it never changes again. Save the next one instead."""


class FrozenOnceUsed(models.QuerySet[Any]):
    """Rows that refuse to change or go away together when one of them belongs to a used version."""

    used_field: str

    def refuse_used(self) -> None:
        if self.filter(**{f"{self.used_field}__isnull": False}).exists():
            raise UsedRubric(
                f"{self.model._meta.verbose_name_plural} of a used rubric never change."
            )

    def update(self, **values: Any) -> int:
        self.refuse_used()
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        self.refuse_used()
        return super().delete()


class RubricQuerySet(FrozenOnceUsed):
    used_field = "used_at"


class CriterionQuerySet(FrozenOnceUsed):
    used_field = "rubric__used_at"

    def bulk_create(self, objs: Iterable[Criterion], *args: Any, **options: Any) -> list[Criterion]:
        rows = list(objs)
        RubricQuerySet(Rubric).filter(pk__in={row.rubric_id for row in rows}).refuse_used()
        return super().bulk_create(rows, *args, **options)


class Rubric(models.Model):
    """One version. Once it was used (`used_at`) it never changes; editing makes the next one.

    `content_hash` covers everything in it, `structure_hash` only what decides which marks are
    possible (ids, nesting, kinds, marks, steps).
    """

    exam = models.ForeignKey(Exam, on_delete=models.CASCADE, related_name="rubrics")
    version = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    structure_hash = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True, blank=True)

    objects = RubricQuerySet.as_manager()

    class Meta:
        ordering = ("exam", "-version")
        constraints = (
            models.UniqueConstraint(fields=("exam", "version"), name="one_rubric_per_version"),
        )

    def __str__(self) -> str:
        return f"{self.exam}, rubric version {self.version}"

    def save(self, *args: Any, **options: Any) -> None:
        self._refuse_if_used()
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        self._refuse_if_used()
        return super().delete(*args, **options)

    def _refuse_if_used(self) -> None:
        Rubric.objects.filter(pk=self.pk).refuse_used()


# What pages show of a kind as it stands in an exam file.
KIND_WORDS = (gettext_noop("base"), gettext_noop("bonus"), gettext_noop("penalty"))


class CriterionKind(models.TextChoices):
    BASE = "base", _("Base")
    BONUS = "bonus", _("Bonus")
    PENALTY = "penalty", _("Penalty")


class Criterion(models.Model):
    """A node of a rubric. A leaf has marks; an inner node is the sum of its children.

    `code` is the id in the exam file ("Q1", "Q2a"). A penalty's marks run from -max_marks to
    0, all others from 0 to max_marks, in steps of `step`; a binary criterion has step =
    max_marks. `answer` is the answer key, `guidance` is for graders only.
    """

    rubric = models.ForeignKey(Rubric, on_delete=models.CASCADE, related_name="criteria")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    position = models.PositiveIntegerField()
    code = models.CharField(max_length=40)
    description = models.TextField()
    guidance = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    kind = models.CharField(max_length=10, choices=CriterionKind, default=CriterionKind.BASE)
    max_marks = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)
    step = models.DecimalField(max_digits=7, decimal_places=2, null=True, blank=True)

    objects = CriterionQuerySet.as_manager()

    class Meta:
        ordering = ("rubric", "position")
        verbose_name_plural = "criteria"
        constraints = (
            models.UniqueConstraint(fields=("rubric", "code"), name="one_criterion_per_code"),
            models.UniqueConstraint(
                fields=("rubric", "position"), name="one_criterion_per_position"
            ),
            models.CheckConstraint(
                name="leaf_has_marks_and_step",
                condition=Q(max_marks__isnull=True, step__isnull=True)
                | Q(max_marks__gt=0, step__gt=0, step__lte=F("max_marks")),
            ),
        )

    def __str__(self) -> str:
        return self.code

    def save(self, *args: Any, **options: Any) -> None:
        self._refuse_if_used()
        super().save(*args, **options)

    def delete(self, *args: Any, **options: Any) -> tuple[int, dict[str, int]]:
        self._refuse_if_used()
        return super().delete(*args, **options)

    def _refuse_if_used(self) -> None:
        # Where it stood before counts as well: a criterion cannot be moved out of a used version.
        Rubric.objects.filter(Q(pk=self.rubric_id) | Q(criteria__pk=self.pk)).refuse_used()

    @property
    def is_leaf(self) -> bool:
        return self.max_marks is not None

    @property
    def is_binary(self) -> bool:
        return self.is_leaf and self.step == self.max_marks

    @property
    def floor(self) -> Decimal:
        """The lowest possible mark of a leaf."""
        if self.max_marks is None:
            raise ValueError(f"{self.code} is not a leaf and has no marks of its own.")
        return -self.max_marks if self.kind == CriterionKind.PENALTY else Decimal(0)

    @property
    def ceiling(self) -> Decimal:
        """The highest possible mark of a leaf."""
        if self.max_marks is None:
            raise ValueError(f"{self.code} is not a leaf and has no marks of its own.")
        return Decimal(0) if self.kind == CriterionKind.PENALTY else self.max_marks
