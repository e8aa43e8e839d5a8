"""The history of an exam or of one sheet, read together: marks, sheets, rubric, the exam itself.

Comes in: an exam, perhaps one of its sheets, and filters. Goes out: entries, newest first, to be
paged by the database; and for one page of them who, when, why, and what was different before, in
a fixed number of queries. A sheet that the reader reviews blind stands in it by its code. Nothing
is written here: putting a mark back is grading/review.py's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import CharField, F, OuterRef, Q, QuerySet, Subquery, Value
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from accounts.models import User
from exams.models import GRADED_STATES, MARKED_STATES, Exam, Rubric, Sheet, SheetState
from exams.points import shown
from exams.regions import region_in_words
from grading.differences import replaced, words
from grading.models import Appeal, Mark
from grading.review_blind import blind_sheets, codes_of

KINDS = ("marks", "sheets", "exam")
_UNTOLD = {"history_date", "history_id", "history_type", "history_user", "history_change_reason"}


@dataclass(frozen=True, slots=True)
class Filters:
    """What of a history is asked for; empty fields ask for everything.

    `system` adds what no person did: marks as they were made, sheets on their way.
    """

    person: int | None = None
    criterion: str = ""
    kind: str = ""
    system: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is another one since: its name, and the words kept, gone and come."""

    name: str
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a history. `put_back` is the history row whose value the mark can be given back
    (None: it has it), this one or, for the newest change, the one before; `version` the mark's.
    `code` is what a sheet is called whose name is hidden."""

    kind: str
    when: datetime
    who: str
    title: str
    sheet: int | None = None
    roll_number: str = ""
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    mark: int | None = None
    put_back: int | None = None
    version: int | None = None
    is_newest: bool = False
    code: str = ""
    by_student: bool = False


def entries(
    exam: Exam, filters: Filters, sheet: Sheet | None = None, *, reader: User | None = None
) -> QuerySet[Any]:
    """The chosen entries as (kind, date, id), newest first; details_of gives a page its words.

    Of sheets that `reader` reviews blind only what people did since there are marks: how a sheet
    came to its student names them, and what Sheaf does it does in the order of files or names.
    """
    one = {"id": sheet.pk} if sheet else {}
    marks = Mark.history.filter(sheet__exam=exam, **({"sheet": sheet} if sheet else {}))
    appeals = Appeal.history.filter(sheet__exam=exam, **({"sheet": sheet} if sheet else {}))
    sheets = Sheet.history.filter(exam=exam, **one)
    if reader is not None:
        hidden = blind_sheets(exam, reader).values("pk")
        by_people = Q(history_user__isnull=False)
        marks = marks.filter(~Q(sheet__in=hidden) | by_people)
        sheets = sheets.filter(~Q(id__in=hidden) | by_people & Q(state__in=MARKED_STATES))
    if filters.criterion:
        marks = marks.filter(criterion__code=filters.criterion)
        appeals = appeals.filter(code=filters.criterion)
    parts = {
        "marks": [
            ("mark", _by(marks, filters), "history_date", "history_id"),
            ("appeal", _by(appeals, filters), "history_date", "history_id"),
        ],
        "sheets": [("sheet", _by(sheets, filters), "history_date", "history_id")],
        "exam": []
        if sheet
        else [
            ("exam", _by(Exam.history.filter(id=exam.pk), filters), "history_date", "history_id"),
            ("rubric", _rubrics(exam, filters), "created_at", "pk"),
        ],
    }
    kinds = ["marks"] if filters.criterion else [filters.kind] if filters.kind else list(KINDS)
    chosen = [
        rows.order_by()
        .annotate(kind=Value(name, output_field=CharField()), moment=F(moment), key=F(pk))
        .values_list("kind", "moment", "key")
        for kind in kinds
        for name, rows, moment, pk in parts[kind]
    ]
    if not chosen:
        return Mark.history.none().values_list("history_type", "history_date", "history_id")
    first, *others = chosen
    return (first.union(*others, all=True) if others else first).order_by("-moment", "-key", "kind")


def _by(rows: QuerySet[Any], filters: Filters) -> QuerySet[Any]:
    if filters.person:
        return rows.filter(history_user=filters.person)
    return rows if filters.system else rows.filter(history_user__isnull=False)


def _rubrics(exam: Exam, filters: Filters) -> QuerySet[Rubric]:
    rows = Rubric.objects.filter(exam=exam)
    return rows.filter(created_by=filters.person) if filters.person else rows


def people_of(exam: Exam) -> QuerySet[User]:
    """Everybody who can be asked for in an exam's history: no student, whose own appeals would
    tell which sheet is theirs."""
    appeals = Appeal.history.filter(sheet__exam=exam).exclude(history_user=F("raised_by"))
    rows = (Mark.history.filter(sheet__exam=exam), Sheet.history.filter(exam=exam), appeals)
    by = Q(pk__in=Rubric.objects.filter(exam=exam).order_by().values("created_by"))
    for found in (*rows, Exam.history.filter(id=exam.pk)):
        by |= Q(pk__in=found.order_by().values("history_user"))
    return User.objects.filter(by).order_by("name", "pk")


def details_of(
    exam: Exam, keys: Iterable[tuple[str, datetime, int]], *, reader: User | None = None
) -> list[Entry]:
    """The entries of one page with their words, in the order of `keys`; where `reader` reviews
    blind, with codes instead of names."""
    keys = list(keys)
    by_kind: defaultdict[str, list[int]] = defaultdict(list)
    for kind, _date, pk in keys:
        by_kind[kind].append(pk)
    read = {
        "mark": _marks,
        "appeal": _appeals,
        "sheet": _sheets,
        "exam": _exams,
        "rubric": _rubric_entries,
    }
    found = {kind: read[kind](exam, pks) for kind, pks in by_kind.items()}
    page = [found[kind][pk] for kind, _date, pk in keys]
    if reader is None:
        return page
    codes = codes_of((one.sheet for one in page if one.sheet is not None), reader)
    return [_hidden(one, codes[one.sheet]) if one.sheet in codes else one for one in page]


def _hidden(entry: Entry, code: str) -> Entry:
    """An entry without what names its student."""
    hidden = replace(entry, code=code, roll_number="")
    if entry.by_student:
        return replace(hidden, who=_("the student"))
    if entry.kind != "sheet":
        return hidden
    roll = _("Roll number")
    return replace(
        hidden,
        title=_("Sheet %(name)s") % {"name": code},
        differences=tuple(one for one in entry.differences if one.name != roll),
    )


def _before(rows: QuerySet[Any], field: str) -> Subquery:
    """What a field of the outer history row was in the row before it; `rows` are all of them."""
    earlier = rows.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id"))
    return Subquery(earlier.order_by("-history_id").values(field)[:1])


def _from_row(kind: str, row: Mapping[str, Any], **more: Any) -> Entry:
    """An entry with what every row of a history has."""
    return Entry(
        kind=kind,
        when=row["history_date"],
        who=row["who"] or "",
        roll_number=row["roll"] or "",
        **more,
    )


def _marks(exam: Exam, pks: list[int]) -> dict[int, Entry]:
    rows = list(
        Mark.history.filter(history_id__in=pks)
        .annotate(
            was=_before(Mark.history.all(), "awarded"),
            was_id=_before(Mark.history.all(), "history_id"),
            was_feedback=_before(Mark.history.all(), "feedback"),
        )
        .values(
            *("id", "history_id", "history_date", "history_type", "history_change_reason"),
            *("sheet", "awarded", "feedback", "version", "was", "was_id", "was_feedback"),
            who=F("history_user__name"),
            code=F("criterion__code"),
            roll=F("sheet__enrolment__roll_number"),
        )
    )
    now = Mark.objects.filter(pk__in={row["id"] for row in rows}, sheet__state__in=GRADED_STATES)
    current = {
        pk: values for pk, *values in now.values_list("pk", "version", "awarded", "feedback")
    }
    return {row["history_id"]: _mark_entry(row, current.get(row["id"])) for row in rows}


def _mark_entry(row: Mapping[str, Any], current: list[Any] | None) -> Entry:
    differences = []
    first = row["was"] is None
    if row["history_type"] == "-":
        title = _("%(code)s: mark dropped")
    elif first:
        title = _("%(code)s: first mark")
    else:
        title = _("%(code)s changed")
    if first or row["was"] != row["awarded"]:
        was = "" if first else shown(row["was"])
        differences.append(Difference(_("Points"), words(was, shown(row["awarded"]))))
    if row["feedback"] != (row["was_feedback"] or ""):
        change = words(row["was_feedback"] or "", row["feedback"])
        differences.append(Difference(_("Feedback"), change))
    put_back, is_newest = None, current is not None and current[0] == row["version"]
    if current is not None:
        to = (
            ("was_id", "was", "was_feedback")
            if is_newest
            else ("history_id", "awarded", "feedback")
        )
        key, *values = (row[name] for name in to)
        put_back = key if values != current[1:] else None
    return _from_row(
        "mark",
        row,
        sheet=row["sheet"],
        title=title % {"code": row["code"] or "?"},
        differences=tuple(differences),
        reason=row["history_change_reason"] or "",
        mark=row["id"],
        put_back=put_back,
        version=current[0] if current else None,
        is_newest=is_newest,
    )


def _appeals(exam: Exam, pks: list[int]) -> dict[int, Entry]:
    rows = Appeal.history.filter(history_id__in=pks).values(
        *("history_id", "history_date", "history_user", "raised_by"),
        *("sheet", "code", "text", "answer", "answered_at", "withdrawn_at"),
        who=F("history_user__name"),
        roll=F("sheet__enrolment__roll_number"),
    )
    return {row["history_id"]: _appeal_entry(row) for row in rows}


def _appeal_entry(row: Mapping[str, Any]) -> Entry:
    if row["answered_at"]:
        title, name, text = _("%(code)s: appeal answered"), _("Answer"), row["answer"]
    elif row["withdrawn_at"]:
        title, name, text = _("%(code)s: appeal withdrawn"), "", ""
    else:
        title, name, text = _("%(code)s: appeal"), _("What the student says"), row["text"]
    return _from_row(
        "appeal",
        row,
        sheet=row["sheet"],
        title=title % {"code": row["code"]},
        differences=(Difference(name, words("", text)),) if text else (),
        by_student=row["history_user"] is not None and row["history_user"] == row["raised_by"],
    )


def _sheets(exam: Exam, pks: list[int]) -> dict[int, Entry]:
    rows = (
        Sheet.history.filter(history_id__in=pks)
        .annotate(
            was_state=_before(Sheet.history.all(), "state"),
            was_roll=_before(Sheet.history.all(), "enrolment__roll_number"),
        )
        .values(
            *("id", "history_id", "history_date", "history_type", "history_change_reason"),
            *("name", "state", "was_state", "was_roll"),
            who=F("history_user__name"),
            roll=F("enrolment__roll_number"),
        )
    )
    return {row["history_id"]: _sheet_entry(row) for row in rows}


def _sheet_entry(row: Mapping[str, Any]) -> Entry:
    state, was = str(SheetState(row["state"]).label).lower(), row["was_state"]
    differences = []
    if row["state"] != was:
        before = str(SheetState(was).label).lower() if was else ""
        differences.append(Difference(_("State"), replaced(before, state)))
    if (row["roll"] or "") != (row["was_roll"] or ""):
        change = replaced(row["was_roll"] or "", row["roll"] or "")
        differences.append(Difference(_("Roll number"), change))
    return _from_row(
        "sheet",
        row,
        sheet=row["id"] if row["history_type"] != "-" else None,
        title=_("Sheet %(name)s") % {"name": row["name"]},
        differences=tuple(differences),
        reason=row["history_change_reason"] or "",
    )


def _exams(exam: Exam, pks: list[int]) -> dict[int, Entry]:
    """An exam's own rows are few: all are read, so that each knows the one before it."""
    found: dict[int, Entry] = {}
    before: dict[str, Any] = {}
    rows = exam.history.select_related("history_user").order_by("history_id")
    names = [field.name for field in rows.model.tracked_fields if field.name not in _UNTOLD]
    for row in rows:
        now = {name: getattr(row, f"{name}_id", getattr(row, name, None)) for name in names}
        if row.history_id in pks:
            found[row.history_id] = Entry(
                kind="exam",
                when=row.history_date,
                who=str(row.history_user or ""),
                title=_("The exam was changed") if before else _("The exam was made"),
                differences=tuple(
                    Difference(
                        str(Exam._meta.get_field(name).verbose_name).capitalize(),
                        words(_text(before[name]), _text(now[name])),
                    )
                    for name in names
                    if before and before[name] != now[name]
                ),
                reason=row.history_change_reason or "",
            )
        before = now
    return found


def _rubric_entries(exam: Exam, pks: list[int]) -> dict[int, Entry]:
    return {
        rubric.pk: Entry(
            kind="rubric",
            when=rubric.created_at,
            who=str(rubric.created_by),
            title=_("Rubric, version %(version)s") % {"version": rubric.version},
        )
        for rubric in Rubric.objects.filter(pk__in=pks).select_related("created_by")
    }


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):  # an exam's regions
        return "; ".join(map(region_in_words, value))
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), _("j M Y, H:i"))
    if isinstance(value, date):
        return date_format(value, _("j M Y"))
    if isinstance(value, Decimal):  # a sum of money
        return number_format(value, 2)
    return "" if value is None else str(value)
