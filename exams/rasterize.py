"""Rendering: a sheet's paper becomes page images with thumbnails, and flags for blank and faint.

Comes in: the id of a sheet without pages. Goes out: Page rows whose files are complete in storage,
or a failed sheet with the reason. One pdf2image call per document; poppler runs in a child process
with limits on time and memory (exams/poppler), and what came out is counted and measured, because
pdftoppm exits 0 on damaged input.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop
from pdf2image import convert_from_path, pdfinfo_from_path
from pdf2image.exceptions import PDFPageCountError, PDFPopplerTimeoutError

from batching.claims import Claim, fenced, kept_alive
from exams.attempts import attempt, fail
from exams.content import HEAD, Kind, kind_of
from exams.due import sheets_to_render
from exams.models import Page, Sheet
from exams.page_images import (
    LONGEST_SHAPE,
    SMALLEST_SIDE,
    UnreadableImage,
    look_at,
    page_from_file,
)
from exams.storage import (
    StoredFile,
    check_room,
    clean_folder,
    keep_file,
    local_copy,
    no_room_is_clear,
    undone_on_error,
    work_folder,
)

POPPLER = Path(__file__).parent / "poppler"
POINTS_PER_INCH = 72
# A damaged PDF can be complained of for gigabytes: the beginning says enough.
LOG_READ = 100_000
# Pages beyond this are rendered with fewer dots per inch: photographs put into a PDF often say
# that they are a metre wide. The steps keep a document to few calls of pdftoppm.
COMFORTABLE_MEGAPIXELS = 12.5
STEPS = (1, 0.75, 0.48, 0.36, 0.25, 0.18, 0.12)

PAGE_UNREADABLE = gettext_noop(
    "Page %(number)s cannot be read: %(why)s. Scan it again and upload it."
)
IMAGE_UNUSABLE = gettext_noop(
    "The image of page %(number)s cannot be used: %(why)s. Scan or photograph it again."
)
# Plain words first; those of poppler only as a detail for who can read them.
PDF_ODD = gettext_noop(
    "The PDF is damaged: see whether its pages are complete. Technical detail: %(words)s."
)
PDF_DAMAGED = gettext_noop(
    "The PDF is damaged or incomplete. Scan the sheet again and upload it."
    " Technical detail: %(words)s."
)
PDF_DAMAGED_ONLY = gettext_noop(
    "The PDF is damaged or incomplete. Scan the sheet again and upload it."
)
PDF_SLOW = gettext_noop(
    "Rendering the PDF takes more than %(seconds)s seconds. Print it to a new PDF, or scan it"
    " again."
)
NOT_RENDERED = gettext_noop(
    "Page %(number)s of the PDF is damaged. Scan the sheet again and upload it."
)
NOT_RENDERED_WHY = gettext_noop(
    "Page %(number)s of the PDF is damaged. Scan the sheet again and upload it."
    " Technical detail: %(words)s."
)
NO_SIZE = gettext_noop("Page %(number)s of the PDF has no size. Scan the sheet again.")
TOO_LARGE = gettext_noop(
    "Page %(number)s of the PDF is %(width)s x %(height)s inches, too large to be rendered. Scan"
    " it again in its real size."
)
ODD_SIZE = gettext_noop(
    "Page %(number)s of the PDF cannot be read: its size is %(size)s points. Scan the sheet again"
    " and upload it."
)
TOO_MANY_PAGES = gettext_noop(
    "The sheet has %(count)s pages; at most %(most)s are allowed. Upload one file or folder for"
    " each student."
)


def _limit_poppler() -> None:
    """Hand the limits to the scripts in exams/poppler; pdf2image passes its environment on."""
    os.environ["SHEAF_PDF_MEMORY_MB"] = str(int(settings.SHEAF_PDF_MEMORY_MB))
    os.environ["SHEAF_PDF_SECONDS"] = str(max(1, int(settings.SHEAF_PDF_SECONDS)))


# Here as well: a variable that appears later would disturb a thread that copies the environment.
_limit_poppler()


class UnreadablePaper(ValidationError):
    """The paper cannot be turned into pages; the message says why and what to do."""


class PopplerMissing(Exception):
    """Poppler is not installed: no PDF can be rendered."""


@dataclass(frozen=True, slots=True)
class PdfPage:
    """What pdfinfo says of a page, in points, and the resolution to render it with."""

    number: int
    width: float
    height: float
    dpi: int


@dataclass(slots=True)
class Rendered:
    """The pages of one attempt, not saved yet, and what was complained about."""

    pages: list[Page]
    problem: str = ""


def rasterize_sheet(sheet_pk: int) -> None:
    """The stage: render one sheet. Returns at once when it is done or another worker has it."""
    attempt(sheets_to_render(), sheet_pk, _attempt, waits_for=PopplerMissing)


def _attempt(held: Claim) -> None:
    folder = f"sheets/{held.pk}"
    clean_folder(folder)
    if held.exhausted:
        problem = gettext_noop(
            "Rendering this sheet stopped half-way several times. Scan it again."
        )
        fail(held, problem, reason=gettext_noop("Rendering failed"))
        return
    try:
        _render_and_keep(held, f"{folder}/{held.attempt}")
    except UnreadablePaper as error:
        fail(held, " ".join(error.messages), reason=gettext_noop("Rendering failed"))


def _render_and_keep(held: Claim, folder: str) -> None:
    sheet = Sheet.objects.get(pk=held.pk)
    with undone_on_error() as kept, work_folder() as work:
        with kept_alive(held):
            rendered = _render(sheet, folder, work, kept)
        with fenced(held) as locked:
            transaction.on_commit(kept.clear)
            Page.objects.bulk_create(rendered.pages)
            locked.rendered_at = timezone.now()
            locked.problem = rendered.problem
            locked._change_reason = gettext_noop("Rendered")
            locked.save()


def _render(sheet: Sheet, folder: str, work: Path, kept: list[str]) -> Rendered:
    rendered = Rendered([])
    for source, name in enumerate(sheet.source_files):
        with local_copy(name, work) as path, no_room_is_clear():
            with path.open("rb") as file:
                kind = kind_of(file.read(HEAD))
            inner = work / f"paper-{source:04d}"
            inner.mkdir()
            pictures: Iterator[Path] | list[Path]
            if kind is Kind.PDF:
                pictures, complaint = render_pdf(path, inner)
                rendered.problem = rendered.problem or complaint
            else:
                pictures = [_take_image(path, inner, len(rendered.pages) + 1)]
            for picture in pictures:
                rendered.pages.append(_page(sheet, len(rendered.pages) + 1, picture, folder, kept))
        if len(rendered.pages) > settings.SHEAF_SHEET_MAX_PAGES:
            raise _too_many_pages(len(sheet.source_files))
    return rendered


def _page(sheet: Sheet, number: int, picture: Path, folder: str, kept: list[str]) -> Page:
    try:
        look = look_at(picture)
    except UnreadableImage as error:
        check_room(picture.parent)
        problem = PAGE_UNREADABLE % {"number": number, "why": error.messages[0]}
        raise UnreadablePaper(problem) from error
    suffix = picture.suffix
    thumbnail = keep_file(look.thumbnail, folder, ".jpg")
    kept.append(thumbnail.name)
    image: StoredFile = keep_file(picture, folder, suffix)
    kept.append(image.name)
    return Page(
        sheet=sheet,
        number=number,
        image=image.name,
        sha256=image.sha256,
        thumbnail=thumbnail.name,
        thumbnail_sha256=thumbnail.sha256,
        width=look.width,
        height=look.height,
        is_blank=look.is_blank,
        is_faint=look.is_faint,
    )


def _take_image(path: Path, folder: Path, number: int) -> Path:
    try:
        content, suffix = page_from_file(
            path.read_bytes(),
            quality=settings.SHEAF_JPEG_QUALITY,
            max_megapixels=settings.SHEAF_PAGE_MAX_MEGAPIXELS,
        )
    except UnreadableImage as error:
        problem = IMAGE_UNUSABLE % {"number": number, "why": error.messages[0]}
        raise UnreadablePaper(problem) from error
    picture = folder / f"page{suffix}"
    picture.write_bytes(content)
    return picture


def render_pdf(path: Path, folder: Path) -> tuple[list[Path], str]:
    """JPEGs of all pages of a PDF in an empty folder, in order, and poppler's complaint if any.

    Raises UnreadablePaper when a page is missing, unreadable, too large, or the file is
    encrypted, damaged, too long or takes too long.
    """
    _limit_poppler()
    pages = pdf_pages(path)
    paper = folder / "paper.pdf"
    paper.symlink_to(path.resolve())
    paper.with_name("paper.pdf.info").write_text(f"Pages: {len(pages)}\n")
    pictures: list[Path] = []
    for dpi, run in itertools.groupby(pages, key=lambda page: page.dpi):
        numbers = [page.number for page in run]
        pictures += _call_pdftoppm(paper, folder, dpi, numbers[0], numbers[-1])
    words = _complaint(folder)
    return pictures, PDF_ODD % {"words": words} if words else ""


def _call_pdftoppm(path: Path, folder: Path, dpi: int, first: int, last: int) -> list[Path]:
    try:
        names = convert_from_path(
            path,
            dpi=dpi,
            output_folder=folder,
            first_page=first,
            last_page=last,
            fmt="jpeg",
            jpegopt={
                "quality": settings.SHEAF_JPEG_QUALITY,
                "progressive": False,
                "optimize": False,
            },
            use_cropbox=True,
            paths_only=True,
            poppler_path=POPPLER,
            timeout=settings.SHEAF_PDF_SECONDS,
        )
    except PDFPopplerTimeoutError as error:
        longest = f"{settings.SHEAF_PDF_SECONDS:g}"
        raise UnreadablePaper(PDF_SLOW % {"seconds": longest}) from error
    except PDFPageCountError as error:
        raise _damaged(str(error)) from error
    pictures = {int(Path(name).stem.rpartition("-")[2]): Path(name) for name in names}
    missing = [number for number in range(first, last + 1) if number not in pictures]
    if missing:
        check_room(folder)
        words = _complaint(folder)
        shape = NOT_RENDERED_WHY if words else NOT_RENDERED
        raise UnreadablePaper(shape % {"number": missing[0], "words": words})
    return [pictures[number] for number in range(first, last + 1)]


def pdf_pages(path: Path) -> list[PdfPage]:
    """What pdfinfo says about each page. Raises UnreadablePaper with words for a person."""
    limit = settings.SHEAF_SHEET_MAX_PAGES
    if not (shutil.which("pdfinfo") and shutil.which("pdftoppm")):
        raise PopplerMissing("poppler is missing: apt-get install poppler-utils")
    try:
        info = pdfinfo_from_path(
            path.as_posix(),
            poppler_path=POPPLER.as_posix(),
            timeout=settings.SHEAF_PDF_SECONDS,
            first_page=1,
            last_page=limit,
        )
    except PDFPopplerTimeoutError as error:
        raise UnreadablePaper(
            gettext_noop(
                "The PDF cannot be opened in time: it may be damaged. Print it to a new PDF, or"
                " scan the sheet again."
            )
        ) from error
    except PDFPageCountError as error:
        if "password" in str(error).lower():
            raise UnreadablePaper(
                gettext_noop(
                    "The PDF is encrypted. Save it without a password and upload it again."
                )
            ) from error
        raise _damaged(str(error)) from error
    if info["Pages"] < 1:
        raise UnreadablePaper(
            gettext_noop("The PDF has no pages. Scan the sheet again and upload it.")
        )
    if info["Pages"] > limit:
        raise _too_many_pages(info["Pages"])
    return [_pdf_page(info, number) for number in range(1, info["Pages"] + 1)]


def _pdf_page(info: dict[str, str], number: int) -> PdfPage:
    # pdfinfo pads the number; with one page it names the size without a number.
    texts = [info.get(f"Page {number:4d} size"), info.get("Page size")]
    size = next((re.match(r"([\d.]+) x ([\d.]+)", text) for text in texts if text), None)
    if size is None:
        raise UnreadablePaper(NO_SIZE % {"number": number})
    width, height = float(size[1]), float(size[2])
    at_72 = width * height / 1e6
    if at_72 > settings.SHEAF_PAGE_MAX_MEGAPIXELS:
        inches = {"width": f"{width / 72:.0f}", "height": f"{height / 72:.0f}"}
        raise UnreadablePaper(TOO_LARGE % ({"number": number} | inches))
    full = at_72 * (settings.SHEAF_DPI / POINTS_PER_INCH) ** 2
    step = next((step for step in STEPS if full * step**2 <= COMFORTABLE_MEGAPIXELS), STEPS[-1])
    dpi = round(settings.SHEAF_DPI * step)
    short, long = sorted((width, height))
    if short / POINTS_PER_INCH * dpi < SMALLEST_SIDE or long > LONGEST_SHAPE * short:
        size = f"{width:.0f}x{height:.0f}"
        raise UnreadablePaper(ODD_SIZE % {"number": number, "size": size})
    return PdfPage(number, width, height, dpi)


def _too_many_pages(count: int) -> UnreadablePaper:
    return UnreadablePaper(
        TOO_MANY_PAGES % {"count": count, "most": settings.SHEAF_SHEET_MAX_PAGES}
    )


def _damaged(said: str) -> UnreadablePaper:
    words = _first_complaint(said)
    return UnreadablePaper(PDF_DAMAGED % {"words": words} if words else PDF_DAMAGED_ONLY)


def _complaint(folder: Path) -> str:
    """What poppler complained of while it wrote pages into a folder; empty when it did not."""
    for log in sorted(folder.glob("*.log")):
        with log.open(errors="replace") as file:
            if words := _first_complaint(file.read(LOG_READ)):
                return words
    return ""


def _first_complaint(text: str) -> str:
    for line in text.splitlines():
        # Scanners often put stray bytes between the parts of a JPEG: that loses nothing.
        if "extraneous bytes" in line:
            continue
        if found := re.search(r"(?:Error|Corrupt|Out of memory)[^:]*:?\s*(.*)", line):
            return (found[1] or found[0]).strip(" .").lower()[:120]
    return ""
