"""Pages: a person turns, drops, restores and reorders the pages of a sheet.

Comes in: a page, and who decides. Goes out: the changed page. Allowed while the sheet is to be
mapped, mapped or skipped; later its pages stand in a request. An image file is never changed: a
turn makes a new one, and the old one goes when that is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from batching.conflicts import Conflict
from exams.inspection import (
    CHANGEABLE,
    PageChanged,
    apply_turn,
    page_content,
    turned_files,
)
from exams.models import Page, Sheet
from exams.storage import undone_on_error

CHANGED_MEANWHILE = "This page was changed by somebody else. Look at it again."


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
        with _locked(page, by, f"Page {seen.number} turned by {degrees}°") as row:
            transaction.on_commit(kept.clear)
            if row.sha256 != seen.sha256:
                raise Conflict(CHANGED_MEANWHILE)
            apply_turn(row, degrees, fields)
            return row


def drop_page(page: Page, *, by: User) -> Page:
    """Leave a page out of what is graded; it can be restored. Raises Conflict past mapping."""
    with _locked(page, by, f"Page {page.number} dropped") as row:
        if row.dropped_at is None:
            row.dropped_at = timezone.now()
            row.save()
        return row


def restore_page(page: Page, *, by: User) -> Page:
    """Take a dropped page in again. Raises Conflict past mapping."""
    with _locked(page, by, f"Page {page.number} restored") as row:
        if row.dropped_at is not None:
            row.dropped_at = None
            row.save()
        return row


def move_page(page: Page, *, to: int, by: User) -> Page:
    """Make a page the `to`-th of its sheet (from 1; beyond the end is the end); the others close
    up. Raises Conflict past mapping."""
    with _locked(page, by, f"Page {page.number} moved to {to}") as row:
        pages = list(Page.objects.filter(sheet=row.sheet_id).order_by("number"))
        order = [other for other in pages if other.pk != row.pk]
        order.insert(max(1, min(to, len(pages))) - 1, next(p for p in pages if p.pk == row.pk))
        # Numbers are unique at every moment: first out of the way, then into place.
        beyond = pages[-1].number
        for number, other in enumerate(order, start=1):
            other.number = beyond + number
        Page.objects.bulk_update(order, ["number"])
        for number, other in enumerate(order, start=1):
            other.number = number
        Page.objects.bulk_update(order, ["number"])
        return next(other for other in order if other.pk == row.pk)


@contextmanager
def _locked(page: Page, by: User, reason: str) -> Iterator[Page]:
    """The page, its sheet locked and checked; the change is written into the sheet's history."""
    with transaction.atomic():
        sheet = Sheet.objects.select_for_update(of=("self",)).get(pages=page.pk)
        if sheet.state not in CHANGEABLE:
            raise Conflict(
                f"The pages of “{sheet.name}” can no longer be changed: "
                f"its state is {sheet.get_state_display()}."
            )
        yield Page.objects.get(pk=page.pk)
        sheet._history_user = by
        sheet._change_reason = reason
        sheet.save()
