"""The report of a ZIP: every sheet of it, where it stands, its marks, its problems, its cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from batching import providers
from batching.models import BatchItem, BatchJob
from batching.queries import count_items_of
from exams.costs import Cost, costs_of, total_of
from exams.models import Exam, MemberOutcome, Page, Sheet, SheetState, Upload, UploadState
from grading.models import Mark
from grading.requests import PURPOSE
from grading.run_story import cost_of_item
from grading.zip_progress import WAITING


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
    costs = costs_of(jobs)
    totals["jobs"] = [
        {
            "number": job.number,
            "state": job.state,
            "problem": job.problem,
            "provider": job.provider,
            "attempt": job.round + 1,
            "items": job.item_count,
            "cost": _cost(costs[job.pk]),
        }
        for job in jobs
    ]
    members = upload.members.exclude(outcome=MemberOutcome.IGNORED)
    return {
        "exam": exam.title,
        "provider": jobs[0].provider if jobs else "",
        "notice": providers.about(jobs[0].provider).notice if jobs else "",
        "upload": {
            "file": upload.original_name,
            "state": Upload.objects.get(pk=upload.pk).state,
            "members": members.count(),
        },
        "job": totals,
        "cost": _cost(total_of(costs.values())),
        "sheets": _sheets(upload),
    }


def summary(report: dict[str, Any]) -> str:
    """The report in one line for a person."""
    states: dict[str, int] = {}
    for sheet in report["sheets"]:
        states[sheet["state"]] = states.get(sheet["state"], 0) + 1
    listed = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    cost = report["cost"]
    paid = ""
    if cost["input_tokens"] and cost["money"] is not None:
        paid = f" {cost['input_tokens']:,} tokens in, {cost['output_tokens']:,} out:"
        paid += f" {cost['money']:.4f} {cost['currency']}."
    elif cost["input_tokens"]:
        paid = f" {cost['input_tokens']:,} tokens in, {cost['output_tokens']:,} out (no price set)."
    notice = f" {report['notice']}" if report["notice"] else ""
    return f"{len(report['sheets'])} sheets: {listed or 'none'}.{paid}{notice}"


def _sheets(upload: Upload) -> list[dict[str, Any]]:
    marks = _marks(upload)
    flags = _page_problems(upload)
    attempts = _attempts(upload)
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
            | ({"attempts": tried} if len(tried := attempts.get(sheet.pk, [])) > 1 else {})
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


def _attempts(upload: Upload) -> dict[int, list[dict[str, Any]]]:
    """By sheet: every request for it, oldest first."""
    found: dict[int, list[dict[str, Any]]] = {}
    sheets = Sheet.objects.filter(members__upload=upload)
    items = BatchItem.objects.filter(purpose=PURPOSE, subject_id__in=sheets.values("pk"))
    for item in items.select_related("job").order_by("pk"):
        cost = cost_of_item(item)
        found.setdefault(item.subject_id, []).append(
            {
                "provider": item.provider,
                "model": item.model or (item.job.model if item.job else ""),
                "state": item.state,
                "reason": item.reason,
                "cost": _cost(cost) if cost else None,
            }
        )
    return found


def _cost(cost: Cost) -> dict[str, Any]:
    """Tokens and money as JSON; the money is null where the price is not known."""
    return {
        "input_tokens": cost.used.input_tokens,
        "cached_tokens": cost.used.cached_tokens,
        "output_tokens": cost.used.output_tokens,
        "estimated_input_tokens": cost.estimated.input_tokens,
        "estimated_output_tokens": cost.estimated.output_tokens,
        "money": float(cost.cost) if cost.is_known else None,
        "estimated_money": float(cost.estimated_cost) if cost.is_known else None,
        "currency": cost.currency,
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
