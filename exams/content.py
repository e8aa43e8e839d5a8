"""What a file is, decided by its bytes and never by its name.

Comes in: the first bytes of a file. Goes out: a kind that Sheaf takes, or words for what it is.
"""

from __future__ import annotations

from enum import StrEnum

HEAD = 2048
ACCEPTED = "PDF, JPEG or PNG"


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
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
)
_OTHERS = (
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
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
        return "empty"
    if head.startswith(b"PK"):
        return "an Office document" if _is_office(head) else "a ZIP archive"
    for magic, words in (*_ARCHIVES, *_OTHERS):
        if head.startswith(magic):
            return words
    if head[257:262] == b"ustar":
        return "a tar archive"
    if head[4:8] == b"ftyp":
        return "a HEIC or video file"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP image"
    return "text" if _is_text(head) else "of an unknown kind"


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
