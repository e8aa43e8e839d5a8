"""The publish page: what stands in the way, the button, and the way back.

Comes in: a teacher's click with the fingerprint of the page. Goes out: the page again with
422 (not ready) or 409 (something changed), or a redirect after it was done.
"""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.roles import teacher_required
from batching.conflicts import Conflict
from exams.models import Exam, Sheet
from exams.views.clicks import outcome_of
from exams.views.exams import exam_or_404
from grading import appeals, queries, review_blind, review_flags
from grading import publish as publishing
from grading.forms import ReasonForm
from grading.publish_changes import since_last_publication
from grading.views.results import previewed
from grading.views.review import render_sheet
from grading.views.review_desk import called

SHOWN = 10
CHANGES_SHOWN = 100


@require_http_methods(["GET", "POST"])
@teacher_required
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what publishing would do; POST does it."""
    exam = exam_or_404(request, pk)
    if request.method == "GET":
        return _render(request, exam)
    try:
        published = publishing.publish_exam(
            exam, fingerprint=request.POST.get("fingerprint", ""), by=request.user
        )
    except publishing.NotReady as error:
        return _render(request, exam, problems=error.messages, status=422)
    except Conflict as error:
        return _render(request, exam, problems=[str(error)], status=409)
    messages.success(
        request,
        ngettext(
            "Published %(n)d sheet. The student was told.",
            "Published %(n)d sheets. The students were told.",
            published,
        )
        % {"n": published},
    )
    return redirect("grading:publish", pk=exam.pk)


@require_GET
@teacher_required
def publish_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to the preview of a student's result: the one with `?roll=`, else the first."""
    exam = exam_or_404(request, pk)
    roll = request.GET.get("roll", "").strip()
    sheets = [one for one in previewed(exam, request.user) if not roll or _has_roll(one, roll)]
    if roll and sheets and sheets[0].code:
        text = _(
            "The sheet with the roll number %(roll)s is reviewed without its name. Approve it"
            " first, or show its name where you review it."
        ) % {"roll": roll}
    elif sheets:
        return redirect("grading:sheet_preview", pk=sheets[0].pk)
    elif roll:
        text = _("There is no graded sheet with the roll number %(roll)s.") % {"roll": roll}
    else:
        text = _("There is no graded sheet to look at yet.")
    messages.info(request, text)
    return redirect("grading:publish", pk=exam.pk)


def _has_roll(sheet: Sheet, roll: str) -> bool:
    return bool(sheet.enrolment) and sheet.enrolment.roll_number.casefold() == roll.casefold()


@require_POST
@teacher_required
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Hide a whole exam's marks from its students again."""
    exam = exam_or_404(request, pk)
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            hidden = publishing.take_back(exam, by=request.user, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            form.add_error(None, error)
        except Conflict as error:
            return _render(request, exam, problems=[str(error)], status=409)
        else:
            messages.success(
                request,
                ngettext(
                    "Took %(n)d sheet back. Its student sees nothing now.",
                    "Took %(n)d sheets back. Students see nothing now.",
                    hidden,
                )
                % {"n": hidden},
            )
            return redirect("grading:publish", pk=exam.pk)
    return _render(request, exam, form=form, status=422)


@require_POST
@teacher_required
def sheet_take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Hide one sheet's marks from its student again."""
    sheet = get_object_or_404(queries.results_for(request.user), pk=pk)
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    problem, status = outcome_of(
        lambda: publishing.take_back_sheet(sheet, by=request.user, reason=reason)
    )
    if problem:
        return render_sheet(request, pk, problem=problem, status=status)
    messages.success(
        request,
        _("%(name)s was taken back and can be changed.") % {"name": called(sheet, request.user)},
    )
    return redirect("grading:review_sheet", pk=sheet.pk)


def _render(
    request: HttpRequest,
    exam: Exam,
    *,
    problems: list[str] | None = None,
    form: ReasonForm | None = None,
    status: int = 200,
) -> HttpResponse:
    now = publishing.publication_state(exam)
    sheets = publishing.blocking_sheets(exam, request.user) if now.blockers else []
    absent = list(publishing.without_sheet(exam)[: SHOWN + 1]) if now.ready else []
    since = since_last_publication(exam)
    changes = since.changes if since else ()
    codes = review_blind.codes_of((one.sheet for one in changes), request.user) if changes else {}
    told = [(one, codes.get(one.sheet, "")) for one in changes]
    context = {
        "exam": exam,
        "now": now,
        "blockers": [
            (blocker, [one for one in sheets if one.state == blocker.state][:SHOWN])
            for blocker in now.blockers
        ],
        "absent": absent[:SHOWN],
        "more_absent": len(absent) > SHOWN,
        "since": since,
        "changes": sorted(told, key=lambda one: one[1])[:CHANGES_SHOWN],
        "appeals": appeals.waiting_in(exam).count(),
        "appeals_url": queries.list_url(exam.pk, "appealed"),
        "flagged": review_flags.flagged_sheets(exam),
        "flagged_url": queries.list_url(exam.pk, "flagged"),
        "problems": problems or [],
        "notices": queries.notices_on(exam),
        "form": form or ReasonForm(),
    }
    return render(request, "grading/publish.html", context, status=status)
