"""The PDF of an answer key becomes pages: all of them, or a reason that a teacher can act on."""

import hashlib
import os
import time
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils import timezone
from PIL import Image

from accounts.models import Notification
from batching.claims import claim
from batching.models import BatchItem, BatchRun
from batching.sweep import due_work
from exams import key_pages, tasks
from exams.due import keys_to_prepare
from exams.key_pages import MAX_PAGES, prepare_key
from exams.key_proposals import discard_key, retry_key
from exams.models import KeyProposal
from grading.integrity import delete_orphans, differences, stored_files
from tests.exams.accidents import Killed, kill_before_the_rows, let_the_lease_end
from tests.exams.key_steps import FIRST_PAGE, drafted, fresh, hand_in, key_pdf, read
from tests.factories import make_key
from tests.factories_intake import jpeg, packed
from tests.factories_rubrics import scanned_pdf, text_pdf

pytestmark = pytest.mark.django_db


def page_files(key: KeyProposal) -> set[str]:
    return {name for name in stored_files() if name.startswith(f"keys/{key.pk}/")}


# -- handed in ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"Q1. Plants make sugar.", "is text"),
        (jpeg("Q1"), "of an unknown kind"),
        (packed(("a.pdf", b"%PDF-1.4")), "is a ZIP archive"),
    ],
)
def test_only_a_pdf_is_taken_whatever_its_name_says(office, exam, content, what):
    with pytest.raises(ValidationError, match=what):
        hand_in(exam, content)
    assert list(stored_files()) == []


def test_a_pdf_that_is_too_large_is_not_kept(office, exam):
    with pytest.raises(ValidationError, match="larger than 20 MB"):
        hand_in(exam, b"%PDF-1.4" + bytes(20_000_001))
    assert list(stored_files()) == []


def test_the_pdf_is_kept_byte_for_byte(office, exam):
    content = key_pdf()
    key = hand_in(exam, content)
    with default_storage.open(key.file, "rb") as file:
        assert file.read() == content
    assert (key.sha256, key.size) == (hashlib.sha256(content).hexdigest(), len(content))


# -- rendered -----------------------------------------------------------------------------


def test_every_page_is_a_whole_picture_with_its_size_and_hash(office, exam):
    key = drafted(exam)
    assert [page["number"] for page in key.pages] == [1, 2]
    for page in key.pages:
        with default_storage.open(page["image"], "rb") as file:
            content = file.read()
        assert hashlib.sha256(content).hexdigest() == page["sha256"]
        with Image.open(default_storage.path(page["image"])) as picture:
            assert picture.size == (page["width"], page["height"]) == (1240, 1754)
    assert key.state == "drafted"


def test_the_run_counts_under_the_exam_and_belongs_to_its_class(office, exam, alice):
    run = drafted(exam).batch_run
    assert (run.purpose, run.provider) == ("extract_answer_key", "reader")
    assert (run.school_class, run.budget) == (exam.school_class, f"exam-{exam.pk}")
    assert run.created_by == alice


def test_the_text_of_a_typed_pdf_is_kept_and_that_of_a_scan_is_none(office, exam):
    key = drafted(exam)
    assert key.text == ""
    discard_key(key, by=exam.created_by)
    typed = ["Q1 [2 marks] What is photosynthesis?", "Answer: Plants make glucose from light."]
    assert "Plants make glucose from light." in drafted(exam, text_pdf(typed)).text


def test_a_page_number_on_each_page_of_a_scan_is_no_text(office, exam):
    assert drafted(exam, text_pdf(["1"], ["2"], ["3"])).text == ""


def test_a_text_that_would_cost_more_than_its_pages_is_left_out(office, exam, monkeypatch):
    monkeypatch.setattr(key_pages, "MAX_TEXT", 60)
    key = drafted(exam, text_pdf(["Q1 [2 marks] What is photosynthesis?"] * 3))
    assert (key.state, key.text) == ("drafted", "")


@pytest.mark.parametrize("content", [b"%PDF-1.4 nothing", key_pdf()[:3000]])
def test_a_broken_pdf_fails_with_the_reason_and_its_teacher_is_told(office, exam, alice, content):
    key = drafted(exam, content)
    assert key.state == "failed"
    assert "damaged" in key.problem
    assert "damaged" in Notification.objects.get(recipient=alice).text
    assert not BatchRun.objects.exists()
    assert page_files(key) == set()


def test_a_pdf_that_names_somebody_of_the_class_is_not_sent(office, exam, carol, dora):
    key = drafted(exam, text_pdf(["Q1 [2 marks] What is photosynthesis?", "Answered by 84B003."]))
    assert key.state == "failed"
    assert "“84B003” in the PDF is the name or roll number of somebody" in key.problem
    assert (key.pages, page_files(key)) == ([], set())
    assert not BatchRun.objects.exists()


def test_a_book_is_no_answer_key(office, exam):
    key = drafted(exam, text_pdf(*[["page"]] * (MAX_PAGES + 1)))
    assert key.state == "failed"
    assert f"{MAX_PAGES + 1} pages; an answer key has at most {MAX_PAGES}" in key.problem


def test_a_broken_pdf_can_be_tried_again_and_fails_again(office, exam, alice):
    key = drafted(exam, b"%PDF-1.4 nothing")
    retry_key(key, provider="second", by=alice)
    assert fresh(key).state == "received"
    prepare_key(key.pk)
    assert fresh(key).state == "failed"
    assert Notification.objects.filter(recipient=alice).count() == 2


def test_a_provider_that_is_gone_when_the_pages_are_there_is_a_reason(office, settings, exam):
    key = hand_in(exam)
    del settings.SHEAF_PROVIDERS["reader"]
    prepare_key(key.pk)
    key = fresh(key)
    assert (key.state, key.pages) == ("failed", [])
    assert "No provider 'reader'" in key.problem
    assert page_files(key) == set()


# -- dead, slow and poisonous -------------------------------------------------------------


def test_the_sweeper_alone_brings_a_key_to_its_draft(office, exam):
    key = hand_in(exam)
    seen = []
    for _ in range(4):
        for work in list(due_work()):
            seen.append(work.task.name.rpartition(".")[2])
            work.task.run(work.pk)
    assert seen == ["prepare_key", "build_run"]
    assert fresh(key).batch_run.built_at


def test_the_task_rings_for_the_build(office, exam, django_capture_on_commit_callbacks):
    key = hand_in(exam)
    with django_capture_on_commit_callbacks() as rung:
        tasks.prepare_key.run(key.pk)
    assert any("ring" in call.__qualname__ for call in rung)


def test_a_worker_killed_between_files_and_rows_leaves_the_same_as_no_accident(
    office, exam, monkeypatch
):
    key = hand_in(exam)
    with monkeypatch.context() as patch:
        kill_before_the_rows(patch, key_pages)
        with pytest.raises(Killed):
            prepare_key(key.pk)
    assert len(page_files(key)) == 2
    prepare_key(key.pk)
    assert fresh(key).state == "received"  # it is the dead worker's until its lease ends
    let_the_lease_end(key)
    prepare_key(key.pk)
    key = fresh(key)
    assert page_files(key) == {page["image"] for page in key.pages}
    assert BatchItem.objects.count() == 1


def test_a_worker_that_slept_beyond_its_lease_writes_nothing(office, exam, monkeypatch):
    key = hand_in(exam)
    real = key_pages.look_at

    def overtaken(path: Path):
        monkeypatch.setattr(key_pages, "look_at", real)
        let_the_lease_end(key)
        prepare_key(key.pk)
        return real(path)

    monkeypatch.setattr(key_pages, "look_at", overtaken)
    prepare_key(key.pk)
    key = fresh(key)
    assert page_files(key) == {page["image"] for page in key.pages}
    assert BatchRun.objects.count() == 1


def test_a_poisonous_pdf_fails_after_three_tries_and_leaves_no_page(office, exam, settings):
    key = hand_in(exam)
    for _ in range(settings.SHEAF_MAX_TRIES):
        assert not claim(keys_to_prepare(), key.pk).exhausted
        let_the_lease_end(key)
    default_storage.save(f"keys/{key.pk}/1/half.jpg", default_storage.open(key.file))
    prepare_key(key.pk)
    assert "several times" in fresh(key).problem
    assert page_files(key) == set()


def test_a_key_that_is_discarded_while_it_is_rendered_leaves_no_page_and_no_run(
    office, exam, alice, monkeypatch
):
    key = hand_in(exam)
    real = key_pages.look_at

    def meanwhile(path: Path):
        monkeypatch.setattr(key_pages, "look_at", real)
        discard_key(key, by=alice)
        return real(path)

    monkeypatch.setattr(key_pages, "look_at", meanwhile)
    prepare_key(key.pk)
    assert fresh(key).state == "discarded"
    assert page_files(key) == set()
    assert not BatchRun.objects.exists()


def test_without_poppler_the_key_waits_and_no_try_is_lost(office, exam, monkeypatch):
    key = hand_in(exam)
    monkeypatch.setenv("PATH", "/nowhere")
    prepare_key(key.pk)
    key = fresh(key)
    assert (key.state, key.tries, key.problem) == ("received", 0, "")
    assert key.lease_until > timezone.now()


def test_when_the_disk_is_full_the_key_waits(office, exam, monkeypatch):
    key = hand_in(exam)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("exams.storage._hash_file", full)
    prepare_key(key.pk)
    key = fresh(key)
    assert (key.state, key.tries) == ("received", 0)
    assert page_files(key) == set()


# -- kept ---------------------------------------------------------------------------------


def test_the_files_of_a_key_outlive_housekeeping(office, exam):
    key = drafted(exam, scanned_pdf(FIRST_PAGE))
    names = sorted(stored_files())
    assert key.file in names
    for name in names:
        os.utime(default_storage.path(name), (time.time() - 86_400,) * 2)
    assert delete_orphans() == 0
    assert sorted(stored_files()) == names
    assert list(differences()) == []


def test_a_changed_page_of_a_key_is_told(office, exam):
    key = drafted(exam, scanned_pdf(FIRST_PAGE))
    with open(default_storage.path(key.pages[0]["image"]), "ab") as file:
        file.write(b"!")
    told = f"answer key {key.pk}: {key.pages[0]['image']} does not have the hash of its row"
    assert list(differences()) == [told]


def test_there_is_no_proposal_without_a_reply(exam):
    with pytest.raises(IntegrityError, match="proposed_keys_have_a_reply"), transaction.atomic():
        make_key(exam, state="proposed")


def test_there_is_no_confirmed_key_without_a_teacher(office, exam):
    key = read(drafted(exam, scanned_pdf(FIRST_PAGE)))
    found = KeyProposal.objects.filter(pk=key.pk)
    with pytest.raises(IntegrityError, match="confirmed_keys_have_a_teacher"), transaction.atomic():
        found.update(state="confirmed", rubric=exam.rubrics.get())
