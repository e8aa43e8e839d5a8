"""A graded sheet and its teacher's browser, providers that mark, runs that go their way."""

from __future__ import annotations

import pytest

from batching import providers, tasks
from batching.build import build_run
from batching.models import BatchJob, JobState
from exams.models import Sheet
from grading.models import GradingRun, Mark
from grading.runs import draft_run, send_run
from tests.batching.steps import carry_job
from tests.emulators.marking_office import configuration
from tests.factories import make_sheet
from tests.grading.steps import marks_of


@pytest.fixture
def teacher(alice, sign_in):
    """Alice's browser, signed in."""
    return sign_in(alice)


@pytest.fixture
def sheet(exam, carols_enrolment) -> Sheet:
    """Carol's, graded."""
    return make_sheet(exam, state="graded", enrolment=carols_enrolment)


@pytest.fixture
def mark(sheet) -> Mark:
    """The first of the sheet."""
    return marks_of(sheet)[0]


@pytest.fixture
def offices(settings, tmp_path):
    """A direct and a batch provider that mark, beside the offline baseline."""
    settings.SHEAF_PROVIDERS = configuration(tmp_path / "office") | {
        "offline": settings.SHEAF_PROVIDERS["offline"]
    }
    providers._load.cache_clear()
    yield {name: providers.get(name) for name in ("direct", "batch")}
    providers._load.cache_clear()


@pytest.fixture
def draft(exam, alice, offices):
    """Drafts and builds a run of so many new sheets."""

    def _draft(sheets: int = 3, *, provider: str = "batch", **options: str) -> GradingRun:
        for _ in range(sheets):
            make_sheet(exam, state="mapped")
        run = draft_run(exam, provider=provider, by=alice, **options)
        tasks.build_run(run.pk)
        return GradingRun.objects.select_related("batch_run", "exam", "rubric").get(pk=run.pk)

    return _draft


@pytest.fixture
def grade(alice):
    """Sends a draft, and carries each job that was not carried yet to its end."""

    def _grade(run: GradingRun) -> None:
        if run.batch_run.jobs.filter(state=JobState.REVIEW).exists():
            send_run(run, by=alice)
        carry(run)

    return _grade


def carry(run: GradingRun) -> None:
    """The engine's stages on every job of a run, as workers take them, and the next build."""
    for job in BatchJob.objects.filter(run=run.batch_run).order_by("pk"):
        carry_job(job)
    build_run(run.pk)


@pytest.fixture
def mapped(exam):
    """Three sheets that wait to be graded."""
    return [make_sheet(exam, state="mapped") for _ in range(3)]


@pytest.fixture
def drafted(exam, mapped, alice):
    """A draft of them for the offline baseline, built."""
    run = draft_run(exam, provider="offline", by=alice)
    tasks.build_run(run.pk)
    return run
