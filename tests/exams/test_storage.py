"""Files appear complete or not at all, and go only after the commit."""

import hashlib
import io
import resource
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import OperationalError, transaction

from exams import storage
from tests.exams.steps import files


@pytest.fixture
def small_disk():
    """No file may grow beyond 100 kB, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_is_kept_under_a_random_name_with_its_hash_and_size():
    one = storage.keep_file(b"answers", "papers/1", ".pdf")
    two = storage.keep_file(io.BytesIO(b"answers"), "papers/1", ".pdf")
    assert one.name != two.name
    assert one.sha256 == two.sha256 == hashlib.sha256(b"answers").hexdigest()
    assert storage.read_file(two.name) == b"answers"
    assert two.size == 7


def test_a_local_file_is_moved_into_storage(tmp_path):
    path = tmp_path / "page.jpg"
    path.write_bytes(b"page")
    kept = storage.keep_file(path, "sheets/1", ".jpg")
    assert not path.exists()
    assert storage.read_file(kept.name) == b"page"


def test_a_full_disk_is_a_clear_error_and_leaves_no_short_file(small_disk):
    with pytest.raises(storage.StorageFull, match="disk is full"):
        storage.keep_file(io.BytesIO(b"x" * 300_000), "papers/1", ".pdf")
    assert files() == []


def test_a_stream_that_is_too_long_leaves_nothing():
    check = storage.limit_of(0.01, "too large")
    with pytest.raises(storage.TooLarge):
        storage.keep_file(io.BytesIO(b"x" * 20_000), "uploads", ".zip", check=check)
    assert files() == []


@pytest.mark.django_db(transaction=True)
def test_a_file_goes_only_when_the_change_is_committed():
    kept = storage.keep_file(b"page", "sheets/1", ".jpg")

    with transaction.atomic():
        storage.delete_after_commit(kept.name)
        transaction.set_rollback(True)
    assert default_storage.exists(kept.name)
    with transaction.atomic():
        storage.delete_after_commit(kept.name)
        assert default_storage.exists(kept.name)
    assert not default_storage.exists(kept.name)


def test_what_a_dead_attempt_left_is_cleaned_and_what_is_named_stays():
    left = storage.keep_file(b"orphan", "papers/7/1", ".pdf")
    kept = storage.keep_file(b"kept", "papers/7/1", ".pdf")
    half = Path(default_storage.path("papers/7/1/.x.pdf.part"))
    half.write_bytes(b"ha")
    assert storage.clean_folder("papers/7", keep={kept.name}) == 2
    assert not default_storage.exists(left.name)
    assert default_storage.exists(kept.name)
    assert not half.exists()
    assert storage.clean_folder("papers/nowhere") == 0


def test_files_are_taken_back_when_their_block_fails():
    def work() -> None:
        with storage.undone_on_error() as names:
            names.append(storage.keep_file(b"page", "sheets/1", ".jpg").name)
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert files() == []


@pytest.mark.django_db(transaction=True)
def test_a_file_that_cannot_be_deleted_is_no_error_of_the_change_and_the_others_go(monkeypatch):
    names = [storage.keep_file(b"page", "sheets/1", ".jpg").name for _ in range(3)]
    real = FileSystemStorage.delete

    def busy(self: FileSystemStorage, name: str) -> None:
        if name == names[0]:
            raise PermissionError(name)
        real(self, name)

    monkeypatch.setattr(FileSystemStorage, "delete", busy)
    with transaction.atomic():
        storage.delete_after_commit(*names)
    assert [default_storage.exists(name) for name in names] == [True, False, False]


def test_files_stay_when_nobody_knows_whether_their_rows_were_committed():
    def work() -> None:
        with storage.undone_on_error() as names:
            names.append(storage.keep_file(b"page", "sheets/1", ".jpg").name)
            raise OperationalError("the connection was lost while the commit was answered")

    with pytest.raises(OperationalError):
        work()
    assert len(files()) == 1
