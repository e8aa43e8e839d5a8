"""Draws the demo's papers: what a school scanner and a phone make of handwritten answers.

Comes in: the cast's papers and a seed. Goes out: a ZIP of PDFs, a folder of photos and a PNG,
the same bytes for the same seed and fonts, and the truth about each paper for tests.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from time import struct_time

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFont

from grading.demo.cast import Answer, Paper

DPI = 200
WIDTH, HEIGHT = 1654, 2339  # A4
MARGIN = 125
LINE = 72
PRINTED = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
MOMENT = struct_time((2026, 11, 10, 12, 0, 0, 1, 314, 0))


class FontMissing(Exception):
    """A font file that the papers are drawn with is not there."""


@dataclass(frozen=True, slots=True)
class Hand:
    """A handwriting: a font file, the Debian package it comes from, size and space in pixels."""

    path: str
    package: str
    size: int
    space: int


HANDS = (
    Hand("/usr/share/fonts/truetype/fifthhorseman/dkg.ttf", "fonts-dkg-handwriting", 50, 20),
    Hand("/usr/share/fonts/opentype/comic-neue/ComicNeue-Italic.otf", "fonts-comic-neue", 46, 14),
    Hand("/usr/share/fonts/truetype/breip/Breip.ttf", "fonts-breip", 60, 16),
    Hand("/usr/share/fonts/truetype/sjfonts/Delphine.ttf", "fonts-sjfonts", 60, 22),
    Hand("/usr/share/fonts/truetype/humor-sans/Humor-Sans.ttf", "fonts-humor-sans", 40, 16),
    Hand("/usr/share/fonts/opentype/comic-neue/ComicNeue-Light.otf", "fonts-comic-neue", 48, 15),
)
INKS = ((28, 34, 92), (30, 30, 34), (22, 48, 120))
PENCIL = (172, 172, 176)


@dataclass(frozen=True, slots=True)
class PaperTruth:
    """What is true about one paper of the ZIP: whose it is and what it is worth."""

    file: str
    roll_number: str
    pages: int
    odd: tuple[str, ...]
    marks: dict[str, Decimal]

    @property
    def total(self) -> Decimal:
        return sum(self.marks.values(), Decimal(0))


def write_papers(path: Path, title: str, papers: Sequence[Paper], seed: int) -> list[PaperTruth]:
    """Write the papers of one exam as a ZIP to `path`. Raises FontMissing."""
    truth = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for index, paper in enumerate(papers):
            rng = np.random.default_rng([seed, index])
            pages = draw_pages(title, paper, HANDS[index % len(HANDS)], rng)
            for name, data in _files(paper, pages):
                archive.writestr(zipfile.ZipInfo(name, MOMENT[:6]), data)
            marks = {answer.code: answer.marks for answer in paper.answers}
            truth.append(
                PaperTruth(
                    paper.file, paper.student.roll_number, len(pages), tuple(paper.odd), marks
                )
            )
    return truth


def draw_pages(title: str, paper: Paper, hand: Hand, rng: np.random.Generator) -> list[Image.Image]:
    """The pages of a paper as they lay on the scanner, turned ones included."""
    ink = PENCIL if "faint" in paper.odd else INKS[int(rng.integers(len(INKS)))]
    handwriting = _font(hand.path, hand.size, hand.package)
    pages = []
    for number, answers in enumerate(_split(paper), start=1):
        page = _ruled_page(title, paper, number)
        _write_answers(page, answers, handwriting, hand, ink, rng)
        pages.append(page)
    if "blank last page" in paper.odd:
        pages.append(_ruled_page("", paper, 0))
    scans = [_scan(page, rng, shadow="shadow" in paper.odd) for page in pages]
    if "upside down" in paper.odd:
        scans[0] = scans[0].transpose(Image.Transpose.ROTATE_180)
    if "sideways" in paper.odd:
        scans[-1] = scans[-1].transpose(Image.Transpose.ROTATE_90)
    return scans


def _split(paper: Paper) -> list[list[Answer]]:
    pages: list[list[Answer]] = [[]]
    for answer in paper.answers:
        if answer.code in paper.page_breaks:
            pages.append([])
        pages[-1].append(answer)
    return pages


def _font(path: str, size: int, package: str) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(path, size)
    except OSError as error:
        raise FontMissing(
            f"The demo's sheets need the font {path}. Install it: apt-get install {package}"
        ) from error


def _ruled_page(title: str, paper: Paper, number: int) -> Image.Image:
    """Ruled paper with a printed head; number 0 is an empty sheet of it."""
    page = Image.new("RGB", (WIDTH, HEIGHT), (252, 252, 250))
    draw = ImageDraw.Draw(page)
    for y in range(360, HEIGHT - 140, LINE):
        draw.line((MARGIN, y, WIDTH - MARGIN, y), fill=(226, 232, 240), width=2)
    if number == 0:
        return page
    print_font = _font(PRINTED, 32, "fonts-dejavu-core")
    draw.text((WIDTH - 240, 50), f"page {number}", font=print_font, fill=(70, 70, 70))
    if number == 1:
        draw.text((MARGIN, 100), title, font=print_font, fill=(30, 30, 30))
        draw.text((MARGIN, 170), f"Name: {paper.student.name}", font=print_font, fill=(30, 30, 30))
        if "no roll number" not in paper.odd:
            roll = f"Roll No: {paper.student.roll_number}"
            draw.text((WIDTH // 2 + 60, 170), roll, font=print_font, fill=(30, 30, 30))
    return page


def _write_answers(
    page: Image.Image,
    answers: Sequence[Answer],
    font: ImageFont.FreeTypeFont,
    hand: Hand,
    ink: tuple[int, int, int],
    rng: np.random.Generator,
) -> None:
    """Write the answers on the rules, each under its printed number."""
    draw = ImageDraw.Draw(page)
    label = _font(PRINTED, 30, "fonts-dejavu-core")
    baseline = 360 + LINE
    for answer in answers:
        draw.text(
            (MARGIN, baseline - 14), f"{answer.code}.", font=label, fill=(60, 60, 60), anchor="ls"
        )
        baseline += LINE
        for words in _lines(answer.text.split(), font, hand):
            x = MARGIN + int(rng.integers(0, 26))
            for word in words:
                # Nobody keeps to the rule: each word sits a little above or below it.
                y = baseline - 8 + int(rng.integers(-3, 4))
                draw.text((x, y), word, font=font, fill=ink, anchor="ls")
                x += int(draw.textlength(word, font=font)) + hand.space + int(rng.integers(0, 7))
            baseline += LINE
        baseline += LINE


def _lines(words: Sequence[str], font: ImageFont.FreeTypeFont, hand: Hand) -> Iterator[list[str]]:
    room = WIDTH - 2 * MARGIN - 140
    line: list[str] = []
    used = 0.0
    for word in words:
        length = font.getlength(word) + hand.space + 4
        if line and used + length > room:
            yield line
            line, used = [], 0.0
        line.append(word)
        used += length
    if line:
        yield line


def _scan(page: Image.Image, rng: np.random.Generator, *, shadow: bool) -> Image.Image:
    """Lay the page on a scanner: a little askew, a little soft, with shade and noise."""
    askew = float(rng.uniform(-0.9, 0.9))
    # Bilinear also softens the edges, as a lens does.
    page = page.rotate(askew, Image.Resampling.BILINEAR, fillcolor=(246, 246, 244))
    light = np.linspace(1.0, float(rng.uniform(0.955, 0.985)), WIDTH, dtype=np.float32)
    if shadow:
        # The shade of a book's spine or of a hand holding the phone.
        light = light * (1 - 0.16 * np.exp(-np.arange(WIDTH, dtype=np.float32) / 260))
    pixels = np.asarray(page, dtype=np.float32) * light[None, :, None]
    pixels += 3.2 * rng.standard_normal((HEIGHT, WIDTH, 1), dtype=np.float32)
    for _ in range(int(rng.integers(4, 12))):
        x, y = int(rng.integers(WIDTH - 4)), int(rng.integers(HEIGHT - 4))
        pixels[y : y + 3, x : x + 3] -= 90  # dust on the glass
    return Image.fromarray(np.clip(pixels, 0, 255, out=pixels).astype(np.uint8))


def _files(paper: Paper, pages: Sequence[Image.Image]) -> Iterator[tuple[str, bytes]]:
    if paper.file.endswith("/"):
        for number, page in enumerate(pages, start=1):
            yield f"{paper.file}photo_{number}.jpg", _photo(page)
    elif paper.file.endswith(".png"):
        yield paper.file, _png(pages[0])
    else:
        data = _pdf(pages)
        yield paper.file, _damaged(data) if "damaged" in paper.odd else data


def _pdf(pages: Sequence[Image.Image]) -> bytes:
    data = io.BytesIO()
    pages[0].save(
        data,
        "PDF",
        resolution=DPI,
        quality=70,
        save_all=True,
        append_images=pages[1:],
        creationDate=MOMENT,
        modDate=MOMENT,
    )
    return data.getvalue()


def _png(page: Image.Image) -> bytes:
    data = io.BytesIO()
    page.convert("L").save(data, "PNG", dpi=(DPI, DPI))
    return data.getvalue()


def _photo(page: Image.Image) -> bytes:
    """A phone stores the picture as its sensor lay and notes the turn in EXIF."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = io.BytesIO()
    turned = page.transpose(Image.Transpose.ROTATE_90)
    turned.save(data, "JPEG", quality=75, exif=exif, dpi=(DPI, DPI))
    return data.getvalue()


def _damaged(pdf: bytes) -> bytes:
    """A copy that broke off: the first third, without the table that finds the pages."""
    return pdf[: len(pdf) // 3]
