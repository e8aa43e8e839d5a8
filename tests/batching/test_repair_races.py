"""Several workers find at the same moment that something of one run must be sent again."""

from batching.direct import answer_item, claim_next
from batching.jobs import send_run
from batching.models import BatchItem
from batching.submit import submit_job
from tests.races import on_postgresql, race

pytestmark = on_postgresql


def test_two_lanes_whose_replies_both_fail_lose_neither_and_ask_for_none_twice(
    plan, alice, offices, settings
):
    settings.SHEAF_RESEND_ROUNDS = 1
    run = plan("direct", 3)
    send_run(run, by=alice)
    job = run.jobs.get()
    submit_job(job.pk)
    held = [claim_next(job, offices["direct"]) for _ in range(2)]

    def fail(one):
        offices["direct"].set_fault("prose")
        answer_item(one, job, offices["direct"])

    race(lambda: fail(held[0]), lambda: fail(held[1]))
    again = BatchItem.objects.filter(round=1).order_by("number")
    assert list(again.values_list("number", "previous__subject_id")) == [(4, 1), (5, 2)]
    assert BatchItem.objects.filter(state="rejected").count() == 2
    assert len(offices["direct"].ledger()) == 2
