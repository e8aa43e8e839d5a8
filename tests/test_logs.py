"""What is logged, even at DEBUG, holds an id and never a name, an answer or a key."""

import io
import logging

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from PIL import Image

from batching import tasks
from config.celery import app
from config.logs import Line
from exams import tasks as intake
from exams.mapping import map_sheet
from exams.models import Sheet
from exams.suggestions import suggest_students
from grading.runs import draft_run
from tests import papers
from tests.batching.steps import approve
from tests.factories import make_enrolment, make_exam, make_user
from tests.factories_intake import packed, receive

pytestmark = pytest.mark.django_db

ARTIST = 0x013B
SECRETS = ("Zebulon", "zebulon@", "77Q777", "Xylophagous")


@pytest.mark.parametrize("name", ["PIL", "botocore", "kombu", "amqp"])
def test_libraries_that_log_what_they_work_on_are_quiet_at_debug(name, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger(f"{name}.inside").debug("Zebulon")
    assert "Zebulon" not in caplog.text


def test_a_name_in_the_tags_of_a_photo_is_not_logged(exam, caplog):
    """Phones and scanners write their owner's name into a picture."""
    caplog.set_level(logging.DEBUG)
    tags = Image.Exif()
    tags[ARTIST] = "Zebulon"
    picture = io.BytesIO()
    Image.new("RGB", (620, 877), "white").save(picture, "JPEG", exif=tags)
    assert b"Zebulon" in picture.getvalue()
    upload = receive(exam, packed(("scan.jpg", picture.getvalue())))
    intake.unpack_upload(upload.pk)
    intake.rasterize_sheet(upload.sheets.get().pk)
    assert upload.sheets.get().pages.exists()
    assert "Zebulon" not in caplog.text


@pytest.mark.postgres
@pytest.mark.usefixtures("_real_locks")
@pytest.mark.parametrize(
    "refused",
    [
        "INSERT INTO accounts_subject (name) VALUES ('Zebulon'), ('Zebulon')",
        "SELECT 'Zebulon'::integer",
        "SELECT CAST('Zebulon \n \"Zebulon\"' AS date)",
    ],
)
def test_a_value_that_the_database_refuses_and_quotes_is_not_logged(refused):
    formatter = logging.Formatter(), Line()
    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute(refused)
        except DatabaseError as error:
            record = logging.makeLogRecord(
                {"msg": "Task failed", "exc_info": (type(error), error, error.__traceback__)}
            )
    logged = [one.format(record) for one in formatter]
    assert "Zebulon" in logged[0].replace(refused, ""), "the database does quote it"
    assert "Zebulon" not in logged[1].replace(refused, "")
    assert "Traceback" in logged[1]


def test_celery_leaves_the_log_in_the_format_that_hides_values():
    assert app.conf.worker_hijack_root_logger is False
    assert settings.LOGGING["formatters"]["line"]["()"] == "config.logs.Line"


def test_papers_run_through_without_a_word_about_their_student_or_answers(alice, x_b, caplog):
    caplog.set_level(logging.DEBUG)
    enrolment = make_enrolment(
        x_b, make_user("zebulon", email="zebulon@school.example"), roll_number="77Q777"
    )
    answer = "Xylophagous beetles."
    key = [{"id": "Q1", "description": "What eats wood?", "max_marks": 1, "answer": answer}]
    exam = make_exam(x_b, items=key, by=alice)
    picture = papers.page("77Q777", "Zebulon", ["Q1.", answer])
    out = io.BytesIO()
    picture.save(out, "PDF", resolution=150)
    content = out.getvalue()
    upload = receive(
        exam, packed(("77Q777 Zebulon.pdf", content), ("Zebulon's damaged.pdf", content[:500]))
    )
    intake.unpack_upload(upload.pk)
    for sheet in Sheet.objects.order_by("-name"):
        intake.rasterize_sheet(sheet.pk)
        intake.inspect_sheet(sheet.pk)
    suggest_students(exam.pk)
    sheet = Sheet.objects.get(name="77Q777 Zebulon.pdf")
    assert Sheet.objects.exclude(pk=sheet.pk).get().state == "failed"
    map_sheet(sheet, enrolment, by=alice)
    run = draft_run(exam, provider="offline", by=alice)
    tasks.build_run(run.pk)
    job = approve(run.batch_run.jobs.get(), by=alice)
    tasks.submit_job(job.pk)
    tasks.work_job(job.pk)
    assert Sheet.objects.get(pk=sheet.pk).state == "graded"

    logged = caplog.text
    logging.getLogger("batching").debug("Zebulon")
    assert "Zebulon" in caplog.text  # the search finds what is there
    for secret in SECRETS:
        assert secret not in logged
