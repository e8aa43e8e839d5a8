"""The report of an upload: what became of each file in it, followed to its end.

In: an upload with its counted lines. Out: one screen of lines, the worst first, and how many lines
came to which end. A file that was taken out of the archive has not arrived yet: its sheet may still
be read, may have failed, or may have been left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.core.paginator import Page as Screen
from django.core.paginator import Paginator
from django.db.models import Case, Count, IntegerField, OuterRef, Q, Value, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from exams.json_rows import counts_of, of_group
from exams.models import MemberOutcome, Page, SheetState, Upload, UploadMember
from exams.views.addresses import address

LINES_PER_SCREEN = 100
TAKEN = Q(outcome=MemberOutcome.ACCEPTED)
# Worst first. Whoever was taken in and has none of the ends before is read.
ENDS = {
    "failed": (_("Failed"), TAKEN & Q(sheet__state=SheetState.FAILED)),
    "refused": (MemberOutcome.REFUSED.label, Q(outcome=MemberOutcome.REFUSED)),
    "repeated": (MemberOutcome.REPEATED.label, Q(outcome=MemberOutcome.REPEATED)),
    "ignored": (MemberOutcome.IGNORED.label, Q(outcome=MemberOutcome.IGNORED)),
    "skipped": (_("left out"), TAKEN & Q(sheet__state=SheetState.SKIPPED)),
    "reading": (
        _("being read"),
        TAKEN
        & Q(sheet__state__in=(SheetState.PENDING_MAPPING, SheetState.MAPPED))
        & Q(sheet__inspected_at__isnull=True),
    ),
    "accepted": (pgettext_lazy("what became of a file", "Read"), TAKEN),
}
OF_SHEETS = ("failed", "skipped", "reading")
LINE_COUNTS = counts_of(
    UploadMember.objects.filter(upload=OuterRef("pk")),
    "upload",
    {name: condition for name, (_title, condition) in ENDS.items()},
)
PAGES = of_group(Page.objects.filter(sheet=OuterRef("sheet")), "sheet", Count("pk"))


class End(NamedTuple):
    """An end that lines of a report come to, and how many do."""

    name: str
    title: str | Promise
    count: int


def ends_of(upload: Upload) -> list[End]:
    """How many lines of an upload with its `line_counts` came to which end; the worst first."""
    counts = dict.fromkeys(ENDS, 0) | (upload.line_counts or {})
    counts["accepted"] -= sum(counts[name] for name in OF_SHEETS)
    return [End(name, title, counts[name]) for name, (title, _condition) in ENDS.items()]


def summary_context(upload: Upload, outcome: str | None) -> dict[str, Any]:
    """The counts of the report, and which of them is looked at."""
    ends = ends_of(upload)
    return {
        "outcome": outcome if outcome in ENDS else "",
        "outcomes": ends,
        "line_count": sum(end.count for end in ends),
    }


def report_context(upload: Upload, outcome: str | None, page: str | None) -> dict[str, Any]:
    """One screen of the report: the lines of the chosen end, or all with the worst first."""
    summary = summary_context(upload, outcome)
    chosen = summary["outcome"]
    ends = [When(condition, then=Value(n)) for n, (_title, condition) in enumerate(ENDS.values())]
    lines = upload.members.annotate(end=Case(*ends, output_field=IntegerField()))
    count = summary["line_count"]
    if chosen:
        lines = lines.filter(end=list(ENDS).index(chosen))
        count = next(end.count for end in summary["outcomes"] if end.name == chosen)
    paginator = Paginator(lines.order_by("end", "name", "pk"), LINES_PER_SCREEN)
    paginator.count = count
    screen: Screen = paginator.get_page(page)
    # All lines are put in order by little; what is shown of a sheet is fetched for these alone.
    shown = (
        UploadMember.objects.filter(pk__in=screen.object_list.values("pk"))
        .annotate(pages=PAGES, end=Case(*ends, output_field=IntegerField()))
        .select_related("sheet__enrolment", "sheet__suggested_enrolment")
        .order_by("end", "name", "pk")
        .only(
            "upload",
            "name",
            "outcome",
            "reason",
            "sheet__state",
            "sheet__problem",
            "sheet__rendered_at",
            "sheet__inspected_at",
            "sheet__suggested_at",
            "sheet__enrolment__roll_number",
            "sheet__suggested_enrolment__roll_number",
        )
    )
    screen.object_list = list(shown)
    for line in screen:
        line.end_name, (line.end_title, _condition) = list(ENDS.items())[line.end]
        line.to_sheet = address("sheet_pages", line.sheet_id) if line.sheet_id else ""
    return summary | {"screen": screen}
