from datetime import timedelta

import pytest
from django.utils import timezone

from batching import sweep, tasks
from batching.claims import claim
from batching.models import BatchItem, BatchJob, BatchRun
from batching.submit import submit_job
from tests.batching.steps import approve

pytestmark = pytest.mark.django_db


def due_names():
    return [work.task.name.rsplit(".", 1)[1] for work in sweep.due_work()]


@pytest.fixture
def rung(monkeypatch):
    """What the doorbells were rung for, in order."""
    calls = []
    for task in (tasks.build_run, tasks.submit_job, tasks.work_job, tasks.poll_job):
        monkeypatch.setattr(
            task, "delay", lambda pk, name=task.name: calls.append((name.rsplit(".", 1)[1], pk))
        )
    return calls


def test_a_run_whose_message_was_lost_is_found_at_every_step(plan, alice):
    run = plan("direct", build=False)
    assert due_names() == ["build_run"]
    tasks.build_run(run.pk)
    assert due_names() == []  # a person must look at the draft first
    approve(run.jobs.get(), by=alice)
    assert due_names() == ["submit_job"]
    submit_job(run.jobs.get().pk)
    assert due_names() == ["work_job"]
    sweep_through = list(sweep.due_work())
    for work in sweep_through:
        work.do()
    assert due_names() == []
    assert run.jobs.get().state == "completed"


def test_a_job_at_a_batch_provider_is_polled_when_its_time_has_come(plan, alice, offices):
    run = plan("batch")
    approve(run.jobs.get(), by=alice)
    submit_job(run.jobs.get().pk)
    assert due_names() == ["poll_job"]
    offices["batch"].set_fault("unknown")
    tasks.poll_job(run.jobs.get().pk)
    assert due_names() == []
    BatchJob.objects.update(next_poll_at=timezone.now() - timedelta(seconds=1))
    assert due_names() == ["poll_job"]


def test_work_that_somebody_holds_is_not_rung_for(plan, rung):
    run = plan("direct", build=False)
    claim(BatchRun.objects.all(), run.pk)
    sweep.sweep()
    assert rung == []
    BatchRun.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    sweep.sweep()
    assert rung == [("build_run", run.pk)]


def test_a_long_queue_is_not_rung_for_again_before_a_lease_has_passed(plan, rung):
    run = plan("direct", build=False)
    now = timezone.now()
    sweep.sweep(now)
    sweep.sweep(now + timedelta(minutes=1))
    assert rung == [("build_run", run.pk)]
    sweep.sweep(now + timedelta(minutes=11))
    assert rung == [("build_run", run.pk)] * 2


def test_a_direct_job_whose_last_lane_died_before_closing_is_closed_by_the_sweep(plan, alice):
    run = plan("direct", 1)
    job = approve(run.jobs.get(), by=alice)
    submit_job(job.pk)
    item = BatchItem.objects.get()
    item.accept()
    item.save()
    for work in sweep.due_work():
        work.do()
    assert BatchJob.objects.get().state == "completed"


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_is_no_error_of_the_persons(plan, alice, monkeypatch):
    run = plan("direct")

    def down(pk):
        raise OSError("connection refused")

    monkeypatch.setattr(tasks.submit_job, "delay", down)
    approve(run.jobs.get(), by=alice)
    assert run.jobs.get().state == "submitted"
    assert due_names() == ["submit_job"]
