"""Pages of an exam of 60 and of 600 sheets: as many queries for the one as for the other."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Enrolment, User
from exams.models import Page, Sheet, UploadMember
from tests.factories import make_sheet, make_upload


def fill(exam, upload, count):
    """So many sheets in every state before grading, with two pages and a line in the report."""
    now, start = timezone.now(), exam.sheets.count()
    numbers = range(start, count)
    people = User.objects.bulk_create(
        User(username=f"pupil{n}", name=f"Pupil {n}", role="student") for n in numbers
    )
    enrolments = Enrolment.objects.bulk_create(
        Enrolment(school_class=exam.school_class, student=one, roll_number=f"R{n:04d}")
        for n, one in zip(numbers, people, strict=True)
    )
    states = ("pending_mapping", "mapped", "skipped", "failed", "in_batch")
    sheets = Sheet.objects.bulk_create(
        Sheet(
            exam=exam,
            upload=upload,
            name=f"scan {n:04d}.pdf",
            source_sha256=f"{n:064d}",
            state=states[n % 5],
            enrolment=enrolment if states[n % 5] in ("mapped", "in_batch") else None,
            suggested_enrolment=enrolment if states[n % 5] == "pending_mapping" else None,
            rendered_at=now,
            inspected_at=now,
            suggested_at=now,
        )
        for n, enrolment in zip(numbers, enrolments, strict=True)
    )
    Page.objects.bulk_create(
        Page(
            sheet=sheet,
            number=number,
            image="p.jpg",
            thumbnail="t.jpg",
            sha256="0" * 64,
            thumbnail_sha256="0" * 64,
            width=620,
            height=877,
        )
        for sheet in sheets
        for number in (1, 2)
    )
    UploadMember.objects.bulk_create(
        UploadMember(upload=upload, name=sheet.name, outcome="accepted", sheet=sheet)
        for sheet in sheets
    )


@pytest.mark.parametrize(
    "page",
    [
        "dashboard",
        "exams:exam_list",
        "exams:exam_detail",
        "exams:mapping",
        "exams:mapping ?view=grid",
        "exams:mapping ?tab=mapped",
        "exams:mapping_gaps",
        "exams:upload_create",
        "exams:upload_list",
        "exams:upload_detail",
        "exams:upload_progress",
        "exams:sheet_pages",
    ],
)
def test_six_hundred_sheets_cost_as_many_queries_as_sixty(browser, exam, page):
    upload = make_upload(exam)
    sheet = make_sheet(exam, upload=upload, pages=2)
    name, _space, query = page.partition(" ")
    keys = {"upload_detail": upload.pk, "upload_progress": upload.pk, "sheet_pages": sheet.pk}
    takes_none = name in ("dashboard", "exams:exam_list")
    key = [] if takes_none else [keys.get(name.partition(":")[2], exam.pk)]
    counts = []
    for count in (60, 600):
        fill(exam, upload, count)
        with CaptureQueriesContext(connection) as found:
            assert browser.get(reverse(name, args=key) + query).status_code == 200
        counts.append(len(found))
    assert counts[0] == counts[1] <= 12
