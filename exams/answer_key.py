"""Answer key: reads the expected answer of each criterion from a PDF, for a teacher to check.

Comes in: the bytes of a PDF and the rubric's items. Goes out: {criterion id: text} as a
proposal; nothing is saved here. The text in the file is used where there is any (pdftotext);
a scan is read with tesseract.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from PIL import Image

from exams import tesseract
from exams.rubric_items import MAX_TEXT, RubricItem, clean_text, leaf_items
from exams.storage import no_room_is_clear, work_folder

logger = logging.getLogger(__name__)

MAX_BYTES = 20_000_000
MAX_PAGES = 60
MAX_SCANNED_PAGES = 8
# Fewer letters than this on an average page means that the pages are pictures.
LETTERS_PER_PAGE = 40
# A scan is read at this many pixels, about 200 DPI, however large its pages say that they are.
LONG_SIDE = 2400
POPPLER = Path(__file__).parent / "poppler"
TOO_SLOW = "Reading the PDF took too long. Try a shorter one."


class AnswerKeyError(ValidationError):
    """A file from which no answer key could be read; the message says what to do."""


class ReaderMissing(AnswerKeyError):
    """A program that reads PDFs is not installed: the file is not to blame."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            f"PDFs cannot be read here because {program} is not installed. Ask an admin to"
            f" install it (apt-get install {package}), or type the answers."
        )
        logger.error("an answer key could not be read: %s is missing", program)


def read_answer_key(data: bytes, items: Sequence[RubricItem]) -> dict[str, str]:
    """Proposed answers by criterion id, for the leaves that were found in the PDF.

    Raises AnswerKeyError when the file cannot be read or names none of the criteria.
    """
    found = split_answers(read_pdf_text(data), items)
    if not found:
        names = ", ".join(item.id for item in leaf_items(items))
        raise AnswerKeyError(
            f"No answer was found in the file: each must begin with its criterion ({names})."
        )
    return found


def read_pdf_text(data: bytes) -> str:
    """The text of a PDF, page after page."""
    if b"%PDF-" not in data[:1024]:
        raise AnswerKeyError("This is not a PDF. Save the answer key as PDF and choose it again.")
    if len(data) > MAX_BYTES:
        raise AnswerKeyError(f"The PDF is larger than {MAX_BYTES // 1_000_000} MB.")
    deadline = time.monotonic() + settings.SHEAF_PDF_SECONDS
    with work_folder() as folder, no_room_is_clear():
        pdf = folder / "key.pdf"
        pdf.write_bytes(data)
        pages = _page_count(_run("pdfinfo", str(pdf), deadline=deadline))
        if pages > MAX_PAGES:
            raise AnswerKeyError(
                f"The PDF has {pages} pages; an answer key has at most {MAX_PAGES}."
            )
        text = _run("pdftotext", "-enc", "UTF-8", "-layout", str(pdf), "-", deadline=deadline)
        if sum(map(str.isalpha, text)) >= LETTERS_PER_PAGE * pages:
            return text
        if pages > MAX_SCANNED_PAGES:
            raise AnswerKeyError(
                f"The PDF is a scan of {pages} pages; at most {MAX_SCANNED_PAGES} are read."
                " Split it, or save it as PDF from the program it was written in."
            )
        return _read_scan(pdf, deadline)


def split_answers(text: str, items: Sequence[RubricItem]) -> dict[str, str]:
    """The text cut at the lines that begin with a criterion's id.

    Full ids ("Q2", "Q2 (a)", "Question 2a") are looked for first; bare numbers ("2.", "2a)")
    only when there are none, since a list inside an answer is numbered as well.
    """
    lines = text.replace("\f", "\n").splitlines()
    for strict in (True, False):
        found = _cut(lines, items, strict=strict)
        if found:
            return found
    return {}


def _cut(lines: list[str], items: Sequence[RubricItem], *, strict: bool) -> dict[str, str]:
    heads = list(_heads(items, "", strict=strict))
    blocks: dict[str, list[str]] = {}
    current: RubricItem | None = None
    reached = -1
    for line in lines:
        for index, (item, parent, pattern) in enumerate(heads):
            match = pattern.match(line)
            within = parent is None or (current and current.id in _family(parent))
            # Criteria come in order: a number that goes back belongs to the answer's own list.
            if match and within and (strict or index > reached) and item.id not in blocks:
                current, reached, line = item, index, line[match.end() :]
                blocks[item.id] = []
                break
        if current:
            blocks[current.id].append(line)
    return {
        item.id: answer
        for item in leaf_items(items)
        if item.id in blocks and (answer := _tidy(blocks[item.id], item.description))
    }


def _family(parent: RubricItem) -> set[str]:
    return {parent.id, *(child.id for child in parent.items)}


def _heads(
    items: Iterable[RubricItem], prefix: str, *, strict: bool, parent: RubricItem | None = None
) -> Iterator[tuple[RubricItem, RubricItem | None, re.Pattern[str]]]:
    """How the line looks that begins each item, the longest ids first within an item's family.

    A child is also known by its own letter ("(a)"), but only inside its parent.
    """
    for item in items:
        yield item, None, _head(item.id, strict=strict)
        if parent and item.id.casefold().startswith(prefix.casefold()):
            own = item.id[len(prefix) :].strip("._-")
            if own:
                yield item, parent, re.compile(rf"\s*\(?{re.escape(own)}[).:]\s*", re.IGNORECASE)
        yield from _heads(item.items, item.id, strict=strict, parent=item)


def _head(code: str, *, strict: bool) -> re.Pattern[str]:
    words = [_as_read(word) for word in re.findall(r"[A-Za-z]+|\d+", code)]
    between = r"[\s.()_-]{0,3}"
    end = r"(?![A-Za-z0-9])(?:[\s.:)\]]|[-–—](?!\d))*"
    lead = r"\s*(?:answers?(?:\s+(?:to|for))?|ans\.?|key|no\.?)?\s*[(\[]?"
    if code[:1].isdigit():
        body = between.join(words)
        body = f"(?:q|question|ques|problem){between}{body}" if strict else body
    elif len(words) > 1:
        first = rf"(?:{words[0]}|question|ques|problem)"
        rest = between.join(words[1:])
        body = f"{first}{between}{rest}" if strict else f"(?:{first}{between})?{rest}"
    else:
        body = re.escape(code)
    # A bare number needs its point or bracket, or "10 mm" would begin question 10.
    mark = "" if strict else r"(?=\s*[.:)\]–—-])"
    return re.compile(lead + body + mark + end, re.IGNORECASE)


def _as_read(word: str) -> str:
    """A number as tesseract may read it: "Ql" and "QI" are Q1."""
    return word.replace("1", "[1lI|]").replace("0", "[0O]") if word.isdigit() else word


MARKS_NOTE = re.compile(r"[(\[]\s*\d+(?:\.\d+)?\s*(?:marks?|points?|pts?)\s*[)\]]", re.IGNORECASE)
ANSWER_WORD = re.compile(r"^\s*(?:model\s+)?(?:answer|ans)\s*[.:–-]\s*", re.IGNORECASE)


def _tidy(lines: list[str], description: str) -> str:
    """The answer alone: without the question's own words, the marks and the word "Answer"."""
    for index, line in enumerate(lines):
        if ANSWER_WORD.match(line):
            lines = [ANSWER_WORD.sub("", line), *lines[index + 1 :]]
            break
    text = MARKS_NOTE.sub("", "\n".join(" ".join(line.split()) for line in lines))
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", "", text)
    question = r"\s+".join(map(re.escape, description.split()))
    text = re.sub(rf"^\s*{question}\s*", "", text, flags=re.IGNORECASE)
    return clean_text(re.sub(r"\n{3,}", "\n\n", text))[:MAX_TEXT]


def _read_scan(pdf: Path, deadline: float) -> str:
    prefix = str(pdf.with_name("page"))
    _run(
        "pdftoppm", "-scale-to", str(LONG_SIDE), "-gray", "-jpeg", str(pdf), prefix,
        deadline=deadline,
    )  # fmt: skip
    return "\n".join(_read_picture(p, deadline) for p in sorted(pdf.parent.glob("page*.jpg")))


def _read_picture(path: Path, deadline: float) -> str:
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            return tesseract.read_text(
                image, layout=4, dpi=200, seconds=max(0, deadline - time.monotonic())
            )
    except tesseract.TesseractMissing as error:
        raise ReaderMissing("tesseract", "tesseract-ocr") from error
    except tesseract.TesseractSlow as error:
        raise AnswerKeyError(TOO_SLOW) from error
    except (tesseract.TesseractFailed, OSError) as error:
        raise AnswerKeyError(
            "A page of the scan cannot be read. Scan it again, or save the key as PDF from the"
            " program it was written in."
        ) from error


def _run(program: str, *arguments: str, deadline: float) -> str:
    """What a program of poppler prints, with limits on time, memory and output."""
    if shutil.which(program) is None:
        raise ReaderMissing(program, "poppler-utils")
    limits = {
        "SHEAF_PDF_MEMORY_MB": str(int(settings.SHEAF_PDF_MEMORY_MB)),
        "SHEAF_PDF_SECONDS": str(max(1, int(settings.SHEAF_PDF_SECONDS))),
    }
    try:
        # Into a file, whose size the scripts limit: a small PDF can hold gigabytes of text.
        with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as printed:
            subprocess.run(  # noqa: S603 - fixed programs, a path of our own
                [POPPLER / program, *arguments],
                stdout=printed,
                stderr=subprocess.DEVNULL,
                timeout=deadline - time.monotonic(),
                check=True,
                env={**os.environ, **limits},
            )
            printed.seek(0)
            return printed.read().decode("utf-8", "replace")
    except subprocess.TimeoutExpired as error:
        raise AnswerKeyError(TOO_SLOW) from error
    except subprocess.CalledProcessError as error:
        if error.returncode == -signal.SIGXFSZ:
            raise AnswerKeyError("The PDF holds more text than an answer key has.") from error
        raise AnswerKeyError(
            "The PDF cannot be read: it is damaged or has a password. Save it again without one."
        ) from error


def _page_count(info: str) -> int:
    match = re.search(r"^Pages:\s+(\d+)", info, re.MULTILINE)
    if not match or match[1] == "0":
        raise AnswerKeyError("The PDF has no pages.")
    return int(match[1])
