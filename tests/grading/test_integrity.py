"""Rows and files agree, and files without a row go when nobody can still want them."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from exams import uploads
from exams.models import Sheet, Upload
from exams.storage import keep_file
from grading import integrity, tasks
from grading.integrity import TooManyOrphans, delete_orphans, differences
from tests.factories import make_batch_run, make_sheet, make_upload
from tests.factories_intake import packed, pdf, receive, unpacked

pytestmark = pytest.mark.django_db


def stray(folder: str = "papers/99", *, seconds: float = 86_400) -> str:
    """A file that no row speaks of, so many seconds old."""
    name = keep_file(b"%PDF left behind", folder, ".pdf").name
    return aged(name, seconds)


def aged(name: str, seconds: float) -> str:
    then = time.time() - seconds
    os.utime(default_storage.path(name), (then, then))
    return name


def age_everything(seconds: float = 86_400) -> None:
    for name in integrity.stored_files():
        aged(name, seconds)


def test_whole_rows_and_files_agree(exam):
    make_sheet(exam)
    assert list(differences()) == []


def test_a_missing_a_changed_and_a_strange_file_are_each_told(exam):
    lost, changed = make_sheet(exam).pages.get(), make_sheet(exam).pages.get()
    default_storage.delete(lost.image)
    with open(default_storage.path(changed.image), "ab") as file:
        file.write(b"!")
    strange = stray()
    assert sorted(differences()) == sorted(
        [
            f"page {lost.pk}: the file {lost.image} is missing",
            f"page {changed.pk}: {changed.image} does not have the hash of its row",
            f"{strange}: no row speaks of this file",
        ]
    )


@pytest.mark.parametrize("place", [0, 1000, -1], ids=["first", "inside", "end of the last line"])
def test_a_request_changed_by_one_byte_is_told_and_a_whole_one_is_not(draft, place):
    changed, _whole = (draft(2).batch_run.jobs.get() for _ in range(2))
    assert list(differences()) == []
    path = Path(default_storage.path(changed.lines_file))
    lines = bytearray(path.read_bytes())
    lines[place] ^= 1
    path.write_bytes(lines)
    assert list(differences()) == [
        f"job {changed.pk}: {changed.lines_file} does not hold the lines of its requests"
    ]


def test_requests_whose_file_is_missing_are_told_once(draft):
    job = draft(1).batch_run.jobs.get()
    default_storage.delete(job.lines_file)
    assert list(differences()) == [f"job {job.pk}: the file {job.lines_file} is missing"]


@pytest.mark.django_db(transaction=True)
def test_every_file_that_a_row_speaks_of_outlives_housekeeping(exam):
    unpacked(exam, packed(("a.pdf", pdf("one")), ("b.pdf", pdf("two"))))
    make_sheet(exam, pages=2)
    before = sorted(integrity.stored_files())
    age_everything()
    assert delete_orphans() == 0
    assert sorted(integrity.stored_files()) == before
    assert list(differences()) == []


def test_a_file_without_a_row_goes_when_it_is_two_leases_old(settings):
    settings.SHEAF_LEASE_SECONDS = 600
    old, young = stray(seconds=1300), stray(seconds=1100)
    tasks.delete_orphans()
    assert not default_storage.exists(old)
    assert default_storage.exists(young)


def test_a_short_lease_does_not_hurry_an_upload_whose_row_is_being_written(settings):
    settings.SHEAF_LEASE_SECONDS = 1
    stray("uploads", seconds=60)
    assert delete_orphans() == 0


def test_half_a_file_that_a_killed_worker_left_goes_too():
    left = aged(keep_file(b"ha", "papers/99", ".pdf.part").name, 86_400)
    assert delete_orphans() == 1
    assert not default_storage.exists(left)


def test_a_worker_killed_between_an_uploads_file_and_its_row_leaves_nothing_for_long(
    exam, monkeypatch
):
    class Killed(BaseException):
        pass

    def power_fails(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        # A killed process cleans nothing up.
        patch.setattr("exams.storage.delete_files", lambda names: None)
        patch.setattr(uploads.Upload, "save", power_fails)
        with pytest.raises(Killed):
            receive(exam, pdf("Q1"))
    (left,) = integrity.stored_files()
    aged(left, 86_400)
    assert delete_orphans() == 1
    assert list(differences()) == []


@pytest.mark.parametrize("work", ["unpack", "render", "build"])
def test_a_file_of_a_row_that_is_being_worked_on_stays_however_old(exam, work):
    sheet = make_sheet(exam)
    run = make_batch_run(exam)
    row, name = {
        "unpack": (sheet.upload, stray(f"papers/{sheet.upload_id}")),
        "render": (sheet, stray(f"sheets/{sheet.pk}/1")),
        "build": (run, stray(f"jobs/{run.token}-0001-1")),
    }[work]
    rows = type(row).objects.filter(pk=row.pk)
    rows.update(lease_until=timezone.now() + timedelta(seconds=60))
    delete_orphans()
    assert default_storage.exists(name)
    rows.update(lease_until=None)
    delete_orphans()
    assert not default_storage.exists(name)


def test_a_row_that_is_written_while_housekeeping_looks_keeps_its_file(exam, monkeypatch):
    upload = make_upload(exam)
    name = stray("uploads")
    real = integrity.folders_at_work

    def meanwhile() -> tuple[str, ...]:
        # The files are listed by now.
        Upload.objects.filter(pk=upload.pk).update(file=name)
        return real()

    monkeypatch.setattr(integrity, "folders_at_work", meanwhile)
    delete_orphans()
    assert default_storage.exists(name)


def test_a_worker_who_finishes_while_housekeeping_looks_keeps_its_files(exam, monkeypatch):
    sheet = make_sheet(exam)
    name = stray(f"papers/{sheet.upload_id}")
    Upload.objects.filter(pk=sheet.upload_id).update(
        lease_until=timezone.now() + timedelta(seconds=60)
    )
    real = integrity.kept_files

    def rows():
        yield from real()
        # Its row comes just after the rows were read, and with it the claim ends.
        Sheet.objects.filter(pk=sheet.pk).update(source_files=[name])
        Upload.objects.filter(pk=sheet.upload_id).update(lease_until=None)

    monkeypatch.setattr(integrity, "kept_files", rows)
    assert delete_orphans() == 0
    assert default_storage.exists(name)


def test_an_empty_database_beside_a_full_storage_deletes_nothing(exam, monkeypatch):
    monkeypatch.setattr(integrity, "FEW", 2)
    names = [stray() for _ in range(3)]
    with pytest.raises(TooManyOrphans, match="3 stored files belong to no row"):
        delete_orphans()
    assert all(default_storage.exists(name) for name in names)
