"""The rubric editor: one form, a row for each criterion, that works by its buttons alone.

Comes in: the rows as they stand in the form, and the button that was pressed. Goes out: the form
again with the rows moved, added or deleted (nothing is saved yet), advice on the wording (htmx),
or the next version; the same form with errors by row and field (422), or beside what somebody else
saved meanwhile (409). What was typed is in every answer.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams import rubric_rows
from exams.models import Exam, Rubric
from exams.rubric_diff import diff_rubrics
from exams.rubric_items import MAX_DEPTH, read_items
from exams.rubric_rows import Row
from exams.rubrics import current_rubric, items_of, save_rubric
from exams.views.exams import exam_or_404

KINDS = ("", "bonus", "penalty")
BLANK = Row("__key__")


@require_http_methods(["GET", "POST"])
@teacher_required
def rubric_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """The editor; POST with `act=save` saves, with another `act` it changes the form alone."""
    exam = exam_or_404(request, pk)
    if request.method == "GET":
        current = current_rubric(exam)
        rows = rubric_rows.rows_of(items_of(current)) if current else first_row()
        return editor(request, exam, rows, seen=current.content_hash if current else "")
    try:
        rows = rubric_rows.rows_from(
            {name: request.POST.getlist(name) for name in rubric_rows.LISTS}
        )
    except rubric_rows.UnreadableForm as error:
        messages.error(request, str(error))
        return redirect("exams:rubric_edit", pk=exam.pk)
    act, seen = request.POST.get("act", "save"), request.POST.get("seen", "")
    if act == "check":
        return checked(request, exam, rows)
    if act != "save":
        moved, key = rubric_rows.edit_rows(rows, act)
        return editor(request, exam, moved, seen=seen, go_on=key, is_changed=True)
    errors = rubric_rows.errors_of(rows)
    if errors:
        return editor(request, exam, rows, seen=seen, errors=errors, status=422, is_changed=True)
    return save(request, exam, rows, seen)


def save(request: HttpRequest, exam: Exam, rows: list[Row], seen: str) -> HttpResponse:
    """Save rows without errors, or show what somebody else saved meanwhile."""
    values, _paths = rubric_rows.values_of(rows)
    before = current_rubric(exam)
    try:
        saved = save_rubric(exam, values, by=request.user, seen=seen)
    except Conflict as error:
        current = current_rubric(exam)
        theirs = items_of(current) if current else ()
        return editor(
            request,
            exam,
            rows,
            # Saving once more means that they have seen the other one.
            seen=current.content_hash if current else "",
            status=409,
            is_changed=True,
            conflict={"text": str(error), "diff": diff_rubrics(theirs, read_items(values))},
        )
    tell_saved(request, before, saved)
    return redirect("exams:rubric", pk=exam.pk)


def checked(request: HttpRequest, exam: Exam, rows: list[Row]) -> HttpResponse:
    """The advice on every row as it is typed now: fragments for htmx, else the form."""
    if not request.htmx:
        seen = request.POST.get("seen", "")
        return editor(request, exam, rows, seen=seen, is_changed=True)
    return render(request, "exams/_rubric_advice_news.html", {"rows": rubric_rows.shown(rows)})


def editor(
    request: HttpRequest,
    exam: Exam,
    rows: list[Row],
    *,
    seen: str,
    errors: dict[int, dict[str, list[str]]] | None = None,
    conflict: dict[str, object] | None = None,
    go_on: str = "",
    is_changed: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The editor with these rows; `go_on` is the key of the row that was just moved or added."""
    found = rubric_rows.shown(rows, errors)
    context = {
        "exam": exam,
        "current": current_rubric(exam),
        "rows": found,
        "blank": BLANK,
        "total": rubric_rows.total_of_rows(rows),
        "seen": seen,
        "errors": problems(found, errors or {}),
        "conflict": conflict,
        "go_on": go_on,
        "is_changed": is_changed,
        "kinds": kind_choices(),
        "max_depth": MAX_DEPTH,
    }
    return render(request, "exams/rubric_edit.html", context, status=status)


def problems(rows: list[Row], errors: dict[int, dict[str, list[str]]]) -> list[dict[str, str]]:
    """Every error in one list on top, each with the row that it leads to."""
    return [
        {
            "key": rows[number].key if number >= 0 else "",
            "name": rows[number].name if number >= 0 else "",
            "text": text,
        }
        for number in sorted(errors)
        for texts in errors[number].values()
        for text in texts
    ]


def kind_choices() -> list[tuple[str, str]]:
    """The kinds of a criterion; what is in a bonus or penalty is of that kind by itself."""
    return list(zip(KINDS, (_("Normal"), _("Bonus, on top"), _("Penalty, taken off")), strict=True))


def first_row() -> list[Row]:
    """Where somebody begins who has no rubric yet."""
    return [Row("r0", code="Q1")]


def tell_saved(request: HttpRequest, before: Rubric | None, saved: Rubric) -> None:
    """Say which version it is now, and what that does to sheets that were graded before."""
    if before and before.content_hash == saved.content_hash:
        messages.info(request, _("Nothing was changed."))
        return
    messages.success(
        request, _("Version %(version)s of the rubric was saved.") % {"version": saved.version}
    )
    if before is None or before.pk == saved.pk:
        return
    if before.structure_hash == saved.structure_hash:
        text = _(
            "The wording changed, not which marks are possible: marks given by version "
            "%(version)s stay and are shown as given by an older rubric."
        )
        messages.info(request, text % {"version": before.version})
    else:
        text = _(
            "Other marks are possible now: sheets graded by version %(version)s keep their marks "
            "and are shown as graded by an older rubric. Grade them again where that matters."
        )
        messages.warning(request, text % {"version": before.version})
