"""Transcriptions of samples: what stands on their pages, as text that is sent in place of images.

Comes in: texts that a teacher typed or corrected, or that somebody read from the pages. Goes
out: the text of each page, bound to the image that it was taken from; where a page changed since,
its text no longer counts. What was read is a proposal until a teacher saves it.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from PIL import Image as Pixels

from accounts.models import User
from accounts.seen import fingerprint, saved_meanwhile
from batching.conflicts import Conflict
from batching.images import render
from batching.providers.base import Rendition
from exams import tesseract
from exams.models import Exam, Page, SampleSheet
from exams.pages import kept_pages
from exams.personal import is_named, named_person
from exams.rubric_items import clean_text, odd_character
from exams.rubrics import lock_exam
from exams.samples import SampleError
from exams.storage import read_file

MAX_PAGE_TEXT = 20_000
TESSERACT = gettext_noop("Tesseract, on this machine")
# A person waits for it.
TESSERACT_SECONDS = 25.0

Texts = list[dict[str, Any]]


def text_of(sample: SampleSheet) -> Texts:
    """What is sent in place of the images: [{"page", "text"}, …], or nothing.

    Nothing unless a teacher confirmed a text for each of the pages as they are now.
    """
    texts = {entry["sha256"]: entry["text"] for entry in sample.transcription}
    pages = kept_pages(sample.sheet)
    if not pages or not all(page.sha256 in texts for page in pages):
        return []
    return [{"page": page.number, "text": texts[page.sha256]} for page in pages]


def is_outdated(sample: SampleSheet) -> bool:
    """Whether there is a text, but not for the pages as they are now."""
    return bool(sample.transcription) and not text_of(sample)


def text_seen(sample: SampleSheet) -> str:
    """What the form carries along: the text, and the pages that it was compared with."""
    pages = [(page.number, page.sha256) for page in kept_pages(sample.sheet)]
    return fingerprint(sample.transcription, pages)


@transaction.atomic
def save_text(
    sample: SampleSheet, texts: Mapping[int, str], *, by: User, seen: str | None = None
) -> SampleSheet:
    """Confirm what stands on each page; a proposal is done with. Without a word, no text is kept.

    `texts` are by page number, `seen` is the `text_seen` that the person had before their eyes.
    Raises SampleError naming each page that cannot be kept, and Conflict when the text or the
    pages changed since.
    """
    exam = lock_exam(sample.exam_id)
    row = locked_sample(sample.pk)
    pages = kept_pages(row.sheet)
    checked = checked_texts(exam, pages, texts)
    if not any(entry["text"] for entry in checked):
        checked = []
    if seen is not None and seen != text_seen(row) and checked != row.transcription:
        raise Conflict(saved_meanwhile(row, _("the text or the pages of this sample")))
    if (row.transcription, row.proposal) == (checked, []):
        return row
    row.transcription, row.proposal, row.proposed_by = checked, [], ""
    _save(row, gettext_noop("Text confirmed") if checked else gettext_noop("Text taken away"), by)
    return row


@transaction.atomic
def drop_proposal(sample: SampleSheet, *, by: User) -> None:
    """Forget what was read; the confirmed text stays."""
    row = locked_sample(sample.pk)
    if row.proposal:
        row.proposal, row.proposed_by = [], ""
        _save(row, gettext_noop("Proposed text dropped"), by)


def propose_text(
    sample: SampleSheet, texts: Mapping[int, str], *, source: str, by: User | None = None
) -> None:
    """Keep what `source` read from the pages of a locked sample, for a teacher to correct."""
    sample.proposal = [
        {"page": page.number, "sha256": page.sha256, "text": clean_text(texts.get(page.number, ""))}
        for page in kept_pages(sample.sheet)
    ]
    sample.proposed_by = source[:200]
    _save(sample, gettext_noop("Text proposed"), by)


def read_with_tesseract(sample: SampleSheet, *, by: User) -> None:
    """Propose what tesseract reads; handwriting needs much correcting. Raises SampleError."""
    end = time.monotonic() + TESSERACT_SECONDS
    texts: dict[int, str] = {}
    kept = kept_pages(sample.sheet)
    for page in kept:
        try:
            content = read_file(page.image)
            picture = render(content, Rendition(quality=95), masks_of(sample.exam, page, kept))
            with Pixels.open(io.BytesIO(picture.content)) as image:
                left = max(1.0, end - time.monotonic())
                texts[page.number] = tesseract.read_text(image, layout=4, seconds=left)
        except tesseract.TesseractMissing as error:
            raise SampleError(
                _("Tesseract is not installed here, so nothing can be read. Type the text instead.")
            ) from error
        except (tesseract.TesseractFailed, OSError) as error:
            raise SampleError(
                _(
                    "Page %(number)s could not be read by tesseract (%(error)s). Type its text"
                    " instead."
                )
                % {"number": page.number, "error": error}
            ) from error
    with transaction.atomic():
        row = locked_sample(sample.pk)
        if [(page.number, page.sha256) for page in kept_pages(row.sheet)] != [
            (page.number, page.sha256) for page in kept
        ]:
            raise Conflict(_("The pages were changed while they were read. Read them again."))
        propose_text(row, texts, source=TESSERACT, by=by)


def locked_sample(pk: int) -> SampleSheet:
    """A sample, locked until the transaction ends. Raises Conflict when it is gone."""
    rows = SampleSheet.objects.select_for_update(of=("self",)).select_related("sheet", "exam")
    sample = rows.prefetch_related("sheet__pages").filter(pk=pk).first()
    if sample is None:
        raise Conflict(_("Somebody removed this sample meanwhile."))
    return sample


def masks_of(
    exam: Exam, page: Page, kept: Iterable[Page]
) -> tuple[tuple[float, float, float, float], ...]:
    """The regions of a page that hold names and roll numbers, to be painted over.

    Those of its number, of its place among the `kept` pages of its sheet, and of its place among
    those of them that are not blank: where a page before it was dropped, or came empty out of the
    scanner, the one with the name has a higher number.
    """
    before = [one for one in kept if one.number < page.number]
    places = {page.number, 1 + len(before), 1 + sum(not one.is_blank for one in before)}
    return tuple(
        (region["x"], region["y"], region["w"], region["h"])
        for region in exam.regions
        if region["page"] in places
    )


def checked_texts(exam: Exam, pages: Sequence[Page], texts: Mapping[int, str]) -> Texts:
    """The texts as they are kept, one for each page. Raises SampleError naming each bad page."""
    problems, checked = [], []
    for page in pages:
        text = clean_text(texts.get(page.number, ""))
        if len(text) > MAX_PAGE_TEXT:
            problems.append(
                _("Page %(number)s: at most %(most)s characters are kept.")
                % {"number": page.number, "most": f"{MAX_PAGE_TEXT:,}"}
            )
        elif odd := odd_character(text):
            problems.append(
                _("Page %(number)s holds the control character %(character)s: delete it.")
                % {"number": page.number, "character": odd}
            )
        checked.append({"page": page.number, "sha256": page.sha256, "text": text})
    if who := named_person(exam.school_class, (entry["text"] for entry in checked)):
        problems.append(is_named(who))
    if problems:
        raise SampleError(problems)
    return checked


def _save(row: SampleSheet, reason: str, by: User | None) -> None:
    row._history_user = by
    row._change_reason = reason
    row.save()
