"""The pages of one sheet: turn, drop, restore and reorder them before it is graded.

In: a teacher's click on one page. Out: the page grid again, alone for htmx, else a redirect.
The rules are in exams/pages.py.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.roles import teacher_required
from exams import pages, queries
from exams.inspection import CHANGEABLE
from exams.models import Page, Sheet, SheetState
from exams.views.clicks import outcome_of

LOCKED_TEXTS = {
    SheetState.JSONL_READY: "This sheet stands in a draft run. Cancel the draft to change pages.",
    SheetState.IN_BATCH: "This sheet is being graded. Its pages stay as they were sent.",
    SheetState.FAILED: "This sheet failed. Retry it on the mapping page, then change its pages.",
}
LOCKED_TEXT = "This sheet is graded. Its pages stay as they were when its marks were given."


@teacher_required
@require_safe
def sheet_pages(request: HttpRequest, pk: int) -> HttpResponse:
    """Every page of a sheet with its flags and what can be done with it."""
    sheet = get_object_or_404(sheets_with_names(request), pk=pk)
    return render(request, "exams/sheet_pages.html", grid_context(sheet))


@teacher_required
@require_POST
def page_turn(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Turn a page by a quarter, to the left or to the right."""
    quarters = {"left": -1, "right": 1}.get(request.POST.get("direction", ""))

    def turn(page: Page, *, by: User) -> None:
        if quarters is None:
            raise ValidationError("Say which way to turn the page: left or right.")
        pages.turn_page(page, quarter_turns=quarters, by=by)

    return change(request, public_id, turn)


@teacher_required
@require_POST
def page_drop(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Leave a page out of its sheet."""
    return change(request, public_id, pages.drop_page)


@teacher_required
@require_POST
def page_restore(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Take a dropped page in again."""
    return change(request, public_id, pages.restore_page)


@teacher_required
@require_POST
def page_move(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Move a page to another place in its sheet."""
    to = request.POST.get("to", "")

    def move(page: Page, *, by: User) -> None:
        if not to.isdecimal() or len(to) > 4:
            raise ValidationError("Say where to move the page: a number from 1.")
        pages.move_page(page, to=int(to), by=by)

    return change(request, public_id, move)


def change(request: HttpRequest, public_id: UUID, command: Callable[..., object]) -> HttpResponse:
    """Run a command on a visible page and show the grid as it is then."""
    page = get_object_or_404(queries.pages_for(request.user), public_id=public_id)
    problem, status = outcome_of(lambda: command(page, by=request.user))
    if not request.htmx and not problem:
        return redirect(
            f"{reverse('exams:sheet_pages', args=[page.sheet_id])}#page-{page.public_id}"
        )
    sheet = get_object_or_404(sheets_with_names(request), pk=page.sheet_id)
    template = "exams/_sheet_pages.html" if request.htmx else "exams/sheet_pages.html"
    context = grid_context(sheet) | {"problem": problem}
    return render(request, template, context, status=status)


def sheets_with_names(request: HttpRequest) -> QuerySet[Sheet]:
    return queries.sheets_for(request.user).select_related(
        "exam__school_class", "enrolment__student"
    )


def grid_context(sheet: Sheet) -> dict[str, object]:
    """What the page and its fragment show."""
    is_editable = sheet.state in CHANGEABLE
    return {
        "sheet": sheet,
        "exam": sheet.exam,
        "pages": list(sheet.pages.order_by("number")),
        "is_editable": is_editable,
        "locked_text": "" if is_editable else LOCKED_TEXTS.get(sheet.state, LOCKED_TEXT),
    }
