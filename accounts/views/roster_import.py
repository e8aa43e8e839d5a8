"""The page that imports a roster: a file in, the class's students out, or a table of errors."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import queries
from accounts.first_passwords import gets_mail
from accounts.forms import RosterForm
from accounts.roles import teacher_required
from accounts.roster_files import RosterError
from accounts.roster_import import RosterReport
from accounts.roster_import import import_roster as import_roster_file
from accounts.views.classes import IMPORTED

SHOWN_ROWS = 200
SHOWN_MISSING = 10


@require_http_methods(["GET", "HEAD", "POST"])
@teacher_required
def roster_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Import a class's roster from a CSV file; with one error nothing is imported."""
    school_class = get_object_or_404(queries.classes_for(request.user), pk=pk)
    form = RosterForm(request.POST or None, request.FILES or None)
    context = {"school_class": school_class, "form": form}
    if request.method == "POST" and form.is_valid():
        try:
            report = import_roster_file(
                school_class, form.cleaned_data["file"].read(), by=request.user
            )
        except RosterError as error:
            return render(
                request, "accounts/roster_import.html", context | _findings(error), status=422
            )
        messages.success(request, _summary(report))
        if report.ignored:
            messages.info(request, _ignored(report.ignored))
        if report.missing:
            messages.info(request, _missing(report))
        by_hand = any(not gets_mail(student) for student in report.new_students)
        name = "accounts:class_links" if by_hand else "accounts:class_detail"
        return redirect(f"{reverse(name, args=[school_class.pk])}?{IMPORTED}")
    status = 422 if request.method == "POST" else 200
    return render(request, "accounts/roster_import.html", context, status=status)


def _findings(error: RosterError) -> dict[str, object]:
    """The errors of the whole file, and the rows that have errors of their own."""
    by_row: dict[int, list[str]] = {}
    for problem in error.problems:
        by_row.setdefault(problem.row, []).append(problem.text)
    rows = {row.number: row for row in error.roster.rows}
    numbers = [number for number in by_row if number]
    return {
        "file_problems": by_row.get(0, []),
        "faulty_rows": [
            {"number": number, "row": rows.get(number), "problems": by_row[number]}
            for number in numbers[:SHOWN_ROWS]
        ],
        "ignored": _ignored(error.roster.ignored) if error.roster.ignored else "",
        "problem_count": len(error.problems),
        "hidden_rows": max(0, len(numbers) - SHOWN_ROWS),
    }


def _summary(report: RosterReport) -> str:
    return _(
        "The roster is imported: %(created)s added, %(updated)s changed, %(unchanged)s as before."
    ) % {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
    }


def _ignored(columns: list[str]) -> str:
    return _("Columns that a roster does not need were ignored: %(columns)s.") % {
        "columns": ", ".join(columns)
    }


def _missing(report: RosterReport) -> str:
    numbers = [enrolment.roll_number for enrolment in report.missing]
    values = {
        "numbers": ", ".join(numbers[:SHOWN_MISSING]),
        "more": len(numbers) - SHOWN_MISSING,
    }
    if len(numbers) > SHOWN_MISSING:
        return (
            _(
                "In the class but not in the file, and left as they are: %(numbers)s and %(more)s"
                " more."
            )
            % values
        )
    return _("In the class but not in the file, and left as they are: %(numbers)s.") % values
