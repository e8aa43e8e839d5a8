"""The pages of one sheet: turn, drop, restore and reorder them before it is graded.

In: a teacher's click on one page, or the sheet it belongs to. Out: the page grid again, alone for
htmx, else a redirect; after a page went to another sheet, with a way to undo that. The rules are
in exams/pages.py.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.roles import teacher_required
from exams import pages, queries
from exams.inspection import CHANGEABLE
from exams.models import Page, Sheet, SheetState
from exams.views.clicks import outcome_of

LOCKED_TEXTS = {
    SheetState.JSONL_READY: gettext_lazy(
        "This sheet stands in a draft run. Cancel the draft to change pages."
    ),
    SheetState.IN_BATCH: gettext_lazy(
        "This sheet is being graded. Its pages stay as they were sent."
    ),
    SheetState.FAILED: gettext_lazy(
        "This sheet failed. Retry it on the mapping page, then change its pages."
    ),
}
LOCKED_TEXT = gettext_lazy(
    "This sheet is graded. Its pages stay as they were when its marks were given."
)


@teacher_required
@require_safe
def sheet_pages(request: HttpRequest, pk: int) -> HttpResponse:
    """Every page of a sheet with its flags and what can be done with it."""
    sheet = get_object_or_404(sheets_with_names(request), pk=pk)
    given = request.GET.get("given", "")
    undo = undo_of(request, sheet, given, request.GET.get("at", "")) if given else {}
    return render(request, "exams/sheet_pages.html", grid_context(sheet) | undo)


@teacher_required
@require_POST
def page_turn(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Turn a page by a quarter, to the left or to the right."""
    quarters = {"left": -1, "right": 1}.get(request.POST.get("direction", ""))

    def turn(page: Page, *, by: User) -> None:
        if quarters is None:
            raise ValidationError(_("Say which way to turn the page: left or right."))
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
            raise ValidationError(_("Say where to move the page: a number from 1."))
        pages.move_page(page, to=int(to), by=by)

    return change(request, public_id, move)


@teacher_required
@require_POST
def page_give(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Give a page to another sheet, named by student, roll number or file; or take it back."""
    page = get_object_or_404(queries.pages_for(request.user), public_id=public_id)
    was, at = page.sheet_id, page.number
    is_undo = "undo" in request.POST

    def give() -> None:
        to = request.POST.get("to", "")
        place = int(to) if to.isdecimal() and len(to) < 5 else None
        pages.give_page(page, named_sheet(request, page), to=place, by=request.user)

    problem, status = outcome_of(give)
    page = get_object_or_404(queries.pages_for(request.user), public_id=public_id)
    # After an undo the teacher looks at the sheet to which the page came back.
    shown = page.sheet_id if is_undo else was
    if not request.htmx and not problem:
        address = reverse("exams:sheet_pages", args=[shown])
        asked = "" if is_undo or page.sheet_id == was else f"?given={page.public_id}&at={at}"
        return redirect(f"{address}{asked}")
    sheet = get_object_or_404(sheets_with_names(request), pk=shown)
    undo = {} if problem or is_undo else undo_of(request, sheet, str(public_id), str(at))
    template = "exams/_sheet_pages.html" if request.htmx else "exams/sheet_pages.html"
    context = grid_context(sheet) | undo | {"problem": problem, "problem_page": public_id}
    context |= {"typed": request.POST.get("sheet", "") if problem else ""}
    return render(request, template, context, status=status)


def named_sheet(request: HttpRequest, page: Page) -> Sheet:
    """The sheet of the same exam that the form names. Raises ValidationError for none or several.

    An undo names it by its key.
    """
    others = queries.sheets_for(request.user).filter(exam__sheets=page.sheet_id)
    key = request.POST.get("undo", "")
    if key.isdecimal() and len(key) < 19:
        return get_object_or_404(others, pk=int(key))
    typed = " ".join(request.POST.get("sheet", "").split()).casefold()
    if not typed:
        raise ValidationError(_("Type a roll number, a student or a file name first."))
    others = others.exclude(pk=page.sheet_id).select_related("enrolment__student")
    everyone = list(others)
    for name in (sheet_label, roll_number, student_name, lambda one: one.name):
        found = [one for one in everyone if name(one).casefold() == typed]
        if len(found) == 1:
            return found[0]
    found = [one for one in everyone if typed in sheet_label(one).casefold()]
    if len(found) == 1:
        return found[0]
    raise ValidationError(
        _("No single sheet is “%(typed)s”. Choose one from the list.")
        % {"typed": request.POST.get("sheet", "")[:100]}
    )


def roll_number(sheet: Sheet) -> str:
    return sheet.enrolment.roll_number if sheet.enrolment else ""


def student_name(sheet: Sheet) -> str:
    return sheet.enrolment.student.name if sheet.enrolment else ""


def sheet_label(sheet: Sheet) -> str:
    """How a sheet stands in the list of choices."""
    student = f"{sheet.enrolment.roll_number} {sheet.enrolment.student}" if sheet.enrolment else ""
    return f"{student} · {sheet.name}" if student else sheet.name


def undo_of(request: HttpRequest, sheet: Sheet, public_id: str, at: str) -> dict[str, object]:
    """What the page shows after one of its pages went elsewhere; nothing when it did not."""
    try:
        asked = UUID(public_id)
    except ValueError:
        return {}
    page = (
        queries.pages_for(request.user)
        .filter(public_id=asked, sheet__exam=sheet.exam_id)
        .exclude(sheet=sheet)
        .select_related("sheet__enrolment__student")
        .first()
    )
    if page is None:
        return {}
    return {
        "given": page,
        "given_at": at if at.isdecimal() else "",
        "given_label": sheet_label(page.sheet),
    }


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
    others = sheet.exam.sheets.filter(state__in=CHANGEABLE).exclude(pk=sheet.pk)
    others = others.select_related("enrolment__student").order_by("enrolment__roll_number", "name")
    return {
        "other_sheets": [sheet_label(one) for one in others] if is_editable else [],
        "sheet": sheet,
        "exam": sheet.exam,
        "pages": list(sheet.pages.order_by("number")),
        "is_editable": is_editable,
        "locked_text": "" if is_editable else LOCKED_TEXTS.get(sheet.state, LOCKED_TEXT),
    }
