"""Small scanned papers for tests that run the whole pipeline: legible, quick to read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SIZE = (1240, 1754)

EXAM_FILE = """\
exam: Unit test
class: X-B
subject: Biology
date: 2026-10-14
regions:
- {page: 1, x: 0.0, y: 0.0, w: 1.0, h: 0.12, holds: [name, roll_number]}
rubric_items:
- id: Q1
  description: What is photosynthesis?
  max_marks: 2
  step: 0.5
  answer: Green plants make glucose from carbon dioxide and water. They use light energy.
- id: Q2
  description: Name the parts of the cell theory.
  max_marks: 3
  step: 0.5
  answer: All living things are made of cells. The cell is the basic unit of life.
    All cells come from existing cells.
"""

ANSWERS = (
    ("Green plants make glucose from carbon dioxide and water.", "They use light energy."),
    ("All living things are made of cells.", "The cell is the basic unit of life."),
)


def roster_file(students: int) -> str:
    """A roster of students with roll numbers 10B001 on."""
    rows = [
        f"{10 + number}B{number:03d},Pupil {number},pupil{number}@school.example"
        for number in range(1, students + 1)
    ]
    return "\n".join(["roll_number,name,email", *rows]) + "\n"


def page(roll_number: str, name: str, lines: Sequence[str]) -> Image.Image:
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.truetype(FONT, 30)
    draw.text((90, 90), f"Name: {name}", font=font, fill="black")
    draw.text((700, 90), f"Roll No: {roll_number}", font=font, fill="black")
    for number, line in enumerate(lines):
        draw.text((90, 300 + 60 * number), line, font=font, fill="black")
    return picture


def paper(number: int, *, pages: int = 1, upside_down: bool = False) -> bytes:
    """The PDF of one student's paper: the answers on the first page, the rest blank."""
    lines = ["Q1.", *ANSWERS[0], "", "Q2.", *ANSWERS[1]]
    first = page(f"{10 + number}B{number:03d}", f"Pupil {number}", lines)
    if upside_down:
        first = first.rotate(180)
    others = [Image.new("RGB", SIZE, "white") for _ in range(pages - 1)]
    out = io.BytesIO()
    first.save(out, "PDF", resolution=150, save_all=True, append_images=others)
    return out.getvalue()


def archive(students: int, *, pages: int = 1) -> bytes:
    """A ZIP with a paper for each student: named by roll number, every third only scanned."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(1, students + 1):
            name = f"scan_{number:03d}" if number % 3 == 0 else f"{10 + number}B{number:03d}"
            content = paper(number, pages=pages, upside_down=number % 4 == 0)
            file.writestr(f"{name}.pdf", content)
    return out.getvalue()
