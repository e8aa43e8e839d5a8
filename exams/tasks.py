"""Intake's tasks: unpack, render, inspect, suggest, prepare a key. Each is one call, and rings for
what is next.

Ringing is only a courtesy: the sweeper finds whatever was not rung for (exams/due.py). The queue,
intake, and the time limits stand in config/celery.py.
"""

from __future__ import annotations

from celery import shared_task
from django.db import InterfaceError, OperationalError

from batching import jobs
from batching.models import BatchRun
from batching.sweep import ring
from exams import due, inspection, key_pages, rasterize, suggestions, zip_import
from exams.models import KeyProposal, KeyState

RETRY = {
    "autoretry_for": (OperationalError, InterfaceError),
    "retry_backoff": 5,
    "retry_backoff_max": 300,
    "retry_jitter": True,
    "max_retries": 8,
}


@shared_task(**RETRY)
def unpack_upload(upload_pk: int) -> None:
    """Turn an upload into sheets."""
    zip_import.unpack_upload(upload_pk)
    for sheet_pk in due.sheets_to_render().filter(upload=upload_pk).values_list("pk", flat=True):
        ring(rasterize_sheet, sheet_pk)


@shared_task(**RETRY)
def rasterize_sheet(sheet_pk: int) -> None:
    """Turn a sheet's paper into page images."""
    rasterize.rasterize_sheet(sheet_pk)
    if due.sheets_to_inspect().filter(pk=sheet_pk).exists():
        ring(inspect_sheet, sheet_pk)


@shared_task(**RETRY)
def inspect_sheet(sheet_pk: int) -> None:
    """Turn a sheet's pages upright and read whose it is."""
    inspection.inspect_sheet(sheet_pk)
    for exam_pk in due.exams_ready_for_suggestions(sheet_pk):
        ring(suggest_students, exam_pk)


@shared_task(**RETRY)
def suggest_students(exam_pk: int) -> None:
    """Suggest a student for every sheet of an exam that has none."""
    suggestions.suggest_students(exam_pk)


@shared_task(**RETRY)
def prepare_key(key_pk: int) -> None:
    """Turn the PDF of an answer key into pages, and plan the run that reads them."""
    key_pages.prepare_key(key_pk)
    drafted = KeyProposal.objects.filter(pk=key_pk, state=KeyState.DRAFTED).values("batch_run")
    for run in BatchRun.objects.filter(pk__in=drafted, built_at__isnull=True):
        jobs.start_building(run)
