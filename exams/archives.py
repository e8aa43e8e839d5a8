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
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_noop

MAX_NAME = 900
RATIO_FREE_BYTES = 1_000_000
# Bytes of the directory: always allowed; and for each member that is.
SHORT_DIRECTORY = 1_000_000
USUAL_ENTRY = 400
_ENTRY_MARK = b"PK\x01\x02"
_JUNK = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|\._|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# Whatever zipfile and what unpacks for it raise at bytes that somebody made up: NotImplementedError
# of a method of compression or a version that it does not know, RuntimeError of encryption.
_READ_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
TOO_LARGE_UNPACKED = gettext_noop(
    "The archive unpacks to more than %(limit)s MB. Upload it in parts."
)
DAMAGED = gettext_noop(
    "The ZIP is damaged or incomplete. Make it again and upload it. Technical detail: %(words)s."
)
LONG_LIST = gettext_noop(
    "The ZIP is damaged, or its list of files is longer than %(limit)s MB. Make it again without"
    " comments, and upload it in parts."
)
TOO_MANY_FILES = gettext_noop("The ZIP holds more than %(limit)s files. Upload it in parts.")
MEMBER_DAMAGED = gettext_noop(
    "It is damaged in the archive. Pack it again and upload it alone. Technical detail: %(words)s."
)
MEMBER_TOO_LARGE = gettext_noop(
    "It is larger than %(limit)s MB unpacked. Scan it with a lower resolution and upload it alone."
)
MEMBER_TOO_DENSE = gettext_noop(
    "It unpacks to more than %(limit)s times its size, as no scan does. Scan it again and upload it"
    " alone."
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

    @property
    def problem(self) -> str:
        return TOO_LARGE_UNPACKED % {"limit": f"{settings.SHEAF_UPLOAD_MAX_UNPACKED_MB:g}"}

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise BadMember(self.problem)


def open_archive(file: IO[bytes]) -> zipfile.ZipFile:
    """Open a ZIP, counting its members first. Raises BadArchive with words for a person."""
    watched = _Watched(file, settings.SHEAF_UPLOAD_MAX_MEMBERS)
    try:
        archive = zipfile.ZipFile(watched)  # type: ignore[arg-type]
    except (*_READ_ERRORS, OSError) as error:
        raise BadArchive(DAMAGED % {"words": _words(error)}) from error
    watched.opening = False
    return archive


class _Watched:
    """A file whose directory of members is measured and counted in the moment zipfile reads it.

    zipfile keeps every entry in memory. Where the directory stands is told in several places of
    the file, which may contradict one another: what counts is what zipfile itself reads.
    """

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self.file, self.limit, self.opening = file, limit, True
        file.seek(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def read(self, size: int = -1) -> bytes:
        if not self.opening:
            return self.file.read(size)
        longest = max(SHORT_DIRECTORY, self.limit * USUAL_ENTRY)
        if size > longest:
            raise BadArchive(LONG_LIST % {"limit": f"{longest / 1e6:.0f}"})
        content = self.file.read(size)
        if content.startswith(_ENTRY_MARK) and _entries(content, self.limit) > self.limit:
            raise BadArchive(TOO_MANY_FILES % {"limit": self.limit})
        return content


def _entries(directory: bytes, limit: int) -> int:
    """How many entries a directory has; it is not looked at beyond one more than the limit."""
    at = count = 0
    while count <= limit and directory.startswith(_ENTRY_MARK, at) and at + 46 <= len(directory):
        at += 46 + sum(struct.unpack_from("<3H", directory, at + 28))
        count += 1
    return count


def members_of(archive: zipfile.ZipFile) -> list[Member]:
    """All files of an archive in its own order, judged by name and attributes; no folders."""
    members: list[Member] = []
    taken: dict[str, int] = {}
    for info in archive.infolist():
        raw = _decoded(info).replace("\\", "/")
        if raw.endswith("/") and not info.file_size:
            continue
        name = _unique(_clean(raw), taken)
        ignored = (
            gettext_noop("Made by the computer, not by a person.") if _JUNK.search(raw) else ""
        )
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


def _unique(name: str, taken: dict[str, int]) -> str:
    """The name, with a number behind it where it was there before; `taken` has the last ones."""
    number, candidate = taken.get(name, 1), name
    while candidate in taken:
        number += 1
        candidate = f"{name} ({number})"
    taken[name] = number
    taken.setdefault(candidate, 1)
    return candidate


def _refusal(info: zipfile.ZipInfo, raw: str) -> str:
    mode = info.external_attr >> 16
    # The upper half means something only where the archive was made by a Unix system.
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return gettext_noop(
            "It is a link or a device, not a file. Put the file itself into the ZIP."
        )
    if raw.startswith("/") or re.match(r"[A-Za-z]:", raw):
        return gettext_noop(
            "Its path is absolute. Make the ZIP again from the folder that holds the sheets."
        )
    if ".." in raw.split("/"):
        return gettext_noop(
            "Its path leads out of the archive. Make the ZIP again from the folder of the sheets."
        )
    if info.flag_bits & 0x1:
        return gettext_noop("It is encrypted. Make the ZIP again without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return gettext_noop(
            "It is packed in an unusual way. Make the ZIP again with ordinary compression."
        )
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
        raise BadMember(MEMBER_DAMAGED % {"words": _words(error)}) from error


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
            largest = f"{settings.SHEAF_UPLOAD_MAX_MEMBER_MB:g}"
            raise BadMember(MEMBER_TOO_LARGE % {"limit": largest})
        if size > RATIO_FREE_BYTES and size / packed > settings.SHEAF_UPLOAD_MAX_RATIO:
            densest = f"{settings.SHEAF_UPLOAD_MAX_RATIO:g}"
            raise BadMember(MEMBER_TOO_DENSE % {"limit": densest})

    return check


def _words(error: Exception) -> str:
    text = _CONTROL.sub("", str(error)).strip()
    return (text[:120] or type(error).__name__).rstrip(".")
