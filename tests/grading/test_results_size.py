"""Pages and files of results cost the same few queries for a class of 60 and for one of 600."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.school import make_exam_with_marks
from exams.models import Sheet
from grading import publish
from grading.history import write_history
from grading.models import Mark

PAGES = {
    "publish": 16,
    "statistics": 8,
    "results": 9,
    "exports": 9,
    "exam_history": 13,
    "export_csv": 7,
    "export_marks": 7,
    "export_canvas": 7,
    "export_moodle": 7,
    "export_json": 7,
}


def exam_of(sheets):
    exam = make_exam_with_marks(sheets=sheets, marks=3, state="reviewed")
    by = exam.created_by
    write_history(Sheet.objects.filter(exam=exam), "+", by=by, reason="Came in.")
    marks = Mark.objects.filter(sheet__exam=exam)
    write_history(marks, "~", by=by, reason="Graded.")
    publish.publish_exam(exam, fingerprint=publish.publication_state(exam).fingerprint, by=by)
    publish.take_back(exam, by=by, reason="The key was wrong.")
    marks.filter(criterion__code="Q1").update(awarded=3)
    write_history(marks, "~", by=by, reason="The key was wrong.")
    return exam


@pytest.fixture(scope="module")
def queries_of(django_db_setup, django_db_blocker):
    """By page: the queries it takes for 60 and for 600 sheets."""
    from django.db import transaction
    from django.test import Client

    counted = {}
    with django_db_blocker.unblock(), transaction.atomic():
        for sheets in (60, 600):
            exam = exam_of(sheets)
            browser = Client()
            browser.force_login(exam.created_by, "django.contrib.auth.backends.ModelBackend")
            preview = reverse("grading:sheet_preview", args=[exam.sheets.first().pk])
            history = reverse("grading:sheet_history", args=[exam.sheets.first().pk])
            addresses = {name: reverse(f"grading:{name}", args=[exam.pk]) for name in PAGES}
            for name, address in (
                addresses | {"sheet_preview": preview, "sheet_history": history}
            ).items():
                with CaptureQueriesContext(connection) as ran:
                    answer = browser.get(address)
                    assert answer.status_code == 200, name
                    if name == "publish":
                        assert len(answer.context["since"].changes) == sheets
                    if answer.streaming:
                        assert len(b"".join(answer.streaming_content)) > 1000
                counted.setdefault(name, []).append(len(ran))
        transaction.set_rollback(True)
    return counted


@pytest.mark.parametrize("name", [*PAGES, "sheet_preview", "sheet_history"])
def test_ten_times_the_sheets_take_no_more_queries(queries_of, name):
    few, many = queries_of[name]
    assert few == many
    assert many <= PAGES.get(name, 13)
