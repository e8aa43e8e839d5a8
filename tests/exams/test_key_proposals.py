"""Who may have an answer key read, by which provider, when once more, and what it may cost."""

import io
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage

from batching.build import build_run
from batching.conflicts import Conflict
from batching.models import BatchRun
from batching.spending import OverBudget
from exams.key_proposals import CannotRead, able_providers, propose_key, retry_key, send_key
from exams.key_request import MAX_CRITERIA
from exams.models import Exam, KeyProposal
from exams.rubrics import save_rubric
from exams.storage import CHUNK
from tests.exams.key_steps import drafted, fresh, hand_in, key_pdf, read

pytestmark = pytest.mark.django_db


def test_the_offline_baseline_and_a_provider_without_its_key_cannot_read_one(office, exam):
    assert able_providers() == ["reader", "second"]
    with pytest.raises(CannotRead, match="cannot propose one"):
        hand_in(exam, provider="offline")
    with pytest.raises(CannotRead, match="OFFICE_KEY is not set"):
        hand_in(exam, provider="keyless")
    with pytest.raises(CannotRead, match="no provider"):
        hand_in(exam, provider="gone")
    assert not KeyProposal.objects.exists()


def test_an_exam_has_one_open_key_at_a_time(office, exam):
    hand_in(exam)
    with pytest.raises(Conflict, match="Confirm or discard"):
        hand_in(exam)
    assert KeyProposal.objects.count() == 1


class SlowlySent(io.BytesIO):
    """A file while the rest of which arrives a colleague hands in theirs."""

    def __init__(self, content: bytes, exam: Exam) -> None:
        super().__init__(content)
        self.exam = exam

    def read(self, size: int | None = -1) -> bytes:
        if size == CHUNK and not self.exam.key_proposals.exists():
            hand_in(self.exam)
        return super().read(size)


def test_two_who_hand_in_at_once_make_one_key_and_leave_no_file(office, exam, alice):
    with pytest.raises(Conflict, match="Confirm or discard"):
        propose_key(exam, SlowlySent(key_pdf(), exam), name="late.pdf", provider="reader", by=alice)
    key = KeyProposal.objects.get()
    assert key.original_name == "key.pdf"
    assert [f"keys/{name}" for name in default_storage.listdir("keys")[1]] == [key.file]


def test_a_failed_key_is_drafted_again_for_another_provider_from_the_same_pages(
    office, exam, alice
):
    office.set_fault("prose")
    failed = read(drafted(exam))
    retry_key(failed, provider="second", by=alice)
    key = fresh(failed)
    assert (key.state, key.provider, key.pages) == ("drafted", "second", failed.pages)
    assert key.batch_run_id != failed.batch_run_id
    build_run(key.batch_run_id)
    assert read(key).state == "proposed"


def test_a_failed_key_is_not_drafted_again_beside_another_open_one(office, exam, alice):
    office.set_fault("prose")
    failed = read(drafted(exam))
    hand_in(exam)
    with pytest.raises(Conflict, match="Confirm or discard"):
        retry_key(failed, provider="reader", by=alice)
    assert fresh(failed).state == "failed"
    assert BatchRun.objects.filter(title__contains="answer key").count() == 1


def test_reading_a_key_counts_under_the_cap_of_its_exam(office, exam, alice):
    exam.spending_cap = Decimal("0.0001")
    exam.save()
    key = drafted(exam)
    with pytest.raises(OverBudget, match="this exam may spend"):
        send_key(key, by=alice)
    assert fresh(key).state == "drafted"
    assert office.ledger() == []
    exam.spending_cap = Decimal(10)
    exam.save()
    assert read(key).state == "proposed"


def test_a_rubric_with_more_criteria_than_one_page_shows_is_refused(office, exam, alice):
    many = [{"id": f"Q{n}", "description": "x", "max_marks": 1} for n in range(MAX_CRITERIA + 1)]
    save_rubric(exam, many, by=alice)
    with pytest.raises(ValidationError, match="101 criteria"):
        hand_in(exam)
