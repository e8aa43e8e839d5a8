"""A class whose sheets wait for review, made inside an installation for a walk at the desk."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from accounts.models import Role, User
from exams.models import Exam
from grading import review_flags
from grading.models import Mark, Part
from tests import factories
from tests.site import PASSWORD

STUDENTS, QUESTIONS = 12, 4


def make() -> Exam:
    """Alice and Erin teach X-B; twelve graded sheets of two pages, four questions, one flag."""
    alice, erin = (person(name, Role.TEACHER) for name in ("alice", "erin"))
    school_class = factories.make_class("X-B", alice)
    school_class.teachers.add(erin)
    items = [
        {
            "id": f"Q{number}",
            "description": f"Explain step {number} of photosynthesis, and say why it is needed.",
            "max_marks": 12 if number == 4 else 3,
            "step": 1 if number == 4 else 0.5,
            "answer": "Light is absorbed by chlorophyll; water is split.",
            "guidance": "One mark for each part.",
        }
        for number in range(1, QUESTIONS + 1)
    ]
    exam = factories.make_exam(school_class, title="Biology unit test 3", items=items, by=alice)
    exam.regions = [{"page": 1, "x": 0.05, "y": 0.03, "w": 0.7, "h": 0.07, "holds": "name"}]
    exam.save()
    for number in range(STUDENTS):
        student = factories.make_user(f"zuleika {number}", username=f"pupil{number}")
        _paper(exam, factories.make_enrolment(school_class, student, f"77Z{number:03d}"), number)
    first = Mark.objects.filter(criterion__code="Q2").order_by("pk")[1]
    review_flags.raise_flag(first, note="Is this word “stroma”?", by=alice, colleague=erin)
    return exam


def person(name: str, role: str) -> User:
    """Somebody who can sign in."""
    user = factories.make_user(name, role)
    user.set_password(PASSWORD)
    user.save()
    return user


def _paper(exam: Exam, enrolment, number: int) -> None:  # type: ignore[no-untyped-def]
    roll = enrolment.roll_number
    sheet = factories.make_sheet(
        exam, state="graded", enrolment=enrolment, pages=0, name=f"{roll}.pdf"
    )
    for page in (1, 2):
        content = _page(enrolment.student.name, roll, page)
        factories.make_page(sheet, page, content=content, width=1240, height=1754)
    for place, part in enumerate(Part.objects.filter(assessment__sheet=sheet)):
        part.page_number = 1 + place // 2
        part.confidence = 0.3 if number % 4 == 0 and place == 1 else 0.9
        part.save()


def _page(name: str, roll: str, number: int) -> bytes:
    picture = Image.new("RGB", (1240, 1754), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(28)
    if number == 1:
        draw.text((90, 80), f"Name: {name}   Roll number: {roll}", fill="black", font=font)
    for place in range(2):
        top = 220 + place * 700
        draw.text((90, top), f"Q{place + 1 + 2 * (number - 1)}", fill="black", font=font)
        for line in range(8):
            told = "The leaf takes light in and makes sugar from water and air"
            draw.text((160, top + line * 55), told, fill="#223a8a", font=font)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()
