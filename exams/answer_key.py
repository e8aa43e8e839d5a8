"""Answer key: reads the expected answer of each criterion from a PDF, for a teacher to check.

Comes in: the bytes of a PDF and the rubric's items. Goes out: a proposed text by criterion id,
and beside it every text whose label the rubric does not have; nothing is saved here. The text in
the file is used where there is any (pdftotext); a scan is read with tesseract.
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
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from PIL import Image

from exams import tesseract
from exams.rubric_items import MAX_TEXT, RubricItem, clean_text, leaf_items
from exams.rubrics import all_items
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
# What may stand before and after a label: "Answer to (Q2) - ".
LEAD = r"\s*(?:answers?(?:\s+(?:to|for))?|ans\.?|key|no\.?)?\s*[(\[]?"
AFTER = r"(?:[\s.:)\]]|[-–—](?!\d))*"
NUMBER = r"\d{1,3}(?:\.\d{1,2})*(?:[._-]?[a-z]|\s?\([a-z]\)|\s?[a-z](?=[).:]))?(?![A-Za-z0-9])"
OWN_WORD = re.compile(r"((?!q\d)[A-Za-z]+)\d", re.IGNORECASE)
BARE_NUMBER = re.compile(r"\s*\(?(?P<label>\d{1,3}[a-z]?)\s*[.:)\]](?!\d)\s*", re.IGNORECASE)
TOO_SLOW = gettext_noop("Reading the PDF took too long. Try a shorter one.")


class AnswerKeyError(ValidationError):
    """A file from which no answer key could be read; the message says what to do."""


class ReaderMissing(AnswerKeyError):
    """A program that reads PDFs is not installed: the file is not to blame."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(
            _(
                "PDFs cannot be read here because %(program)s is not installed. Ask an admin to"
                " install it (apt-get install %(package)s), or type the answers."
            )
            % {"program": program, "package": package}
        )
        logger.error("an answer key could not be read: %s is missing", program)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A text of the file that is no criterion's answer: its label as it stands there, and why."""

    label: str
    why: str
    text: str


@dataclass(frozen=True, slots=True)
class KeyReading:
    """What was found in a file: answers by the ids of leaves, and what fits none of them."""

    answers: dict[str, str]
    leftovers: tuple[Leftover, ...] = ()


def read_answer_key(data: bytes, items: Sequence[RubricItem]) -> KeyReading:
    """The proposed answers of a PDF, and what in it the rubric has no place for.

    Raises AnswerKeyError when the file cannot be read or names none of the criteria.
    """
    reading = split_answers(read_pdf_text(data), items)
    if not reading.answers:
        names = ", ".join(item.id for item in leaf_items(items))
        labels = ", ".join(leftover.label for leftover in reading.leftovers)
        text = _(
            "No answer was found in the file: each must begin with its criterion (%(codes)s)."
        ) % {"codes": names}
        if labels:
            text += " " + _("The file has %(labels)s, which get no marks in the rubric.") % {
                "labels": labels
            }
        raise AnswerKeyError(text)
    return reading


def read_pdf_text(data: bytes) -> str:
    """The text of a PDF, page after page."""
    if b"%PDF-" not in data[:1024]:
        raise AnswerKeyError(
            _("This is not a PDF. Save the answer key as PDF and choose it again.")
        )
    if len(data) > MAX_BYTES:
        raise AnswerKeyError(
            _("The PDF is larger than %(limit)s MB. Split it and upload the part with the answers.")
            % {"limit": MAX_BYTES // 1_000_000}
        )
    deadline = time.monotonic() + settings.SHEAF_PDF_SECONDS
    with work_folder() as folder, no_room_is_clear():
        pdf = folder / "key.pdf"
        pdf.write_bytes(data)
        pages = _page_count(_run("pdfinfo", str(pdf), deadline=deadline))
        if pages > MAX_PAGES:
            raise AnswerKeyError(
                _("The PDF has %(pages)s pages; an answer key has at most %(most)s.")
                % {"pages": pages, "most": MAX_PAGES}
            )
        text = _run("pdftotext", "-enc", "UTF-8", "-layout", str(pdf), "-", deadline=deadline)
        if sum(map(str.isalpha, text)) >= LETTERS_PER_PAGE * pages:
            return text
        if pages > MAX_SCANNED_PAGES:
            raise AnswerKeyError(
                _(
                    "The PDF is a scan of %(pages)s pages; at most %(most)s are read. Split it, or"
                    " save it as PDF from the program it was written in."
                )
                % {"pages": pages, "most": MAX_SCANNED_PAGES}
            )
        return _read_scan(pdf, deadline)


def split_answers(text: str, items: Sequence[RubricItem]) -> KeyReading:
    """The text cut at the lines that begin with a label.

    Full ids ("Q2", "Q2 (a)", "Question 2a") are looked for first; bare numbers ("2.", "2a)")
    only when there are none, since a list inside an answer is numbered as well. A label that
    the rubric does not have, or that comes a second time, ends the answer before it.
    """
    lines = text.replace("\f", "\n").splitlines()
    strict = _cut(lines, items, strict=True)
    if strict.answers:
        return strict
    bare = _cut(lines, items, strict=False)
    return bare if bare.answers else strict


@dataclass(slots=True)
class _Block:
    """The lines below one label; `item` is None where the rubric has no such label."""

    label: str
    item: RubricItem | None = None
    why: str = ""
    lines: list[str] = field(default_factory=list)
    listed: int = 0

    def takes(self, number: str) -> bool:
        """Whether a bare number goes on with the answer's own list, which begins with 1."""
        is_next = number.isdigit() and int(number) in (1, self.listed + 1)
        self.listed = int(number) if is_next else self.listed
        return is_next


NOT_IN_RUBRIC = gettext_noop("the rubric has no such criterion")
SECOND_TIME = gettext_noop("it stands in the file twice")
IN_PARTS = gettext_noop("it has no marks of its own, only its parts have")


def _cut(lines: list[str], items: Sequence[RubricItem], *, strict: bool) -> KeyReading:
    heads = list(_heads(items, "", strict=strict))
    order = {item.id: number for number, item in enumerate(all_items(items))}
    stranger = _Stranger(items, strict=strict)
    blocks: list[_Block] = []
    named: set[str] = set()
    current: _Block | None = None
    reached = -1
    for line in lines:
        inside = current.item.id if current and current.item else ""
        if label := stranger.begins(line, current):
            current = _Block(" ".join(label["label"].split()), why=NOT_IN_RUBRIC)
            blocks.append(current)
            line = line[label.end() :]
        for item, parent, pattern in () if label else heads:
            match = pattern.match(line)
            if not match or (parent and inside not in _family(parent)):
                continue
            # Criteria come in order: a bare number that goes back is in the answer's own list.
            if item.id not in named and (strict or order[item.id] > reached):
                current, reached = _Block(item.id, item), order[item.id]
            elif strict and parent is None and inside not in _family(item):
                current = _Block(item.id, why=SECOND_TIME)
            else:
                continue
            named.add(item.id)
            blocks.append(current)
            line = line[match.end() :]
            break
        if current:
            current.lines.append(line)
    return _sorted_out(blocks, items)


def _sorted_out(blocks: list[_Block], items: Sequence[RubricItem]) -> KeyReading:
    """The answers in the rubric's order; what is left over in the file's."""
    found = {block.item.id: block for block in blocks if block.item}
    answers = {
        item.id: answer
        for item in leaf_items(items)
        if item.id in found and (answer := _tidy(found[item.id].lines, item.description))
    }
    leftovers = []
    for block in blocks:
        # An inner criterion's own words are its title, unless none of its parts is there.
        if block.item is None or (block.item.items and not _family(block.item) & answers.keys()):
            text = _tidy(block.lines, block.item.description if block.item else "")
            if text or block.item is None:
                leftovers.append(Leftover(block.label, block.why or IN_PARTS, text))
    return KeyReading(answers, tuple(leftovers))


class _Stranger:
    """Knows a line that begins with a label of this rubric's kind which the rubric has not."""

    def __init__(self, items: Sequence[RubricItem], *, strict: bool) -> None:
        self.full = [(item, head) for item, own, head in _heads(items, "", strict=True) if not own]
        self.bare = [head for _, own, head in _heads(items, "", strict=False) if not own]
        self.strict = strict
        words = {match[1] for item in all_items(items) if (match := OWN_WORD.match(item.id))}
        kinds = [rf"(?:q|question|ques|problem)[\s.()_-]{{0,3}}{NUMBER}"]
        if words:
            # A word may begin a sentence ("H2 + O2"): its number needs a point or a bracket.
            listed = "|".join(map(re.escape, sorted(words)))
            kinds.append(rf"(?:{listed}){NUMBER}(?=\s*[.:)\]–—-])")
        self.pattern = re.compile(rf"{LEAD}(?P<label>{'|'.join(kinds)}){AFTER}", re.IGNORECASE)

    def begins(self, line: str, current: _Block | None) -> re.Match[str] | None:
        """The unknown label at the beginning of a line that comes after `current`."""
        label = self.pattern.match(line)
        if label is None:
            return None if self.strict else self._bare_number(line, current)
        end = label.end("label")
        for item, head in self.full:
            if known := head.match(line):
                rest = line[known.end("label") : end]
                # "Q1 (a)" is Q1 with a list in its answer, unless Q1 has parts.
                if not rest or (not item.items and not re.search(r"\d", rest)):
                    return None
        return label

    def _bare_number(self, line: str, current: _Block | None) -> re.Match[str] | None:
        number = BARE_NUMBER.match(line)
        if number is None or (current and current.takes(number["label"])):
            return None
        return None if any(head.match(line) for head in self.bare) else number


def _family(parent: RubricItem) -> set[str]:
    return {item.id for item in all_items((parent,))}


def _heads(
    items: Iterable[RubricItem], prefix: str, *, strict: bool, parent: RubricItem | None = None
) -> Iterator[tuple[RubricItem, RubricItem | None, re.Pattern[str]]]:
    """How the line looks that begins each item, the longest ids first within an item's family.

    A child is also known by its own letter ("(a)"), but only inside its parent.
    """
    for item in items:
        yield from _heads(item.items, item.id, strict=strict, parent=item)
        yield item, None, _head(item.id, strict=strict)
        if parent and item.id.casefold().startswith(prefix.casefold()):
            own = item.id[len(prefix) :].strip("._-")
            if own:
                yield item, parent, re.compile(rf"\s*\(?{re.escape(own)}[).:]\s*", re.IGNORECASE)


def _head(code: str, *, strict: bool) -> re.Pattern[str]:
    words = [_as_read(word) for word in re.findall(r"[A-Za-z]+|\d+", code)]
    between = r"[\s.()_-]{0,3}"
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
    return re.compile(rf"{LEAD}(?P<label>{body}){mark}(?![A-Za-z0-9]){AFTER}", re.IGNORECASE)


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
        raise AnswerKeyError(_(TOO_SLOW)) from error
    except (tesseract.TesseractFailed, OSError) as error:
        raise AnswerKeyError(
            _(
                "A page of the scan cannot be read. Scan it again, or save the key as PDF from"
                " the program it was written in."
            )
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
        raise AnswerKeyError(_(TOO_SLOW)) from error
    except subprocess.CalledProcessError as error:
        if error.returncode == -signal.SIGXFSZ:
            raise AnswerKeyError(
                _("The PDF holds more text than an answer key has. Save the answers alone as PDF.")
            ) from error
        raise AnswerKeyError(
            _("The PDF cannot be read: it is damaged or has a password. Save it again without one.")
        ) from error


def _page_count(info: str) -> int:
    match = re.search(r"^Pages:\s+(\d+)", info, re.MULTILINE)
    if not match or match[1] == "0":
        raise AnswerKeyError(_("The PDF has no pages. Save it again and choose that file."))
    return int(match[1])
