"""Pulses: when each task last came to its end, so that silence can be seen."""

from __future__ import annotations

from django.db import models


class Pulse(models.Model):
    """The last success and the last failure of a task; `failure` is the kind of error alone."""

    name = models.CharField(max_length=100, unique=True)
    succeeded_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return self.name
