"""What may be uploaded, and that the same file comes in once."""

import io

import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerDown

from exams import due, tasks
from exams.models import Upload
from exams.storage import TooLarge
from exams.uploads import DuplicateUpload, UnknownContent, receive_images, retry_upload
from exams.zip_import import unpack_upload
from tests import factories
from tests.exams.accidents import trouble
from tests.exams.steps import files
from tests.factories_intake import jpeg, packed, pdf, receive, report, unpacked

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("content", "name", "suffix"),
    [
        (pdf("Q1"), "paper.txt", ".pdf"),
        (jpeg("Q1"), "paper.pdf", ".jpg"),
        (packed(("a.pdf", b"%PDF-1.4")), "scan", ".zip"),
    ],
)
def test_content_decides_what_an_upload_is_whatever_its_name(exam, content, name, suffix):
    upload = receive(exam, content, name)
    assert upload.file.endswith(suffix)
    assert upload.size == len(content)
    assert upload.state == "received"
    assert upload.history.get().history_user == exam.created_by


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"dear teacher", "text"),
        (b"GIF89a" + bytes(50), "GIF"),
        (packed(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")), "Office"),
        (b"Rar!\x1a\x07\x00" + bytes(50), "RAR"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(50), "HEIC"),
    ],
)
def test_other_content_is_refused_with_what_is_accepted(exam, content, what):
    with pytest.raises(UnknownContent, match="PDF, JPEG or PNG") as refused:
        receive(exam, content, "papers.zip")
    assert what in str(refused.value)
    assert files() == []


def test_the_same_bytes_again_are_refused_and_the_first_is_named(exam):
    content = pdf("Q1")
    first = receive(exam, content, "monday.pdf")
    with pytest.raises(DuplicateUpload, match=r"monday\.pdf") as refused:
        receive(exam, content, "tuesday.pdf")
    assert refused.value.first == first
    assert Upload.objects.count() == len(files()) == 1


def test_another_exam_may_have_the_same_bytes(exam, x_b):
    content = pdf("Q1")
    receive(exam, content)
    receive(factories.make_exam(x_b), content)
    assert Upload.objects.count() == 2


def test_an_upload_beyond_the_limit_is_refused_and_nothing_is_kept(exam, settings):
    settings.SHEAF_UPLOAD_MAX_MB = 0.001
    with pytest.raises(TooLarge, match=r"0\.001 MB"):
        receive(exam, pdf("Q1"))
    assert files() == []


def test_loose_images_become_the_pages_of_one_sheet(exam):
    pages = [("b.jpg", jpeg("first")), ("a.jpg", jpeg("second"))]

    def send() -> Upload:
        return receive_images(
            exam,
            [(name, io.BytesIO(content)) for name, content in pages],
            name="84B003",
            by=exam.created_by,
        )

    upload = send()
    with pytest.raises(DuplicateUpload):
        send()
    unpack_upload(upload.pk)
    sheet = upload.sheets.get()
    assert sheet.name == "84B003"
    assert len(sheet.source_files) == 2
    assert list(report(upload)) == ["84B003/001 b.jpg", "84B003/002 a.jpg"]


def test_a_failed_upload_can_be_tried_again(exam):
    upload = unpacked(exam, packed(("a.pdf", pdf("Q1")))[:-40])
    assert upload.state == "failed"
    retry_upload(upload, by=exam.created_by)
    upload = Upload.objects.get(pk=upload.pk)
    assert (upload.state, upload.problem, upload.tries) == ("received", "", 0)


@pytest.mark.django_db(transaction=True)
def test_with_the_broker_down_an_upload_comes_in_and_the_sweeper_rings_later(exam, monkeypatch):
    def down(*_: object) -> None:
        raise BrokerDown("Connection refused")

    monkeypatch.setattr(tasks.unpack_upload, "delay", down)
    upload = receive(exam, packed(("a.pdf", pdf("Q1"))))
    assert default_storage.exists(upload.file)
    assert upload in due.uploads_to_unpack()
    broken = unpacked(exam, packed(("a.pdf", pdf("Q1")))[:-40])
    retry_upload(broken, by=exam.created_by)
    assert broken in due.uploads_to_unpack()


@pytest.mark.django_db(transaction=True)
def test_trouble_after_the_commit_does_not_take_the_file_of_an_upload(exam, monkeypatch):
    monkeypatch.setattr("exams.uploads.ring", lambda task, pk: transaction.on_commit(trouble))
    with pytest.raises(ConnectionError):
        receive(exam, pdf("Q1"))
    assert default_storage.exists(Upload.objects.get().file)
