"""Inspection: a sheet's pages are turned upright, and the first is read for whose it is.

Comes in: the id of a sheet with pages. Goes out: upright page images, and the roll number and name
as they stand on the first page. Apart from rendering, because reading is the slow part.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop
from PIL import Image

from accounts.models import Enrolment
from batching.claims import Claim, fenced, give_back, kept_alive
from exams.attempts import attempt, fail
from exams.due import sheets_to_inspect
from exams.models import Page, Sheet, SheetState
from exams.orientation import turn_needed
from exams.page_images import look_at, turned
from exams.roll_numbers import HeadReading, read_head
from exams.storage import (
    clean_folder,
    delete_after_commit,
    keep_file,
    no_room_is_clear,
    read_file,
    undone_on_error,
    work_folder,
)
from exams.tesseract import TesseractFailed, TesseractMissing

logger = logging.getLogger(__name__)

READING_SIDE = 2400
CHANGEABLE = (SheetState.PENDING_MAPPING, SheetState.MAPPED, SheetState.SKIPPED)


class PageChanged(Exception):
    """Somebody gave the page another image, or the sheet another first page, since it was read."""


@dataclass(frozen=True, slots=True)
class TurnedPage:
    """New files for a page, made from the image with hash `before`."""

    before: str
    degrees: int
    fields: dict[str, str | int]


def inspect_sheet(sheet_pk: int) -> None:
    """The stage: inspect one sheet. Returns at once when it is done or another worker has it."""
    attempt(sheets_to_inspect(), sheet_pk, _try, waits_for=TesseractMissing)


def _try(held: Claim) -> None:
    try:
        _attempt(held)
    except PageChanged:
        logger.info("sheet %s: a page was turned meanwhile, it is inspected again", held.pk)
        give_back(held)
    except TesseractMissing:
        raise
    except TesseractFailed as error:
        # The try counts, and the claim runs out by itself: the sheet is tried again later.
        logger.warning("sheet %s could not be read: %s", held.pk, error)


def _attempt(held: Claim) -> None:
    sheet = Sheet.objects.select_related("exam").get(pk=held.pk)
    pages = list(sheet.pages.all())
    folder = f"sheets/{sheet.pk}/upright"
    clean_folder(folder, keep={name for page in pages for name in (page.image, page.thumbnail)})
    if held.exhausted:
        problem = gettext_noop("Its pages could not be read several times. Scan the sheet again.")
        fail(held, problem, reason=gettext_noop("Inspection failed"))
        return
    with undone_on_error() as kept:
        with kept_alive(held):
            changes, head = _inspect(sheet, pages, f"{folder}/{held.attempt}", kept)
        with fenced(held) as locked:
            if first_page(locked) != first_page_of(pages):
                raise PageChanged(f"the first page of sheet {held.pk}")
            transaction.on_commit(kept.clear)
            _write_turns(locked, changes)
            locked.roll_number_read = head.roll
            locked.name_read = head.name
            locked.inspected_at = timezone.now()
            locked._change_reason = gettext_noop("Inspected")
            locked.save()


def _inspect(
    sheet: Sheet, pages: list[Page], folder: str, kept: list[str]
) -> tuple[dict[int, TurnedPage], HeadReading]:
    """What is to be turned, and what the first page says.

    Pages that were made upright once are left as they are: a person may have turned them since.
    """
    if was_inspected(sheet):
        first = first_page_of(pages)
        unread = HeadReading("", "")
        return {}, _read_head(sheet, _readable(page_content(first))) if first else unread
    changes: dict[int, TurnedPage] = {}
    head: HeadReading | None = None
    for page in pages:
        if not _has_writing(page):
            continue
        content = page_content(page)
        image = _readable(content)
        turn = turn_needed(image)
        if turn.degrees:
            changes[page.pk] = TurnedPage(
                page.sha256, turn.degrees, turned_files(content, page.image, turn.degrees, folder)
            )
            kept += [str(changes[page.pk].fields[name]) for name in ("image", "thumbnail")]
        if head is None:
            upright = image.rotate(-turn.degrees, expand=True) if turn.degrees else image
            head = _read_head(sheet, upright)
    return changes, head or HeadReading("", "")


def was_inspected(sheet: Sheet) -> bool:
    """Whether the pages that the sheet has were all made upright before, here or in the sheet
    that they came from."""
    earlier = Sheet.history.filter(
        id=sheet.pk, rendered_at=sheet.rendered_at, inspected_at__isnull=False
    )
    return sheet.inspected_at is not None or earlier.exists()


def forget_reading(sheet: Sheet) -> None:
    """Forget what was read on a first page that is another one now, and what was suggested by it.

    The sheet, locked and not saved here, is due for inspection again; one that has its student
    only once it is taken back.
    """
    sheet.roll_number_read = sheet.name_read = sheet.suggestion_reason = ""
    sheet.suggested_enrolment = sheet.suggested_at = None
    sheet.suggestion_certain = False
    if sheet.state != SheetState.MAPPED:
        sheet.inspected_at = None
        sheet.tries = 0


def first_page(sheet: Sheet) -> Page | None:
    """The page on which a sheet's roll number and name are read, as it is stored."""
    return first_page_of(sheet.pages.order_by("number"))


def first_page_of(pages: Iterable[Page]) -> Page | None:
    """The same among pages in their order."""
    return next((page for page in pages if _has_writing(page)), None)


def _has_writing(page: Page) -> bool:
    return not page.is_blank and page.dropped_at is None


def page_content(page: Page) -> bytes:
    """The bytes of a page's image. Raises PageChanged when the page has another one by now."""
    try:
        return read_file(page.image)
    except FileNotFoundError as error:
        if Page.objects.filter(pk=page.pk, image=page.image).exists():
            raise
        raise PageChanged(f"page {page.pk}") from error


def _readable(content: bytes) -> Image.Image:
    """The page in gray, no larger than reading needs."""
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
        image.draft("L", (READING_SIDE // 2, READING_SIDE // 2))
        gray = image.convert("L")
    gray.thumbnail((READING_SIDE, READING_SIDE))
    return gray


def _read_head(sheet: Sheet, image: Image.Image) -> HeadReading:
    roster = Enrolment.objects.filter(school_class=sheet.exam.school_class_id).order_by("pk")
    known = list(roster.values_list("roll_number", "student__name"))
    return read_head(
        image, [roll for roll, _ in known], [name for _, name in known], sheet.exam.regions
    )


def turned_files(content: bytes, name: str, degrees: int, folder: str) -> dict[str, str | int]:
    """Store a page image turned clockwise, and its thumbnail; the Page fields that change."""
    suffix = "." + name.rpartition(".")[2]
    with work_folder() as work, no_room_is_clear():
        picture = work / f"page{suffix}"
        picture.write_bytes(turned(content, degrees // 90))
        look = look_at(picture)
        thumbnail = keep_file(look.thumbnail, folder, ".jpg")
        with undone_on_error() as kept:
            kept.append(thumbnail.name)
            image = keep_file(picture, folder, suffix)
    return {
        "image": image.name,
        "sha256": image.sha256,
        "thumbnail": thumbnail.name,
        "thumbnail_sha256": thumbnail.sha256,
        "width": look.width,
        "height": look.height,
    }


def _write_turns(sheet: Sheet, changes: dict[int, TurnedPage]) -> None:
    for page in sheet.pages.filter(pk__in=changes):
        change = changes[page.pk]
        if page.sha256 != change.before or sheet.state not in CHANGEABLE:
            # A person turned it meanwhile and knows better, or it stands in a request by now.
            delete_after_commit(str(change.fields["image"]), str(change.fields["thumbnail"]))
            continue
        apply_turn(page, change.degrees, change.fields)


def apply_turn(page: Page, degrees: int, fields: dict[str, str | int]) -> None:
    """Point a page, whose sheet is locked, to its turned files; the old ones go after commit."""
    delete_after_commit(page.image, page.thumbnail)
    for name, value in fields.items():
        setattr(page, name, value)
    page.turned = (page.turned + degrees) % 360
    page.save()
