"""From a ZIP to sheets: what becomes of every member, of hostile archives and of dead workers."""

import hashlib
import io
import os
import stat
import struct
import time
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

from batching.claims import LostClaim, claim, fenced
from exams import archives, zip_import
from exams.archives import Member
from exams.due import uploads_to_unpack
from exams.models import Sheet, Upload
from exams.natural import natural_key
from exams.zip_import import grouped, unpack_upload
from tests import factories
from tests.exams.accidents import Killed, fenced_with_trouble, let_the_lease_end
from tests.factories_intake import jpeg, packed, pdf, png, receive, report, unpacked

pytestmark = pytest.mark.django_db


def stored(folder: str = "papers") -> list[str]:
    root = Path(default_storage.path(folder))
    return sorted(
        hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()
    )


def member(name: str, *, mode: int = 0, content: bytes = b"") -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def reasons(upload: Upload) -> dict[str, str]:
    return dict(upload.members.filter(outcome="refused").values_list("name", "reason"))


def test_a_sheet_for_each_pdf_each_folder_of_images_and_each_single_image(exam):
    upload = unpacked(
        exam,
        packed(
            ("84B003.pdf", pdf("one")),
            ("17B004/page10.jpg", jpeg("ten")),
            ("17B004/page2.jpg", jpeg("two")),
            ("loose.png", png("loose")),
            ("more/a.pdf", pdf("a")),
            ("more/b.pdf", pdf("b")),
        ),
    )
    assert upload.state == "unpacked"
    assert upload.member_count == 6
    assert set(report(upload).values()) == {"accepted"}
    names = {sheet.name: len(sheet.source_files) for sheet in upload.sheets.all()}
    assert names == {"84B003.pdf": 1, "17B004": 2, "loose.png": 1, "more/a.pdf": 1, "more/b.pdf": 1}
    with default_storage.open(upload.sheets.get(name="17B004").source_files[0]) as first:
        assert first.read() == jpeg("two")
    assert all(sheet.history.count() == 1 for sheet in upload.sheets.all())


def test_a_folder_with_a_pdf_and_images_gives_the_pdf_and_the_images_apart(exam):
    upload = unpacked(
        exam,
        packed(("x/a.pdf", pdf("a")), ("x/1.jpg", jpeg("1")), ("x/2.jpg", jpeg("2"))),
    )
    assert {s.name: len(s.source_files) for s in upload.sheets.all()} == {"x": 2, "x/a.pdf": 1}


def test_images_named_after_several_students_are_not_taken_for_one_paper(exam, carol, dora):
    upload = unpacked(
        exam,
        packed(
            ("scans/84B003_1.jpg", jpeg("c1")),
            ("scans/84B003_2.jpg", jpeg("c2")),
            ("scans/17B004.jpg", jpeg("d1")),
        ),
    )
    names = {sheet.name: len(sheet.source_files) for sheet in upload.sheets.all()}
    assert names == {"scans/84B003_1.jpg": 2, "scans/17B004.jpg": 1}


def test_a_students_folder_is_one_paper_whatever_its_pages_are_called(carol, dora):
    pages = [Member(member(name), name) for name in ("84B003/1.jpg", "84B003/17B004 copied.jpg")]
    assert [name for name, _ in grouped(pages, ["84B003", "17B004"])] == ["84B003"]


def test_page_two_comes_before_page_ten():
    assert sorted(["p10", "p2", "P1", "p"], key=natural_key) == ["p", "P1", "p2", "p10"]
    assert natural_key("9" * 5000) > natural_key("9" * 4999)


def test_a_single_pdf_or_image_is_a_sheet_by_itself(exam):
    sheet = unpacked(exam, jpeg("one page"), "84B003.jpg").sheets.get()
    assert sheet.name == "84B003.jpg"
    assert report(sheet.upload) == {"84B003.jpg": "accepted"}
    assert sheet.source_files == [sheet.upload.file]


def test_what_computers_add_is_ignored_and_listed(exam):
    upload = unpacked(
        exam,
        packed(
            ("__MACOSX/._a.pdf", b"x"),
            ("x/.DS_Store", b"x"),
            ("Thumbs.db", b"x"),
            ("a.pdf", pdf("a")),
            ("empty folder/", b""),
        ),
    )
    assert report(upload) == {
        "__MACOSX/._a.pdf": "ignored",
        "x/.DS_Store": "ignored",
        "Thumbs.db": "ignored",
        "a.pdf": "accepted",
    }


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
    papers = [(f"{number}.pdf", pdf(f"paper {number}") + bytes(15_000)) for number in range(6)]
    upload = unpacked(exam, packed(*papers))
    assert upload.state == "unpacked"
    accepted = upload.sheets.count()
    assert 0 < accepted < 6
    assert len(reasons(upload)) == 6 - accepted
    assert all("0.05 MB" in reason for reason in reasons(upload).values())


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


def test_a_paper_that_the_exam_has_already_is_listed_and_not_doubled(exam):
    paper = pdf("the same")
    first = unpacked(exam, packed(("monday.pdf", paper)), "monday.zip")
    again = unpacked(
        exam,
        packed(("tuesday.pdf", paper), ("copy.pdf", paper), ("new.pdf", pdf("new"))),
        "tuesday.zip",
    )
    assert Sheet.objects.filter(exam=exam).count() == 2
    line = again.members.get(name="tuesday.pdf")
    assert line.outcome == "repeated"
    assert line.sheet == first.sheets.get()
    assert "monday.pdf" in line.reason
    assert "monday.zip" in line.reason
    assert again.members.get(name="copy.pdf").outcome == "repeated"


@pytest.mark.django_db(transaction=True)
def test_a_repeated_paper_leaves_no_file_behind(exam):
    paper = pdf("the same")
    unpacked(exam, packed(("a.pdf", paper)))
    unpacked(exam, packed(("b.pdf", paper), ("c.pdf", pdf("new"))))
    assert len(stored()) == 2


def test_the_same_images_alone_in_a_folder_are_the_same_paper(exam):
    unpacked(exam, jpeg("one"), "one.jpg")
    upload = unpacked(exam, packed(("84B003/one.jpg", jpeg("one"))))
    assert report(upload) == {"84B003/one.jpg": "repeated"}


def many(count: int) -> bytes:
    return packed(*((f"{number:03d}.pdf", pdf(f"paper {number}")) for number in range(count)))


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


def test_a_member_that_kills_its_worker_ends_the_upload_and_leaves_no_file(
    exam, settings, monkeypatch
):
    upload = receive(exam, packed(("a.pdf", pdf("a")), ("b.pdf", pdf("b")), ("c.pdf", pdf("c"))))
    real = zip_import._Unpacking._take

    def take(self, archive, member, images):
        if member.name == "c.pdf":
            raise Killed
        real(self, archive, member, images)

    with monkeypatch.context() as patch:
        patch.setattr(zip_import._Unpacking, "_take", take)
        patch.setattr("exams.storage.delete_files", lambda names: None)
        for _ in range(settings.SHEAF_MAX_TRIES):
            with pytest.raises(Killed):
                unpack_upload(upload.pk)
            let_the_lease_end(upload)
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
