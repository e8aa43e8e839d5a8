"""Pages: a person turns, drops, restores and reorders pages, or gives one to another sheet.

Comes in: a page, and who decides. Goes out: the changed page. Allowed while the sheet is to be
mapped, mapped or skipped; later its pages stand in a request. An image file is never changed: a
turn makes a new one, and the old one goes when that is committed. Where another page becomes the
first one, the roll number is read again and a student suggested anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from accounts.models import User
from batching.conflicts import Conflict
from batching.sweep import ring
from exams import tasks
from exams.inspection import (
    CHANGEABLE,
    PageChanged,
    apply_turn,
    first_page,
    forget_reading,
    page_content,
    turned_files,
    was_inspected,
)
from exams.models import Page, Sheet, SheetState
from exams.storage import undone_on_error

TURNED = gettext_noop("Page %(number)s turned by %(degrees)s°")
DROPPED = gettext_noop("Page %(number)s dropped")
RESTORED = gettext_noop("Page %(number)s restored")
MOVED = gettext_noop("Page %(number)s moved to %(to)s")
GIVEN = gettext_noop("Page %(number)s moved to “%(name)s”")
TAKEN = gettext_noop("Page %(number)s came from “%(name)s”")
CHANGED_MEANWHILE = gettext_lazy("This page was changed by somebody else. Look at it again.")


def kept_pages(sheet: Sheet) -> list[Page]:
    """The pages of a sheet that were not dropped, in order. Prefetched ones are taken."""
    pages = (page for page in sheet.pages.all() if page.dropped_at is None)
    return sorted(pages, key=lambda page: page.number)


def turn_page(page: Page, *, quarter_turns: int, by: User) -> Page:
    """Turn a page clockwise by so many quarters. Raises Conflict past mapping, or when another
    person changed the page meanwhile."""
    degrees = quarter_turns % 4 * 90
    if not degrees:
        return page
    seen = Page.objects.get(pk=page.pk)
    with undone_on_error() as kept:
        # The slow part comes before the lock; what it was made of is checked under the lock.
        try:
            content = page_content(seen)
        except PageChanged as error:
            raise Conflict(CHANGED_MEANWHILE) from error
        fields = turned_files(content, seen.image, degrees, f"sheets/{seen.sheet_id}/by-hand")
        kept += [str(fields["image"]), str(fields["thumbnail"])]
        with _locked(page, by, TURNED % {"number": seen.number, "degrees": degrees}) as row:
            transaction.on_commit(kept.clear)
            if row.sha256 != seen.sha256:
                raise Conflict(CHANGED_MEANWHILE)
            apply_turn(row, degrees, fields)
            return row


def drop_page(page: Page, *, by: User) -> Page:
    """Leave a page out of what is graded; it can be restored. Raises Conflict past mapping."""
    with _locked(page, by, DROPPED % {"number": page.number}) as row:
        if row.dropped_at is None:
            row.dropped_at = timezone.now()
            row.save()
        return row


def restore_page(page: Page, *, by: User) -> Page:
    """Take a dropped page in again. Raises Conflict past mapping."""
    with _locked(page, by, RESTORED % {"number": page.number}) as row:
        if row.dropped_at is not None:
            row.dropped_at = None
            row.save()
        return row


def move_page(page: Page, *, to: int, by: User) -> Page:
    """Make a page the `to`-th of its sheet (from 1; beyond the end is the end); the others close
    up. Raises Conflict past mapping."""
    with _locked(page, by, MOVED % {"number": page.number, "to": to}) as row:
        return _put(row, row.sheet_id, to)


def give_page(page: Page, sheet: Sheet, *, to: int | None = None, by: User) -> Page:
    """Give a page to another sheet of the same exam, as its `to`-th (from 1) or its last.

    The pages left behind close up. Done already, it changes nothing. Raises Conflict where one of
    the sheets is past mapping or still being read, ValidationError where the page cannot go there.
    """
    with transaction.atomic():
        was = Page.objects.get(pk=page.pk).sheet_id
        sheets = {
            one.pk: one
            for one in Sheet.objects.select_for_update(of=("self",))
            .filter(pk__in=(was, sheet.pk))
            .order_by("pk")
        }
        row = Page.objects.get(pk=page.pk)
        if row.sheet_id != was or sheet.pk not in sheets:
            raise Conflict(CHANGED_MEANWHILE)
        source, target = sheets[was], sheets[sheet.pk]
        if source.pk == target.pk:
            return row
        _refuse_giving(source, target)
        number = row.number
        with _read_again_when_first(source), _read_again_when_first(target):
            row = _put(row, target.pk, to or 1_000_000)
            _renumber(list(Page.objects.filter(sheet=source).order_by("number")))
        for one, reason in (
            (source, GIVEN % {"number": number, "name": target.name}),
            (target, TAKEN % {"number": row.number, "name": source.name}),
        ):
            one._history_user = by
            one._change_reason = reason
            one.save()
        return row


def _refuse_giving(source: Sheet, target: Sheet) -> None:
    if source.exam_id != target.exam_id:
        raise ValidationError(_("The page can only go to another sheet of the same exam."))
    for one in (source, target):
        _refuse_past_mapping(one)
        # A worker that makes a sheet's pages upright now must find them where they were. One that
        # only reads the first page again finds out itself that it is another one.
        if one.rendered_at is None or not was_inspected(one):
            raise Conflict(
                _("“%(name)s” is still being read. Try again in a moment.") % {"name": one.name}
            )
    if target.pages.count() >= settings.SHEAF_SHEET_MAX_PAGES:
        raise ValidationError(
            _("“%(name)s” has %(count)s pages already, as many as a sheet may have.")
            % {"name": target.name, "count": settings.SHEAF_SHEET_MAX_PAGES}
        )


def _put(row: Page, sheet_pk: int, to: int) -> Page:
    """Make a page the `to`-th of a locked sheet, its own or another."""
    pages = list(Page.objects.filter(sheet=sheet_pk).order_by("number"))
    order = [other for other in pages if other.pk != row.pk]
    mine = next((other for other in pages if other.pk == row.pk), row)
    if mine.sheet_id != sheet_pk:
        mine.sheet_id = sheet_pk
        mine.number = pages[-1].number + 1 if pages else 1
        mine.save(update_fields=["sheet", "number"])
    order.insert(max(1, min(to, len(order) + 1)) - 1, mine)
    _renumber(order)
    return mine


def _renumber(order: list[Page]) -> None:
    """Number pages of one sheet from 1 in this order."""
    # Numbers are unique at every moment: first out of the way, then into place.
    beyond = max((page.number for page in order), default=0)
    for start in (beyond, 0):
        for number, page in enumerate(order, start=1):
            page.number = start + number
        Page.objects.bulk_update(order, ["number"])


@contextmanager
def _locked(page: Page, by: User, reason: str) -> Iterator[Page]:
    """The page, its sheet locked and checked; the change is written into the sheet's history."""
    with transaction.atomic():
        sheet = Sheet.objects.select_for_update(of=("self",)).get(pages=page.pk)
        _refuse_past_mapping(sheet)
        with _read_again_when_first(sheet):
            yield Page.objects.get(pk=page.pk)
        sheet._history_user = by
        sheet._change_reason = reason
        sheet.save()


@contextmanager
def _read_again_when_first(sheet: Sheet) -> Iterator[None]:
    """Have a locked sheet, which the caller saves, read again if the block gives it another first
    page."""
    before = first_page(sheet)
    yield
    if first_page(sheet) != before:
        forget_reading(sheet)
        if sheet.state == SheetState.PENDING_MAPPING:
            ring(tasks.inspect_sheet, sheet.pk)


def _refuse_past_mapping(sheet: Sheet) -> None:
    if sheet.state not in CHANGEABLE:
        raise Conflict(
            _("The pages of “%(name)s” can no longer be changed: its state is %(state)s.")
            % {"name": sheet.name, "state": sheet.get_state_display()}
        )
