"""What failed is sent again, alone, as long as that can help; every attempt stays visible."""

from decimal import Decimal

import pytest
from django.utils import translation

from batching import jobs
from batching.build import build_run
from batching.jsonl import decode_request
from batching.models import BatchItem, BatchJob
from batching.poll import poll_job
from batching.queries import count_items, is_over
from batching.repair import stories
from batching.submit import submit_job
from batching.sweep import due_work
from tests.batching.steps import ACCEPTED, carry_job, end_lease, run_through

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rounds(offices, settings):
    settings.SHEAF_RESEND_ROUNDS = 2


def next_round(run):
    """Builds what is to be sent again and carries that job to its end."""
    before = set(run.jobs.values_list("pk", flat=True))
    build_run(run.pk)
    for job in run.jobs.exclude(pk__in=before):
        carry_job(job)
    return run.jobs.exclude(pk__in=before)


def sent_lines(job, offices):
    path = offices["batch"].folder / f"batch-{job.token}.jsonl"
    return [decode_request(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("kind", ["direct", "batch"])
def test_an_invalid_reply_is_asked_for_again_alone_with_the_reason(
    plan, alice, offices, outcome, kind
):
    run = plan(kind)
    offices[kind].set_fault("prose")
    run_through(run, alice)
    assert outcome() == ACCEPTED[1:]
    job = next_round(run).get()
    assert (job.round, job.item_count, job.approved_by) == (1, 1, alice)
    assert outcome() == ACCEPTED
    again = BatchItem.objects.get(round=1)
    assert again.previous.state == "rejected"
    assert again.complaint == again.previous.reason
    assert all(count_items(job).add_up for job in run.jobs.all())
    if kind == "batch":
        assert again.previous.reason in sent_lines(job, offices)[0].parts[-1].text


def test_only_the_failed_ones_are_sent_again(plan, alice, offices):
    run = plan("batch")
    offices["batch"].set_fault("missing")
    run_through(run, alice)
    job = next_round(run).get()
    assert [line.custom_id for line in sent_lines(job, offices)] == [
        BatchItem.objects.get(round=1, subject_id=1).custom_id
    ]
    assert BatchItem.objects.get(round=1).complaint == ""


def test_nothing_is_sent_again_before_the_first_job_has_ended(plan, alice, offices):
    run = plan("batch")
    offices["batch"].set_fault("prose")
    offices["batch"].set_fault("reset")
    jobs.send_run(run, by=alice)
    job = run.jobs.get()
    submit_job(job.pk)
    poll_job(job.pk)
    BatchItem.objects.filter(subject_id=1).update(state="rejected")
    BatchItem.objects.create(
        run=run,
        previous=run.items.get(subject_id=1),
        round=1,
        provider="batch",
        purpose=run.purpose,
        subject_id=1,
        number=9,
        custom_id="again",
    )
    build_run(run.pk)
    assert run.jobs.count() == 1
    assert not is_over(run)


def test_a_worker_that_died_before_a_round_was_presented_is_followed(
    plan, alice, offices, outcome, monkeypatch
):
    run = plan("batch", [1])
    offices["batch"].set_fault("prose")
    run_through(run, alice)

    def die(held):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr("batching.build.present", die)
        with pytest.raises(KeyboardInterrupt):
            build_run(run.pk)
    assert run.jobs.get(round=1).state == "draft"
    end_lease(run)
    assert [work.pk for work in due_work() if work.task.name.endswith("build_run")] == [run.pk]
    build_run(run.pk)
    job = run.jobs.get(round=1)
    assert job.state == "submitted"
    carry_job(job)
    assert outcome() == ["accepted 1"]


def test_after_the_last_round_the_subject_fails_with_its_whole_story(plan, alice, offices, outcome):
    run = plan("batch", [1])
    for _ in range(3):
        offices["batch"].set_fault("prose")
        run_through(run, alice) if run.jobs.get(round=0).state == "review" else next_round(run)
    assert outcome() == ["failed 1"]
    assert is_over(run)
    last = BatchItem.objects.get(round=2)
    story = stories([last])[last.pk]
    assert [story.count(f"Attempt {number} (Post office):") for number in (1, 2, 3)] == [1, 1, 1]
    build_run(run.pk)
    assert run.jobs.count() == 3


def test_then_the_second_provider_gets_its_turn(plan, alice, offices, outcome):
    run = plan("batch", [1], second_provider="direct")
    offices["batch"].set_fault("error")
    run_through(run, alice)
    for _ in range(2):
        offices["batch"].set_fault("prose")
        next_round(run)
    assert outcome() == []
    job = next_round(run).get()
    assert (job.provider, job.kind, job.state) == ("direct", "direct", "completed")
    assert outcome() == ["accepted 1"]


def test_what_the_model_refused_goes_to_a_person_at_once(plan, alice, offices, outcome):
    run = plan("batch", [1], second_provider="direct")
    offices["batch"].set_fault("refused")
    run_through(run, alice)
    assert outcome() == ["failed 1"]
    assert is_over(run)


def test_a_reply_that_was_cut_off_gets_more_room(plan, alice, offices, outcome):
    run = plan("batch", [1])
    offices["batch"].set_fault("truncated")
    run_through(run, alice)
    before = sent_lines(run.jobs.get(), offices)[0].max_output_tokens
    job = next_round(run).get()
    (line,) = sent_lines(job, offices)
    assert line.max_output_tokens == 2 * before
    assert len(line.parts) == 1, "what a cut-off reply said is not repeated to the model"
    assert outcome() == ["accepted 1"]


def test_a_request_that_expired_is_lost_unpaid_and_sent_again(plan, alice, offices, outcome):
    run = plan("batch", [1])
    offices["batch"].set_fault("unanswered")
    run_through(run, alice)
    assert BatchItem.objects.get(round=0).state == "lost"
    assert BatchJob.objects.get().cost == 0
    next_round(run)
    assert outcome() == ["accepted 1"]


def test_every_round_run_twice_leaves_the_database_as_once(plan, alice, offices, outcome):
    run = plan("batch")
    offices["batch"].set_fault("prose")
    run_through(run, alice)
    next_round(run)
    build_run(run.pk)
    for job in run.jobs.all():
        carry_job(job)
    assert (run.jobs.count(), BatchItem.objects.count()) == (2, 4)
    assert len([entry for entry in offices["batch"].ledger() if "submit" in entry]) == 2


def test_stopping_a_run_sends_nothing_again(plan, alice, offices, outcome):
    run = plan("batch", [1, 2])
    offices["batch"].set_fault("prose")
    run_through(run, alice)
    jobs.cancel_run(run, by=alice)
    build_run(run.pk)
    assert run.jobs.count() == 1
    assert BatchItem.objects.get(round=1).state == "released"
    assert is_over(run)
    assert outcome() == ["accepted 2", "released 1"]


def test_a_round_that_the_money_does_not_allow_waits_for_a_person(
    plan, alice, offices, settings, outcome
):
    run = plan("batch", [1, 2])
    offices["batch"].set_fault("prose")
    run_through(run, alice)
    settings.SHEAF_SPENDING_CAP = Decimal("0.05")
    job = next_round(run).get()
    assert job.state == "review"
    assert "cap" in job.problem
    settings.SHEAF_SPENDING_CAP = None
    jobs.send_run(run, by=alice)
    carry_job(job)
    assert outcome() == ACCEPTED[:2]


def test_why_a_round_waits_is_kept_in_english_whatever_language_is_spoken(
    plan, alice, offices, settings
):
    run = plan("batch", [1, 2])
    offices["batch"].set_fault("prose")
    run_through(run, alice)
    settings.SHEAF_SPENDING_CAP = Decimal("0.05")
    with translation.override("de"):
        job = next_round(run).get()
    assert job.problem.startswith("This is expected to cost")
