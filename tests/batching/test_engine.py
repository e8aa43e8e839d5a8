"""Both kinds of provider behind the same states, the same page and the same account."""

import pytest
from django.core.files.storage import default_storage

from batching import build, jobs
from batching.build import build_run, keep_shard, write_shard
from batching.claims import LostClaim, claim
from batching.collect import collect_job
from batching.conflicts import Conflict
from batching.direct import work_job
from batching.models import BatchRun, ItemState
from batching.poll import poll_job
from batching.providers.base import ProviderRefused
from batching.queries import count_items
from batching.stored_lines import check_lines
from batching.submit import submit_job
from tests.batching.steps import ACCEPTED, approve, end_lease, only_job, run_through

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["direct", "batch"])
def test_every_item_of_a_run_is_accepted_once_and_the_numbers_add_up(plan, alice, outcome, kind):
    run = plan(kind)
    run_through(run, alice)
    job = only_job(run)
    assert job.state == "completed"
    counts = count_items(job)
    assert (counts.submitted, counts.accepted, counts.open) == (3, 3, 0)
    assert counts.add_up
    assert outcome() == ACCEPTED


@pytest.mark.parametrize("kind", ["direct", "batch"])
def test_every_stage_run_twice_leaves_the_database_as_once(plan, alice, offices, outcome, kind):
    run = plan(kind)
    build_run(run.pk)
    approve(only_job(run), by=alice)
    pk = only_job(run).pk
    stages = [submit_job, work_job] if kind == "direct" else [submit_job, poll_job, collect_job]
    for stage in stages:
        stage(pk)
        stage(pk)
    assert only_job(run).state == "completed"
    assert outcome() == ACCEPTED
    assert len(offices[kind].ledger()) == (3 if kind == "direct" else 1)


def test_a_run_is_cut_into_jobs_no_larger_than_the_provider_takes(plan):
    run = plan("batch", 10)
    assert [job.item_count for job in run.jobs.all()] == [4, 4, 2]
    assert {job.state for job in run.jobs.all()} == {"review"}


def test_building_the_same_lines_again_gives_the_same_bytes(plan, offices, tmp_path):
    run = plan("batch", 3, build=False)
    first, again = (write_shard(run, "batch", tmp_path / name).path.read_bytes() for name in "ab")
    assert first == again
    assert first.count(b"\n") == 3


def test_a_build_that_died_between_two_jobs_goes_on_with_the_rest(plan, monkeypatch):
    run = plan("batch", 10, build=False)
    keep, calls = build.keep_shard, []

    def die_in_the_second(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        keep(*args)

    monkeypatch.setattr(build, "keep_shard", die_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        build_run(run.pk)
    assert [job.state for job in run.jobs.all()] == ["draft"]
    end_lease(run)
    build_run(run.pk)
    assert [(job.item_count, job.state) for job in run.jobs.all()] == [
        (4, "review"),
        (4, "review"),
        (2, "review"),
    ]
    assert run.items.filter(state=ItemState.BUILT).count() == 10


def test_a_build_that_died_between_the_file_and_its_row_leaves_no_second_file(
    plan, monkeypatch, settings
):
    run = plan("batch", 3, build=False)

    def die(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(build, "fenced", die)
        with pytest.raises(KeyboardInterrupt):
            build_run(run.pk)
    end_lease(run)
    build_run(run.pk)
    files = list((settings.MEDIA_ROOT / "jobs").iterdir())
    assert len(files) == 1
    with files[0].open("rb") as file:
        check_lines(only_job(run), file)


def test_a_run_that_cannot_be_built_is_given_up_and_sets_everything_free(plan, outcome):
    run = plan("batch", 2, build=False)
    for _ in range(3):
        claim(BatchRun.objects.all(), run.pk)
        end_lease(run)
    build_run(run.pk)
    assert "several times" in BatchRun.objects.get(pk=run.pk).problem
    assert outcome() == ["released 1", "released 2"]


def test_an_item_without_a_request_is_set_free_with_its_reason(plan, outcome):
    run = plan("direct", [0, 1])
    assert run.items.get(subject_id=0).state == "released"
    assert run.items.get(subject_id=0).reason == "There is nothing to count."
    assert only_job(run).item_count == 1
    assert outcome() == ["released 0"]


def test_a_request_that_the_provider_cannot_take_is_set_free_and_the_rest_goes_on(
    plan, offices, outcome, monkeypatch
):
    encode = offices["batch"].encode

    def refuse_one(request, read_image):
        if request.parts[0].text.split() == ["word"] * 2:
            raise ProviderRefused("This request is larger than the model takes.")
        return encode(request, read_image)

    monkeypatch.setattr(offices["batch"], "encode", refuse_one)
    run = plan("batch")
    assert run.jobs.get().item_count == 2
    assert run.items.get(state="released").reason == "This request is larger than the model takes."
    assert outcome() == ["released 2"]


def test_nothing_can_be_in_two_live_runs_at_once(plan):
    plan("direct", [1, 2])
    with pytest.raises(Conflict, match="another draft"):
        plan("batch", [2, 3])
    assert BatchRun.objects.count() == 1


def test_after_its_run_ended_a_subject_may_be_planned_again(plan, alice, outcome):
    run = plan("direct", [1])
    jobs.cancel_job(only_job(run), by=alice)
    plan("direct", [1])


def test_a_draft_that_is_not_sent_reaches_nobody(plan, offices):
    run = plan("batch")
    submit_job(only_job(run).pk)
    poll_job(only_job(run).pk)
    assert offices["batch"].ledger() == []
    assert only_job(run).state == "review"


def test_a_job_is_sent_by_one_person_only(plan, alice):
    run = plan("batch")
    approve(only_job(run), by=alice)
    with pytest.raises(Conflict):
        approve(only_job(run), by=alice)


def test_a_stale_builder_does_not_touch_the_lines_of_its_successor(
    plan, offices, tmp_path, settings
):
    run = plan("batch", 3, build=False)
    stale = claim(BatchRun.objects.all(), run.pk)
    shard = write_shard(run, "batch", tmp_path / "lines")
    end_lease(run)
    build_run(run.pk)
    with pytest.raises(LostClaim):
        keep_shard(stale, shard)
    job = only_job(run)
    with default_storage.open(job.lines_file) as file:
        check_lines(job, file)
    assert len(list((settings.MEDIA_ROOT / "jobs").iterdir())) == 1


def test_a_build_whose_time_is_up_goes_on_in_the_next_call(plan, monkeypatch):
    monkeypatch.setattr(build, "BUILD_SECONDS", 0)
    run = plan("batch", 6, build=False)
    assert [build_run(run.pk) for _ in range(3)] == [True, True, True]
    monkeypatch.setattr(build, "BUILD_SECONDS", 60)
    assert build_run(run.pk) is False
    assert [job.item_count for job in run.jobs.all()] == [4, 2]
