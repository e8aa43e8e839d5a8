"""What a page costs, against an empty Django view behind the same middleware.

    python benchmarks/pages.py [sqlite|postgresql]

Through gunicorn as the Procfile starts it, with one worker and a kept connection; the CPU time of
that worker, in alternation with the empty view; three rounds, medians of many requests each. An
exam of 5,000 sheets: its review list, a student's result, its upload with a report of 5,000 lines
(100 on a page), and the upload form; the two long tabs of the mapping page (50 sheets each, 60 are
to be mapped) for a class of 120. The demand: a list at least 0.05 of the empty view's speed, the
student's page at least 0.06, and at most 5 queries. Less is asked of the report, whose pages are
twice as long and count all of the upload's lines, also where the last answer to its progress brings
it; and of the mapping page of a class of 5,000, which reads the class list whole to see whether it
has changed. Without an argument both databases are measured. Exits 1 when a demand is not met.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measure import (
    DATABASES,
    Demands,
    fresh_folder,
    in_alternation,
    on_each_database,
    start_django,
)
from benchmarks.served import Served, cpu_seconds_of, gunicorn

if TYPE_CHECKING:
    from accounts.models import User
    from exams.models import Exam

REQUESTS = 60
TO_MAP = 60
TO_READ = 20


def measure() -> None:
    from django.urls import reverse

    from benchmarks.school import make_exam_with_marks
    from exams.models import Sheet

    exam = make_exam_with_marks(sheets=5000, marks=10, state="published")
    Sheet.objects.filter(exam=exam, pk__gt=exam.sheets.order_by("pk")[49].pk).update(state="graded")
    sheet = exam.sheets.filter(state="published").select_related("enrolment__student").first()
    assert sheet is not None
    assert sheet.enrolment is not None
    teacher, student = exam.created_by, sheet.enrolment.student
    with gunicorn() as (port, worker):
        pages = Pages(port, worker)
        review = reverse("grading:review_list", args=[exam.pk])
        pages.compare("review list, 50 of 4,950", teacher, review, share=0.05)
        result = reverse("grading:my_result", args=[sheet.pk])
        pages.compare("student's result", student, result, share=0.06)
        leave_some_to_map(exam)
        large = reverse("exams:mapping", args=[exam.pk])
        pages.compare("mapping page, class of 5,000", teacher, large, share=0.02)
        report = reverse("exams:upload_detail", args=[exam.uploads.get().pk])
        pages.compare("upload, 100 of 5,000 lines", teacher, report, share=0.025)
        progress = f"{report}progress/"
        pages.compare("upload's last progress, with its report", teacher, progress, share=0.025)
        leave_some_to_read(exam)
        pages.compare("upload's progress", teacher, progress, share=0.05)
        form = reverse("exams:upload_create", args=[exam.pk])
        pages.compare("upload form", teacher, form, share=0.05)
        small = reverse("exams:mapping", args=[exam_of_a_class(exam).pk])
        pages.compare("mapping page, 50 of 60 to map", teacher, small, share=0.05)
        pages.compare("mapping page, 50 of 60 mapped", teacher, f"{small}?tab=mapped", share=0.05)
    pages.demands.exit()


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


def leave_some_to_read(exam: Exam) -> None:
    """Some sheets are being read: the progress is asked for every two seconds."""
    from exams.models import Sheet, SheetState

    pks = exam.sheets.order_by("pk").values_list("pk", flat=True)[:TO_READ]
    unread = {"state": SheetState.PENDING_MAPPING, "inspected_at": None}
    Sheet.objects.filter(pk__in=list(pks)).update(**unread)


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


class Pages:
    """Compares pages of the web server at `port`, whose only worker is the process `worker`."""

    def __init__(self, port: int, worker: int) -> None:
        self.port, self.worker = port, worker
        self.demands = Demands()

    def compare(
        self, name: str, user: User, address: str, *, share: float, queries: int = 5
    ) -> None:
        """Ask for a page and for the empty one in turn, and count the page's queries."""
        browser = Served(self.port, user)

        def asked(address: str) -> Callable[[int], None]:
            def run(_: int) -> None:
                for _ in range(REQUESTS):
                    assert browser.get(address) == HTTPStatus.OK, address

            return run

        ways = {"empty": asked("/empty/"), "page": asked(address)}
        for run in ways.values():
            run(0)
        took = in_alternation(ways, clock=lambda: cpu_seconds_of(self.worker))
        page, empty = (took[way] / REQUESTS * 1000 for way in ("page", "empty"))
        print(f"{name}: {page:.2f} ms CPU, an empty view {empty:.2f} ms")
        self.demands.at_least(f"{name}, share of the empty view", empty / page, share)
        ran = statements(user, address)
        self.demands.at_most(f"{name}, queries with session and user", len(ran), queries)


def statements(user: User, address: str) -> list[str]:
    """The SQL that a page takes, with session and user."""
    from django.db import connection
    from django.test import Client

    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    ran: list[str] = []

    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        ran.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        assert browser.get(address).status_code == HTTPStatus.OK, address
    return ran


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == ["--on"]:
        with fresh_folder() as folder:
            os.environ["SHEAF_ALLOWED_HOSTS"] = "testserver,127.0.0.1"
            os.environ["SHEAF_LOG_LEVEL"] = "ERROR"
            start_django(folder, given[1])
            measure()
    else:
        on_each_database(__file__, [one for one in given if one in DATABASES])
