"""What a run costs: said before it is sent, refused when it does not fit, counted afterwards."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from batching import tasks
from batching.models import BatchJob, ProviderAccount
from batching.poll import poll_job
from batching.providers.base import Price, Usage
from batching.spending import is_price_known
from batching.submit import submit_job
from exams.costs import Cap
from exams.models import SampleSheet, Sheet
from exams.samples import SampleMark, save_sample
from exams.templatetags.costs import money
from exams.transcription import save_text
from grading.run_standing import standing, why_split
from grading.runs import draft_run, send_run
from tests.emulators.marking_office import NOTE, configuration
from tests.factories import make_sheet

pytestmark = pytest.mark.django_db

# What one request of these tests costs: ten tokens in at 1,000 a million, five out at 2,000.
ONE = Decimal("0.02")


@pytest.fixture
def page(sign_in, alice):
    """Opens the page of a run."""
    browser = sign_in(alice)

    def _page(run, name="run_detail"):
        answer = browser.get(reverse(f"grading:{name}", args=[run.pk]))
        assert answer.status_code == 200
        return answer.content.decode()

    return _page


def send(run, by):
    send_run(run, by=by)
    for job in run.batch_run.jobs.all():
        submit_job(job.pk)


# -- before it is sent ---------------------------------------------------------------------------


def test_a_draft_says_what_it_is_expected_to_cost(draft, page):
    text = page(draft())
    assert "30 in, 15 out" in text
    assert "0.06 USD" in text
    assert "3 sheets in 1 job" in text
    assert "Nothing has left Sheaf yet" in text
    assert "hx-trigger" not in text


def test_a_draft_says_how_its_pages_leave(draft, page, exam):
    text = page(draft())
    assert NOTE in text
    assert "JPEG quality 85" in text
    assert "nothing is painted over" in text
    exam.regions = [{"page": 1, "x": 0, "y": 0, "w": 1, "h": 0.1, "holds": ["name"]}]
    exam.save()
    assert "1 region painted over" in page(draft(1))


def test_a_draft_that_was_built_before_its_exam_said_where_names_stand_says_so(draft, page, exam):
    run = draft()
    assert "has changed since this was drafted" not in page(run)
    assert "/send/" in page(run)
    exam.regions = [{"page": 1, "x": 0, "y": 0, "w": 1, "h": 0.1, "holds": ["name"]}]
    exam.save()
    text = page(run)
    assert "nothing is painted over" in text
    assert "Where names stand on the pages has changed since this was drafted" in text
    assert "1 region painted over" not in text
    assert "/send/" not in text


def test_without_a_configured_price_only_tokens_are_told(draft, page, offices, monkeypatch):
    monkeypatch.setattr(offices["batch"], "price", Price())
    monkeypatch.setattr(offices["batch"], "price_known", False)
    text = page(draft())
    assert "this model has no price yet" in text
    assert "30 in, 15 out" in text
    assert "USD" not in text.split("so far")[0]


def test_a_price_that_was_set_after_the_draft_is_not_taken_for_its_price(
    draft, offices, monkeypatch
):
    monkeypatch.setattr(offices["batch"], "price", Price())
    job = draft().batch_run.jobs.get()
    assert is_price_known(job), "it is known to cost nothing"
    monkeypatch.undo()
    assert not is_price_known(job)


def test_what_runs_on_this_machine_costs_nothing_and_says_so(exam, alice, page, offices):
    make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="offline", by=alice)
    tasks.build_run(run.pk)
    text = page(run)
    assert "<dd>nothing</dd>" in text
    assert "painted over" not in text, "no page leaves"


def test_a_draft_of_several_jobs_says_which_limit_made_them(draft, page, settings, tmp_path):
    settings.SHEAF_PROVIDERS = configuration(tmp_path / "office", lines=2)
    run = draft(5)
    text = page(run)
    assert "5 sheets in 3 jobs" in text
    assert "One job of this provider holds at most 2 requests." in text


def test_a_limit_of_tokens_is_named_as_the_reason(draft, settings, tmp_path, monkeypatch):
    settings.SHEAF_PROVIDERS = configuration(tmp_path / "office", enqueued_tokens=20)
    run = draft(3)
    assert why_split(list(run.batch_run.jobs.order_by("number"))) == (
        "One job of this provider holds at most 20 tokens."
    )


def test_a_draft_says_what_the_exam_and_the_site_have_spent(
    draft, grade, page, exam, settings, offices
):
    grade(draft(2))
    exam.spending_cap = Decimal(1)
    exam.save()
    settings.SHEAF_SPENDING_CAP = Decimal(5)
    text = page(draft(1))
    assert "0.04 USD of 1.00 USD used or promised" in text
    assert "0.04 USD of 5.00 USD used or promised" in text
    assert "This does not fit" not in text


def test_a_draft_says_that_what_was_sent_without_a_price_is_in_no_sum(
    draft, grade, page, offices, monkeypatch
):
    with monkeypatch.context() as unpriced:
        unpriced.setattr(offices["batch"], "price", Price())
        unpriced.setattr(offices["batch"], "price_known", False)
        grade(draft(1))
        told = "no cap. The cost of what was sent to Post office is not known: no price is set."
        assert told in page(draft(1))
    # What was free is known by now to cost something.
    assert "0.00 USD" not in page(draft(1))


def test_a_draft_over_the_cap_says_so_and_is_refused_with_nothing_sent(
    draft, page, exam, alice, sign_in, offices
):
    exam.spending_cap = Decimal("0.05")
    exam.save()
    run = draft(3)
    text = page(run)
    assert "This does not fit: about 0.06 USD are needed" in text
    assert reverse("exams:exam_edit", args=[exam.pk]) in text
    answer = sign_in(alice).post(reverse("grading:run_send", args=[run.pk]))
    assert answer.status_code == 422
    assert "Nothing was sent" in answer.content.decode()
    assert run.batch_run.jobs.get().state == "review"
    assert set(Sheet.objects.values_list("state", flat=True)) == {"jsonl_ready"}
    assert offices["batch"].ledger() == []


def test_a_cap_that_is_just_enough_fits():
    assert Cap("x", Decimal(3), Decimal(1), Decimal(2)).fits
    assert not Cap("x", Decimal(3), Decimal(1), Decimal("2.01")).fits
    assert Cap("x", None, Decimal(1), Decimal(9)).fits
    assert Cap("x", Decimal(0), Decimal(0), Decimal(0)).fits


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("12.4", "12.40 USD"),
        ("1234.5", "1,234.50 USD"),
        ("0.0042", "0.0042 USD"),
        ("0.1", "0.10 USD"),
        ("0.052", "0.052 USD"),
        ("0.00001", "under 0.0001 USD"),
        ("0", "0.00 USD"),
        (None, ""),
    ],
)
def test_small_money_is_not_rounded_to_nothing(amount, text):
    assert money(None if amount is None else Decimal(amount), "USD") == text


# -- samples -------------------------------------------------------------------------------------


@pytest.fixture
def sample(exam, alice) -> SampleSheet:
    sheet = make_sheet(exam, state="skipped")
    marks = {"Q1": SampleMark(Decimal(2)), "Q2": SampleMark(Decimal(1))}
    return save_sample(sheet, title="Full marks", marks=marks, by=alice)


def test_a_draft_says_that_a_sample_goes_as_images_for_want_of_a_text(
    draft, page, sample, alice, settings
):
    settings.SHEAF_SAMPLES = "text"
    assert "1 as images: no text of it is confirmed" in page(draft(1))
    save_text(sample, {1: "It makes glucose."}, by=alice)
    assert "1 as text" in page(draft(1))


def test_where_samples_are_images_nothing_is_asked_of_the_teacher(draft, page, sample, alice):
    save_text(sample, {1: "It makes glucose."}, by=alice)
    text = page(draft(1))
    assert "1 as images" in text
    assert "no text of it" not in text


# -- while it runs, and afterwards ---------------------------------------------------------------


def test_afterwards_the_page_compares_what_was_counted_with_the_estimate(
    draft, grade, page, offices, monkeypatch
):
    monkeypatch.setattr("tests.emulators.post_office.USED", Usage(10, 9, 4))
    run = draft(2)
    before = run.batch_run.jobs.get()
    BatchJob.objects.filter(pk=before.pk).update(price=before.price | {"cached": "500"})
    grade(run)
    found = standing(run)
    assert found.total.used == Usage(20, 18, 8)
    assert found.total.estimated == Usage(20, 18)
    assert found.total.cost == Decimal("0.052")
    text = page(run)
    assert "0.052 USD" in text
    assert "of them cached" in text


def test_what_sheets_cost_so_far_is_told_before_the_job_has_ended(draft, alice, offices):
    run = draft(2, provider="direct")
    send(run, alice)
    item = run.batch_run.items.order_by("number").first()
    item.reject("for this test")
    item.input_tokens, item.output_tokens = 10, 5
    item.save()
    found = standing(run)
    assert run.batch_run.jobs.get().cost is None
    assert found.total.cost == ONE


def test_the_page_says_where_a_job_is_and_when_it_is_looked_at(draft, page, alice, offices):
    run = draft()
    send(run, alice)
    (offices["batch"].folder / "stuck").touch()
    poll_job(run.batch_run.jobs.get().pk)
    text = page(run, "run_progress")
    assert 'At the provider: <span title="in_progress">being worked on</span>' in text
    assert "next look" in text
    assert "any moment" not in text
    BatchJob.objects.update(next_poll_at=timezone.now() - timedelta(minutes=2))
    assert "next look any moment" in page(run, "run_progress")
    assert 'hx-trigger="every 2s"' in text
    BatchJob.objects.update(remote_done=1, remote_total=3, late_at=timezone.now())
    text = page(run, "run_progress")
    assert "1 of 3 done" in text
    assert "It takes longer than such jobs do" in text
    BatchJob.objects.update(results_ready_at=timezone.now())
    assert "its replies are being collected" in page(run, "run_progress")


def test_the_page_says_that_a_job_waits_for_room_and_that_a_provider_is_paused(
    draft, page, alice, settings, tmp_path
):
    settings.SHEAF_PROVIDERS = configuration(tmp_path / "office", lines=2, enqueued_tokens=25)
    run = draft(4)
    send(run, alice)
    text = page(run, "run_progress")
    assert "Waits for room: 20 of 25 tokens" in text
    assert "Nothing is asked" not in text
    ProviderAccount.objects.update_or_create(
        account="post-office",
        defaults={
            "paused_until": timezone.now() + timedelta(minutes=5),
            "strikes": 1,
            "reason": "too many requests",
        },
    )
    text = page(run, "run_progress")
    assert "Nothing is asked of the provider before" in text
    assert "too many requests" in text


def test_an_ended_run_speaks_of_no_pause(draft, grade, page):
    run = draft(1)
    grade(run)
    ProviderAccount.objects.create(
        account="other", paused_until=timezone.now() + timedelta(minutes=5)
    )
    assert "Nothing is asked" not in page(run)


def exam_page(browser, exam):
    return browser.get(reverse("exams:exam_detail", args=[exam.pk])).text


def test_the_exam_says_in_which_currency_its_runs_cost_what(draft, alice, exam, teacher):
    assert "used or promised" not in exam_page(teacher, exam)
    send(draft(), alice)
    assert "0.06 USD used or promised so far." in exam_page(teacher, exam)
    exam.spending_cap = 5
    exam.save()
    assert "0.06 USD of at most 5.00 USD used or promised." in exam_page(teacher, exam)
    send(draft(1), alice)
    euros = BatchJob.objects.latest("pk")
    BatchJob.objects.filter(pk=euros.pk).update(price=euros.price | {"currency": "EUR"})
    assert "0.06 USD + 0.02 EUR of at most 5.00 used or promised." in exam_page(teacher, exam)


def test_the_exam_says_that_the_cost_of_a_model_without_a_price_is_not_known(
    draft, alice, exam, teacher, offices, monkeypatch
):
    monkeypatch.setattr(offices["batch"], "price", Price())
    monkeypatch.setattr(offices["batch"], "price_known", False)
    send(draft(), alice)
    unknown = f"The cost of what was sent to {offices['batch'].title} is not known"
    text = exam_page(teacher, exam)
    assert unknown in text
    assert "used or promised" not in text
    monkeypatch.undo()
    send(draft(1), alice)
    text = exam_page(teacher, exam)
    assert "0.02 USD used or promised so far." in text
    assert unknown in text


def test_the_list_of_runs_tells_what_each_cost(draft, grade, sign_in, alice, exam):
    grade(draft(2))
    draft(1)
    url = reverse("grading:run_list", args=[exam.pk])
    text = sign_in(alice).get(url).content.decode()
    assert "0.04 USD" in text
    assert "about 0.02 USD" in text


@pytest.mark.parametrize("name", ["run_detail", "run_progress"])
@pytest.mark.parametrize("is_sent", [False, True])
def test_the_page_costs_the_same_queries_for_many_jobs_and_sheets(
    name, is_sent, draft, alice, sign_in, settings, tmp_path, django_assert_max_num_queries
):
    settings.SHEAF_PROVIDERS = configuration(tmp_path / "office", lines=1)
    settings.SHEAF_SPENDING_CAP = Decimal(100)
    run = draft(12)
    if is_sent:
        send(run, alice)
    browser = sign_in(alice)
    with django_assert_max_num_queries(8 if is_sent else 12):
        browser.get(reverse(f"grading:{name}", args=[run.pk]))
