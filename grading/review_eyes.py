"""What needs a teacher's eyes: why a sheet is looked at first, and which lists there are.

Comes in: the sheets of an exam, and the teacher. Goes out: querysets with reasons on every sheet,
filtered and ordered; the same filters for the list, for going from sheet to sheet, and for counts.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from exams.models import (
    MARKED_STATES,
    REVIEWED_STATES,
    CriterionKind,
    Exam,
    Page,
    Sheet,
    SheetState,
)
from grading import queries
from grading.appeals import open_appeals
from grading.models import Appeal, Flag, Mark, Part
from grading.review_blind import PRIME, shuffled
from grading.review_flags import open_flags

STATES_OF: dict[str, tuple[str, ...]] = {
    "graded": (SheetState.GRADED,),
    "eyes": (SheetState.GRADED,),
    "unsure": (SheetState.GRADED,),
    "check": (SheetState.GRADED,),
    "extreme": (SheetState.GRADED,),
    "flagged": MARKED_STATES,
    "appealed": MARKED_STATES,
    "changed": MARKED_STATES,
    "reviewed": REVIEWED_STATES,
    "published": (SheetState.PUBLISHED,),
    "other": tuple(state for state in SheetState if state not in MARKED_STATES),
    "all": tuple(SheetState),
}
"""By name of a list: the states its sheets may be in."""

STATE_LISTS = (
    ("graded", _("To review")),
    ("reviewed", _("Reviewed")),
    ("published", _("Published")),
    ("other", _("Not graded")),
    ("all", _("All")),
)
REASON_LISTS = (
    ("eyes", _("Needs my eyes")),
    ("unsure", _("Low confidence")),
    ("check", _("Failed check")),
    ("extreme", _("All or nothing")),
    ("flagged", _("Flagged")),
    ("appealed", _("Appealed")),
    ("changed", _("Changed")),
)
REASONS = {key for key, _label in REASON_LISTS}


def _marks() -> QuerySet[Mark]:
    return Mark.objects.filter(sheet=OuterRef("pk"))


def _unsure() -> QuerySet[Mark]:
    return _marks().filter(part__confidence__lt=queries.UNSURE_BELOW)


def _flags() -> QuerySet[Flag]:
    return open_flags().filter(sheet=OuterRef("pk"))


def _appeals() -> QuerySet[Appeal]:
    return open_appeals().filter(sheet=OuterRef("pk"))


def _repaired() -> QuerySet[Mark]:
    return _marks().filter(part__assessment__item__round__gt=0)


def _unplaced() -> QuerySet[Mark]:
    """Something was read, but not said on which page."""
    return _marks().filter(part__page_number__isnull=True).exclude(part__transcription="")


def _pale() -> QuerySet[Page]:
    """A faint page, or a blank one that a proposal names; empty backs of sheets are no matter."""
    named = Part.objects.filter(
        assessment__sheet=OuterRef("sheet"), page_number=OuterRef("number")
    ).exclude(transcription="")
    pages = Page.objects.filter(sheet=OuterRef("pk"), dropped_at__isnull=True)
    return pages.filter(Q(is_faint=True) | Q(Exists(named), is_blank=True))


def _extreme() -> Q:
    """Nothing at all, or everything there is (without bonus): easily a wrong key or page."""
    base = _marks().filter(criterion__kind=CriterionKind.BASE)
    return Q(eyes_total__lte=0) | Q(
        eyes_total__gte=queries.one_value(base, Sum("ceiling"), queries.POINTS)
    )


def with_checks(sheets: QuerySet[Sheet]) -> QuerySet[Sheet]:
    """Add `is_repaired`, `is_unplaced` and `is_pale`."""
    return sheets.annotate(
        is_repaired=Exists(_repaired()),
        is_unplaced=Exists(_unplaced()),
        is_pale=Exists(_pale()),
    )


def with_signs(sheets: QuerySet[Sheet]) -> QuerySet[Sheet]:
    """Add, beside with_checks, `is_unsure`, `is_flagged`, `is_appealed`, `is_extreme` and
    `eyes_total`."""
    return (
        with_checks(sheets)
        .annotate(
            eyes_total=queries.one_value(_marks(), Sum("awarded"), queries.POINTS),
            is_unsure=Exists(_unsure()),
            is_flagged=Exists(_flags()),
            is_appealed=Exists(_appeals()),
        )
        .annotate(is_extreme=Case(When(_extreme(), then=Value(True)), default=Value(False)))
    )


def with_eyes(sheets: QuerySet[Sheet]) -> QuerySet[Sheet]:
    """Add, beside with_signs, `weight`: the more, the sooner it should be looked at."""
    return with_signs(sheets).annotate(
        weight=_points(Q(is_appealed=True), 16)
        + _points(Q(is_unsure=True), 8)
        + _points(Q(is_flagged=True), 4)
        + _points(_failed_check(), 2)
        + _points(Q(is_extreme=True), 1),
    )


def _points(condition: Q, weight: int) -> Case:
    return Case(When(condition, then=Value(weight)), default=Value(0), output_field=IntegerField())


def _failed_check() -> Q:
    return Q(is_repaired=True) | Q(is_unplaced=True) | Q(is_pale=True)


def _in_list(show: str) -> Q:
    """The condition of a list beyond its states, on sheets with_eyes."""
    return {
        "eyes": Q(weight__gt=0),
        "unsure": Q(is_unsure=True),
        "check": _failed_check(),
        "extreme": Q(is_extreme=True),
        "flagged": Q(is_flagged=True),
        "appealed": Q(is_appealed=True),
    }.get(show, Q())


def sheets_of(exam: Exam, show: str, *, besides: int | None = None) -> QuerySet[Sheet]:
    """The sheets of a list; `besides` is the pk of one that belongs to it in any case."""
    sheets = Sheet.objects.filter(exam=exam.pk)
    wanted = Q(state__in=STATES_OF[show]) if show != "all" else Q()
    if show == "changed":
        wanted &= Q(Exists(_marks().filter(is_overridden=True)))
    elif show in REASONS:
        sheets = with_eyes(sheets)
        wanted &= _in_list(show)
    if besides is not None and wanted:
        wanted |= Q(pk=besides)
    return sheets.filter(wanted)


def order_of(exam: Exam, user: User, show: str, *, named: bool) -> list[Any]:
    """How a list is ordered: what needs eyes first, else shuffled, else by roll number.

    Sheets without marks, which have their names, come last and by roll number: in the shuffled
    order each would stand where its code will.
    """
    by_name = ["enrolment__roll_number", "name", "pk"]
    if named or show == "other":
        order: list[Any] = by_name
    elif show == "all":
        marked = Q(state__in=MARKED_STATES)
        place = Case(When(marked, then=shuffled(exam.pk, user.pk)), default=Value(PRIME))
        order = [place, *by_name]
    else:
        order = [shuffled(exam.pk, user.pk), "pk"]
    return ["-weight", *order] if show in REASONS and show != "changed" else order


def with_reasons(sheets: QuerySet[Sheet], user: User) -> QuerySet[Sheet]:
    """Add, beside the totals, what a list tells: the numbers of unsure and
    changed marks, `flags_up` (None; 1: flagged; 2: flagged for this very person) and
    `appeals_open` (None or a number). For one page of a list: it costs on every sheet."""
    counted = queries.with_totals(queries.with_flags(sheets))
    worth = Max(Case(When(colleague=user, then=Value(2)), default=Value(1)))
    return counted.annotate(
        flags_up=queries.one_value(_flags(), worth, IntegerField()),
        appeals_open=queries.one_value(_appeals(), Count("pk"), IntegerField()),
    )


CHECKS = ("is_repaired", "is_unplaced", "is_pale")


def counts(exam: Exam) -> dict[str, int]:
    """By reason: how many sheets are in its list. One query, however many there are."""
    rows = with_signs(Sheet.objects.filter(exam=exam.pk, state__in=MARKED_STATES)).annotate(
        is_changed=Exists(_marks().filter(is_overridden=True))
    )
    # Counted here: in one statement each condition would be worked out again for every count.
    found: Counter[str] = Counter()
    for row in rows.order_by().values(
        "state", "is_unsure", "is_flagged", "is_appealed", "is_extreme", "is_changed", *CHECKS
    ):
        graded = row["state"] == SheetState.GRADED
        signs = {
            "unsure": graded and row["is_unsure"],
            "check": graded and any(row[name] for name in CHECKS),
            "extreme": graded and row["is_extreme"],
            "flagged": row["is_flagged"],
            "appealed": row["is_appealed"],
        }
        signs["eyes"] = graded and any(signs.values())
        found.update(name for name, there in signs.items() if there)
        found["changed"] += row["is_changed"]
    return {show: found[show] for show in REASONS}


def reasons_of(sheet: dict[str, Any]) -> list[tuple[str, str]]:
    """Why a sheet (values of with_reasons) should be looked at: (class of a chip, words)."""
    told = []
    if sheet["appeals_open"]:
        told.append(("appealed", _("%d appealed") % sheet["appeals_open"]))
    if sheet["unsure"]:
        told.append(("unsure", _("%d unsure") % sheet["unsure"]))
    if sheet["flags_up"]:
        words = _("flagged for you") if sheet["flags_up"] == 2 else _("flagged")
        told.append(("flagged", words))
    for key, words in (
        ("is_repaired", _("reply was repaired")),
        ("is_pale", _("faint or blank page")),
        ("is_unplaced", _("page not named")),
    ):
        if sheet[key]:
            told.append(("check", words))
    extreme = sheet["total"] <= 0 or sheet["total"] >= (sheet["out_of"] or 0)
    if extreme and sheet["state"] == SheetState.GRADED:
        told.append(("extreme", _("no points") if sheet["total"] <= 0 else _("all points")))
    if sheet["changed"]:
        told.append(("changed", _("%d changed") % sheet["changed"]))
    return told
