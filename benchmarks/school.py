"""A school for benchmarks: one exam with many sheets, and marks or a run, written in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import Enrolment, Role, SchoolClass, Subject, User
from batching import jobs
from batching.models import BatchItem, BatchJob, ItemState
from exams.models import Exam, Page, Sheet, SheetState, Upload
from exams.pages import kept_pages
from exams.rubrics import current_rubric, leaves, save_rubric
from grading.models import Assessment, GradingRun, Mark, Part
from grading.requests import PURPOSE, fence_of

CHUNK = 500
QUESTION = "Question {n}: explain in your own words what happens in step {n} of photosynthesis."
ANSWER = "In step {n} the plant takes the energy of light and stores it as sugar. " * 4
GUIDANCE = "A mark for the light, one for the sugar; half a mark off where the step is not named."


@dataclass(frozen=True, slots=True)
class Stored:
    """A page image as it lies in storage."""

    image: str = "pages/x.jpg"
    sha256: str = "x"
    width: int = 1240
    height: int = 1754


def make_exam(
    *,
    sheets: int,
    criteria: int,
    state: str,
    pages: Sequence[int] = (2,),
    pictures: Sequence[Stored] = (Stored(),),
) -> Exam:
    """An exam with `sheets` papers in `state`; the numbers of their pages and their pictures are
    taken in turn.
    """
    before = Exam.objects.count()
    teacher = User.objects.create(username=f"teacher{before}", name="A Teacher", role=Role.TEACHER)
    school_class = SchoolClass.objects.create(name=f"X-{before}")
    school_class.teachers.add(teacher)
    exam = Exam.objects.create(
        title="Unit test",
        school_class=school_class,
        subject=Subject.objects.get_or_create(name="Biology")[0],
        created_by=teacher,
    )
    items = [
        {
            "id": f"Q{n}",
            "description": QUESTION.format(n=n),
            "answer": ANSWER.format(n=n),
            "guidance": GUIDANCE,
            "max_marks": 4,
            "step": 0.5,
        }
        for n in range(1, criteria + 1)
    ]
    save_rubric(exam, items, by=teacher)
    upload = Upload.objects.create(
        exam=exam, uploaded_by=teacher, original_name="a.zip", file="a", sha256="a", size=1
    )
    Upload.objects.filter(pk=upload.pk).update(state="unpacked", member_count=sheets)
    password = make_password(None)
    students = User.objects.bulk_create(
        User(username=f"student{before}-{n}", name=f"Student {n}", password=password)
        for n in range(sheets)
    )
    enrolments = Enrolment.objects.bulk_create(
        Enrolment(school_class=school_class, student=student, roll_number=f"{n:05d}")
        for n, student in enumerate(students)
    )
    now = timezone.now()
    reviewed = state in (SheetState.REVIEWED, SheetState.OVERRIDDEN, SheetState.PUBLISHED)
    rows = Sheet.objects.bulk_create(
        Sheet(
            exam=exam,
            upload=upload,
            name=f"paper-{n:05d}.pdf",
            source_sha256=str(n),
            state=state,
            enrolment=enrolment,
            rendered_at=now,
            inspected_at=now,
            reviewed_by=teacher if reviewed else None,
            reviewed_at=now if reviewed else None,
            published_at=now if state == SheetState.PUBLISHED else None,
        )
        for n, enrolment in enumerate(enrolments)
    )
    Page.objects.bulk_create(
        Page(
            sheet=sheet,
            number=number,
            image=picture.image,
            thumbnail="thumbnails/x.jpg",
            sha256=picture.sha256,
            thumbnail_sha256="x",
            width=picture.width,
            height=picture.height,
        )
        for n, sheet in enumerate(rows)
        for number in range(1, pages[n % len(pages)] + 1)
        for picture in [pictures[(n + number) % len(pictures)]]
    )
    return exam


def make_exam_with_marks(*, sheets: int, marks: int, state: str) -> Exam:
    """An exam whose `sheets` papers of two pages each have `marks` marks and are in `state`."""
    exam = make_exam(sheets=sheets, criteria=marks, state=state)
    rubric = current_rubric(exam)
    assert rubric is not None
    assessments = Assessment.objects.bulk_create(
        Assessment(
            sheet=sheet,
            rubric=rubric,
            source="staff",
            staff=exam.created_by,
            rubric_hash=rubric.content_hash,
        )
        for sheet in exam.sheets.order_by("pk")
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


def make_sent_job(exam: Exam, provider: str) -> BatchJob:
    """A job with all sheets of an exam, which are in state `in_batch`; its results are ready."""
    rubric = current_rubric(exam)
    assert rubric is not None
    sheets = list(exam.sheets.order_by("pk").prefetch_related("pages"))
    run = jobs.plan_run(
        PURPOSE,
        [sheet.pk for sheet in sheets],
        provider=provider,
        school_class=exam.school_class,
        title=exam.title,
        by=exam.created_by,
    )
    GradingRun.objects.create(batch_run=run, exam=exam, rubric=rubric)
    job = BatchJob.objects.create(
        run=run,
        number=1,
        provider=provider,
        kind="batch",
        state="in_progress",
        item_count=len(sheets),
        remote_id=f"batch-{run.pk}",
        results_ready_at=timezone.now(),
        results_kept_at=timezone.now(),
    )
    items = list(run.items.order_by("number"))
    for item, sheet in zip(items, sheets, strict=True):
        item.fence = fence_of(rubric, kept_pages(sheet))
    BatchItem.objects.bulk_update(items, ["fence"], batch_size=CHUNK)
    run.items.update(state=ItemState.SENT, job=job, request_hash="0" * 64)
    return job
