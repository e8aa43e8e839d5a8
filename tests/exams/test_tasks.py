"""The doorbell and the to-do list: lost messages cost nothing, double ones neither."""

import pytest
from celery import current_app
from django.db import InterfaceError, OperationalError

from batching.sweep import due_work
from config.celery import app
from exams import due, tasks
from exams.models import Sheet, Upload
from tests import factories
from tests.factories_intake import jpeg, packed, pdf, receive

pytestmark = pytest.mark.django_db
INTAKE = ("unpack_upload", "rasterize_sheet", "inspect_sheet", "suggest_students", "prepare_key")


@pytest.mark.parametrize("name", INTAKE)
def test_intake_has_a_queue_of_its_own_and_retries_a_lost_database(name):
    task = getattr(tasks, name)
    assert app.amqp.router.route({}, task.name)["queue"].name == "intake"
    assert set(task.autoretry_for) == {OperationalError, InterfaceError}


def work() -> list[tuple[str, int]]:
    return [(item.task.name.rpartition(".")[2], item.pk) for item in due_work()]


def test_the_database_alone_knows_what_is_next(exam, carol):
    upload = receive(exam, packed(("84B003.pdf", pdf("one")), ("b.jpg", jpeg("two"))))
    assert work() == [("unpack_upload", upload.pk)]
    seen = []
    # No message ever arrives: only what the sweeper finds is done.
    for _ in range(10):
        items = list(due_work())
        seen += [item.task.name.rpartition(".")[2] for item in items]
        for item in items:
            getattr(tasks, item.task.name.rpartition(".")[2]).run(item.pk)
    assert seen == [
        "unpack_upload",
        *["rasterize_sheet"] * 2,
        *["inspect_sheet"] * 2,
        "suggest_students",
    ]
    assert work() == []
    sheet = Sheet.objects.get(name="84B003.pdf")
    assert sheet.suggested_enrolment.student == carol
    assert sheet.suggestion_certain


def test_work_that_somebody_holds_is_not_due(exam):
    from batching.claims import claim

    upload = receive(exam, pdf("one"), "a.pdf")
    claim(Upload.objects.all(), upload.pk)
    assert work() == []


def test_every_message_twice_leaves_everything_as_once(exam, carol):
    upload = receive(exam, packed(("84B003.pdf", pdf("one"))))
    for _ in range(2):
        tasks.unpack_upload(upload.pk)
    sheet = upload.sheets.get()
    for task in (tasks.rasterize_sheet, tasks.inspect_sheet):
        for _ in range(2):
            task(sheet.pk)
    assert upload.members.count() == sheet.pages.count() == 1
    sheet = Sheet.objects.get(pk=sheet.pk)
    assert [line.history_change_reason for line in sheet.history.all()] == [
        "Inspected",
        "Rendered",
        "Unpacked",
    ]


def test_suggestions_wait_for_the_whole_exam_and_the_sweeper_does_not(exam, carol):
    ready = factories.make_sheet(exam, name="84B003.pdf", suggested_at=None)
    assert due.exams_ready_for_suggestions(ready.pk) == [exam.pk]
    factories.make_sheet(exam, inspected_at=None, suggested_at=None)
    assert due.exams_ready_for_suggestions(ready.pk) == []
    assert due.exams_to_suggest() == [exam.pk]


def test_tasks_are_known_to_celery():
    assert {f"exams.tasks.{name}" for name in INTAKE} <= set(current_app.tasks)
