"""Grading's tasks: what is kept in order from time to time, whatever is being graded."""

from __future__ import annotations

from celery import shared_task
from django.db import InterfaceError, OperationalError

from grading import integrity


@shared_task(
    autoretry_for=(OperationalError, InterfaceError),
    retry_backoff=5,
    retry_jitter=True,
    max_retries=8,
)
def delete_orphans() -> None:
    """Delete stored files that killed workers left without a row."""
    integrity.delete_orphans()
