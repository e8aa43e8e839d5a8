"""With a deleted exam goes all that was asked of providers for it, but not what that came to."""

import io
import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Notification
from batching import providers
from batching.build import build_run
from batching.claims import claim
from batching.conflicts import Conflict
from batching.models import BatchItem, BatchJob, BatchRun, ResultFile
from batching.queries import count_items
from batching.submit import submit_job
from exams.due import keys_to_prepare
from exams.key_pages import prepare_key
from exams.key_proposals import confirm_key, discard_key, propose_key, retry_key
from exams.models import Exam, KeyProposal, SampleSheet
from exams.rubrics import current_rubric
from exams.samples import remove_sample
from exams.transcribe import draft_reading, send_reading
from exams.transcription import propose_text, save_text
from grading import exam_delete, integrity
from grading.exam_delete import MustStay, deletion_state
from grading.runs import draft_run, send_run
from tests.batching.steps import carry_job
from tests.emulators.marking_office import configuration
from tests.exams import key_steps
from tests.factories import make_key, make_sheet
from tests.grading.steps import delete
from tests.races import Meanwhile, on_postgresql, race, somebody_waits

pytestmark = pytest.mark.django_db


@pytest.fixture
def offices(settings, tmp_path):
    """Providers that mark and read samples, and "reader", which reads answer keys."""
    folder = tmp_path / "office"
    settings.SHEAF_RESEND_ROUNDS = 0
    settings.SHEAF_PROVIDERS = configuration(folder) | {
        "offline": settings.SHEAF_PROVIDERS["offline"],
        "reader": {"driver": "tests.emulators.key_office:KeyOffice", "folder": str(folder)},
    }
    providers._load.cache_clear()
    yield {name: providers.get(name) for name in ("direct", "batch", "reader")}
    providers._load.cache_clear()


@pytest.fixture
def page(exam):
    return reverse("grading:exam_delete", args=[exam.pk])


@pytest.fixture
def sample(exam, alice) -> SampleSheet:
    sheet = make_sheet(exam, state="skipped", pages=2)
    return SampleSheet.objects.create(exam=exam, sheet=sheet, title="Full", created_by=alice)


@pytest.fixture
def proposed(exam, offices) -> KeyProposal:
    return key_steps.read(key_steps.drafted(exam))


def carry(run):
    """All of a sent run, later rounds included, as workers take it."""
    while job := run.jobs.filter(state="submitted").first():
        carry_job(job)
        build_run(run.pk)


def assert_only_the_account_is_left(by):
    """No file, no word of anybody, and numbers that add up."""
    assert not Exam.objects.exists()
    assert list(integrity.stored_files()) == []
    assert list(integrity.differences()) == []
    assert not ResultFile.objects.exists()
    assert not BatchItem.objects.exclude(reply="", complaint="").exists()
    assert set(BatchItem.objects.values_list("reason", flat=True)) <= {
        "",
        "Forgotten: The exam was deleted",
    }
    jobs = list(BatchJob.objects.all())
    assert jobs
    for job in jobs:
        assert job.lines_file == ""
        assert job.item_count == job.items.count()
        assert job.cost is not None
        latest = job.history.latest()
        assert (latest.history_user, latest.history_change_reason) == (by, exam_delete.REASON)
        assert count_items(job).add_up or job.state == "cancelled"


# -- what goes ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_a_run_whose_replies_failed_only_the_account_is_left(exam, alice, offices, settings):
    settings.SHEAF_RESEND_ROUNDS = 1
    make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="batch", by=alice)
    build_run(run.pk)
    send_run(run, by=alice)
    for _ in range(2):
        offices["batch"].set_fault("prose")
        carry_job(run.batch_run.jobs.get(state="submitted"))
        build_run(run.pk)
    assert exam.sheets.get().state == "failed"
    assert set(BatchItem.objects.values_list("reply", flat=True)) == {"no json"}
    assert ResultFile.objects.count() == 2
    delete(exam, alice)
    assert set(BatchItem.objects.values_list("state", flat=True)) == {"rejected"}
    assert_only_the_account_is_left(alice)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["proposed", "confirmed", "discarded", "failed"])
def test_of_an_answer_key_only_the_account_is_left(exam, alice, offices, way):
    if way == "failed":
        offices["reader"].set_fault("prose")
    key = key_steps.drafted(exam)
    if way == "discarded":
        discard_key(key, by=alice)
    else:
        key = key_steps.read(key)
    if way == "confirmed":
        confirm_key(key, key_steps.ITEMS, by=alice, seen=current_rubric(exam).content_hash)
    assert key_steps.fresh(key).state == way
    delete(exam, alice)
    assert not KeyProposal.objects.exists()
    assert_only_the_account_is_left(alice)
    gone = KeyProposal.history.get(history_type="-")
    assert (gone.state, gone.original_name, gone.history_user) == (way, "key.pdf", alice)
    assert gone.history_change_reason == exam_delete.REASON


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_removed", [False, True])
def test_of_a_sample_that_was_read_only_the_account_is_left(
    exam, alice, offices, sample, is_removed
):
    run = draft_reading(sample, provider="batch", by=alice)
    build_run(run.pk)
    send_reading(sample, by=alice)
    carry(run)
    assert "Written on page 1" in SampleSheet.objects.get().proposal[0]["text"]
    assert ResultFile.objects.exists()
    if is_removed:
        remove_sample(sample, by=alice)
    delete(exam, alice)
    assert_only_the_account_is_left(alice)


@pytest.mark.django_db(transaction=True)
def test_a_key_that_was_never_rendered_goes_with_its_file(exam, alice):
    make_key(exam, pages=0)
    delete(exam, alice)
    assert list(integrity.stored_files()) == []
    prepare_key(KeyProposal.history.get(history_type="-").id)  # the doorbell that still rings


def test_notifications_that_lead_to_the_keys_pages_go_too(exam, alice, proposed):
    assert Notification.objects.filter(url=reverse("exams:key_review", args=[proposed.pk])).exists()
    delete(exam, alice)
    assert not Notification.objects.exists()


def test_the_page_counts_the_keys_and_the_runs(exam, proposed, teacher, page):
    text = teacher.get(page).text
    assert "1 PDF of an answer key" in text
    assert "of when 1 run asked a provider and what that cost" in text


@pytest.mark.parametrize("what", ["key", "confirmed", "proposed text", "confirmed text"])
def test_what_came_since_the_page_was_shown_is_not_deleted_unseen(
    exam, alice, proposed, sample, what
):
    shown = deletion_state(exam).fingerprint
    texts = {1: "Plants make glucose.", 2: ""}
    match what:
        case "key":
            make_key(exam, state="discarded")
        case "confirmed":
            confirm_key(proposed, key_steps.ITEMS, by=alice, seen=current_rubric(exam).content_hash)
        case "proposed text":
            propose_text(sample, texts, source="Somebody")
        case "confirmed text":
            save_text(sample, texts, by=alice)
    with pytest.raises(Conflict, match="Nothing was deleted"):
        exam_delete.delete_exam(exam, by=alice, fingerprint=shown)


# -- what keeps the exam ------------------------------------------------------------------


def assert_it_stays(exam, alice, teacher, address, words):
    text = teacher.get(reverse("grading:exam_delete", args=[exam.pk])).text
    assert f'href="{address}"' in text
    assert 'name="fingerprint"' not in text
    with pytest.raises(MustStay, match=words):
        delete(exam, alice)
    assert list(integrity.differences()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["not built", "drafted", "sent"])
def test_an_exam_stays_while_an_answer_key_is_drafted_or_read(exam, alice, teacher, offices, way):
    key = key_steps.hand_in(exam)
    prepare_key(key.pk)
    key = key_steps.fresh(key)
    if way != "not built":
        build_run(key.batch_run_id)
    if way == "sent":
        key_steps.send_key(key, by=alice)
        submit_job(key.batch_run.jobs.get().pk)
    address = reverse("exams:key_detail", args=[key.pk])
    assert_it_stays(exam, alice, teacher, address, "discard it")
    if way != "sent":
        discard_key(key, by=alice)
        delete(exam, alice)
        assert list(integrity.stored_files()) == []


@pytest.mark.django_db(transaction=True)
def test_an_exam_stays_while_the_pages_of_an_answer_key_are_made(exam, alice, teacher):
    key = make_key(exam)
    assert claim(keys_to_prepare(), key.pk)
    address = reverse("exams:key_detail", args=[key.pk])
    assert_it_stays(exam, alice, teacher, address, "just now")
    KeyProposal.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    delete(exam, alice)
    assert list(integrity.stored_files()) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["not built", "drafted", "sent", "removed"])
def test_an_exam_stays_while_a_sample_is_read(exam, alice, teacher, offices, sample, way):
    run = draft_reading(sample, provider="batch", by=alice)
    if way != "not built":
        build_run(run.pk)
    if way == "sent":
        send_reading(sample, by=alice)
        submit_job(run.jobs.get().pk)
    if way == "removed":
        remove_sample(sample, by=alice)
        address = reverse("exams:samples", args=[exam.pk])
    else:
        address = reverse("exams:sample_text", args=[sample.pk])
    assert_it_stays(exam, alice, teacher, address, "Let it end")


class TestAtTheSameMoment:
    """Played with real locks; what the second person gets."""

    pytestmark = on_postgresql

    @pytest.fixture
    def deleting(self, exam, alice):
        shown = []

        def _deleting():
            return exam_delete.delete_exam(exam, by=alice, fingerprint=shown[0])

        _deleting.look = lambda: shown.append(deletion_state(exam).fingerprint) or _deleting
        return _deleting

    @pytest.fixture
    def failed(self, exam, offices, alice) -> KeyProposal:
        key = key_steps.drafted(exam)
        offices["reader"].set_fault("prose")
        return key_steps.read(key)

    def handing_in(self, exam, admin):
        file = io.BytesIO(key_steps.key_pdf())
        return lambda: propose_key(exam, file, name="key.pdf", provider="reader", by=admin)

    def test_a_key_handed_in_just_before_is_not_deleted_unseen(
        self, exam, offices, deleting, admin
    ):
        refused = race(self.handing_in(exam, admin), deleting.look())
        assert isinstance(refused, Conflict)
        assert KeyProposal.objects.get().state == "received"

    def test_a_key_handed_in_just_after_is_refused_and_leaves_no_file(
        self, exam, offices, deleting, admin
    ):
        refused = race(deleting.look(), self.handing_in(exam, admin))
        assert isinstance(refused, Conflict)
        assert list(integrity.stored_files()) == []

    def test_a_key_that_is_tried_again_just_before_keeps_the_exam(self, failed, deleting, admin):
        def trying():
            return retry_key(failed, provider="reader", by=admin)

        refused = race(trying, deleting.look())
        assert isinstance(refused, MustStay)
        assert key_steps.fresh(failed).state == "drafted"

    def test_a_key_that_is_tried_again_just_after_is_refused(self, failed, deleting, admin):
        def trying():
            return retry_key(failed, provider="reader", by=admin)

        assert isinstance(race(deleting.look(), trying), Conflict)
        assert BatchRun.objects.count() == 1
        assert list(integrity.stored_files()) == []

    def test_a_worker_that_takes_a_key_just_before_keeps_the_exam(self, exam, deleting):
        key = make_key(exam)
        deleting.look()
        refused = race(lambda: claim(keys_to_prepare(), key.pk), deleting)
        assert isinstance(refused, MustStay)

    def test_a_worker_that_takes_a_key_just_after_finds_none(self, exam, deleting):
        key = make_key(exam)
        deleting.look()
        assert race(deleting, lambda: claim(keys_to_prepare(), key.pk)) is None

    def test_confirming_a_key_and_deleting_do_not_wait_for_each_other(
        self, exam, alice, proposed, deleting
    ):
        seen = current_rubric(exam).content_hash
        other = Meanwhile(deleting.look())
        with transaction.atomic():
            KeyProposal.objects.select_for_update(of=("self",)).get(pk=proposed.pk)
            other.start()
            while other.is_alive() and not somebody_waits():
                time.sleep(0.02)
            confirm_key(proposed, key_steps.ITEMS, by=alice, seen=seen)
        other.join()
        assert isinstance(other.outcome[0], Conflict)
        assert key_steps.fresh(proposed).state == "confirmed"
