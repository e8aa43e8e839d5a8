import time
from datetime import timedelta

import pytest
from django.utils import timezone

from batching.claims import LostClaim, claim, fenced, give_back, kept_alive
from batching.models import BatchRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(plan):
    return plan("direct", build=False)


def expire(run):
    BatchRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def write_late(held):
    with fenced(held) as row:
        row.problem = "written late"
        row.save()


def test_a_row_is_claimed_by_one_worker_only(run):
    assert claim(BatchRun.objects.all(), run.pk) is not None
    assert claim(BatchRun.objects.all(), run.pk) is None


def test_a_row_in_another_state_is_not_claimed(run):
    assert claim(BatchRun.objects.filter(problem="over"), run.pk) is None


def test_a_claim_whose_worker_died_goes_to_the_next_after_the_lease(run):
    first = claim(BatchRun.objects.all(), run.pk)
    expire(run)
    second = claim(BatchRun.objects.all(), run.pk)
    assert (first.attempt, second.attempt) == (1, 2)


def test_a_worker_that_slept_past_its_lease_writes_nothing(run):
    held = claim(BatchRun.objects.all(), run.pk)
    expire(run)
    with pytest.raises(LostClaim):
        write_late(held)
    assert BatchRun.objects.get(pk=run.pk).problem == ""


def test_a_worker_whose_row_was_claimed_by_another_writes_nothing(run):
    slow = claim(BatchRun.objects.all(), run.pk)
    expire(run)
    claim(BatchRun.objects.all(), run.pk)
    with pytest.raises(LostClaim):
        write_late(slow)
    assert BatchRun.objects.get(pk=run.pk).problem == ""


def test_finished_work_frees_the_row_and_starts_the_tries_anew(run):
    held = claim(BatchRun.objects.all(), run.pk)
    with fenced(held) as row:
        row.save()
    row = BatchRun.objects.get(pk=run.pk)
    assert (row.lease_until, row.tries, row.attempt) == (None, 0, 1)


def test_partial_progress_keeps_the_claim_and_prolongs_it(run):
    held = claim(BatchRun.objects.all(), run.pk)
    before = BatchRun.objects.get(pk=run.pk).lease_until
    with fenced(held, done=False) as row:
        row.save()
    assert BatchRun.objects.get(pk=run.pk).lease_until > before
    assert claim(BatchRun.objects.all(), run.pk) is None


def test_a_row_that_kills_its_workers_runs_out_of_tries(run, settings):
    settings.SHEAF_MAX_TRIES = 3
    exhausted = []
    for _ in range(4):
        exhausted.append(claim(BatchRun.objects.all(), run.pk).exhausted)
        expire(run)
    assert exhausted == [False, False, False, True]


def test_a_busy_provider_costs_no_try_and_keeps_the_row_waiting(run):
    held = claim(BatchRun.objects.all(), run.pk)
    give_back(held, seconds=60)
    row = BatchRun.objects.get(pk=run.pk)
    assert row.tries == 0
    assert claim(BatchRun.objects.all(), run.pk) is None
    expire(run)
    assert claim(BatchRun.objects.all(), run.pk) is not None


@pytest.mark.django_db(transaction=True)
def test_a_long_piece_of_work_keeps_its_claim_as_long_as_its_worker_lives(run, settings):
    settings.SHEAF_LEASE_SECONDS = 0.6
    held = claim(BatchRun.objects.all(), run.pk)
    with kept_alive(held):
        time.sleep(1.2)
        assert claim(BatchRun.objects.all(), run.pk) is None
    with fenced(held) as row:
        row.problem = "written in time"
        row.save()
    assert BatchRun.objects.get(pk=run.pk).problem == "written in time"


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_another_worker_has_by_now_is_not_prolonged(run, settings):
    settings.SHEAF_LEASE_SECONDS = 0.3
    slow = claim(BatchRun.objects.all(), run.pk)
    expire(run)
    settings.SHEAF_LEASE_SECONDS = 60
    claim(BatchRun.objects.all(), run.pk)
    lease = BatchRun.objects.get(pk=run.pk).lease_until
    settings.SHEAF_LEASE_SECONDS = 0.1
    with kept_alive(slow):
        time.sleep(0.3)
    assert BatchRun.objects.get(pk=run.pk).lease_until == lease
