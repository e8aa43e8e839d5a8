"""Every task has a queue, every queue a worker, and every message is an id."""

import inspect
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings

from config.celery import app, transport_options

PROCFILE = (Path(__file__).resolve().parent.parent / "Procfile").read_text()
app.loader.import_default_modules()  # as a worker does when it starts
OURS = sorted(
    name
    for name in current_app.tasks
    if name.split(".")[0] in ("accounts", "batching", "exams", "grading")
)


def queue_of(name: str) -> str:
    route = app.amqp.router.route({}, name)
    return route["queue"].name


@pytest.mark.parametrize("name", OURS)
def test_every_task_goes_to_a_queue_that_the_procfile_serves(name):
    assert any(f"-Q {queue_of(name)} " in line for line in PROCFILE.splitlines()), queue_of(name)


def test_the_stages_go_to_the_queues_of_their_kind_of_work():
    assert queue_of("exams.tasks.rasterize_sheet") == "intake"
    assert queue_of("batching.tasks.work_job") == "grading"
    assert queue_of("batching.tasks.collect_job") == "grading"
    assert queue_of("batching.tasks.poll_job") == "polling"
    assert queue_of("batching.tasks.sweep") == "polling"


@pytest.mark.parametrize("name", OURS)
def test_every_task_takes_an_id_or_nothing(name):
    parameters = inspect.signature(current_app.tasks[name].run).parameters.values()
    assert [one.annotation in (int, "int") for one in parameters] in ([], [True])


def test_every_entry_of_the_beat_is_a_task_that_exists():
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(OURS)
    assert app.conf.beat_schedule["poll"]["schedule"] == settings.SHEAF_POLL_SECONDS == 300


def test_messages_are_given_back_when_a_worker_is_lost():
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.accept_content == ["json"]


def test_a_task_ends_long_before_redis_takes_it_for_lost(tmp_path):
    redis = transport_options("redis://localhost", tmp_path)
    assert app.conf.task_time_limit * 2 <= redis["visibility_timeout"]
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit
