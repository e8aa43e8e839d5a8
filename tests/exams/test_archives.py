"""Hostile, damaged and odd archives: what is wrong is refused by name, and the rest goes on."""

import io
import stat
import struct
import time
import tracemalloc
import warnings
import zipfile

import pytest

from exams import archives
from exams.models import Upload
from exams.zip_import import unpack_upload
from tests.exams.steps import stored
from tests.factories_intake import packed, pdf, receive, report, unpacked

pytestmark = pytest.mark.django_db


def member(name: str, *, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def reasons(upload: Upload) -> dict[str, str]:
    return dict(upload.members.filter(outcome="refused").values_list("name", "reason"))


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("../../evil.pdf", b"%PDF-1.4", "leads out"),
        ("..\\evil.pdf", b"%PDF-1.4", "leads out"),
        ("/etc/evil.pdf", b"%PDF-1.4", "absolute"),
        ("C:\\evil.pdf", b"%PDF-1.4", "absolute"),
        (member("link.pdf", mode=stat.S_IFLNK | 0o777), b"/etc/passwd", "link"),
        (member("pipe.pdf", mode=stat.S_IFIFO | 0o600), b"", "device"),
        ("inner.pdf", packed(("a.pdf", b"%PDF-")), "ZIP archive inside"),
        ("inner.zip", b"Rar!\x1a\x07\x00more", "RAR archive inside"),
        ("empty.pdf", b"", "empty"),
        ("notes.txt", b"dear teacher", "PDF, JPEG or PNG"),
        ("essay.docx", packed(("[Content_Types].xml", b"<x/>")), "Office document"),
        ("photo.pdf", b"GIF89a", "GIF"),
    ],
)
def test_a_bad_member_is_refused_by_name_and_the_rest_goes_on(exam, name, content, why):
    upload = unpacked(exam, packed((name, content), ("good.pdf", pdf("good"))))
    assert upload.state == "unpacked"
    assert report(upload)["good.pdf"] == "accepted"
    ((_, reason),) = reasons(upload).items()
    assert why in reason
    assert len(stored()) == upload.sheets.count() == 1


def test_an_encrypted_member_is_refused_by_name(exam):
    content = bytearray(packed(("secret.pdf", pdf("s")), ("good.pdf", pdf("good"))))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = content.index(mark) + (6 if mark == b"PK\x03\x04" else 8)
        content[at] |= 1
    upload = unpacked(exam, bytes(content))
    assert "encrypted" in reasons(upload)["secret.pdf"]
    assert report(upload)["good.pdf"] == "accepted"


def test_unusual_compression_is_refused_since_its_output_cannot_be_counted(exam):
    upload = unpacked(exam, packed(("a.pdf", pdf("a")), method=zipfile.ZIP_BZIP2))
    assert "unusual" in reasons(upload)["a.pdf"]


def test_bytes_are_counted_as_they_come_because_declared_sizes_lie(exam, settings):
    settings.SHEAF_UPLOAD_MAX_MEMBER_MB = 0.5
    big = b"%PDF-1.4" + bytes(range(256)) * 4000
    content = bytearray(packed(("big.pdf", big), ("good.pdf", pdf("good"))))
    lie = struct.pack("<L", 1000)
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = lie
    upload = unpacked(exam, bytes(content))
    assert report(upload)["big.pdf"] == "refused"
    honest = unpacked(exam, packed(("big.pdf", big), ("good2.pdf", pdf("good2"))))
    assert "larger than 0.5 MB" in reasons(honest)["big.pdf"]
    assert report(honest)["good2.pdf"] == "accepted"


def test_a_member_that_grows_beyond_belief_is_a_bomb(exam, settings):
    settings.SHEAF_UPLOAD_MAX_RATIO = 50
    upload = unpacked(exam, packed(("bomb.pdf", b"%PDF-1.4" + bytes(3_000_000))))
    assert "50 times" in reasons(upload)["bomb.pdf"]
    assert stored() == []


def test_all_members_together_have_a_limit_too(exam, settings):
    settings.SHEAF_UPLOAD_MAX_UNPACKED_MB = 0.05
    papers = [(f"{number}.pdf", pdf(f"sheet {number}") + bytes(15_000)) for number in range(6)]
    upload = unpacked(exam, packed(*papers))
    assert upload.state == "unpacked"
    accepted = upload.sheets.count()
    assert 0 < accepted < 6
    assert len(reasons(upload)) == 6 - accepted
    assert all("0.05 MB" in reason for reason in reasons(upload).values())


def zip64(content: bytes) -> bytes:
    """The archive with the place of its directory in a ZIP64 record, and nothing in the old one."""
    at = content.rindex(b"PK\x05\x06")
    *_, count, size, offset, _ = struct.unpack("<4s4H2LH", content[at:])
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 0)
    return content[:at] + record + locator + end


def test_members_are_counted_where_zipfile_reads_them(exam, settings):
    settings.SHEAF_UPLOAD_MAX_MEMBERS = 5
    few = unpacked(exam, zip64(packed(("a.pdf", pdf("a")))))
    assert report(few) == {"a.pdf": "accepted"}
    many = unpacked(exam, zip64(packed(*((f"{number}.pdf", b"%PDF-") for number in range(6)))))
    assert many.state == "failed"
    assert "more than 5 files" in many.problem


def test_a_member_that_looks_like_a_directory_is_only_a_bad_member(exam, settings):
    settings.SHEAF_UPLOAD_MAX_MEMBERS = 5
    inner = (b"PK\x01\x02" + bytes(42)) * 6
    content = packed(("x.pdf", inner), ("good.pdf", pdf("good")), method=zipfile.ZIP_STORED)
    assert report(unpacked(exam, content)) == {"x.pdf": "refused", "good.pdf": "accepted"}


def test_a_directory_of_long_comments_is_not_read_into_the_memory(exam):
    members = []
    for number in range(200):
        info = zipfile.ZipInfo(f"{number}.txt")
        info.comment = b"c" * 65_000
        members.append((info, b""))
    upload = receive(exam, packed(*members))
    tracemalloc.start()
    unpack_upload(upload.pk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    upload = Upload.objects.get(pk=upload.pk)
    assert upload.state == "failed"
    assert "list of files is longer than 8 MB" in upload.problem
    assert peak < 3_000_000


def test_the_same_name_thousands_of_times_takes_no_time(exam):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = packed(*[("a", b"")] * 20_000, method=zipfile.ZIP_STORED)
    started = time.process_time()
    with archives.open_archive(io.BytesIO(content)) as archive:
        members = archives.members_of(archive)
    assert time.process_time() - started < 10
    assert members[-1].name == "a (20000)"


def test_too_many_members_fail_the_upload_before_they_fill_the_memory(exam, settings):
    settings.SHEAF_UPLOAD_MAX_MEMBERS = 5
    content = bytearray(packed(*((f"{number}.pdf", b"%PDF-") for number in range(6))))
    at = content.rindex(b"PK\x05\x06")
    content[at + 8 : at + 12] = struct.pack("<2H", 1, 1)  # It says that it holds one.
    upload = unpacked(exam, bytes(content))
    assert (upload.state, upload.sheets.count()) == ("failed", 0)
    assert "more than 5 files" in upload.problem


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (packed(), "empty"),
        (packed(("a.pdf", pdf("a")))[:-30], "damaged"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
    ],
)
def test_an_archive_that_cannot_be_read_fails_with_the_reason(exam, content, why):
    upload = unpacked(exam, content)
    assert upload.state == "failed"
    assert why in upload.problem


def test_a_member_with_damaged_bytes_is_refused_and_leaves_no_file(exam):
    content = bytearray(packed(("a.pdf", pdf("a")), ("b.pdf", pdf("b"))))
    content[80:90] = bytes(10)
    upload = unpacked(exam, bytes(content))
    assert "damaged" in reasons(upload)["a.pdf"]
    assert len(stored()) == 1


def test_the_same_name_twice_gives_two_sheets_and_two_lines(exam):
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = packed(("a.pdf", pdf("first")), ("a.pdf", pdf("second")))
    upload = unpacked(exam, content)
    assert report(upload) == {"a.pdf": "accepted", "a.pdf (2)": "accepted"}
    assert upload.sheets.count() == 2


def test_names_are_read_whether_or_not_they_say_that_they_are_utf8(exam):
    assert report(unpacked(exam, packed(("Müller.pdf", pdf("a"))))) == {"Müller.pdf": "accepted"}
    # The same bytes without the flag, as many programs write them.
    name, stand_in = "Müller2.pdf".encode(), b"M__ller2.pdf"
    unmarked = packed((stand_in.decode(), pdf("b"))).replace(stand_in, name)
    assert report(unpacked(exam, unmarked)) == {"Müller2.pdf": "accepted"}
