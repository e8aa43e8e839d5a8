"""What the mapping page shows: one screen of sheets, worst first, and what stands around it.

In: an exam, and which tab and screen are asked for. Out: values for the templates, in two queries
however many sheets there are: the exam with all that stands around its sheets, and the sheets with
their pages. What a click does is in exams/views/mapping.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.core.paginator import Page as Screen
from django.core.paginator import Paginator
from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.http import HttpRequest, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Enrolment
from exams import queries
from exams.json_rows import Rows, counts_of, of_group
from exams.models import Exam, Page, Sheet, SheetState
from exams.suggestion_words import told_suggestion
from exams.suggestions import certain_hash, certain_sheets, roster_hash
from exams.views.addresses import address
from exams.views.mapping_labels import labeller

ROWS_PER_SCREEN = 50
ASIDE = (SheetState.PENDING_MAPPING, SheetState.SKIPPED, SheetState.FAILED)
TABS = {
    "open": (_("To map"), Q(state=SheetState.PENDING_MAPPING)),
    "mapped": (_("Mapped"), ~Q(state__in=ASIDE)),
    "skipped": (_("Skipped"), Q(state=SheetState.SKIPPED)),
    "failed": (_("Failed"), Q(state=SheetState.FAILED)),
}
SHEET_LINKS = ("map", "unmap", "skip", "unskip", "retry", "pages")
PAGE_LINKS = ("image", "thumbnail")
BEING_READ = Q(state=SheetState.PENDING_MAPPING, inspected_at__isnull=True)
UNSUGGESTED = Q(
    state=SheetState.PENDING_MAPPING, inspected_at__isnull=False, suggested_at__isnull=True
)


COUNTED = {name: condition for name, (_title, condition) in TABS.items()} | {
    "being_read": BEING_READ,
    "unsuggested": UNSUGGESTED,
}


class FreeStudent(NamedTuple):
    """A student of the class who has no sheet in the exam."""

    pk: int
    roll_number: str
    name: str


class PageFacts(NamedTuple):
    """What a row tells of one page; the id as the database writes it in JSON."""

    number: int
    public_id: str
    thumbnail_sha256: str
    is_blank: bool
    is_faint: bool
    turned: int


SHEET_COUNTS = counts_of(Sheet.objects.filter(exam=OuterRef("pk")), "exam", COUNTED)
STUDENTS = of_group(
    Enrolment.objects.filter(school_class=OuterRef("school_class")),
    "school_class",
    Rows(
        "pk",
        "roll_number",
        "student__name",
        Exists(
            Sheet.objects.exclude(state=SheetState.SKIPPED).filter(
                exam=OuterRef(OuterRef("pk")), enrolment=OuterRef("pk")
            )
        ),
    ),
)
CERTAIN = of_group(certain_sheets(OuterRef("pk")), "exam", Rows("pk", "suggested_enrolment"))
KEPT_PAGES = of_group(
    Page.objects.filter(sheet=OuterRef("pk"), dropped_at__isnull=True),
    "sheet",
    Rows(*PageFacts._fields),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One sheet as the list shows it."""

    sheet: Sheet
    pages: list[PageFacts]
    to: dict[str, str]
    say: dict[str, str]
    is_suggestion_free: bool
    is_outdated: bool = False
    problem: str = ""
    typed: str = ""

    @property
    def suggestion_reason(self) -> str:
        return told_suggestion(self.sheet.suggestion_reason)

    @property
    def is_waiting(self) -> bool:
        """Whether a suggestion is still to come, or was made for another class list."""
        if self.sheet.state != SheetState.PENDING_MAPPING:
            return False
        is_made = self.sheet.inspected_at and self.sheet.suggested_at
        return self.is_outdated or not (is_made or self.sheet.suggested_enrolment_id)

    @property
    def is_choosable(self) -> bool:
        """Whether a person may say whose it is."""
        return self.sheet.state in (SheetState.PENDING_MAPPING, SheetState.MAPPED)

    @property
    def is_confirmable(self) -> bool:
        """Whether the suggested student can be taken as they stand."""
        is_suggested = self.sheet.state == SheetState.PENDING_MAPPING and self.is_suggestion_free
        return is_suggested and not self.is_waiting

    @property
    def first_page(self) -> PageFacts | None:
        return self.pages[0] if self.pages else None

    @property
    def has_name(self) -> bool:
        return bool(self.sheet.enrolment_id or self.sheet.suggested_enrolment_id)

    @property
    def pk(self) -> str:
        """As text: a number is written by the rules of the language first."""
        return str(self.sheet.pk)

    @property
    def seen(self) -> str:
        return str(self.sheet.enrolment_id or "")

    @property
    def suggested(self) -> str:
        return str(self.sheet.suggested_enrolment_id or "")

    @property
    def pages_text(self) -> str:
        count = len(self.pages)
        return ngettext("%(count)s page", "%(count)s pages", count) % {"count": count}

    @property
    def flags(self) -> list[str]:
        """What was noticed about its pages, such as "1 blank"."""
        blank = sum(page.is_blank for page in self.pages)
        faint = sum(page.is_faint for page in self.pages)
        turned = sum(page.turned > 0 for page in self.pages)
        texts = (
            (blank, ngettext("%(count)s blank", "%(count)s blank", blank)),
            (faint, ngettext("%(count)s faint", "%(count)s faint", faint)),
            (turned, ngettext("%(count)s turned upright", "%(count)s turned upright", turned)),
        )
        return [text % {"count": count} for count, text in texts if count]


def exam_shown(request: HttpRequest, pk: int) -> Exam:
    """An exam the person may see, with its class and what the page tells of all its sheets.

    `counts` by the names of COUNTED, the `students` of the class, and the `certain` pairs of sheet
    and student; each None where there are none. Raises Http404.
    """
    exams = queries.exams_for(request.user).select_related("school_class")
    shown = exams.annotate(counts=SHEET_COUNTS, students=STUDENTS, certain=CERTAIN)
    return get_object_or_404(shown, pk=pk)


def tab_of(data: QueryDict) -> str:
    tab = data.get("tab", "")
    return tab if tab in TABS else "open"


def screen_context(
    request: HttpRequest, exam: Exam, data: QueryDict, *, problem: tuple[int, str] = (0, "")
) -> dict[str, Any]:
    """The chosen tab's screen of rows and what stands around it."""
    context = summary_context(exam, data)
    tab, sought = context["tab"], context["sought"]
    sheets = found(ordered(exam.sheets.filter(TABS[tab][1]), tab), sought)
    count = sheets.count() if sought else context["tab_counts"][tab]
    screen = screen_of(as_shown(sheets), count, data.get("page"))
    pk, text = problem
    rows = rows_of(list(screen.object_list), context, {pk: text}, data)
    # A sheet that has left this tab since the page was shown still gets its message said.
    loose = text if text and all(row.sheet.pk != pk for row in rows) else ""
    return context | {
        "screen": screen,
        "rows": rows,
        "loose_problem": loose,
        "hidden": hidden_inputs(request, context, str(screen.number)),
    }


def row_context(request: HttpRequest, exam: Exam, pk: int, problem: str) -> dict[str, Any]:
    """One row as it is now, and the counts around it."""
    data = request.POST
    context = summary_context(exam, data)
    sheets = list(as_shown(exam.sheets.filter(pk=pk)))
    return context | {
        "rows": rows_of(sheets, context, {pk: problem}, data),
        "hidden": hidden_inputs(request, context, data.get("page", "1")),
    }


def progress_context(request: HttpRequest, exam: Exam) -> dict[str, Any]:
    """How far suggestions are, and those rows that waited on the page and wait no longer."""
    data = request.GET
    context = summary_context(exam, data)
    waiting = data.getlist("waiting")[:ROWS_PER_SCREEN]
    asked = [int(pk) for pk in waiting if pk.isdecimal() and len(pk) < 19]
    rows = rows_of(list(as_shown(exam.sheets.filter(pk__in=asked))), context, {}, data)
    return context | {
        "rows": [row for row in rows if not row.is_waiting],
        "hidden": hidden_inputs(request, context, data.get("page", "1")),
    }


def rows_of(
    sheets: list[Sheet], context: dict[str, Any], problems: dict[int, str], data: QueryDict
) -> list[Row]:
    """The sheets with their pages, and with what went wrong with one of them just now."""
    pages = {sheet.pk: sorted(map(PageFacts._make, sheet.kept_pages or ())) for sheet in sheets}
    free = {one.pk for one in context["free_students"]}
    labels_for = labeller()
    return [
        Row(
            sheet,
            pages[sheet.pk],
            addresses_of(sheet, pages[sheet.pk]),
            labels_for(sheet.name),
            is_suggestion_free=sheet.suggested_enrolment_id in free,
            is_outdated=context["is_outdated"],
            problem=problems.get(sheet.pk, ""),
            typed=data.get("student", "") if problems.get(sheet.pk) else "",
        )
        for sheet in sheets
    ]


def addresses_of(sheet: Sheet, pages: list[PageFacts]) -> dict[str, str]:
    """Where the links and buttons of a row lead, by a short name."""
    to = {name: address(f"sheet_{name}", sheet.pk) for name in SHEET_LINKS}
    if pages:
        to |= {name: address(f"page_{name}", UUID(pages[0].public_id)) for name in PAGE_LINKS}
    return to


def hidden_inputs(request: HttpRequest, context: dict[str, Any], page: str) -> SafeString:
    """What every form of a row carries: its token, and where the teacher is."""
    return format_html(
        '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        '<input type="hidden" name="tab" value="{}"><input type="hidden" name="page" value="{}">'
        '<input type="hidden" name="q" value="{}"><input type="hidden" name="view" value="{}">',
        get_token(request),
        context["tab"],
        page,
        context["sought"],
        "grid" if context["is_grid"] else "",
    )


def place(data: QueryDict) -> dict[str, str]:
    """Where a form or link says that the teacher is in the list."""
    sought = {"q": sought_in(data)} if sought_in(data) else {}
    view = {"view": "grid"} if is_grid(data) else {}
    return {"tab": tab_of(data)} | sought | view | {"page": data.get("page", "1")}


def is_grid(data: QueryDict) -> bool:
    """Whether whole first pages are shown side by side, rather than their heads in a list."""
    return data.get("view") == "grid"


def sought_in(data: QueryDict) -> str:
    return " ".join(data.get("q", "").replace("\x00", "").split())[:100]


def summary_context(exam: Exam, data: QueryDict) -> dict[str, Any]:
    """Counts of every tab, the students without a sheet, and what can be confirmed at once.

    Suggestions for another class list than today's are `is_outdated`: none can be confirmed.
    """
    students = exam.students or []
    free = [FreeStudent(*student) for *student, has_sheet in students if not has_sheet]
    here = place(data)
    is_outdated = exam.roster_hash != roster_hash(tuple(student[:3]) for student in students)
    counts = exam.counts or dict.fromkeys(COUNTED, 0)
    certain = [] if is_outdated else exam.certain or []
    being_read = counts["being_read"]
    return {
        "exam": exam,
        "tab": here["tab"],
        "sought": here.get("q", ""),
        "is_grid": is_grid(data),
        "place": urlencode(here),
        "other_pages": "&" + urlencode(here | {"page": ""}).removesuffix("&page="),
        "tabs": [(name, title, counts[name]) for name, (title, _) in TABS.items()],
        "tab_counts": counts,
        "sheet_count": sum(counts[name] for name in TABS),
        "certain_count": len(certain),
        "certain_hash": certain_hash(map(tuple, certain)),
        "being_read_count": being_read,
        "read_count": counts["open"] - being_read,
        "is_outdated": is_outdated,
        "is_working": bool(counts["open"])
        and (is_outdated or bool(being_read or counts["unsuggested"])),
        "free_students": sorted(free, key=attrgetter("roll_number")),
    }


def found(sheets: QuerySet[Sheet], sought: str) -> QuerySet[Sheet]:
    """Those sheets of which the student's roll number or name, or their own name, says so."""
    for word in sought.split():
        sheets = sheets.filter(
            Q(enrolment__roll_number__icontains=word)
            | Q(enrolment__student__name__icontains=word)
            | Q(name__icontains=word)
        )
    return sheets


def ordered(sheets: QuerySet[Sheet], tab: str) -> QuerySet[Sheet]:
    """Worst first where something is to be done: no suggestion, a doubtful one, a certain one."""
    if tab == "mapped":
        return sheets.order_by("enrolment__roll_number", "pk")
    if tab != "open":
        return sheets.order_by("name", "pk")
    rank = Case(
        When(inspected_at__isnull=True, then=Value(3)),
        When(suggested_enrolment__isnull=True, then=Value(0)),
        When(suggestion_certain=True, then=Value(2)),
        default=Value(1),
        output_field=IntegerField(),
    )
    return sheets.order_by(rank, "name", "pk")


def as_shown(sheets: QuerySet[Sheet]) -> QuerySet[Sheet]:
    """Sheets with their `kept_pages` and the students they name, and no more than a row shows."""
    return sheets.annotate(
        kept_pages=KEPT_PAGES,
        student_roll=F("enrolment__roll_number"),
        student_name=F("enrolment__student__name"),
        suggested_roll=F("suggested_enrolment__roll_number"),
        suggested_name=F("suggested_enrolment__student__name"),
    ).only(
        "exam_id",
        "name",
        "state",
        "problem",
        "enrolment",
        "rendered_at",
        "inspected_at",
        "suggested_at",
        "suggested_enrolment",
        "suggestion_certain",
        "suggestion_reason",
    )


def screen_of(sheets: Iterable[Sheet], count: int, number: str | None) -> Screen:
    """One screen of rows; the count is known from the tabs already."""
    paginator = Paginator(sheets, ROWS_PER_SCREEN)
    paginator.count = count
    return paginator.get_page(number)
