"""Reading a ZIP that a stranger may have made: nothing in it is believed.

Comes in: an open file. Goes out: its members under clean, unique names, each with a verdict by
its name and attributes, and streams that stop when more bytes come out than are allowed.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from django.conf import settings
from django.core.exceptions import ValidationError

MAX_NAME = 900
RATIO_FREE_BYTES = 1_000_000
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_JUNK = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|\._|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_READ_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class BadArchive(ValidationError):
    """The archive as a whole cannot be read."""


class BadMember(ValidationError):
    """One member cannot be taken; the others can."""


@dataclass(slots=True)
class Member:
    """One file of an archive: a clean unique name, and why it is refused or ignored, if it is."""

    info: zipfile.ZipInfo
    name: str
    refused: str = ""
    ignored: str = ""

    @property
    def folder(self) -> str:
        return self.name.rpartition("/")[0]


@dataclass(slots=True)
class Budget:
    """Bytes that may still come out of one archive, counted while they come."""

    left: float = field(default_factory=lambda: settings.SHEAF_UPLOAD_MAX_UNPACKED_MB * 1e6)

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise BadMember(
                "The archive unpacks to more than "
                f"{settings.SHEAF_UPLOAD_MAX_UNPACKED_MB:g} MB. Upload it in parts."
            )


def open_archive(file: IO[bytes]) -> zipfile.ZipFile:
    """Open a ZIP after counting its members. Raises BadArchive with words for a person."""
    try:
        _count_members(file, settings.SHEAF_UPLOAD_MAX_MEMBERS)
        file.seek(0)
        return zipfile.ZipFile(file)
    except (*_READ_ERRORS, OSError) as error:
        raise BadArchive(
            f"The ZIP is damaged or incomplete ({_words(error)}). Make it again and upload it."
        ) from error


def _count_members(file: IO[bytes], limit: int) -> None:
    # zipfile keeps every entry in memory and believes the stated number: so count them first,
    # in the directory itself, in small steps.
    file.seek(0, 2)
    size = file.tell()
    file.seek(max(0, size - 65_557))
    tail_start, tail = file.tell(), file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise zipfile.BadZipFile("its end is missing")
    *_, directory_size, offset, _comment = _END.unpack_from(tail, at)
    end = tail_start + at
    if 0xFFFFFFFF in (directory_size, offset) and end >= 20 + _END_64.size:
        file.seek(end - 20 - _END_64.size)
        record = _END_64.unpack(file.read(_END_64.size))
        if record[0] == b"PK\x06\x06":
            directory_size, end = record[-2], end - 20 - _END_64.size
    position, count = end - directory_size, 0
    if position < 0:
        raise zipfile.BadZipFile("its directory is missing")
    file.seek(position)
    while position < end:
        header = file.read(46)
        if len(header) < 46 or header[:4] != b"PK\x01\x02":
            raise zipfile.BadZipFile("its directory is damaged")
        skip = sum(struct.unpack_from("<3H", header, 28))
        position += 46 + skip
        file.seek(position)
        count += 1
        if count > limit:
            raise BadArchive(f"The ZIP holds more than {limit} files. Upload it in parts.")


def members_of(archive: zipfile.ZipFile) -> list[Member]:
    """All files of an archive in its own order, judged by name and attributes; no folders."""
    members: list[Member] = []
    taken: set[str] = set()
    for info in archive.infolist():
        raw = _decoded(info).replace("\\", "/")
        if raw.endswith("/") and not info.file_size:
            continue
        name = _unique(_clean(raw), taken)
        taken.add(name)
        ignored = "Made by the computer, not by a person." if _JUNK.search(raw) else ""
        members.append(Member(info, name, "" if ignored else _refusal(info, raw), ignored))
    return members


def _decoded(info: zipfile.ZipInfo) -> str:
    # Many programs write UTF-8 without saying so; zipfile then reads it as cp437.
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _clean(raw: str) -> str:
    name = _CONTROL.sub("\ufffd", raw).strip() or "(no name)"
    return name if len(name) <= MAX_NAME else "…" + name[-MAX_NAME:]


def _unique(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name} ({number})"
    return candidate


def _refusal(info: zipfile.ZipInfo, raw: str) -> str:
    mode = info.external_attr >> 16
    # The upper half means something only where the archive was made by a Unix system.
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "It is a link or a device, not a file."
    if raw.startswith("/") or re.match(r"[A-Za-z]:", raw):
        return "Its path is absolute."
    if ".." in raw.split("/"):
        return "Its path leads out of the archive."
    if info.flag_bits & 0x1:
        return "It is encrypted. Make the ZIP again without a password."
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "It is packed in an unusual way. Make the ZIP again with ordinary compression."
    return ""


@contextmanager
def reading(archive: zipfile.ZipFile, member: Member) -> Iterator[IO[bytes]]:
    """The member's bytes as a stream; whatever is wrong with them is raised as BadMember."""
    try:
        with archive.open(member.info) as stream:
            yield stream
    except ValidationError:
        raise
    except _READ_ERRORS as error:
        raise BadMember(f"It is damaged in the archive ({_words(error)}).") from error


def counted(member: Member, budget: Budget) -> Callable[[int], None]:
    """A check for storage.keep_file: real bytes against the limits of member and archive."""
    limit = settings.SHEAF_UPLOAD_MAX_MEMBER_MB * 1e6
    packed = max(1, member.info.compress_size)
    before = 0

    def check(size: int) -> None:
        nonlocal before
        budget.spend(size - before)
        before = size
        if size > limit:
            raise BadMember(
                f"It is larger than {settings.SHEAF_UPLOAD_MAX_MEMBER_MB:g} MB unpacked."
            )
        if size > RATIO_FREE_BYTES and size / packed > settings.SHEAF_UPLOAD_MAX_RATIO:
            raise BadMember(
                f"It unpacks to more than {settings.SHEAF_UPLOAD_MAX_RATIO:g} times its size, "
                "as no scan does."
            )

    return check


def _words(error: Exception) -> str:
    text = _CONTROL.sub("", str(error)).strip()
    return (text[:120] or type(error).__name__).rstrip(".")
