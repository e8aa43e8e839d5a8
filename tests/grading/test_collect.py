"""Collecting a school's papers takes a few statements for hundreds of them, and loses none."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from batching import providers
from batching.claims import claim
from batching.collect import collect_job, settle_file
from batching.models import BatchJob, ResultFile
from batching.queries import count_items
from benchmarks.collect import keep_results
from benchmarks.school import make_exam, make_sent_job
from exams.models import Sheet
from grading.models import Assessment, Mark, Part

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _provider(settings):
    settings.SHEAF_PROVIDERS = {"openai": {"driver": "openai", "api_key": "nothing-is-sent"}}


@pytest.fixture
def sent():
    """A job of so many sheets whose results are kept, not yet settled."""

    def _sent(sheets, criteria=10, broken=0):
        exam = make_exam(sheets=sheets, criteria=criteria, state="in_batch", pages=(1, 2, 3, 4))
        job = make_sent_job(exam, "openai")
        return job, keep_results(job, broken=broken)

    return _sent


def statements_of(job, file):
    """Settle the whole file; the statements that it took."""
    held = claim(BatchJob.objects.all(), job.pk)
    with CaptureQueriesContext(connection) as ran:
        assert settle_file(held, job, file, providers.get_batch("openai"), time.monotonic() + 600)
    return len(ran)


def written():
    """What was made of the replies, with the history of it."""
    return {
        "assessments": Assessment.objects.count(),
        "parts": Part.objects.count(),
        "marks": Mark.objects.count(),
        "mark history": Mark.history.count(),
        "sheet history": Sheet.history.count(),
        "graded": Sheet.objects.filter(state="graded").count(),
    }


def test_five_hundred_sheets_take_at_most_twenty_statements(sent):
    job, file = sent(500)
    assert statements_of(job, file) <= 20
    assert written() == {
        "assessments": 500,
        "parts": 5000,
        "marks": 5000,
        "mark history": 5000,
        "sheet history": 500,
        "graded": 500,
    }
    assert count_items(job).accepted == 500


def test_ten_times_the_sheets_of_a_chunk_take_no_statement_more(sent):
    [few, many] = [statements_of(*sent(sheets, criteria=3)) for sheets in (5, 50)]
    assert few == many


def test_failed_replies_take_no_statement_each(sent):
    [few, many] = [statements_of(*sent(60, criteria=3, broken=count)) for count in (5, 50)]
    assert few == many
    assert BatchJob.objects.latest("pk").run.items.filter(state="planned").count() == 50


def test_every_mark_and_sheet_has_its_own_line_of_history(sent):
    job, _ = sent(12)
    collect_job(job.pk)
    for mark in Mark.objects.all():
        [line] = mark.history.all()
        assert (line.history_type, line.history_user) == ("+", None)
        assert line.history_change_reason == "Made from an assessment"
        kept = {field.attname for field in Mark.history.model.tracked_fields}
        assert {name: getattr(line, name) for name in kept} == {
            name: getattr(mark, name) for name in kept
        }
    for sheet in Sheet.objects.all():
        [line] = sheet.history.all()
        assert (line.state, line.history_change_reason) == (sheet.state, "Graded")
        assert line.source_sha256 == sheet.source_sha256


def test_collecting_the_same_file_again_changes_nothing(sent):
    job, file = sent(30)
    assert not collect_job(job.pk)
    before, marks = written(), list(Mark.objects.order_by("pk").values())
    BatchJob.objects.filter(pk=job.pk).update(state="in_progress")
    ResultFile.objects.filter(pk=file.pk).update(position=0)
    assert not collect_job(job.pk)
    assert written() == before
    assert list(Mark.objects.order_by("pk").values()) == marks
    assert count_items(job).accepted == 30
