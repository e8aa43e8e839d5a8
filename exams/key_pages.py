"""The pages of an answer key: a stored PDF becomes images and its own text, then a run is planned.

Comes in: the id of a received KeyProposal. Goes out: the same row, drafted, with complete page
files in storage and a run of the batch engine; or failed, with the reason. As in rasterize.py,
poppler runs in a child process with limits, and what came out is counted and measured.
"""

from __future__ import annotations

import logging
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_noop
from django_fsm import can_proceed
from pdf2image import pdfinfo_from_path
from pdf2image.exceptions import PDFPageCountError, PDFPopplerTimeoutError

from accounts.models import User
from accounts.notifications import notify
from batching import jobs, providers
from batching.claims import Claim, fenced, kept_alive
from batching.conflicts import Conflict
from batching.models import BatchRun
from exams.answer_key import LETTERS_PER_PAGE
from exams.attempts import attempt
from exams.due import keys_to_prepare
from exams.key_request import PURPOSE
from exams.models import KeyProposal
from exams.page_images import UnreadableImage, look_at
from exams.personal import named_person
from exams.rasterize import POPPLER, PopplerMissing, UnreadablePaper, render_pdf
from exams.storage import (
    check_room,
    clean_folder,
    keep_file,
    local_copy,
    no_room_is_clear,
    undone_on_error,
    work_folder,
)

logger = logging.getLogger(__name__)

MAX_PAGES = 30
# A longer text would cost more than the pages, which say the same.
MAX_TEXT = 100_000
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
CANNOT_ASK = (providers.UnknownProvider, providers.ProviderNotReady, Conflict)
SOMEBODY_NAMED = gettext_noop(
    "“%(named)s” in the PDF is the name or roll number of somebody in the class. Leave it out:"
    " nothing personal is sent to a model."
)
TOO_MANY_PAGES = gettext_noop(
    "The PDF has %(count)s pages; an answer key has at most %(most)s. Split it and upload the part"
    " with the answers."
)
PAGE_UNREADABLE = gettext_noop("Page %(number)s cannot be read: %(why)s. Save the PDF again.")


def prepare_key(key_pk: int) -> None:
    """The stage: render one PDF and plan its run. Returns at once when that is done already or
    another worker has it.
    """
    attempt(keys_to_prepare(), key_pk, _attempt, waits_for=PopplerMissing)


def _attempt(held: Claim) -> None:
    folder = f"keys/{held.pk}"
    clean_folder(folder)
    if held.exhausted:
        _fail(
            held,
            gettext_noop(
                "Rendering this PDF stopped half-way several times. Print it to a new PDF."
            ),
        )
        return
    try:
        _render_and_plan(held, f"{folder}/{held.attempt}")
    except UnreadablePaper as error:
        _fail(held, " ".join(error.messages))
    except CANNOT_ASK as error:
        _fail(held, str(error))


def _render_and_plan(held: Claim, folder: str) -> None:
    key = KeyProposal.objects.select_related("exam__school_class").get(pk=held.pk)
    with undone_on_error() as kept, work_folder() as work:
        with kept_alive(held):
            pages, text, complaint = _render(key, folder, work, kept)
        with fenced(held) as locked:
            transaction.on_commit(kept.clear)
            locked.pages, locked.text, locked.problem = pages, text, complaint
            plan_reading(locked, by=locked.created_by)
            locked._change_reason = gettext_noop("Rendered")
            locked.save()


def plan_reading(key: KeyProposal, *, by: User) -> BatchRun:
    """Plan the run that asks a model about a locked, rendered key; the caller saves the key.

    Raises UnknownProvider, ProviderNotReady, and Conflict when it is in a live run.
    """
    exam = key.exam
    run = jobs.plan_run(
        PURPOSE,
        [key.pk],
        provider=key.provider,
        school_class=exam.school_class,
        title=f"{exam.title}: answer key",
        by=by,
        budget=exam.budget,
    )
    key.draft(run)
    return run


def _fail(held: Claim, problem: str) -> None:
    with fenced(held) as key:
        # A person may have discarded it meanwhile.
        if can_proceed(key.fail):
            key.fail(problem)
            key._change_reason = gettext_noop("Preparing failed")
            key.save()
            tell_failed(key, problem)


def tell_failed(key: KeyProposal, problem: str) -> None:
    """Tell whoever asked, once for each attempt."""
    notify(
        [key.created_by_id],
        key=f"key-{key.pk}-failed-{key.attempt}-{key.batch_run_id or 0}",
        text=gettext_noop("%(exam)s: no answer key could be read from the PDF. %(problem)s"),
        values={"exam": key.exam.title, "problem": problem},
        url=reverse("exams:key_detail", args=[key.pk]),
    )


def _render(
    key: KeyProposal, folder: str, work: Path, kept: list[str]
) -> tuple[list[dict[str, Any]], str, str]:
    """The pages, the PDF's own text, and what poppler complained of."""
    with local_copy(key.file, work) as path, no_room_is_clear():
        check_length(path)
        inner = work / "pages"
        inner.mkdir()
        pictures, complaint = render_pdf(path, inner)
        text = own_text(path)
        check_nobody_is_named(key, text)
        pages = [
            _page(number, picture, folder, kept) for number, picture in enumerate(pictures, start=1)
        ]
    return pages, text if is_worth_sending(text, len(pages)) else "", complaint


def check_nobody_is_named(key: KeyProposal, text: str) -> None:
    """Raise UnreadablePaper when the PDF's own text names somebody of the class: nothing personal
    leaves. On the pictures of a scan nobody can look for it; the page says so.
    """
    if named := named_person(key.exam.school_class, [text]):
        raise UnreadablePaper(SOMEBODY_NAMED % {"named": named})


def check_length(pdf: Path) -> None:
    """Raise UnreadablePaper for a PDF with more pages than an answer key has."""
    try:
        info = pdfinfo_from_path(
            pdf.as_posix(), poppler_path=POPPLER.as_posix(), timeout=settings.SHEAF_PDF_SECONDS
        )
    except (PDFPageCountError, PDFPopplerTimeoutError, OSError):
        return  # rendering says in better words what is wrong with it
    if info["Pages"] > MAX_PAGES:
        raise UnreadablePaper(TOO_MANY_PAGES % {"count": info["Pages"], "most": MAX_PAGES})


def _page(number: int, picture: Path, folder: str, kept: list[str]) -> dict[str, Any]:
    try:
        look = look_at(picture)
    except UnreadableImage as error:
        check_room(picture.parent)
        problem = PAGE_UNREADABLE % {"number": number, "why": error.messages[0]}
        raise UnreadablePaper(problem) from error
    stored = keep_file(picture, folder, picture.suffix)
    kept.append(stored.name)
    return {
        "number": number,
        "image": stored.name,
        "sha256": stored.sha256,
        "width": look.width,
        "height": look.height,
    }


def own_text(pdf: Path) -> str:
    """The text that a PDF itself holds, beside its pictures; "" for a scan.

    "" as well where it cannot be read: the pictures say everything, and the log says why.
    """
    try:
        # Into a file, whose size the script limits: a small PDF can hold gigabytes of text.
        with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as printed:
            subprocess.run(  # noqa: S603 - a fixed program, a path of our own
                [POPPLER / "pdftotext", "-enc", "UTF-8", "-layout", str(pdf), "-"],
                stdout=printed,
                stderr=subprocess.DEVNULL,
                timeout=settings.SHEAF_PDF_SECONDS,
                check=True,
            )
            printed.seek(0)
            text = printed.read().decode("utf-8", "replace")
    except (subprocess.SubprocessError, OSError) as error:
        logger.warning("an answer key goes without its text: %s", type(error).__name__)
        return ""
    return UNPRINTABLE.sub(" ", text.replace("\f", "\n")).strip()


def is_worth_sending(text: str, pages: int) -> bool:
    """Whether a PDF's own text is more than what a scanner prints on its pages, and no book."""
    return len(text) <= MAX_TEXT and sum(map(str.isalpha, text)) >= LETTERS_PER_PAGE * pages
