"""What ended runs asked and what came back can be forgotten; what it came to and cost stays."""

import pytest
from django.core.files.storage import default_storage
from django.db import transaction

from batching.conflicts import Conflict
from batching.forget import forget_content
from batching.jobs import cancel_run
from batching.models import BatchItem, BatchJob, BatchRun, ResultFile
from batching.queries import count_items
from grading.integrity import differences, stored_files
from tests.batching.steps import run_through, send
from tests.batching.test_engine_repair import next_round
from tests.races import on_postgresql, race

pytestmark = pytest.mark.django_db

REASON = "The exam was deleted"
NUMBERS = ("state", "request_hash", "line_bytes", "model", "input_tokens", "output_tokens")


def forget(run, by):
    forget_content(BatchRun.objects.filter(pk=run.pk), by=by, reason=REASON)


def account(run):
    """Everything of a run that is a number, a hash or a state."""
    jobs = run.jobs.order_by("number").values_list(
        "state", "item_count", "lines_bytes", "estimated_cost", "cost", "remote_id"
    )
    return list(jobs), list(run.items.order_by("number").values_list(*NUMBERS))


@pytest.fixture
def ended(plan, alice, offices, settings):
    """A run of which one reply was no JSON, and was asked for again."""

    def _ended(kind="batch"):
        settings.SHEAF_RESEND_ROUNDS = 1
        run = plan(kind)
        offices[kind].set_fault("prose")
        run_through(run, alice)
        next_round(run)
        return run

    return _ended


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["batch", "direct"])
def test_the_words_and_files_go_and_the_account_stays(ended, alice, kind):
    run = ended(kind)
    before = account(run)
    assert set(run.items.values_list("state", flat=True)) == {"accepted", "rejected"}
    assert run.items.exclude(reply="").count() == 4
    assert run.items.exclude(complaint="").count() == 1
    assert ResultFile.objects.count() == (2 if kind == "batch" else 0)
    assert list(stored_files())
    forget(run, alice)
    assert account(run) == before
    assert all(count_items(job).add_up for job in run.jobs.all())
    assert not run.jobs.exclude(lines_file="").exists()
    assert not run.items.exclude(reply="", complaint="").exists()
    assert set(run.items.values_list("reason", flat=True)) == {"", f"Forgotten: {REASON}"}
    assert not ResultFile.objects.exists()
    assert list(stored_files()) == []
    assert list(differences()) == []


def test_the_history_says_who_forgot_and_why_and_twice_is_as_once(ended, alice, admin):
    run = ended()
    forget(run, admin)
    forget(run, alice)
    for job in run.jobs.all():
        rows = job.history.filter(history_change_reason=REASON)
        assert [row.history_user for row in rows] == [admin]


@pytest.mark.django_db(transaction=True)
def test_nothing_of_another_run_is_forgotten(ended, plan, alice):
    run, other = ended(), plan("batch", [7, 8])
    run_through(other, alice)
    forget(run, alice)
    assert other.items.exclude(reply="").count() == 2
    assert ResultFile.objects.get().job == other.jobs.get()
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
def test_the_files_are_there_until_the_commit(ended, alice):
    run = ended()
    before = set(stored_files())
    with transaction.atomic():
        forget(run, alice)
        assert set(stored_files()) == before
        transaction.set_rollback(True)
    assert set(stored_files()) == before
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_gone_already_is_no_matter(ended, alice):
    run = ended()
    default_storage.delete(ResultFile.objects.first().name)
    forget(run, alice)
    assert list(differences()) == []


@pytest.mark.parametrize("way", ["planned", "review", "sent", "to be sent again"])
def test_a_live_run_is_not_forgotten(plan, alice, offices, settings, way):
    settings.SHEAF_RESEND_ROUNDS = 1
    run = plan("batch", build=way != "planned")
    if way == "sent":
        send(run, alice)
    elif way == "to be sent again":
        offices["batch"].set_fault("prose")
        run_through(run, alice)
        assert not BatchJob.objects.exclude(state="completed").exists()
    with pytest.raises(Conflict, match="Let it end"):
        forget(run, alice)
    assert not BatchJob.objects.filter(lines_file="").exists()


def test_a_draft_that_was_stopped_can_be_forgotten(plan, alice):
    run = plan("batch")
    cancel_run(run, by=alice)
    forget(run, alice)
    assert BatchJob.objects.get().lines_file == ""
    assert set(BatchItem.objects.values_list("state", flat=True)) == {"released"}


class TestAtTheSameMoment:
    pytestmark = on_postgresql

    def test_of_two_who_forget_the_second_finds_it_done(self, ended, alice, admin):
        run = ended()
        race(lambda: forget(run, alice) or True, lambda: forget(run, admin) or True)
        for job in run.jobs.all():
            rows = job.history.filter(history_change_reason=REASON)
            assert [row.history_user for row in rows] == [alice]
        assert list(stored_files()) == []
