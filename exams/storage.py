"""Files: how an upload's bytes, a paper or a page image get into storage and out again.

Comes in: bytes, a local file or an open stream. Goes out: a random name, the hash and the size of
what was written. A file appears under its name only when it is complete; a row is written after
its file, and a file is deleted after the commit that stopped naming it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, default_storage
from django.db import InterfaceError, OperationalError, transaction
from django.utils.translation import gettext as _

CHUNK = 256 * 1024
LITTLE_ROOM = 20_000_000


class StorageFull(ValidationError):
    """The disk has no room: nothing was kept."""


class TooLarge(ValidationError):
    """More bytes came than are allowed: nothing was kept."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A complete file in storage: its name there, SHA-256 in hex, size in bytes."""

    name: str
    sha256: str
    size: int


def keep_file(
    source: bytes | Path | IO[bytes],
    folder: str,
    suffix: str,
    *,
    check: Callable[[int], None] | None = None,
    durable: bool = False,
) -> StoredFile:
    """Store `source` under a random name in `folder`; a local file (Path) is moved, not copied.

    `check` is called with the number of bytes so far and may raise to stop a stream. `durable`
    waits until the disk has it. Raises StorageFull when there is no room; whatever is raised,
    no part of the file stays behind.
    """
    name = f"{folder}/{uuid.uuid4().hex}{suffix}"
    with no_room_is_clear():
        if local(default_storage):
            return _keep_locally(source, name, check, durable)
        return _keep_remotely(source, name, check)


def local(storage: Storage) -> bool:
    """Whether the storage is a folder of this machine."""
    return isinstance(getattr(storage, "_wrapped", storage), FileSystemStorage)


def _keep_locally(
    source: bytes | Path | IO[bytes],
    name: str,
    check: Callable[[int], None] | None,
    durable: bool,
) -> StoredFile:
    final = Path(default_storage.path(name))
    final.parent.mkdir(parents=True, exist_ok=True)
    part = final.with_name(f".{final.name}.part")
    try:
        if isinstance(source, Path):
            sha256, size = _hash_file(source)
            shutil.move(source, part)
            if part.stat().st_size != size:
                raise OSError(errno.EIO, "the file changed while it was stored")
        else:
            with part.open("xb") as file:
                sha256, size = _copy(source, file, check)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
        part.replace(final)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return StoredFile(name, sha256, size)


def _keep_remotely(
    source: bytes | Path | IO[bytes], name: str, check: Callable[[int], None] | None
) -> StoredFile:
    # An object store shows an object only when it is complete: it needs no temporary name.
    if isinstance(source, bytes):
        saved = default_storage.save(name, ContentFile(source))
        return StoredFile(saved, hashlib.sha256(source).hexdigest(), len(source))
    if isinstance(source, Path):
        sha256, size = _hash_file(source)
        with source.open("rb") as file:
            saved = default_storage.save(name, File(file))
        source.unlink()
        return StoredFile(saved, sha256, size)
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as spool:
        sha256, size = _copy(source, spool, check)
        spool.seek(0)
        saved = default_storage.save(name, File(spool))
    return StoredFile(saved, sha256, size)


def _copy(
    source: bytes | IO[bytes], target: IO[bytes], check: Callable[[int], None] | None
) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    for block in _blocks(source):
        size += len(block)
        if check:
            check(size)
        digest.update(block)
        target.write(block)
    return digest.hexdigest(), size


def _blocks(source: bytes | IO[bytes]) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    while block := source.read(CHUNK):
        yield block


def _hash_file(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


@contextmanager
def no_room_is_clear() -> Iterator[None]:
    """Turn "no space left", in any of its spellings, into StorageFull."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(
                _("The disk is full: nothing was kept. Free some room and try again."),
                code="storage_full",
            ) from error
        raise


def check_room(folder: Path) -> None:
    """Raise StorageFull when the disk of a folder is as good as full.

    For work of other programs, which only leave their files out or short.
    """
    if shutil.disk_usage(folder).free < LITTLE_ROOM:
        raise StorageFull(_("The disk is full. Free some room and try again."), code="storage_full")


def limit_of(megabytes: float, message: str) -> Callable[[int], None]:
    """A `check` for keep_file that raises TooLarge(message) beyond so many megabytes."""

    def check(size: int) -> None:
        if size > megabytes * 1_000_000:
            raise TooLarge(message, code="too_large")

    return check


def read_file(name: str) -> bytes:
    """The whole content of a stored file; for page images and papers, not for archives."""
    with default_storage.open(name, "rb") as file:
        return file.read()


@contextmanager
def local_copy(name: str, folder: Path) -> Iterator[Path]:
    """A path where a stored file can be read by another program; a copy only where needed."""
    if local(default_storage):
        yield Path(default_storage.path(name))
        return
    path = folder / uuid.uuid4().hex
    with default_storage.open(name, "rb") as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, CHUNK)
    yield path
    path.unlink(missing_ok=True)


@contextmanager
def work_folder() -> Iterator[Path]:
    """A fresh private folder on the disk of the data, gone afterwards.

    What a killed worker left in an older one is removed on the way.
    """
    parent = Path(settings.FILE_UPLOAD_TEMP_DIR)
    parent.mkdir(parents=True, exist_ok=True)
    too_old = time.time() - max(3600, 2 * settings.SHEAF_LEASE_SECONDS)
    for left in parent.glob("work-*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime < too_old:
                shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="work-", dir=parent) as folder:
        yield Path(folder)


def delete_after_commit(*names: str) -> None:
    """Delete stored files once the transaction that stopped naming them is committed.

    A file that cannot be deleted is logged and no error of the change, which is done by then;
    housekeeping deletes what no row names.
    """
    for name in filter(None, names):
        # Each by itself, and no partial: Django cannot name a partial that failed.
        transaction.on_commit(lambda name=name: default_storage.delete(name), robust=True)


def delete_files(names: Collection[str]) -> None:
    """Delete stored files; one that is gone already is no matter."""
    for name in names:
        default_storage.delete(name)


def clean_folder(folder: str, *, keep: Collection[str] = ()) -> int:
    """Delete what a dead attempt left below `folder`, except the names in `keep`; how many.

    Only for a folder that belongs to one claimed row: the claim says that nobody else writes.
    """
    count = 0
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return 0
    for file in files:
        if (name := f"{folder}/{file}") not in keep:
            default_storage.delete(name)
            count += 1
    for inner in folders:
        count += clean_folder(f"{folder}/{inner}", keep=keep)
    if local(default_storage):
        _remove_if_empty(Path(default_storage.path(folder)))
    return count


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise


@contextmanager
def undone_on_error() -> Iterator[list[str]]:
    """A list of stored names: they are deleted again when the block raises.

    What is raised after the block's commit must not delete the files of committed rows: the
    first thing inside its transaction is `transaction.on_commit(names.clear)`.
    """
    names: list[str] = []
    try:
        yield names
    except (OperationalError, InterfaceError):
        # The answer to a commit may have been lost, and the rows be there: the files stay, and
        # the next attempt or housekeeping deletes them where they are not.
        raise
    except BaseException:
        delete_files(names)
        raise
