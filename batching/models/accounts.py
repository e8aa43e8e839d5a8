"""Accounts and budgets: the rows that are locked while money or room is counted."""

from __future__ import annotations

from django.db import models


class ProviderAccount(models.Model):
    """A key at a provider: configurations with the same one share its limits and its pauses.

    Nothing is asked of it before `paused_until`; `strikes` counts the refusals in a row, and
    `reason` is the last one.
    """

    account = models.CharField(max_length=100, unique=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    strikes = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.account


class Budget(models.Model):
    """What spending is counted under ("site", "exam-12"); locked while a job is approved."""

    name = models.CharField(max_length=60, unique=True)

    def __str__(self) -> str:
        return self.name
