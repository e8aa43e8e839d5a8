"""The Celery application: the broker as a doorbell, three queues, and the beat.

The database is the to-do list (batching/sweep.py). Messages carry ids only; a lost message
costs one sweep, never a sheet.
"""

import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import task_failure, task_success, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings

from config import embedded_broker

embedded_broker.register()
app = Celery("sheaf")


def transport_options(broker_url: str, data_dir: Path) -> dict[str, Any]:
    """kombu's options for a broker address: folders for the embedded one, timings for Redis."""
    if broker_url.startswith("filesystem://"):
        folder, control = data_dir / "broker" / "messages", data_dir / "broker" / "control"
        folder.mkdir(parents=True, exist_ok=True)
        control.mkdir(parents=True, exist_ok=True)
        return {
            "data_folder_in": str(folder),
            "data_folder_out": str(folder),
            "control_folder": str(control),
        }
    if broker_url.startswith(("redis://", "rediss://")):
        return {
            "visibility_timeout": 3600,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
        }
    return {}


app.conf.update(
    broker_url=settings.CELERY_BROKER_URL,
    broker_transport_options=transport_options(settings.CELERY_BROKER_URL, settings.SHEAF_DATA_DIR),
    broker_connection_retry_on_startup=True,
    task_default_queue="grading",
    task_routes={
        "exams.tasks.*": {"queue": "intake"},
        "batching.tasks.build_run": {"queue": "grading"},
        "batching.tasks.work_job": {"queue": "grading"},
        "batching.tasks.collect_job": {"queue": "grading"},
        "batching.tasks.*": {"queue": "polling"},
        "accounts.tasks.*": {"queue": "polling"},
        "grading.tasks.*": {"queue": "polling"},
    },
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_soft_shutdown_timeout=60,
    # The format of the settings leaves out what a database quotes; Celery's own would not.
    worker_hijack_root_logger=False,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_time_limit=600,
    task_soft_time_limit=540,
    timezone=settings.TIME_ZONE,
    beat_schedule_filename=str(settings.SHEAF_DATA_DIR / "beat-schedule"),
    beat_schedule={
        "sweep": {"task": "batching.tasks.sweep", "schedule": settings.SHEAF_SWEEP_SECONDS},
        "poll": {"task": "batching.tasks.poll", "schedule": settings.SHEAF_POLL_SECONDS},
        "housekeeping": {"task": "batching.tasks.housekeeping", "schedule": 3600.0},
        "orphans": {"task": "grading.tasks.delete_orphans", "schedule": 3600.0},
    },
)
app.autodiscover_tasks()


@worker_ready.connect
def sweep_at_start(**_: Any) -> None:
    """A worker that starts may follow one that died: look for its work at once."""
    app.send_task("batching.tasks.sweep")


@task_success.connect
def note_success(sender: Any = None, **_: Any) -> None:
    """The person on call sees when each stage last came to its end."""
    from batching import pulses  # the models need the loaded apps

    pulses.note_success(sender.name)


@task_failure.connect
def note_failure(sender: Any = None, exception: BaseException | None = None, **_: Any) -> None:
    """The same for a task that failed; what is tried again is no failure yet."""
    from batching import pulses  # the models need the loaded apps

    if exception is not None:
        pulses.note_failure(sender.name, exception)
