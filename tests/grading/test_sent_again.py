"""A sheet whose reply cannot be used is asked about again, and fails at last with its story."""

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Notification
from batching import purposes
from batching.models import BatchItem
from batching.poll import poll_job
from batching.providers import ProviderNotReady
from batching.submit import submit_job
from exams.models import Sheet
from exams.rubrics import save_rubric
from grading.models import Assessment, GradingRun
from grading.runs import NothingToGrade, cancel_run, send_failed_again, send_run
from tests.factories import BIOLOGY, make_sheet
from tests.grading.conftest import carry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_more_tries(settings):
    settings.SHEAF_RESEND_ROUNDS = 2


def states():
    return sorted(Sheet.objects.values_list("state", flat=True))


def told():
    return list(Notification.objects.order_by("pk").values_list("text", flat=True))


def fail_for_good(offices, run, grade, rounds=3):
    for _ in range(rounds):
        offices["batch"].set_fault("prose")
        grade(run)


def test_a_sheet_stays_being_graded_while_it_is_sent_again_and_is_graded_then(
    draft, grade, offices
):
    run = draft()
    offices["batch"].set_fault("prose")
    grade(run)
    assert states() == ["graded", "graded", "in_batch"]
    assert told() == []
    carry(run)
    assert states() == ["graded"] * 3
    again = BatchItem.objects.get(round=1)
    assert Assessment.objects.get(item=again).sheet_id == again.subject_id
    assert told() == [f"{run.exam.title}: 3 of 3 sheets were graded."]


def test_a_sheet_fails_with_what_became_of_every_attempt(draft, grade, offices):
    run = draft(1)
    fail_for_good(offices, run, grade)
    sheet = Sheet.objects.get()
    assert sheet.state == "failed"
    assert [sheet.problem.count(f"Attempt {number} (Post office)") for number in (1, 2, 3)] == [
        1
    ] * 3
    assert told() == [f"{run.exam.title}: 0 of 1 sheets were graded."]


def test_the_second_provider_grades_what_the_first_one_fails_at(draft, grade, offices, alice):
    run = draft(2, second_provider="direct")
    offices["batch"].set_fault("missing")
    grade(run)
    offices["batch"].set_fault("prose")
    carry(run)
    offices["batch"].set_fault("prose")
    carry(run)
    assert states() == ["graded", "in_batch"]
    carry(run)
    assert states() == ["graded", "graded"]
    assert Assessment.objects.filter(provider="direct").count() == 1


def test_what_the_model_refuses_is_for_a_person_at_once(draft, grade, offices):
    run = draft(1)
    offices["batch"].set_fault("refused")
    grade(run)
    assert states() == ["failed"]
    assert Sheet.objects.get().problem == "It was refused."


def test_the_end_of_a_run_that_was_refused_as_a_whole_is_told_once_with_the_reason(
    draft, alice, offices
):
    run = draft()
    offices["batch"].set_fault("refuse")
    send_run(run, by=alice)
    submit_job(run.batch_run.jobs.get().pk)
    assert states() == ["mapped"] * 3
    assert told() == [
        f"{run.exam.title}: 0 of 3 sheets were graded. Job 1 failed: the file is not acceptable"
    ]


def test_nothing_is_told_of_a_draft_that_was_discarded(draft, alice):
    cancel_run(draft(), by=alice)
    assert told() == []


def test_the_end_is_told_when_a_person_stops_what_was_to_be_sent_again(
    draft, grade, offices, alice
):
    run = draft()
    offices["batch"].set_fault("prose")
    grade(run)
    # The build that carry() made is on its way again: stop it before it is handed in.
    cancel_run(run, by=alice)
    assert states() == ["graded", "graded", "mapped"]
    assert told() == [f"{run.exam.title}: 2 of 3 sheets were graded."]


def test_a_job_that_is_late_is_told_of_once(draft, grade, offices, alice):
    run = draft()
    job = run.batch_run.jobs.get()
    for _ in range(2):
        purposes.get("grade_sheet").late(job)
    assert len(told()) == 1
    assert "Nothing is lost" in told()[0]


# -- the failed ones of a run, in a run of their own ---------------------------------------------


def test_the_failed_sheets_of_a_run_are_drafted_again_and_no_others(
    draft, grade, offices, alice, exam
):
    run = draft()
    fail_for_good(offices, run, grade)
    make_sheet(exam, state="mapped")  # arrived meanwhile
    other = make_sheet(exam, state="mapped")
    other.fail("Something else.")
    other.save()
    failed = Sheet.objects.get(state="failed", problem__startswith="Attempt 1")
    again = send_failed_again(run, provider="direct", by=alice)
    assert list(again.batch_run.items.values_list("subject_id", flat=True)) == [failed.pk]
    assert again.batch_run.provider == "direct"
    failed = Sheet.objects.get(pk=failed.pk)
    assert (failed.state, failed.problem) == ("mapped", "")
    last = failed.history.first()
    assert (last.history_user, last.history_change_reason) == (
        alice,
        "Sent again after a failed run",
    )
    assert failed.history.filter(problem__startswith="Attempt 1").exists()
    carry(again)
    grade(again)
    assert Sheet.objects.get(pk=failed.pk).state == "graded"


def test_sheets_that_are_in_a_later_run_are_not_sent_again_from_the_earlier_one(
    draft, grade, offices, alice
):
    run = draft(1)
    fail_for_good(offices, run, grade)
    later = send_failed_again(run, provider="batch", by=alice)
    carry(later)
    fail_for_good(offices, later, grade)
    with pytest.raises(NothingToGrade, match="waits to be sent again"):
        send_failed_again(run, provider="batch", by=alice)
    assert send_failed_again(later, provider="batch", by=alice).batch_run.items.count() == 1


def test_nothing_is_recovered_for_a_provider_that_is_not_ready(
    draft, grade, offices, alice, settings
):
    run = draft(1)
    fail_for_good(offices, run, grade)
    settings.SHEAF_PROVIDERS = settings.SHEAF_PROVIDERS | {
        "openai": {"driver": "openai", "api_key": ""}
    }
    with pytest.raises(ProviderNotReady, match="OPENAI_API_KEY"):
        send_failed_again(run, provider="openai", by=alice)
    assert states() == ["failed"]


def test_a_teacher_sends_the_failed_again_from_the_page_of_the_run(
    draft, grade, offices, alice, sign_in
):
    run = draft()
    fail_for_good(offices, run, grade)
    browser = sign_in(alice)
    page = browser.get(reverse("grading:run_detail", args=[run.pk])).content.decode()
    assert "Send 1 failed sheet again" in page
    answer = browser.post(reverse("grading:run_again", args=[run.pk]), {"provider": "direct"})
    again = GradingRun.objects.exclude(pk=run.pk).get()
    assert answer["Location"] == reverse("grading:run_detail", args=[again.pk])
    assert again.batch_run.items.count() == 1
    assert not again.batch_run.jobs.exists(), "nothing is sent without a look at the draft"


@pytest.mark.parametrize("provider", ["", "nobody"])
def test_sending_again_to_nobody_is_a_422_that_says_so(
    draft, grade, offices, alice, sign_in, provider
):
    run = draft(1)
    fail_for_good(offices, run, grade)
    answer = sign_in(alice).post(
        reverse("grading:run_again", args=[run.pk]), {"provider": provider}
    )
    assert answer.status_code == 422
    assert states() == ["failed"]


# -- the story on the page -----------------------------------------------------------------------


def items_page(browser, run, end=""):
    return browser.get(reverse("grading:run_items", args=[run.pk]), {"end": end})


def test_every_attempt_stands_on_the_page_with_its_reason_and_cost_the_failed_first(
    draft, grade, offices, alice, sign_in
):
    run = draft()
    fail_for_good(offices, run, grade)
    page = items_page(sign_in(alice), run)
    first, *others = page.context["stories"]
    assert first.end == "failed"
    assert [attempt.number for attempt in first.attempts] == [1, 2, 3]
    assert [attempt.item.state for attempt in first.attempts] == ["rejected"] * 3
    assert first.total.cost == 3 * first.attempts[0].cost.cost > 0
    assert {story.end for story in others} == {"graded"}
    text = page.content.decode()
    assert "3rd attempt" in text
    assert "The reply is not valid JSON" in text
    assert "0.02 USD" in text
    assert "All attempts together: 0.06 USD" in text
    assert "no json" in text, "what came back"


def test_the_page_shows_sheets_of_one_end(draft, grade, offices, alice, sign_in):
    run = draft()
    fail_for_good(offices, run, grade)
    browser = sign_in(alice)
    assert len(items_page(browser, run, "failed").context["stories"]) == 1
    assert len(items_page(browser, run, "graded").context["stories"]) == 2
    assert len(items_page(browser, run, "nonsense").context["stories"]) == 3
    assert "No sheet ended like this" in items_page(browser, run, "overtaken").content.decode()


def test_what_a_model_wrote_is_shown_as_text(draft, grade, offices, alice, sign_in):
    run = draft(1)
    fail_for_good(offices, run, grade)
    BatchItem.objects.update(reply="<script>alert(1)</script>", reason="<b>bold</b>")
    text = items_page(sign_in(alice), run).content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<b>bold" not in text


def test_the_run_says_that_sheets_are_sent_again_and_in_which_round(
    draft, grade, offices, alice, sign_in
):
    run = draft()
    offices["batch"].set_fault("prose")
    grade(run)
    browser = sign_in(alice)
    text = browser.get(reverse("grading:run_detail", args=[run.pk])).content.decode()
    assert "sent again: 2nd attempt" in text
    assert "1 of them is sent again after a failure" in text
    assert "2 of 3 sheets" in text
    assert "hx-trigger" in text


def test_a_round_that_the_money_does_not_allow_waits_and_says_so(
    draft, grade, offices, alice, sign_in, settings
):
    run = draft()
    settings.SHEAF_SPENDING_CAP = Decimal("0.07")
    offices["batch"].set_fault("prose")
    grade(run)
    browser = sign_in(alice)
    url = reverse("grading:run_detail", args=[run.pk])
    text = browser.get(url).content.decode()
    assert "1 sheet to be sent again" in text
    assert "The money did not allow" in text
    assert browser.post(reverse("grading:run_send", args=[run.pk])).status_code == 422
    settings.SHEAF_SPENDING_CAP = Decimal("0.08")
    assert browser.post(reverse("grading:run_send", args=[run.pk]))["Location"] == url
    carry(run)
    assert states() == ["graded"] * 3


def test_a_new_structure_of_the_rubric_stops_a_waiting_round(
    draft, grade, offices, alice, sign_in, settings, exam
):
    run = draft()
    settings.SHEAF_SPENDING_CAP = Decimal("0.07")
    offices["batch"].set_fault("prose")
    grade(run)
    save_rubric(exam, [BIOLOGY[0] | {"max_marks": 4}, BIOLOGY[1]], by=alice)
    assert sign_in(alice).post(reverse("grading:run_send", args=[run.pk])).status_code == 409


def test_the_story_costs_the_same_queries_for_any_number_of_sheets_and_attempts(
    draft, grade, offices, alice, sign_in, django_assert_max_num_queries
):
    run = draft(12)
    for fault in ("prose", "missing"):
        offices["batch"].set_fault(fault)
        grade(run)
    browser = sign_in(alice)
    with django_assert_max_num_queries(10):
        items_page(browser, run)


def test_stopping_asks_the_provider_to_stop(draft, offices, alice, sign_in):
    run = draft()
    send_run(run, by=alice)
    job = run.batch_run.jobs.get()
    submit_job(job.pk)
    (offices["batch"].folder / "stuck").touch()
    sign_in(alice).post(reverse("grading:run_cancel", args=[run.pk]))
    poll_job(job.pk)
    assert any(line.startswith("cancel") for line in offices["batch"].ledger())
