"""The commands of the person on call."""

import io

import pytest
from django.core.management import call_command

from batching import jobs, tasks
from batching.claims import claim
from batching.models import BatchJob
from batching.submit import submit_job
from exams.models import Sheet
from grading.runs import draft_run
from tests.batching.conftest import offices, outcome, plan  # noqa: F401  (fixtures)
from tests.batching.steps import approve
from tests.factories import make_sheet

pytestmark = pytest.mark.django_db


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def rung(monkeypatch):
    calls = []
    monkeypatch.setattr(tasks.build_run, "delay", calls.append)
    return calls


@pytest.fixture
def unbuilt(exam, alice):
    make_sheet(exam, state="mapped")
    return draft_run(exam, provider="offline", by=alice)


def test_reschedule_queues_what_is_unfinished_however_recently_it_was_queued(unbuilt, rung):
    said("sweep")
    assert "Nothing is due" in said("sweep")
    assert "1 batching.tasks.build_run" in said("reschedule")
    assert rung == [unbuilt.pk, unbuilt.pk]


def test_reschedule_leaves_work_alone_that_a_worker_holds(unbuilt, rung):
    claim(type(unbuilt.batch_run).objects.all(), unbuilt.pk)
    assert "Nothing is unfinished" in said("reschedule")
    assert rung == []


def test_reschedule_can_only_say_what_it_would_queue(unbuilt, rung):
    assert "1 batching.tasks.build_run" in said("reschedule", "--dry-run")
    assert rung == []


def test_queue_status_tells_what_is_due_what_is_held_and_where_everything_is(unbuilt):
    told = said("queue_status")
    assert "1  batching.tasks.build_run" in told
    assert "1  mapped" in told
    claim(Sheet.objects.all(), Sheet.objects.get().pk)
    assert "1  sheets" in said("queue_status")


def test_poll_looks_at_once_and_collects_what_has_ended(plan, alice, outcome):  # noqa: F811
    run = plan("batch")
    job = approve(run.jobs.get(), by=alice)
    submit_job(job.pk)
    assert "completed" in said("poll")
    assert outcome() == ["accepted 1", "accepted 2", "accepted 3"]
    assert "No job is in progress" in said("poll")


def test_poll_does_not_undo_what_a_teacher_does_meanwhile(plan, alice, offices, monkeypatch):  # noqa: F811
    run = plan("batch")
    job = approve(run.jobs.get(), by=alice)
    submit_job(job.pk)
    (offices["batch"].folder / "stuck").touch()
    look = offices["batch"].status

    def look_and_meanwhile_cancel(remote_id):
        jobs.cancel_job(job, by=alice)
        return look(remote_id)

    monkeypatch.setattr(offices["batch"], "status", look_and_meanwhile_cancel)
    said("poll")
    assert BatchJob.objects.get().cancel_asked_at is not None


def test_poll_goes_on_after_a_job_that_a_worker_holds(plan, alice):  # noqa: F811
    run = plan("batch", 6)
    jobs.send_run(run, by=alice)
    for job in run.jobs.all():
        submit_job(job.pk)
    held = run.jobs.order_by("pk").first()
    claim(BatchJob.objects.all(), held.pk)
    said("poll")
    assert [job.state for job in run.jobs.order_by("pk")] == ["in_progress", "completed"]
