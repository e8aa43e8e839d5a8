"""How a run ended, in the words of its page: stopped by a person, discarded, or failed."""

from __future__ import annotations

import re

import pytest

from batching.build import build_run, give_up
from batching.claims import claim
from batching.collect import collect_job
from batching.jobs import write_off_job
from batching.models import BatchRun
from batching.poll import poll_job
from batching.submit import submit_job
from grading.runs import cancel_run, draft_run, send_run
from tests.factories import make_sheet
from tests.grading.steps import url

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(teacher):
    """How a run ended, as its page and the list of runs say, and the page."""

    def _told(run) -> tuple[str, str]:
        page = teacher.get(url("run_detail", run)).content.decode()
        assert "hx-trigger" not in page, "it goes on"
        end = re.search(r"<h2>(.*?)</h2>", page)[1]
        cell = f'<td class="where">{end}</td>'
        assert cell in teacher.get(url("run_list", run.exam)).content.decode()
        return end, page

    return _told


def sent(run, by):
    """The only job of the run, handed in."""
    send_run(run, by=by)
    job = run.batch_run.jobs.get()
    submit_job(job.pk)
    return job


def assert_no_failure(page: str) -> None:
    assert "fail" not in page.lower()
    assert "alert-danger" not in page


@pytest.mark.parametrize("kind", ["direct", "batch"])
def test_a_run_that_a_person_stopped_is_stopped_and_did_not_fail(draft, alice, told, kind, offices):
    run = draft(3, provider=kind)
    job = sent(run, alice)
    if kind == "batch":
        offices["batch"].set_fault("missing")
    cancel_run(run, by=alice)
    if kind == "batch":
        poll_job(job.pk)
        collect_job(job.pk)
    end, page = told(run)
    assert end == "Stopped"
    assert_no_failure(page)
    assert "set free before" in page
    assert "Draft a new run" in page


def test_a_run_stopped_before_it_was_handed_in_is_stopped_too(draft, alice, told):
    run = draft()
    send_run(run, by=alice)
    cancel_run(run, by=alice)
    end, page = told(run)
    assert end == "Stopped"
    assert "Nothing was sent." in page
    assert_no_failure(page)


def test_a_run_whose_job_was_written_off_is_stopped(draft, alice, told):
    run = draft()
    write_off_job(sent(run, alice), by=alice)
    end, page = told(run)
    assert end == "Stopped"
    assert_no_failure(page)


@pytest.mark.parametrize("built", [True, False], ids=["built", "not built yet"])
def test_a_draft_that_a_person_discarded_is_discarded_and_did_not_fail(
    exam, alice, told, built, offices
):
    make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="batch", by=alice)
    if built:
        build_run(run.pk)
    cancel_run(run, by=alice)
    end, page = told(run)
    assert end == "Discarded"
    assert "Nothing was sent." in page
    assert "Draft a new run" in page
    assert_no_failure(page)


def test_a_run_that_could_not_be_built_says_so_and_why(exam, alice, told, offices):
    make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="batch", by=alice)
    give_up(claim(BatchRun.objects.all(), run.batch_run.pk), "Ask an admin to look at the log.")
    end, page = told(run)
    assert end == "Could not be built"
    assert '<div class="alert alert-danger">Ask an admin' in page


def test_a_run_that_the_provider_refused_was_not_discarded(draft, alice, told, offices):
    run = draft()
    offices["batch"].set_fault("refuse")
    sent(run, alice)
    assert told(run)[0] == "Could not be sent"


def test_a_run_that_was_graded_was_neither_stopped_nor_discarded(draft, grade, told):
    run = draft()
    grade(run)
    assert told(run)[0] == "All graded"


def test_the_list_says_of_a_run_that_goes_on_where_its_job_is(draft, exam, alice, teacher):
    def listed() -> str:
        page = teacher.get(url("run_list", exam)).content.decode()
        return re.search(r'<td class="where">(.*?)</td>', page)[1]

    run = draft()
    assert listed() == "Waits to be sent"
    sent(run, alice)
    assert listed() == "In progress"
    make_sheet(exam, state="mapped")
    draft_run(exam, provider="batch", by=alice)
    assert listed() == "Being built"
