"""A school for benchmarks: one exam with many sheets and marks, written in bulk."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import Enrolment, Role, SchoolClass, Subject, User
from exams.models import Exam, Page, Sheet, Upload
from exams.rubrics import leaves, save_rubric
from grading.models import Assessment, Mark, Part

CHUNK = 500


def make_exam_with_marks(*, sheets: int, marks: int, state: str) -> Exam:
    """An exam whose `sheets` papers of two pages each have `marks` marks and are in `state`."""
    teacher = User.objects.create(username="teacher", name="A Teacher", role=Role.TEACHER)
    school_class = SchoolClass.objects.create(name="X-B")
    school_class.teachers.add(teacher)
    exam = Exam.objects.create(
        title="Unit test",
        school_class=school_class,
        subject=Subject.objects.create(name="Biology"),
        created_by=teacher,
    )
    items = [
        {"id": f"Q{n}", "description": f"Question {n}?", "max_marks": 4, "step": 0.5}
        for n in range(1, marks + 1)
    ]
    rubric = save_rubric(exam, items, by=teacher)
    upload = Upload.objects.create(
        exam=exam, uploaded_by=teacher, original_name="a.zip", file="a", sha256="a", size=1
    )
    Upload.objects.filter(pk=upload.pk).update(state="unpacked", member_count=sheets)
    password = make_password(None)
    students = User.objects.bulk_create(
        User(username=f"student{n}", name=f"Student {n}", password=password) for n in range(sheets)
    )
    enrolments = Enrolment.objects.bulk_create(
        Enrolment(school_class=school_class, student=student, roll_number=f"{n:05d}")
        for n, student in enumerate(students)
    )
    now = timezone.now()
    rows = Sheet.objects.bulk_create(
        Sheet(
            exam=exam,
            upload=upload,
            name=f"paper-{n:05d}.pdf",
            source_sha256=str(n),
            state=state,
            enrolment=enrolment,
            reviewed_by=teacher,
            reviewed_at=now,
            published_at=now if state == "published" else None,
        )
        for n, enrolment in enumerate(enrolments)
    )
    Page.objects.bulk_create(
        Page(
            sheet=sheet,
            number=number,
            image="pages/x.jpg",
            thumbnail="thumbnails/x.jpg",
            sha256="x",
            thumbnail_sha256="x",
            width=1240,
            height=1754,
        )
        for sheet in rows
        for number in (1, 2)
    )
    assessments = Assessment.objects.bulk_create(
        Assessment(
            sheet=sheet,
            rubric=rubric,
            source="staff",
            staff=teacher,
            rubric_hash=rubric.content_hash,
        )
        for sheet in rows
    )
    parts = Part.objects.bulk_create(
        Part(
            assessment=assessment,
            criterion=leaf,
            awarded=Decimal(2),
            feedback="The light is missing in your answer.",
            confidence=0.8,
        )
        for assessment in assessments
        for leaf in leaves(rubric)
    )
    sheet_of = {assessment.pk: assessment.sheet for assessment in assessments}
    Mark.objects.bulk_create(
        Mark(
            sheet=sheet_of[part.assessment_id],
            criterion=part.criterion,
            part=part,
            awarded=part.awarded,
            floor=part.criterion.floor,
            ceiling=part.criterion.ceiling,
            feedback=part.feedback,
        )
        for part in parts
    )
    return exam
