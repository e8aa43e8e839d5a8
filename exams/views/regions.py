"""Where names stand: the places of a page that are covered, drawn on sheets or typed in percent.

Comes in: the rows as they stand in the form, and the button that was pressed. Goes out: the form
again with a row more or less, or another page under it (nothing is saved yet); the saved regions;
or the form with errors by row and field (422), or beside what somebody else saved meanwhile (409).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from batching.models import BatchJob, JobState
from exams.key_extraction import PURPOSE as READS_A_KEY
from exams.models import Exam, Page
from exams.region_rows import Row, blank_row, errors_of, rows_from, rows_of, values_of
from exams.regions import region_in_words, regions_seen, save_regions
from exams.views.exams import exam_or_404

SHEETS_SHOWN = 6
BLANK = Row("__key__", "__page__")


@require_http_methods(["GET", "POST"])
@teacher_required
def regions(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; POST with `act=save` saves, with another `act` it changes the form alone."""
    exam = exam_or_404(request, pk)
    if request.method == "GET":
        return regions_page(request, exam, rows_of(exam.regions), seen=regions_seen(exam))
    rows, seen = rows_from(request.POST), request.POST.get("seen", "")
    act, _sign, what = request.POST.get("act", "save").partition("-")
    if act == "save":
        return save(request, exam, rows, seen)
    if act == "add":
        rows.append(blank_row(rows, shown_number(request, "page")))
    elif act == "delete":
        rows = [row for row in rows if row.key != what]
    return regions_page(request, exam, rows, seen=seen, is_changed=True, show=what)


def save(request: HttpRequest, exam: Exam, rows: list[Row], seen: str) -> HttpResponse:
    """Save rows without errors, or show what somebody else saved meanwhile."""
    if errors := errors_of(rows):
        return regions_page(
            request, exam, rows, seen=seen, errors=errors, status=422, is_changed=True
        )
    try:
        is_new = save_regions(exam, values_of(rows), by=request.user, seen=seen)
    except Conflict as error:
        theirs = exam_or_404(request, exam.pk)
        # Saving once more means that they have seen the other ones.
        return regions_page(
            request,
            theirs,
            rows,
            seen=regions_seen(theirs),
            conflict=str(error),
            status=409,
            is_changed=True,
        )
    tell_saved(request, exam, is_new=is_new)
    return redirect("exams:regions", pk=exam.pk)


def tell_saved(request: HttpRequest, exam: Exam, *, is_new: bool) -> None:
    """Say what is covered from now on, and which drafts were built before."""
    if not is_new:
        messages.info(request, _("Nothing was changed."))
        return
    count = len(exam.regions)
    if count:
        text = ngettext(
            "Saved: %(count)s place is covered from now on.",
            "Saved: %(count)s places are covered from now on.",
            count,
        )
        messages.success(request, text % {"count": count})
    else:
        messages.warning(request, _("Saved: nothing is covered from now on."))
    if drafts := drafts_of(exam):
        text = ngettext(
            "%(count)s draft was built before and cannot be sent any more: discard it and draft"
            " again.",
            "%(count)s drafts were built before and cannot be sent any more: discard them and"
            " draft again.",
            drafts,
        )
        messages.warning(request, text % {"count": drafts})


def drafts_of(exam: Exam) -> int:
    """How many drafts with pages of sheets in them wait to be sent."""
    jobs = BatchJob.objects.filter(
        run__budget=exam.budget, state__in=(JobState.DRAFT, JobState.REVIEW)
    )
    return jobs.exclude(run__purpose=READS_A_KEY).order_by().values("run").distinct().count()


def regions_page(
    request: HttpRequest,
    exam: Exam,
    rows: list[Row],
    *,
    seen: str,
    errors: Mapping[int, Mapping[str, list[str]]] | None = None,
    conflict: str = "",
    show: str = "",
    is_changed: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The page with these rows; to htmx that asks for another sheet or page, this part alone."""
    view = sheet_shown(request, exam, show)
    saved = rows_of(exam.regions) if conflict else []
    context = {
        "exam": exam,
        "view": view,
        "rows": [(row, (errors or {}).get(number, {})) for number, row in enumerate(rows)],
        "errors": list((errors or {}).items()),
        "blank": BLANK,
        "seen": seen,
        "conflict": conflict,
        "theirs": list(zip(saved, map(region_in_words, exam.regions), strict=False)),
        "boxes": boxes_on(rows, view["page"]),
        "their_boxes": boxes_on(saved, view["page"]),
        "is_changed": is_changed,
    }
    if request.htmx:
        return render(request, "exams/_regions_view.html", context, status=status)
    context["drafts"] = drafts_of(exam)
    return render(request, "exams/regions.html", context, status=status)


def boxes_on(rows: list[Row], page: int) -> list[dict[str, str]]:
    """Where rows are drawn on a page; one that lacks a number is not."""
    return [row.box for row in rows if row.box and row.page == str(page)]


def sheet_shown(request: HttpRequest, exam: Exam, show: str) -> dict[str, Any]:
    """The sheet and page under the boxes, and which others there are.

    `show` is the sheet's place and the page's number as the button has them, "2-1".
    """
    sheets = first_sheets(exam)
    sheet, _sign, number = show.partition("-")
    wanted = bounded(sheet if number else shown_number(request, "sheet"), len(sheets))
    page = bounded(number or shown_number(request, "page"), 10**6)
    numbers = sorted({one.number for pages in sheets for one in pages} | {page})
    found = (one for one in (sheets[wanted - 1] if sheets else ()) if one.number == page)
    return {
        "sheet": wanted,
        "sheets": len(sheets),
        "page": page,
        "numbers": numbers,
        "image": next(found, None),
        "before": wanted - 1,
        "after": wanted + 1 if wanted < len(sheets) else 0,
    }


def first_sheets(exam: Exam) -> list[list[Page]]:
    """The kept pages of the first few sheets that have any."""
    kept = Page.objects.filter(dropped_at__isnull=True)
    sheets = exam.sheets.filter(Exists(kept.filter(sheet=OuterRef("pk")))).order_by("name", "pk")
    pages = kept.filter(sheet__in=sheets.values("pk")[:SHEETS_SHOWN])
    ordered = pages.order_by("sheet__name", "sheet", "number")
    return [list(group) for _sheet, group in groupby(ordered, key=lambda page: page.sheet_id)]


def shown_number(request: HttpRequest, name: str) -> str:
    """A number of the address or of the form, as text."""
    return str((request.POST if request.method == "POST" else request.GET).get(name, ""))


def bounded(text: str, most: int) -> int:
    """The number that a text is, from 1 to `most`; 1 when it is none."""
    return max(1, min(int(text), most)) if text.isdecimal() and len(text) < 8 else 1
