"""The exam of the drills: a class whose pupils wrote small papers, scanned and mapped already.

The papers hold the words of the answer key, so that their marks are plain to see: what the
offline reader finds in them is known without reading.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont

from accounts.models import Enrolment, Role, SchoolClass, User
from exams.models import Exam, Sheet
from tests import factories

RUBRIC = [
    {
        "id": "Q1",
        "description": "What is photosynthesis?",
        "max_marks": 2,
        "step": 0.5,
        "answer": "Green plants make glucose from carbon dioxide and water. They use light energy.",
    },
    {
        "id": "Q2",
        "description": "Name the three parts of the cell theory.",
        "max_marks": 3,
        "step": 0.5,
        "answer": "All living things are made of cells. The cell is the basic unit of life. "
        "All cells come from existing cells.",
    },
]
FIRST = ("Green plants make glucose from", "carbon dioxide and water.", "They use light energy.")
SECOND = (
    "All living things are made of cells.",
    "The cell is the basic unit of life.",
    "All cells come from existing cells.",
)
Marks = dict[str, float]
PAPERS: tuple[tuple[Sequence[str], Marks], ...] = (
    (("Q1.", *FIRST, "", "Q2.", *SECOND), {"Q1": 2, "Q2": 3}),
    (("Q1.", *FIRST, "", "Q2."), {"Q1": 2, "Q2": 0}),
    (("Q1.", "", "Q2.", *SECOND), {"Q1": 0, "Q2": 3}),
    (("Q1.", "", "", "Q2."), {"Q1": 0, "Q2": 0}),
)
"""What is written on a paper, and the marks that it gets. Pupil n writes paper n modulo 4."""
HIGHEST = {"Q1": 2, "Q2": 3}

SIZE = (496, 702)
HEAD = {"page": 1, "x": 0.0, "y": 0.0, "w": 1.0, "h": 0.12, "holds": ["name", "roll_number"]}


def roll_number(number: int) -> str:
    return f"{10 + number % 90}B{number:03d}"


def marks_of(number: int) -> Marks:
    """The marks that pupil `number` gets."""
    return PAPERS[number % len(PAPERS)][1]


def page(number: int, name: str) -> bytes:
    """The page of a pupil as a JPEG: name and roll number in its head (the name also in a comment
    of the file), answers below.
    """
    picture = Image.new("RGB", SIZE, "white")
    picture.paste(_answers(number % len(PAPERS)), (0, 0))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(16)
    draw.text((30, 24), f"Name: {name}", font=font, fill="black")
    draw.text((290, 24), f"Roll No: {roll_number(number)}", font=font, fill="black")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80, comment=name.encode())
    return out.getvalue()


@cache
def _answers(paper: int) -> Image.Image:
    picture = Image.new("RGB", SIZE, "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(20)
    for number, line in enumerate(PAPERS[paper][0]):
        draw.text((40, 110 + 36 * number), line, font=font, fill="black")
    return picture


def make_exam(
    school_class: SchoolClass, title: str, pupils: int, *, by: User, names: Sequence[str] = ()
) -> Exam:
    """An exam with a mapped sheet of every pupil from 1 to `pupils`, in a file that is named
    after them, who may have `names` of their own.
    """
    exam = factories.make_exam(school_class, title=title, items=RUBRIC, by=by)
    exam.regions = [HEAD]
    exam.save()
    for number in range(1, pupils + 1):
        name = names[number - 1] if names else f"Pupil {number}"
        sheet = factories.make_sheet(
            exam,
            state="mapped",
            pages=0,
            enrolment=_enrolled(school_class, number, name),
            name=f"{roll_number(number)}_Pupil_{number}.pdf",
        )
        factories.make_page(sheet, content=page(number, name), width=SIZE[0], height=SIZE[1])
    return exam


def _enrolled(school_class: SchoolClass, number: int, name: str) -> Enrolment:
    found = Enrolment.objects.filter(
        school_class=school_class, roll_number=roll_number(number)
    ).first()
    if found is not None:
        return found
    pupil = User(
        username=f"pupil{number}-{school_class.pk}",
        name=name,
        email=f"pupil{number}@{school_class.pk}.example",
        role=Role.STUDENT,
    )
    pupil.set_unusable_password()
    pupil.save()
    return factories.make_enrolment(school_class, pupil, roll_number(number))


def number_of(sheet: Sheet) -> int:
    """Which pupil's sheet it is."""
    return int(sheet.name.split("_")[2].removesuffix(".pdf"))
