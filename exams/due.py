"""What is due in intake: the queries by which the sweeper, and each task, find the next work."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from batching.claims import free
from batching.sweep import register_due
from exams.models import KeyProposal, KeyState, Sheet, SheetState, Upload, UploadState
from exams.suggestions import roster_hashes

INSPECTED_IN = (SheetState.PENDING_MAPPING, SheetState.MAPPED)


def register() -> None:
    """Make intake's stages known to the sweeper; called once when Django starts."""
    from exams import tasks  # Celery's tasks need the loaded apps.

    register_due(tasks.unpack_upload, uploads_to_unpack)
    register_due(tasks.rasterize_sheet, sheets_to_render)
    register_due(tasks.inspect_sheet, sheets_to_inspect)
    register_due(tasks.suggest_students, exams_to_suggest)
    register_due(tasks.prepare_key, keys_to_prepare)


def uploads_to_unpack(now: datetime | None = None) -> QuerySet[Upload]:
    """Uploads not yet unpacked that nobody is working on."""
    return Upload.objects.filter(
        free(now), state__in=(UploadState.RECEIVED, UploadState.UNPACKING)
    ).order_by("pk")


def sheets_to_render(now: datetime | None = None) -> QuerySet[Sheet]:
    """Sheets without pages that nobody is working on."""
    return Sheet.objects.filter(
        free(now), state=SheetState.PENDING_MAPPING, rendered_at__isnull=True
    ).order_by("pk")


def sheets_to_inspect(now: datetime | None = None) -> QuerySet[Sheet]:
    """Sheets with pages that were not inspected and that nobody is working on."""
    return Sheet.objects.filter(
        free(now),
        state__in=INSPECTED_IN,
        rendered_at__isnull=False,
        inspected_at__isnull=True,
    ).order_by("pk")


def sheets_to_suggest() -> QuerySet[Sheet]:
    """Inspected sheets without a student for which nothing was suggested yet."""
    return Sheet.objects.filter(
        state=SheetState.PENDING_MAPPING, inspected_at__isnull=False, suggested_at__isnull=True
    ).order_by()


def exams_to_suggest(now: datetime | None = None) -> list[int]:
    """The ids of exams with unmapped sheets that wait for a suggestion, or whose class list is
    another than the one their suggestions were made with."""
    exams = list(
        Sheet.objects.filter(state=SheetState.PENDING_MAPPING, inspected_at__isnull=False)
        .values_list("exam", "exam__school_class", "exam__roster_hash")
        .annotate(waiting=Count("pk", filter=Q(suggested_at__isnull=True)))
        .order_by("exam_id")
    )
    known = roster_hashes({school_class for _, school_class, _, waiting in exams if not waiting})
    return [
        exam
        for exam, school_class, seen, waiting in exams
        if waiting or known[school_class] != seen
    ]


def keys_to_prepare(now: datetime | None = None) -> QuerySet[KeyProposal]:
    """PDFs of answer keys that have no pages yet and that nobody is working on."""
    return KeyProposal.objects.filter(free(now), state=KeyState.RECEIVED).order_by("pk")


def exams_ready_for_suggestions(sheet_pk: int) -> list[int]:
    """The exam of this sheet, when none of its sheets is still being prepared.

    The whole class is solved at once: once at the end, not once per sheet. Where one sheet
    hangs, the sweeper suggests for the others meanwhile.
    """
    unprepared = Sheet.objects.filter(
        exam=OuterRef("exam"), state__in=INSPECTED_IN, inspected_at__isnull=True
    )
    return list(
        sheets_to_suggest()
        .filter(exam__sheets=sheet_pk)
        .exclude(Exists(unprepared))
        .values_list("exam", flat=True)
        .distinct()
    )
