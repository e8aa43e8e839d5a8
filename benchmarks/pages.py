"""What a page costs, against an empty Django view behind the same middleware.

    python benchmarks/pages.py

The review list of an exam (50 sheets of 5,000), and a student's result, through Django's test
client in one process, in alternation with the empty view; three rounds, medians of CPU seconds
of many requests each. The demand: the list at least 0.05 of the empty view's speed, the
student's page at least 0.06, and at most 5 queries. Exits 1 when it is not met.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measure import Demands, fresh_folder, in_alternation, start_django

REQUESTS = 40


def measure() -> None:
    from django.contrib.auth.decorators import login_not_required
    from django.db import connection
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

    def asked(browser: Client, address: str):  # type: ignore[no-untyped-def]
        def run(_: int) -> None:
            for _ in range(REQUESTS):
                assert browser.get(address).status_code == 200

        return run

    demands = Demands()
    for name, browser, address, demand in (
        ("review list, 50 of 4,950", teacher, reverse("grading:review_list", args=[exam.pk]), 0.05),
        ("student's result", student, reverse("grading:my_result", args=[sheet.pk]), 0.06),
    ):
        browser.get(address)
        ran: list[str] = []

        def count(execute, sql, *rest, ran=ran):  # type: ignore[no-untyped-def]
            ran.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(count):
            browser.get(address)
        took = in_alternation({"empty": asked(browser, "/empty/"), "page": asked(browser, address)})
        milliseconds = {way: seconds / REQUESTS * 1000 for way, seconds in took.items()}
        print(
            f"{name}: {milliseconds['page']:.2f} ms CPU, "
            f"an empty view {milliseconds['empty']:.2f} ms"
        )
        demands.at_least(f"{name}, share of the empty view", took["empty"] / took["page"], demand)
        demands.at_most(f"{name}, queries with session and user", len(ran), 5)
    demands.exit()


if __name__ == "__main__":
    with fresh_folder() as folder:
        os.environ["SHEAF_ALLOWED_HOSTS"] = "testserver"
        os.environ.setdefault("SHEAF_LOG_LEVEL", "ERROR")
        start_django(folder)
        measure()
