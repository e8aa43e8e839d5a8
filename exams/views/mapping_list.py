"""What the mapping page shows: one screen of sheets, worst first, and what stands around it.

In: an exam, and which tab and screen are asked for. Out: values for the templates, in a fixed
number of queries however many sheets there are. What a click does is in exams/views/mapping.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.core.paginator import Page as Screen
from django.core.paginator import Paginator
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.http import HttpRequest, QueryDict
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from accounts.models import Enrolment
from exams.models import Exam, Page, Sheet, SheetState
from exams.suggestions import certain_hash, certain_sheets, roster_hash

ROWS_PER_SCREEN = 50
ASIDE = (SheetState.PENDING_MAPPING, SheetState.SKIPPED, SheetState.FAILED)
TABS = {
    "open": ("To map", Q(state=SheetState.PENDING_MAPPING)),
    "mapped": ("Mapped", ~Q(state__in=ASIDE)),
    "skipped": ("Skipped", Q(state=SheetState.SKIPPED)),
    "failed": ("Failed", Q(state=SheetState.FAILED)),
}
SHEET_LINKS = ("map", "unmap", "skip", "unskip", "retry", "pages")
PAGE_LINKS = ("image", "thumbnail")
BEING_READ = Q(state=SheetState.PENDING_MAPPING, inspected_at__isnull=True)
UNSUGGESTED = Q(
    state=SheetState.PENDING_MAPPING, inspected_at__isnull=False, suggested_at__isnull=True
)


class FreeStudent(NamedTuple):
    """A student of the class who has no sheet in the exam."""

    pk: int
    roll_number: str
    name: str


class PageFacts(NamedTuple):
    """What a row tells of one page."""

    sheet_id: int
    public_id: UUID
    thumbnail_sha256: str
    is_blank: bool
    is_faint: bool
    turned: int


@dataclass(frozen=True, slots=True)
class Row:
    """One sheet as the list shows it."""

    sheet: Sheet
    pages: list[PageFacts]
    to: dict[str, str]
    is_suggestion_free: bool
    is_outdated: bool = False
    problem: str = ""
    typed: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether a suggestion is still to come, or was made for another class list."""
        if self.sheet.state != SheetState.PENDING_MAPPING:
            return False
        is_made = self.sheet.inspected_at and self.sheet.suggested_at
        return self.is_outdated or not (is_made or self.sheet.suggested_enrolment_id)

    @property
    def first_page(self) -> PageFacts | None:
        return self.pages[0] if self.pages else None

    @property
    def has_name(self) -> bool:
        return bool(self.sheet.enrolment_id or self.sheet.suggested_enrolment_id)

    @property
    def seen(self) -> str:
        return str(self.sheet.enrolment_id or "")

    @property
    def pages_text(self) -> str:
        return f"{len(self.pages)} page{'' if len(self.pages) == 1 else 's'}"

    @property
    def flags(self) -> list[str]:
        """What was noticed about its pages, such as "1 blank"."""
        counts = {
            "blank": sum(page.is_blank for page in self.pages),
            "faint": sum(page.is_faint for page in self.pages),
            "turned upright": sum(page.turned > 0 for page in self.pages),
        }
        return [f"{count} {flag}" for flag, count in counts.items() if count]


def tab_of(data: QueryDict) -> str:
    tab = data.get("tab", "")
    return tab if tab in TABS else "open"


def screen_context(
    request: HttpRequest, exam: Exam, data: QueryDict, *, problem: tuple[int, str] = (0, "")
) -> dict[str, Any]:
    """The chosen tab's screen of rows and what stands around it; a fixed number of queries."""
    context = summary_context(exam, data)
    tab, sought = context["tab"], context["sought"]
    sheets = found(ordered(exam.sheets.filter(TABS[tab][1]), tab), sought)
    count = sheets.count() if sought else context["tab_counts"][tab]
    screen = screen_of(with_people(sheets), count, data.get("page"))
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
    sheets = list(with_people(exam.sheets.filter(pk=pk)))
    [row] = rows_of(sheets, context, {pk: problem}, data)
    return context | {
        "row": row,
        "hidden": hidden_inputs(request, context, data.get("page", "1")),
    }


def progress_context(request: HttpRequest, exam: Exam) -> dict[str, Any]:
    """How far suggestions are, and those rows that waited on the page and wait no longer."""
    data = request.GET
    context = summary_context(exam, data)
    asked = [int(pk) for pk in data.getlist("waiting")[:ROWS_PER_SCREEN] if pk.isdecimal()]
    rows = rows_of(list(with_people(exam.sheets.filter(pk__in=asked))), context, {}, data)
    return context | {
        "rows": [row for row in rows if not row.is_waiting],
        "hidden": hidden_inputs(request, context, data.get("page", "1")),
    }


def rows_of(
    sheets: list[Sheet], context: dict[str, Any], problems: dict[int, str], data: QueryDict
) -> list[Row]:
    """The sheets with their pages, and with what went wrong with one of them just now."""
    pages: dict[int, list[PageFacts]] = {sheet.pk: [] for sheet in sheets}
    kept = Page.objects.filter(sheet__in=list(pages), dropped_at__isnull=True).order_by("number")
    for facts in map(PageFacts._make, kept.values_list(*PageFacts._fields)):
        pages[facts.sheet_id].append(facts)
    free = {one.pk for one in context["free_students"]}
    return [
        Row(
            sheet,
            pages[sheet.pk],
            addresses_of(sheet, pages[sheet.pk]),
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
        to |= {name: address(f"page_{name}", pages[0].public_id) for name in PAGE_LINKS}
    return to


def address(name: str, key: int | UUID) -> str:
    """What `reverse` gives; asking it for every link was a third of the page's time."""
    before, after = address_parts(name, UUID(int=0) if isinstance(key, UUID) else 0)
    return f"{before}{key}{after}"


@cache
def address_parts(name: str, sample: int | UUID) -> tuple[str, str]:
    """The address of a thing, before and after its key."""
    before, _, after = reverse(f"exams:{name}", args=[sample]).rpartition(str(sample))
    return before, after


def hidden_inputs(request: HttpRequest, context: dict[str, Any], page: str) -> SafeString:
    """What every form of a row carries: its token, and where the teacher is."""
    return format_html(
        '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        '<input type="hidden" name="tab" value="{}"><input type="hidden" name="page" value="{}">'
        '<input type="hidden" name="q" value="{}">',
        get_token(request),
        context["tab"],
        page,
        context["sought"],
    )


def place(data: QueryDict) -> dict[str, str]:
    """Where a form or link says that the teacher is in the list."""
    sought = {"q": sought_in(data)} if sought_in(data) else {}
    return {"tab": tab_of(data)} | sought | {"page": data.get("page", "1")}


def sought_in(data: QueryDict) -> str:
    return " ".join(data.get("q", "").split())[:100]


def summary_context(exam: Exam, data: QueryDict) -> dict[str, Any]:
    """Counts of every tab, the students without a sheet, and what can be confirmed at once.

    Suggestions for another class list than today's are `is_outdated`: none can be confirmed.
    """
    students = students_of(exam)
    here = place(data)
    is_outdated = exam.roster_hash != roster_hash(student[:3] for student in students)
    counts = exam.sheets.aggregate(
        **{name: Count("pk", filter=condition) for name, (_, condition) in TABS.items()},
        being_read=Count("pk", filter=BEING_READ),
        unsuggested=Count("pk", filter=UNSUGGESTED),
    )
    certain = [] if is_outdated else list(certain_pairs(exam))
    being_read = counts["being_read"]
    return {
        "exam": exam,
        "tab": here["tab"],
        "sought": here.get("q", ""),
        "place": urlencode(here),
        "other_pages": "&" + urlencode(here | {"page": ""}).removesuffix("&page="),
        "tabs": [(name, title, counts[name]) for name, (title, _) in TABS.items()],
        "tab_counts": counts,
        "sheet_count": sum(counts[name] for name in TABS),
        "certain_count": len(certain),
        "certain_hash": certain_hash(certain),
        "being_read_count": being_read,
        "read_count": counts["open"] - being_read,
        "is_outdated": is_outdated,
        "is_working": bool(counts["open"])
        and (is_outdated or bool(being_read or counts["unsuggested"])),
        "free_students": [
            FreeStudent(*student) for *student, has_sheet in students if not has_sheet
        ],
    }


def certain_pairs(exam: Exam) -> QuerySet[Sheet, tuple[int, int]]:
    return certain_sheets(exam).values_list("pk", "suggested_enrolment")


def students_of(exam: Exam) -> list[tuple[int, str, str, bool]]:
    """(id, roll number, name, has a sheet) of the students of the class, by roll number."""
    taken = exam.sheets.exclude(state=SheetState.SKIPPED).filter(enrolment=OuterRef("pk"))
    students = Enrolment.objects.filter(school_class=exam.school_class_id).order_by("roll_number")
    return list(students.values_list("pk", "roll_number", "student__name", Exists(taken)))


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


def with_people(sheets: QuerySet[Sheet]) -> QuerySet[Sheet]:
    """Sheets with the students they name, and no more of each than a row shows."""
    return sheets.select_related("enrolment__student", "suggested_enrolment__student").only(
        "exam_id",
        "name",
        "state",
        "problem",
        "rendered_at",
        "inspected_at",
        "suggested_at",
        "suggestion_certain",
        "suggestion_reason",
        *(
            f"{student}__{field}"
            for student in ("enrolment", "suggested_enrolment")
            for field in ("roll_number", "student__name")
        ),
    )


def screen_of(sheets: Iterable[Sheet], count: int, number: str | None) -> Screen:
    """One screen of rows; the count is known from the tabs already."""
    paginator = Paginator(sheets, ROWS_PER_SCREEN)
    paginator.count = count
    return paginator.get_page(number)
