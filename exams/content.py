"""What a file is, decided by its bytes and never by its name.

Comes in: the first bytes of a file. Goes out: a kind that Sheaf takes, or words for what it is.
"""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import gettext_noop

HEAD = 2048
ACCEPTED = gettext_noop("PDF, JPEG or PNG")


class Kind(StrEnum):
    """A kind of file that intake takes; the value is the suffix it is stored under."""

    ZIP = ".zip"
    PDF = ".pdf"
    JPEG = ".jpg"
    PNG = ".png"

    @property
    def is_image(self) -> bool:
        return self in (Kind.JPEG, Kind.PNG)


_ARCHIVES = (
    (b"Rar!", gettext_noop("a RAR archive")),
    (b"7z\xbc\xaf\x27\x1c", gettext_noop("a 7z archive")),
    (b"\x1f\x8b", gettext_noop("a gzip archive")),
    (b"BZh", gettext_noop("a bzip2 archive")),
    (b"\xfd7zXZ\x00", gettext_noop("an xz archive")),
    (b"\x28\xb5\x2f\xfd", gettext_noop("a zstd archive")),
)
_OTHERS = (
    (b"GIF8", gettext_noop("a GIF image")),
    (b"BM", gettext_noop("a BMP image")),
    (b"II*\x00", gettext_noop("a TIFF image")),
    (b"MM\x00*", gettext_noop("a TIFF image")),
    (b"{\\rtf", gettext_noop("an RTF document")),
    (b"\xd0\xcf\x11\xe0", gettext_noop("an old Office document")),
    (b"MZ", gettext_noop("a program")),
    (b"\x7fELF", gettext_noop("a program")),
)
_OFFICE_NAMES = (b"[Content_Types].xml", b"word/", b"xl/", b"ppt/", b"mimetypeapplication/")


def kind_of(head: bytes) -> Kind | None:
    """The kind of a file that begins with `head` (HEAD bytes are enough); None if not taken."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return None if _is_office(head) else Kind.ZIP
    if head.startswith(b"\xff\xd8\xff"):
        return Kind.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Kind.PNG
    # The PDF rule: the mark may follow up to 1024 bytes of something else.
    return Kind.PDF if b"%PDF-" in head[:1024] else None


def describe(head: bytes) -> str:
    """What a file that is not taken seems to be, for a sentence: "It is …"."""
    if not head:
        return gettext_noop("empty")
    if head.startswith(b"PK"):
        return (
            gettext_noop("an Office document")
            if _is_office(head)
            else gettext_noop("a ZIP archive")
        )
    for magic, words in (*_ARCHIVES, *_OTHERS):
        if head.startswith(magic):
            return words
    if head[257:262] == b"ustar":
        return gettext_noop("a tar archive")
    if head[4:8] == b"ftyp":
        return gettext_noop("a HEIC or video file")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return gettext_noop("a WebP image")
    return gettext_noop("text") if _is_text(head) else gettext_noop("of an unknown kind")


def is_archive(head: bytes) -> bool:
    """Whether the file packs other files."""
    if head.startswith(b"PK"):
        return not _is_office(head)
    return describe(head).endswith("archive")


def _is_office(head: bytes) -> bool:
    # The name of the first member stands at byte 30 of a ZIP.
    return head.startswith(b"PK") and any(head[30:].startswith(name) for name in _OFFICE_NAMES)


def _is_text(head: bytes) -> bool:
    return b"\x00" not in head and not any(byte < 9 for byte in head)
