"""What a page costs, against an empty Django view behind the same middleware.

    python benchmarks/pages.py

Through Django's test client in one process, in alternation with the empty view; three rounds,
medians of CPU seconds of many requests each. An exam of 5,000 sheets: its review list, a student's
result, its upload with a report of 5,000 lines (100 on a page), and the upload form; the two long
tabs of the mapping page (50 sheets each, 60 are to be mapped) for a class of 120. The demand: a
list at least 0.05 of the empty view's speed, the student's page at least 0.06, and at most 5
queries. Exits 1 when it is not met. Less is asked of the report, whose pages are twice as long,
and of the mapping page of a class of 5,000, which reads the class list whole to see whether it has
changed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measure import Demands, fresh_folder, in_alternation, start_django

if TYPE_CHECKING:
    from django.test import Client

    from exams.models import Exam

REQUESTS = 40
TO_MAP = 60


def measure() -> None:
    from django.contrib.auth.decorators import login_not_required
    from django.http import HttpResponse
    from django.test import Client
    from django.urls import path, reverse

    from benchmarks.school import make_exam_with_marks
    from config import urls
    from exams.models import Sheet

    urls.urlpatterns.append(path("empty/", login_not_required(lambda request: HttpResponse())))
    exam = make_exam_with_marks(sheets=5000, marks=10, state="published")
    Sheet.objects.filter(exam=exam, pk__gt=exam.sheets.order_by("pk")[49].pk).update(state="graded")
    sheet = exam.sheets.filter(state="published").select_related("enrolment__student").first()
    assert sheet is not None
    assert sheet.enrolment is not None
    teacher, student = Client(), Client()
    teacher.force_login(exam.created_by, backend="django.contrib.auth.backends.ModelBackend")
    student.force_login(
        sheet.enrolment.student, backend="django.contrib.auth.backends.ModelBackend"
    )
    demands = Demands()
    review = reverse("grading:review_list", args=[exam.pk])
    compare(demands, "review list, 50 of 4,950", teacher, review, share=0.05)
    result = reverse("grading:my_result", args=[sheet.pk])
    compare(demands, "student's result", student, result, share=0.06)
    leave_some_to_map(exam)
    large = reverse("exams:mapping", args=[exam.pk])
    compare(demands, "mapping page, class of 5,000", teacher, large, share=0.02)
    report = reverse("exams:upload_detail", args=[exam.uploads.get().pk])
    compare(demands, "upload, 100 of 5,000 lines", teacher, report, share=0.035)
    compare(demands, "upload's progress", teacher, f"{report}progress/", share=0.05)
    form = reverse("exams:upload_create", args=[exam.pk])
    compare(demands, "upload form", teacher, form, share=0.05)
    small = reverse("exams:mapping", args=[exam_of_a_class(exam).pk])
    compare(demands, "mapping page, 50 of 60 to map", teacher, small, share=0.05)
    mapped = f"{small}?tab=mapped"
    compare(demands, "mapping page, 50 of 60 mapped", teacher, mapped, share=0.05)
    demands.exit()


def leave_some_to_map(exam: Exam) -> None:
    """The last sheets wait for a person to say whose they are; the upload has its report."""
    from django.utils import timezone

    from exams.models import Sheet, SheetState, UploadMember
    from exams.suggestions import roster_hashes

    now = timezone.now()
    sheets = list(exam.sheets.order_by("pk"))
    Sheet.objects.filter(exam=exam).update(rendered_at=now, inspected_at=now, suggested_at=now)
    for number, sheet in enumerate(sheets[-TO_MAP:]):
        Sheet.objects.filter(pk=sheet.pk).update(
            state=SheetState.PENDING_MAPPING,
            enrolment=None,
            suggested_enrolment=sheet.enrolment_id,
            suggestion_certain=bool(number % 3),
            suggestion_reason="The file name is the roll number.",
        )
    exam.roster_hash = roster_hashes([exam.school_class_id])[exam.school_class_id]
    exam.save()
    UploadMember.objects.bulk_create(
        UploadMember(upload_id=sheet.upload_id, name=sheet.name, outcome="accepted", sheet=sheet)
        for sheet in sheets
    )


def exam_of_a_class(exam: Exam) -> Exam:
    """Another exam, with a class of 120: the last sheets and students of a large one."""
    from accounts.models import Enrolment, SchoolClass
    from exams.models import Exam, Sheet
    from exams.suggestions import roster_hashes

    school_class = SchoolClass.objects.create(name="X-A")
    school_class.teachers.add(exam.created_by)
    last = Enrolment.objects.order_by("-pk").values_list("pk", flat=True)[: 2 * TO_MAP]
    Enrolment.objects.filter(pk__in=list(last)).update(school_class=school_class)
    other = Exam.objects.create(
        title="Unit test",
        school_class=school_class,
        subject=exam.subject,
        created_by=exam.created_by,
        roster_hash=roster_hashes([school_class.pk])[school_class.pk],
    )
    pks = exam.sheets.order_by("-pk").values_list("pk", flat=True)[: 2 * TO_MAP]
    Sheet.objects.filter(pk__in=list(pks)).update(exam=other)
    return other


def compare(
    demands: Demands, name: str, browser: Client, address: str, *, share: float, queries: int = 5
) -> None:
    """Ask for a page and for the empty one in turn, and count the page's queries."""
    from django.db import connection

    def asked(address: str):  # type: ignore[no-untyped-def]
        def run(_: int) -> None:
            for _ in range(REQUESTS):
                assert browser.get(address).status_code == 200

        return run

    browser.get(address)
    ran: list[str] = []

    def count(execute, sql, *rest):  # type: ignore[no-untyped-def]
        ran.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        browser.get(address)
    took = in_alternation({"empty": asked("/empty/"), "page": asked(address)})
    milliseconds = {way: seconds / REQUESTS * 1000 for way, seconds in took.items()}
    print(
        f"{name}: {milliseconds['page']:.2f} ms CPU, an empty view {milliseconds['empty']:.2f} ms"
    )
    demands.at_least(f"{name}, share of the empty view", took["empty"] / took["page"], share)
    demands.at_most(f"{name}, queries with session and user", len(ran), queries)


if __name__ == "__main__":
    with fresh_folder() as folder:
        os.environ["SHEAF_ALLOWED_HOSTS"] = "testserver"
        os.environ.setdefault("SHEAF_LOG_LEVEL", "ERROR")
        start_django(folder)
        measure()
