"""Papers for the benchmarks: pages that look and weigh like scans, as PDFs and ZIPs."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIZE = (1654, 2339)
WORDS = "the light energy of plants makes glucose from water and carbon dioxide in the leaf".split()


def scanned_page(seed: int) -> Image.Image:
    """An A4 page at 200 DPI, in colour, with lines of writing and the grain of a scanner."""
    chance = random.Random(seed)
    page = Image.new("L", SIZE, 248)
    draw = ImageDraw.Draw(page)
    face = ImageFont.load_default(34)
    for y in range(120, SIZE[1] - 150, 62):
        draw.line((100, y + 46, SIZE[0] - 100, y + 46), fill=225, width=2)
        if chance.random() < 0.7:
            draw.text((120, y), " ".join(chance.choices(WORDS, k=12)), fill=50, font=face)
    grain = Image.effect_noise(SIZE, 12).filter(ImageFilter.GaussianBlur(0.6))
    gray = Image.blend(page, grain, 0.08)
    # Scanners deliver colour: warm paper, blue ink.
    return Image.merge("RGB", (gray, gray.point(lambda level: level * 0.99), gray.point(warm)))


def warm(level: int) -> float:
    """The blue of a gray: paper is a little yellow, ink a little blue."""
    return level * 0.95 if level > 150 else min(255, level * 1.5)


def paper(seed: int, pages: list[Image.Image]) -> bytes:
    """A PDF of these pages, its bytes unlike those of any other seed."""
    out = io.BytesIO()
    pages[0].save(out, "PDF", resolution=200, save_all=True, append_images=pages[1:], quality=60)
    return out.getvalue() + f"\n% sheet {seed}\n".encode()


def write_zip(path: Path, papers: int, pages_each: int) -> int:
    """A ZIP of so many papers; how many bytes it unpacks to."""
    stock = [scanned_page(seed) for seed in range(pages_each + 2)]
    kinds = [paper(0, stock[start : start + pages_each]) for start in range(3)]
    size = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(papers):
            content = kinds[number % 3] + f"% {number}\n".encode()
            size += len(content)
            archive.writestr(f"scan_{number:05d}.pdf", content)
    return size
