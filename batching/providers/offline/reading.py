"""Reading a page: from the bytes of an image to lines of words, by tesseract, on this machine.

Every page is read more than once, at different sizes and with different ideas of its layout:
handwriting that one reading garbles, another often gets. Comes in: JPEG or PNG bytes. Goes out: a
PageText with its readings, each a list of lines in the order of the paper.
"""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median

from PIL import Image as Picture
from PIL import UnidentifiedImageError

from batching.providers import said
from batching.providers.offline import paper

# Below this confidence of the first two readings a third, slower one is worth its time.
GOOD_ENOUGH = 0.8


class ReadingFailed(Exception):
    """Tesseract could not read the page; the message is for a person."""

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class NotAPicture(ReadingFailed):
    """The bytes are no image."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its box in shares of the page and the confidence tesseract gave it (0..1)."""

    text: str
    left: float
    top: float
    width: float
    height: float
    confidence: float

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


@dataclass(frozen=True)
class Line:
    """A line of one reading; `level` is its height on the page as if the scan were straight."""

    page: int
    words: tuple[Word, ...]
    level: float

    @cached_property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def left(self) -> float:
        return self.words[0].left

    def without_start(self, count: int, kept: str = "") -> Line | None:
        """The line without its first `count` words, but with `kept`, the end of the last of
        them; None when nothing is left.
        """
        rest = self.words[count:]
        if kept:
            rest = (replace(self.words[count - 1], text=kept), *rest)
        return Line(self.page, rest, self.level) if rest else None


@dataclass(frozen=True)
class Reading:
    """What one way of looking at the page saw."""

    lines: tuple[Line, ...]

    @cached_property
    def confidence(self) -> float:
        return mean_confidence(self.lines)


@dataclass(frozen=True)
class PageText:
    """All readings of one page, always in the same order; none for a blank page."""

    number: int
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """How to look at the page: size in relation to 150 DPI, tesseract's segmentation mode, and
    whether the grain of the paper is made white first.
    """

    scale: float
    segmentation: int
    whitened: bool


FIRST_LOOKS = (Look(1.0, 4, False), Look(0.75, 6, True))
SLOW_LOOK = Look(2.0, 6, True)


def read_page(
    data: bytes,
    number: int,
    *,
    timeout: float,
    tesseract: str,
    masks: Sequence[tuple[float, float, float, float]] = (),
) -> PageText:
    """Read one page; `masks` are the regions that were painted over (x, y, w, h as shares).

    Raises NotAPicture, ReadingFailed.
    """
    picture = paper.cleared(open_page(data), masks)
    normal = paper.at_size(picture, 1.0)
    if paper.is_blank(normal):
        return PageText(number, ())
    picture = paper.evened(picture)
    readings = [_look(picture, look, number, timeout, tesseract) for look in FIRST_LOOKS]
    if max(reading.confidence for reading in readings) < GOOD_ENOUGH:
        readings.append(_look(picture, SLOW_LOOK, number, timeout, tesseract))
    return PageText(number, tuple(readings))


def open_page(data: bytes) -> Picture.Image:
    """The page in grey. Raises NotAPicture."""
    try:
        with Picture.open(io.BytesIO(data)) as picture:
            return picture.convert("L")
    except (UnidentifiedImageError, Picture.DecompressionBombError, OSError, SyntaxError) as error:
        raise NotAPicture(said.NO_PICTURE.format(words=error)) from error


def mean_confidence(lines: tuple[Line, ...] | list[Line]) -> float:
    """Mean confidence of the words, long words counting more; 0.0 without words."""
    weights = [(len(word.text), word.confidence) for line in lines for word in line.words]
    total = sum(weight for weight, _ in weights)
    return sum(weight * value for weight, value in weights) / total if total else 0.0


def _look(
    picture: Picture.Image, look: Look, number: int, timeout: float, tesseract: str
) -> Reading:
    resized = paper.at_size(picture, look.scale)
    if look.whitened:
        resized = paper.whitened(resized)
    table = _run(resized, look, timeout, tesseract)
    return Reading(_lines(table, number, resized.width, resized.height))


def _run(picture: Picture.Image, look: Look, timeout: float, tesseract: str) -> str:
    plain = io.BytesIO()
    picture.save(plain, "PPM")
    command = [tesseract, "stdin", "stdout", "-l", "eng", "--psm", str(look.segmentation)]
    command += ["--dpi", str(round(150 * look.scale)), "-c", "tessedit_create_tsv=1"]
    try:
        done = subprocess.run(  # noqa: S603 (no shell, no word of the command comes from a sheet)
            command,
            input=plain.getvalue(),
            capture_output=True,
            timeout=timeout,
            check=False,
            # One thread: tesseract's own make it slower when workers run side by side.
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    except FileNotFoundError as error:
        raise ReadingFailed(said.NO_TESSERACT.format(program=repr(tesseract))) from error
    except subprocess.TimeoutExpired as error:
        raise ReadingFailed(
            said.TESSERACT_SLOW.format(seconds=f"{timeout:g}"), retryable=True
        ) from error
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        words = told[-1] if told else done.returncode
        raise ReadingFailed(said.TESSERACT_FAILED.format(words=words))
    return done.stdout.decode("utf-8", "replace")


def _lines(table: str, number: int, width: int, height: int) -> tuple[Line, ...]:
    found: dict[tuple[str, ...], list[Word]] = {}
    for row in table.splitlines()[1:]:
        fields = row.split("\t")
        if len(fields) < 12 or fields[0] != "5" or not fields[11].strip():
            continue
        left, top, wide, high = (int(value) for value in fields[6:10])
        confidence = max(0.0, float(fields[10]) / 100)
        if high > height / 8:
            continue
        word = Word(
            fields[11].strip(), left / width, top / height, wide / width, high / height, confidence
        )
        found.setdefault(tuple(fields[2:5]), []).append(word)
    rows = [sorted(words, key=lambda word: word.left) for words in found.values()]
    slope = _slope(rows)
    lines = [
        Line(number, tuple(words), median(w.middle - slope * w.left for w in words))
        for words in rows
    ]
    return tuple(sorted(lines, key=lambda line: (round(line.level, 3), line.left)))


def _slope(rows: list[list[Word]]) -> float:
    """How much lines fall from left to right, in page heights per page width."""
    slopes = [
        (row[-1].middle - row[0].middle) / (row[-1].left - row[0].left)
        for row in rows
        if len(row) > 3 and row[-1].left - row[0].left > 0.25
    ]
    return median(slopes) if slopes else 0.0
