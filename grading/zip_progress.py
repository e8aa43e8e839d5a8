"""How far the sheets of a ZIP are, and what they wait for, for a command that stays until the end.

Comes in: an exam or an upload. Goes out: whether a step is still under way, numbers for a bar,
and one line on jobs that are with a provider.
"""

from __future__ import annotations

from collections import Counter

from django.db.models import Min, Q
from django.utils import timezone

from batching import providers
from batching.models import (
    FINAL_JOB_STATES,
    LIVE_JOB_STATES,
    BatchItem,
    BatchJob,
    BatchRun,
    ItemState,
    JobState,
    ProviderAccount,
)
from exams.models import Exam, Sheet, SheetState, Upload, UploadState

WAITING = (SheetState.JSONL_READY, SheetState.IN_BATCH)


def in_intake(exam: Exam) -> bool:
    """Is a file of the exam still being unpacked, rendered, read or given a suggestion?"""
    return (
        exam.uploads.filter(state__in=[UploadState.RECEIVED, UploadState.UNPACKING]).exists()
        or exam.sheets.filter(state=SheetState.PENDING_MAPPING)
        .filter(Q(inspected_at__isnull=True) | Q(suggested_at__isnull=True))
        .exists()
    )


def in_build(exam: Exam) -> bool:
    """Is a run of the exam still being built?"""
    return BatchRun.objects.filter(
        grading_run__exam=exam, built_at__isnull=True, problem=""
    ).exists()


def in_batch(exam: Exam) -> bool:
    """Has a sent job of the exam not ended yet, or is something to be sent again?"""
    runs = BatchRun.objects.filter(grading_run__exam=exam, built_at__isnull=False, problem="")
    return (
        BatchJob.objects.filter(run__in=runs)
        .exclude(state__in=[*FINAL_JOB_STATES, JobState.DRAFT, JobState.REVIEW])
        .exists()
        or BatchItem.objects.filter(run__in=runs, state=ItemState.PLANNED).exists()
    )


def progress(upload: Upload) -> tuple[int, int]:
    """(steps in all, steps done): each sheet is rendered, read, mapped and graded."""
    rows = Sheet.objects.filter(upload=upload).values_list("state", "rendered_at", "inspected_at")
    total = done = 0
    for state, rendered_at, inspected_at in rows:
        total += 3
        over = state not in (SheetState.PENDING_MAPPING, SheetState.MAPPED, *WAITING)
        done += 3 if over else (rendered_at is not None) + (inspected_at is not None)
    return total, done


def waiting_for(exam: Exam) -> str:
    """What jobs wait for: "3 jobs at openai, next look in 20 s"; "" when there are none."""
    jobs = BatchJob.objects.filter(run__grading_run__exam=exam, state__in=LIVE_JOB_STATES)
    counts = Counter(jobs.values_list("provider", flat=True))
    if not counts:
        return ""
    told = [
        f"{number} job{'s' if number > 1 else ''} at {name}"
        for name, number in sorted(counts.items())
    ]
    now = timezone.now()
    accounts = [providers.get(name).account for name in counts if name in providers.names()]
    pauses = ProviderAccount.objects.filter(account__in=accounts, paused_until__gt=now)
    if until := pauses.aggregate(next=Min("paused_until"))["next"]:
        told.append(f"nothing is asked for {round((until - now).total_seconds())} s")
        return ", ".join(told)
    remote = jobs.filter(kind="batch", results_ready_at__isnull=True)
    if look := remote.aggregate(next=Min("next_poll_at"))["next"]:
        told.append(f"next look in {max(0, round((look - now).total_seconds()))} s")
    return ", ".join(told)
