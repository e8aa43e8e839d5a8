"""The mapping page: whose sheet is whose, worst first, one click per sheet.

In: a teacher's choice for one sheet, or for all certain suggestions at once. Out: the sheet's
row again with the counts around it (htmx), else a redirect to where the teacher was. The rules
are in exams/mapping.py, what the page shows in exams/views/mapping_list.py.
"""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Enrolment, User
from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams import mapping as commands
from exams import queries
from exams.models import Exam, Sheet
from exams.views.clicks import outcome_of
from exams.views.mapping_list import (
    exam_shown,
    place,
    progress_context,
    row_context,
    screen_context,
)


@teacher_required
@require_safe
def mapping(request: HttpRequest, pk: int) -> HttpResponse:
    """The sheets of an exam by what is left to do, fifty at a time."""
    exam = exam_shown(request, pk)
    return render(request, "exams/mapping.html", screen_context(request, exam, request.GET))


@teacher_required
@require_POST
def map_certain(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm every certain suggestion of the exam."""
    exam = exam_shown(request, pk)
    try:
        count = commands.map_certain(exam, by=request.user, seen=request.POST.get("seen", ""))
    except Conflict as error:
        # Read again: what is certain now was worked out just now.
        exam = exam_shown(request, pk)
        context = screen_context(request, exam, request.POST, problem=(0, str(error)))
        return render(request, "exams/mapping.html", context, status=409)
    text = ngettext("%(count)s sheet was mapped.", "%(count)s sheets were mapped.", count)
    messages.success(request, text % {"count": count})
    return redirect("exams:mapping", pk=exam.pk)


@teacher_required
@require_safe
def mapping_progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far suggestions are, for polling, with the rows of `waiting` sheets that got theirs."""
    exam = exam_shown(request, pk)
    return render(request, "exams/_mapping_news.html", progress_context(request, exam))


@teacher_required
@require_POST
def retry_failed(request: HttpRequest, pk: int) -> HttpResponse:
    """Let every failed sheet of the exam go on where it stopped."""
    exam = exam_shown(request, pk)
    count = commands.retry_failed(exam, by=request.user)
    text = ngettext("%(count)s sheet is tried again.", "%(count)s sheets are tried again.", count)
    messages.success(request, text % {"count": count})
    return redirect("exams:mapping", pk=exam.pk)


@teacher_required
@require_POST
def sheet_map(request: HttpRequest, pk: int) -> HttpResponse:
    """Say whose sheet it is: the suggested student (`enrolment`) or one typed (`student`)."""

    def map_to_chosen(sheet: Sheet, *, by: User) -> None:
        commands.map_sheet(sheet, chosen_enrolment(sheet, request.POST), by=by)

    return act(request, pk, map_to_chosen)


@teacher_required
@require_POST
def sheet_unmap(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a mapping back."""
    return act(request, pk, commands.unmap_sheet)


@teacher_required
@require_POST
def sheet_skip(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave a sheet out of the exam."""
    return act(request, pk, commands.skip_sheet)


@teacher_required
@require_POST
def sheet_unskip(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a skipped sheet in again."""
    return act(request, pk, commands.unskip_sheet)


@teacher_required
@require_POST
def sheet_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a failed sheet go on where it stopped."""
    return act(request, pk, commands.retry_sheet)


# -- acting on one sheet ------------------------------------------------------------------


def act(request: HttpRequest, pk: int, command: Callable[..., object]) -> HttpResponse:
    """Run a command on a visible sheet; answer with its row, or the way back to the list."""
    sheet = get_object_or_404(queries.sheets_for(request.user), pk=pk)

    @transaction.atomic
    def decide() -> None:
        refuse_unseen(sheet, request.POST)
        command(sheet, by=request.user)

    problem, status = outcome_of(decide)
    if not request.htmx and not problem:
        return redirect(way_back(sheet, request.POST))
    exam = exam_shown(request, sheet.exam_id)
    if request.htmx:
        template, context = "exams/_mapping_answer.html", row_context(request, exam, pk, problem)
    else:
        template = "exams/mapping.html"
        context = screen_context(request, exam, request.POST, problem=(pk, problem))
    return render(request, template, context, status=status)


def refuse_unseen(sheet: Sheet, data: QueryDict) -> None:
    """Raise Conflict when the sheet has an owner by now whom the teacher's page did not show.

    A row's forms say in `seen` who owned the sheet. The exam is locked first, as the commands do.
    """
    Exam.objects.select_for_update(no_key=True).get(pk=sheet.exam_id)
    # Never refresh_from_db: it lifts the state's protection for every thread.
    sheet = Sheet.objects.get(pk=sheet.pk)
    expected = ("", data.get("seen"), data.get("enrolment"))
    if "seen" in data and str(sheet.enrolment_id or "") not in expected:
        raise Conflict(
            _("Somebody gave this sheet to %(student)s meanwhile. Nothing changed.")
            % {"student": sheet.enrolment}
        )


def chosen_enrolment(sheet: Sheet, data: QueryDict) -> Enrolment:
    """The student of the sheet's class whom the form names, by id or by roll number and name.

    Raises ValidationError when nobody, or more than one student, is meant.
    """
    students = Enrolment.objects.filter(school_class=sheet.exam.school_class_id)
    chosen = data.get("enrolment", "")
    if chosen.isdecimal():
        found = students.filter(pk=int(chosen)).first() if len(chosen) < 19 else None
        if found is None:
            raise ValidationError(
                _("This student is not in the class any more. Load the page again.")
            )
        return found
    typed = " ".join(data.get("student", "").split())
    if not typed:
        raise ValidationError(_("Type a roll number or choose a student from the list first."))
    wanted = typed.casefold()
    everyone = list(students.select_related("student"))
    for key in (label, lambda one: one.roll_number, lambda one: one.student.name):
        named = [one for one in everyone if key(one).casefold() == wanted]
        if len(named) == 1:
            return named[0]
    raise ValidationError(
        _(
            "No single student of %(class)s is “%(typed)s”. Type the roll number, or choose"
            " from the list."
        )
        % {"class": sheet.exam.school_class, "typed": typed}
    )


def label(enrolment: Enrolment) -> str:
    """How a student stands in the list of choices."""
    return f"{enrolment.roll_number} {enrolment.student}"


def way_back(sheet: Sheet, data: QueryDict) -> str:
    """Where the teacher was: the sheet's place in the list, its pages, or its upload."""
    if data.get("back") == "upload":
        return reverse("exams:upload_detail", args=[sheet.upload_id])
    return f"{reverse('exams:mapping', args=[sheet.exam_id])}?{urlencode(place(data))}"
