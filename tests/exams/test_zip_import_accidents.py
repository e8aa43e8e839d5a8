"""Unpacking twice, and by workers that die, that sleep or that meet trouble."""

import os
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

from batching.claims import LostClaim, claim, fenced
from exams import archives, zip_import
from exams.due import uploads_to_unpack
from exams.models import Sheet, Upload
from exams.zip_import import unpack_upload
from tests import factories
from tests.exams.accidents import Killed, die_at_every_try, fenced_with_trouble, let_the_lease_end
from tests.exams.steps import stored
from tests.factories_intake import packed, pdf, receive, report, unpacked

pytestmark = pytest.mark.django_db


def many(count: int) -> bytes:
    return packed(*((f"{number:03d}.pdf", pdf(f"sheet {number}")) for number in range(count)))


def snapshot(upload: Upload) -> tuple[object, ...]:
    return (
        upload.state,
        sorted(upload.sheets.values_list("name", "source_sha256", "state")),
        sorted(upload.members.values_list("name", "outcome")),
        stored(f"papers/{upload.pk}"),
    )


def test_unpacking_twice_in_a_row_is_as_once(exam):
    upload = unpacked(exam, many(3))
    before = snapshot(upload)
    unpack_upload(upload.pk)
    assert snapshot(Upload.objects.get(pk=upload.pk)) == before


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_half_way_leaves_the_next_one_to_finish(exam, x_b, monkeypatch):
    content = many(7)
    undisturbed = snapshot(unpacked(factories.make_exam(x_b), content))
    monkeypatch.setattr("exams.zip_import.COMMIT_SHEETS", 2)
    upload = receive(exam, content)

    def kill_later(*_: object) -> list[tuple[int, int | str]]:
        # The sheets' own history is the clock: after the second commit the power fails.
        if Sheet.objects.filter(upload=upload).count() >= 4:
            raise Killed
        return real(*_)

    real = archives.counted
    monkeypatch.setattr(zip_import, "counted", kill_later)
    with pytest.raises(Killed):
        unpack_upload(upload.pk)
    monkeypatch.setattr(zip_import, "counted", real)
    orphan = Path(default_storage.path(f"papers/{upload.pk}/orphan.pdf"))
    orphan.write_bytes(b"%PDF half of")
    assert Sheet.objects.filter(upload=upload).count() == 4
    unpack_upload(upload.pk)
    assert Sheet.objects.filter(upload=upload).count() == 4  # The lease has not run out.
    Upload.objects.filter(pk=upload.pk).update(lease_until=timezone.now())
    unpack_upload(upload.pk)
    assert snapshot(Upload.objects.get(pk=upload.pk)) == undisturbed


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_slept_beyond_its_lease_writes_nothing(exam, monkeypatch):
    upload = receive(exam, many(3))
    real = archives.counted

    def overtaken(*arguments: object) -> object:
        # While this worker sleeps, its lease ends and another one does all the work.
        monkeypatch.setattr(zip_import, "counted", real)
        Upload.objects.filter(pk=upload.pk).update(lease_until=timezone.now())
        unpack_upload(upload.pk)
        return real(*arguments)

    monkeypatch.setattr(zip_import, "counted", overtaken)
    unpack_upload(upload.pk)
    done = Upload.objects.get(pk=upload.pk)
    assert done.state == "unpacked"
    assert done.sheets.count() == 3
    assert len(stored(f"papers/{upload.pk}")) == 3


def test_a_poisonous_upload_fails_after_three_tries(exam, settings):
    upload = receive(exam, many(2))
    for _ in range(settings.SHEAF_MAX_TRIES):
        held = claim(uploads_to_unpack(), upload.pk)
        assert held is not None
        assert not held.exhausted
        Upload.objects.filter(pk=upload.pk).update(lease_until=timezone.now())
    unpack_upload(upload.pk)
    upload = Upload.objects.get(pk=upload.pk)
    assert upload.state == "failed"
    assert "several times" in upload.problem
    with pytest.raises(LostClaim), fenced(held):
        pass


def test_a_member_that_kills_its_worker_ends_the_upload_and_leaves_no_file(exam, monkeypatch):
    upload = receive(exam, packed(("a.pdf", pdf("a")), ("b.pdf", pdf("b")), ("c.pdf", pdf("c"))))
    real = zip_import._Unpacking._take

    def take(self, archive, member, images):
        if member.name == "c.pdf":
            raise Killed
        real(self, archive, member, images)

    with monkeypatch.context() as patch:
        patch.setattr(zip_import._Unpacking, "_take", take)
        patch.setattr("exams.storage.delete_files", lambda names: None)
        die_at_every_try(unpack_upload, upload)
    assert stored() != []
    unpack_upload(upload.pk)
    assert Upload.objects.get(pk=upload.pk).state == "failed"
    assert stored() == []


def test_tries_start_anew_when_sheets_came_in_meanwhile(exam, settings, monkeypatch):
    monkeypatch.setattr(zip_import, "COMMIT_SHEETS", 1)
    upload = receive(exam, many(settings.SHEAF_MAX_TRIES + 3))
    real = zip_import._Unpacking._take
    left = [0]

    def take(self, *arguments):
        if not left[0]:
            raise Killed
        left[0] -= 1
        real(self, *arguments)

    monkeypatch.setattr(zip_import._Unpacking, "_take", take)
    for _ in range(settings.SHEAF_MAX_TRIES + 2):
        left[0] = 1
        with pytest.raises(Killed):
            unpack_upload(upload.pk)
        let_the_lease_end(upload)
    left[0] = 1
    unpack_upload(upload.pk)
    upload = Upload.objects.get(pk=upload.pk)
    assert (upload.state, upload.sheets.count()) == ("unpacked", settings.SHEAF_MAX_TRIES + 3)


def test_the_limit_of_all_members_holds_beyond_a_killed_worker(exam, x_b, settings, monkeypatch):
    settings.SHEAF_UPLOAD_MAX_UNPACKED_MB = 0.25
    papers = [(f"{number}.pdf", b"%PDF-1.4" + os.urandom(90_000)) for number in range(4)]
    # The same paper twice counts twice, as it is unpacked twice.
    content = packed(papers[0], ("0 copy.pdf", papers[0][1]), *papers[1:], ("9.pdf", b"%PDF-small"))
    whole = report(unpacked(factories.make_exam(x_b), content))
    assert list(whole.values()).count("refused") == 4
    monkeypatch.setattr(zip_import, "COMMIT_SHEETS", 1)
    real = zip_import._Unpacking._take
    for dies_at in range(1, 6):
        upload = receive(factories.make_exam(x_b), content)
        left = [dies_at]

        def take(self, *arguments, left=left):
            if not left[0]:
                self._commit()
                raise Killed
            left[0] -= 1
            real(self, *arguments)

        with monkeypatch.context() as patch:
            patch.setattr(zip_import._Unpacking, "_take", take)
            with pytest.raises(Killed):
                unpack_upload(upload.pk)
        let_the_lease_end(upload)
        unpack_upload(upload.pk)
        assert report(upload) == whole


@pytest.mark.django_db(transaction=True)
def test_trouble_after_the_commit_does_not_take_the_papers(exam, monkeypatch):
    upload = receive(exam, many(3))
    with monkeypatch.context() as patch:
        patch.setattr(zip_import._Unpacking, "_start", lambda self, count: start(self))
        patch.setattr(zip_import, "fenced", fenced_with_trouble)
        with pytest.raises(ConnectionError):
            unpack_upload(upload.pk)
    names = {name for sheet in upload.sheets.all() for name in sheet.source_files}
    assert len(names) == 3
    assert all(default_storage.exists(name) for name in names)


def start(unpacking: zip_import._Unpacking) -> None:
    """As `_start`, but without trouble."""
    with fenced(unpacking.held, done=False, progress=False) as upload:
        upload.start(3)
        upload.save()


@pytest.mark.django_db(transaction=True)
def test_a_repeated_paper_that_cannot_be_deleted_does_not_stop_the_upload(exam, monkeypatch):
    upload = receive(exam, packed(("a.pdf", pdf("x")), ("b.pdf", pdf("x")), ("c.pdf", pdf("y"))))

    def busy(*_: object) -> None:
        raise OSError("503 Slow Down")

    with monkeypatch.context() as patch:
        patch.setattr(FileSystemStorage, "delete", busy)
        unpack_upload(upload.pk)
    upload = Upload.objects.get(pk=upload.pk)
    assert (upload.state, upload.sheets.count()) == ("unpacked", 2)
    names = {name for sheet in upload.sheets.all() for name in sheet.source_files}
    assert all(default_storage.exists(name) for name in names)


def test_a_worker_that_slept_over_a_bad_archive_leaves_it_to_the_next_one(exam, monkeypatch):
    upload = receive(exam, packed())
    real = zip_import.open_archive

    def overtaken(file):
        let_the_lease_end(upload)
        assert claim(uploads_to_unpack(), upload.pk)
        return real(file)

    monkeypatch.setattr(zip_import, "open_archive", overtaken)
    unpack_upload(upload.pk)
    assert Upload.objects.get(pk=upload.pk).state == "received"
