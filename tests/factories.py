"""Plain functions that make rows for tests; each makes what it needs around it.

Pictures are real JPEGs in the test's own storage, so that pages can be opened and hashed.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image, ImageDraw

from accounts.models import Enrolment, Role, SchoolClass, Subject, User
from batching.models import BatchRun
from exams.models import Criterion, Exam, KeyProposal, Page, Rubric, Sheet, SheetState, Upload
from exams.rubrics import leaves, save_rubric, use_rubric
from grading.models import Appeal, Assessment, Mark, Part

_numbers = itertools.count(1)

BIOLOGY = [
    {
        "id": "Q1",
        "description": "What is photosynthesis?",
        "max_marks": 2,
        "step": 0.5,
        "answer": "Green plants make glucose from carbon dioxide and water, using light energy.",
    },
    {
        "id": "Q2",
        "description": "Name the three parts of the cell theory.",
        "max_marks": 3,
        "step": 0.5,
        "answer": "All living things are made of cells. The cell is the basic unit of life. "
        "All cells come from existing cells.",
        "guidance": "One mark for each part.",
    },
]


def make_user(name: str = "", role: str = Role.STUDENT, **fields: Any) -> User:
    """A user whose password is the username."""
    username = fields.pop("username", None) or name.lower() or f"user{next(_numbers)}"
    user = User(
        username=username,
        name=name.title() or username,
        email=fields.pop("email", f"{username}@school.example"),
        role=role,
        is_staff=role == Role.ADMIN,
        is_superuser=role == Role.ADMIN,
        **fields,
    )
    user.set_password(username)
    user.save()
    return user


def make_class(name: str = "", teacher: User | None = None) -> SchoolClass:
    school_class = SchoolClass.objects.create(name=name or f"Class {next(_numbers)}")
    if teacher:
        school_class.teachers.add(teacher)
    return school_class


def make_enrolment(
    school_class: SchoolClass, student: User | None = None, roll_number: str = ""
) -> Enrolment:
    number = next(_numbers)
    return Enrolment.objects.create(
        school_class=school_class,
        student=student or make_user(f"student{number}"),
        roll_number=roll_number or f"{number:02d}X{number:03d}",
    )


def make_exam(
    school_class: SchoolClass | None = None,
    *,
    title: str = "",
    items: list[dict[str, Any]] | None = None,
    by: User | None = None,
) -> Exam:
    """An exam with a rubric (two biology questions, 5 marks, unless `items` says otherwise)."""
    school_class = school_class or make_class(teacher=make_user(role=Role.TEACHER))
    by = by or school_class.teachers.first() or make_user(role=Role.TEACHER)
    subject, _ = Subject.objects.get_or_create(name="Biology")
    exam = Exam.objects.create(
        title=title or f"Exam {next(_numbers)}",
        school_class=school_class,
        subject=subject,
        created_by=by,
    )
    make_rubric(exam, items=items, by=by)
    return exam


def make_rubric(
    exam: Exam, *, items: list[dict[str, Any]] | None = None, by: User | None = None
) -> Rubric:
    return save_rubric(exam, BIOLOGY if items is None else items, by=by or exam.created_by)


def make_upload(exam: Exam, **fields: Any) -> Upload:
    number = next(_numbers)
    content = f"upload {number}".encode()
    return Upload.objects.create(
        exam=exam,
        uploaded_by=exam.created_by,
        original_name=fields.pop("original_name", f"papers-{number}.zip"),
        file=default_storage.save(f"uploads/{number}.zip", ContentFile(content)),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        **{"state": "unpacked", "member_count": 0, **fields},
    )


def page_picture(text: str = "", size: tuple[int, int] = (620, 877)) -> bytes:
    """A JPEG of a page with a line of text on it."""
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).text((40, 60), text or "Q1. An answer", fill="black")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


def make_page(sheet: Sheet, number: int = 1, **fields: Any) -> Page:
    content = fields.pop("content", None) or page_picture(f"{sheet.name} page {number}")
    digest = hashlib.sha256(content).hexdigest()
    name = default_storage.save(f"pages/{digest[:12]}.jpg", ContentFile(content))
    thumbnail = default_storage.save(f"thumbnails/{digest[:12]}.jpg", ContentFile(content))
    return Page.objects.create(
        sheet=sheet,
        number=number,
        image=name,
        thumbnail=thumbnail,
        sha256=digest,
        thumbnail_sha256=digest,
        **{"width": 620, "height": 877, **fields},
    )


_MAPPED = set(SheetState.values) - {"pending_mapping", "skipped", "failed"}
_GRADED = {"graded", "reviewed", "overridden", "published"}


def make_sheet(
    exam: Exam | None = None,
    *,
    state: str = "pending_mapping",
    enrolment: Enrolment | None = None,
    upload: Upload | None = None,
    pages: int = 1,
    **fields: Any,
) -> Sheet:
    """A sheet in any state, with pages, and with marks where the state has them."""
    exam = exam or make_exam()
    number = next(_numbers)
    if state in _MAPPED and enrolment is None:
        enrolment = make_enrolment(exam.school_class)
    content = f"sheet {number}".encode()
    now = timezone.now()
    values: dict[str, Any] = {
        "name": f"paper-{number:05d}.pdf",
        "source_files": [default_storage.save(f"papers/{number}.pdf", ContentFile(content))],
        "source_sha256": hashlib.sha256(content).hexdigest(),
        "rendered_at": now,
        "inspected_at": now,
        "suggested_at": now,
    }
    if state in {"reviewed", "overridden", "published"}:
        values |= {"reviewed_by": exam.created_by, "reviewed_at": now}
    if state == "published":
        values["published_at"] = now
    sheet = Sheet.objects.create(
        exam=exam,
        upload=upload or exam.uploads.first() or make_upload(exam),
        enrolment=enrolment,
        state=state,
        **(values | fields),
    )
    for page in range(1, pages + 1):
        make_page(sheet, page)
    if state in _GRADED:
        make_marks(sheet)
    return sheet


def make_assessment(sheet: Sheet, *, awarded: Decimal | None = None, **fields: Any) -> Assessment:
    """A staff assessment with a part for every leaf, each `awarded` (default: half, in steps)."""
    rubric = fields.pop("rubric", None) or sheet.exam.rubrics.order_by("-version").first()
    use_rubric(rubric)
    assessment = Assessment.objects.create(
        sheet=sheet,
        rubric=rubric,
        rubric_hash=rubric.content_hash,
        **{"source": "staff", "staff": sheet.exam.created_by, **fields},
    )
    Part.objects.bulk_create(
        Part(
            assessment=assessment,
            criterion=leaf,
            awarded=leaf.ceiling // 2 if awarded is None else awarded,
            transcription=f"What was read for {leaf.code}",
            feedback=f"Feedback on {leaf.code}",
            reasoning=f"Staff-only reasoning on {leaf.code}",
            confidence=0.8,
            page_number=1,
        )
        for leaf in leaves(rubric)
    )
    return assessment


def make_marks(sheet: Sheet, assessment: Assessment | None = None) -> list[Mark]:
    """The marks of a sheet, from a new assessment unless one is given."""
    assessment = assessment or make_assessment(sheet)
    marks = []
    for part in assessment.parts.select_related("criterion"):
        criterion: Criterion = part.criterion
        marks.append(
            Mark.objects.create(
                sheet=sheet,
                criterion=criterion,
                part=part,
                awarded=part.awarded,
                floor=criterion.floor,
                ceiling=criterion.ceiling,
                feedback=part.feedback,
            )
        )
    return marks


def make_appeal(mark: Mark, *, text: str = "", until: int = 7, **fields: Any) -> Appeal:
    """What the sheet's student says against a published mark; its exam takes appeals for `until`
    more days."""
    open_until = timezone.now() + timedelta(days=until)
    Exam.objects.filter(pk=mark.sheet.exam_id).update(appeals_until=open_until)
    return Appeal.objects.create(
        sheet=mark.sheet,
        code=mark.criterion.code,
        raised_by=mark.sheet.enrolment.student,
        text=text or f"I wrote more about {mark.criterion.code}",
        awarded_then=mark.awarded,
        version_then=mark.version,
        **fields,
    )


def make_batch_run(exam: Exam, **fields: Any) -> BatchRun:
    """A run of the batch engine, by the offline provider, not built."""
    return BatchRun.objects.create(
        purpose="grade_sheet",
        provider="offline",
        school_class=exam.school_class,
        title=exam.title,
        created_by=exam.created_by,
        **fields,
    )


def make_key(exam: Exam, *, state: str = "received", pages: int = 1, **fields: Any) -> KeyProposal:
    """The PDF of an answer key as it came in, with pages already."""
    content = f"%PDF-1.4 key {next(_numbers)}".encode()
    shown = []
    for number in range(1, pages + 1):
        picture = page_picture(f"Q{number} [1 mark] What is it?")
        digest = hashlib.sha256(picture).hexdigest()
        name = default_storage.save(f"keys/{digest[:12]}.jpg", ContentFile(picture))
        page = {"number": number, "image": name, "sha256": digest, "width": 620, "height": 877}
        shown.append(page)
    return KeyProposal.objects.create(
        exam=exam,
        original_name="key.pdf",
        file=default_storage.save("keys/key.pdf", ContentFile(content)),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        provider="offline",
        pages=shown,
        state=state,
        created_by=exam.created_by,
        **fields,
    )
