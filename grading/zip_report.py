"""The report of a ZIP: every paper of it, where it stands, its marks and its problems."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import Q

from batching.models import FINAL_JOB_STATES, BatchJob, BatchRun
from batching.queries import count_items_of
from exams.models import Exam, MemberOutcome, Page, Sheet, SheetState, Upload, UploadState
from grading.models import Mark

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
    """Has a sent job of the exam not ended yet?"""
    return (
        BatchJob.objects.filter(run__grading_run__exam=exam)
        .exclude(state__in=[*FINAL_JOB_STATES, "draft", "review"])
        .exists()
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


def accounted_for(upload: Upload) -> bool:
    """Has every member of the upload a line in its report, and its sheet a place to stand?"""
    upload = Upload.objects.get(pk=upload.pk)
    return (
        upload.state == UploadState.UNPACKED
        and upload.members.count() == upload.member_count
        and not Sheet.objects.filter(upload=upload, state__in=WAITING).exists()
    )


def report_on(exam: Exam, upload: Upload) -> dict[str, Any]:
    """The report as a JSON value."""
    jobs = list(BatchJob.objects.filter(run__grading_run__exam=exam).order_by("pk"))
    totals: dict[str, Any] = dict.fromkeys(
        ("submitted", "accepted", "rejected", "lost", "superseded", "discarded", "released"), 0
    )
    for counts in count_items_of(jobs).values():
        for name in totals:
            totals[name] += getattr(counts, name)
    totals["jobs"] = [
        {"number": job.number, "state": job.state, "problem": job.problem} for job in jobs
    ]
    members = upload.members.exclude(outcome=MemberOutcome.IGNORED)
    return {
        "exam": exam.title,
        "provider": jobs[-1].run.provider if jobs else "",
        "upload": {
            "file": upload.original_name,
            "state": Upload.objects.get(pk=upload.pk).state,
            "members": members.count(),
        },
        "job": totals,
        "sheets": _sheets(upload),
    }


def summary(report: dict[str, Any]) -> str:
    """The report in one line for a person."""
    states: dict[str, int] = {}
    for sheet in report["sheets"]:
        states[sheet["state"]] = states.get(sheet["state"], 0) + 1
    listed = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    return f"{len(report['sheets'])} papers: {listed or 'none'}."


def _sheets(upload: Upload) -> list[dict[str, Any]]:
    marks = _marks(upload)
    flags = _page_problems(upload)
    entries = []
    members = upload.members.exclude(outcome=MemberOutcome.IGNORED)
    seen: set[int] = set()
    for member in members.select_related("sheet__enrolment").order_by("name"):
        sheet = member.sheet
        if sheet is None:
            entries.append(_entry(member.name, None, member.outcome, {}, [member.reason]))
            continue
        if sheet.pk in seen:
            continue
        seen.add(sheet.pk)
        problems = [member.reason] if member.outcome == MemberOutcome.REPEATED else []
        problems += [sheet.problem] if sheet.problem else []
        if sheet.state == SheetState.PENDING_MAPPING:
            problems.append(sheet.suggestion_reason or "No student was recognised.")
        entries.append(
            _entry(
                sheet.name,
                sheet.enrolment.roll_number if sheet.enrolment else None,
                sheet.state,
                marks.get(sheet.pk, {}),
                problems + flags.get(sheet.pk, []),
            )
        )
    return entries


def _entry(
    file: str, roll_number: str | None, state: str, marks: dict[str, Decimal], problems: list[str]
) -> dict[str, Any]:
    return {
        "file": file,
        "roll_number": roll_number,
        "state": state,
        "marks": {code: float(awarded) for code, awarded in marks.items()},
        "total": float(max(sum(marks.values()), Decimal(0))) if marks else None,
        "problems": problems,
    }


def _marks(upload: Upload) -> dict[int, dict[str, Decimal]]:
    found: dict[int, dict[str, Decimal]] = {}
    rows = Mark.objects.filter(sheet__members__upload=upload).order_by("criterion__position")
    for sheet_pk, code, awarded in rows.values_list(
        "sheet", "criterion__code", "awarded"
    ).distinct():
        found.setdefault(sheet_pk, {})[code] = awarded
    return found


def _page_problems(upload: Upload) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for page in Page.objects.filter(sheet__members__upload=upload).order_by("number").distinct():
        problems = found.setdefault(page.sheet_id, [])
        if page.turned:
            problems.append(f"page {page.number} was turned by {page.turned}°")
        if page.is_blank:
            problems.append(f"page {page.number} is blank")
        if page.is_faint:
            problems.append(f"page {page.number} is faint")
    return found
