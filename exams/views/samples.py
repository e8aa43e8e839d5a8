"""The samples page: sheets with a teacher's marks, and the form that makes one.

Comes in: a sheet of the exam and a mark for each criterion. Goes out: a saved sample, or the
form again with every error (422) or beside what somebody else saved meanwhile (409).
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams import samples as stored
from exams.models import SampleSheet, Sheet, SheetState
from exams.pages import kept_pages
from exams.points import plain
from exams.queries import exams_for, sheets_for
from exams.result_schema import legal_marks
from exams.rubrics import current_rubric, leaves
from exams.samples import SampleMark, parse_mark
from exams.standing import IN_BATCH
from exams.transcribe import stop_reading
from exams.transcription import is_outdated, text_of
from exams.views.exams import exam_or_404

# As many choices fit into a list; finer steps are typed.
MAX_CHOICES = 41


@require_GET
@teacher_required
def samples(request: HttpRequest, pk: int) -> HttpResponse:
    """The samples of an exam, and the sheets that can become one."""
    exam = exam_or_404(request, pk)
    rubric = current_rubric(exam)
    criteria = leaves(rubric) if rubric else []
    found = stored.all_samples(exam)
    numbers = exam.sheets.order_by().values_list("state").annotate(Count("pk"))
    states = Counter(dict(numbers))
    rows = [
        {
            "sample": sample,
            "pages": kept_pages(sample.sheet),
            "stale": stored.staleness(sample, criteria),
            "has_text": bool(text_of(sample)),
            "text_outdated": is_outdated(sample),
            "marks": [
                (criterion, sample.marks[criterion.code])
                for criterion in criteria
                if criterion.code in sample.marks
            ],
        }
        for sample in found
    ]
    context = {
        "exam": exam,
        "rubric": rubric,
        "rows": rows,
        "sheets": stored.sheets_for_samples(exam)[:500],
        "unmapped": states[SheetState.PENDING_MAPPING],
        "in_a_run": sum(states[state] for state in IN_BATCH),
        "has_sheets": states.total() > 0,
        "is_full": len(found) >= stored.MAX_SAMPLES,
        "most": stored.MAX_SAMPLES,
        "sent_as_text": settings.SHEAF_SAMPLES == "text",
    }
    return render(request, "exams/samples.html", context)


@require_GET
@teacher_required
def sample_choose(request: HttpRequest, pk: int) -> HttpResponse:
    """From the list's choice to the form of that sheet."""
    exam = exam_or_404(request, pk)
    asked = request.GET.get("sheet", "")
    number = int(asked) if asked.isdecimal() and len(asked) < 18 else 0
    sheet = get_object_or_404(sheets_for(request.user).filter(exam=exam), pk=number)
    return redirect("exams:sample_edit", pk=sheet.pk)


@require_http_methods(["GET", "POST"])
@teacher_required
def sample_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark a sheet as a sample, beside its pages; POST saves it."""
    sheet = get_object_or_404(
        sheets_for(request.user).select_related("exam__school_class", "exam__subject"), pk=pk
    )
    if current_rubric(sheet.exam) is None:
        messages.error(
            request, _("Write the rubric first: a sample has a mark for each criterion.")
        )
        return redirect("exams:rubric", pk=sheet.exam_id)
    sample = SampleSheet.objects.filter(sheet=sheet).first()
    if request.method == "GET":
        title = sample.title if sample else ""
        return sample_page(request, sheet, sample, title, sample.marks if sample else {})
    title, typed = request.POST.get("title", ""), typed_marks(request, sheet)
    marks = {
        code: SampleMark(awarded, entry["comment"])
        for code, entry in typed.items()
        if (awarded := parse_mark(entry["awarded"])) is not None
    }
    seen = request.POST.get("seen", "")
    try:
        stored.save_sample(sheet, title=title, marks=marks, by=request.user, seen=seen)
    except ValidationError as error:
        problems = error.messages
        return sample_page(request, sheet, sample, title, typed, problems, seen=seen, status=422)
    except Conflict as error:
        sample = SampleSheet.objects.filter(sheet=sheet).first()
        conflict = str(error)
        return sample_page(request, sheet, sample, title, typed, conflict=conflict, status=409)
    messages.success(
        request,
        _("%(name)s is a sample now. It goes along with every request.") % {"name": sheet.name},
    )
    return redirect("exams:samples", pk=sheet.exam_id)


@require_POST
@teacher_required
def sample_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a sample away; the sheet stays."""
    visible = SampleSheet.objects.filter(exam__in=exams_for(request.user))
    sample = get_object_or_404(visible.select_related("sheet"), pk=pk)
    with suppress(Conflict):  # it is not being read
        stop_reading(sample, by=request.user)
    stored.remove_sample(sample, by=request.user)
    messages.success(request, _("%(name)s is no longer a sample.") % {"name": sample.sheet.name})
    return redirect("exams:samples", pk=sample.exam_id)


def sample_page(
    request: HttpRequest,
    sheet: Sheet,
    sample: SampleSheet | None,
    title: str,
    marks: dict[str, Any],
    problems: list[str] | None = None,
    *,
    seen: str | None = None,
    conflict: str = "",
    status: int = 200,
) -> HttpResponse:
    """The form beside the pages, filled with what is stored or was typed.

    After a conflict what is stored stands below each field where it differs; saving again means
    that the person has seen it.
    """
    rubric = current_rubric(sheet.exam)
    rows = []
    nothing = {"awarded": "", "comment": ""}
    for criterion in leaves(rubric) if rubric else []:
        entry = marks.get(criterion.code, nothing)
        saved = sample.marks.get(criterion.code, nothing) if sample else nothing
        legal = [plain(mark) for mark in legal_marks(criterion)]
        rows.append(
            {
                "criterion": criterion,
                "awarded": entry["awarded"],
                "comment": entry["comment"],
                "range": stored.range_of(criterion),
                "choices": legal if len(legal) <= MAX_CHOICES else None,
                "saved": saved if conflict and saved not in (entry, nothing) else None,
            }
        )
    context = {
        "exam": sheet.exam,
        "sheet": sheet,
        "sample": sample,
        "title": title,
        "seen": stored.sample_seen(sample) if seen is None else seen,
        "conflict": conflict,
        "rows": rows,
        "pages": kept_pages(sheet),
        "problems": problems,
        "will_not_be_graded": sheet.state == SheetState.MAPPED,
    }
    return render(request, "exams/sample_edit.html", context, status=status)


def typed_marks(request: HttpRequest, sheet: Sheet) -> dict[str, dict[str, str]]:
    """What stands in the form for each criterion, as it was typed."""
    rubric = current_rubric(sheet.exam)
    return {
        leaf.code: {
            "awarded": request.POST.get(f"awarded-{leaf.code}", ""),
            "comment": request.POST.get(f"comment-{leaf.code}", ""),
        }
        for leaf in (leaves(rubric) if rubric else [])
    }
