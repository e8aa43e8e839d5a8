"""From a paper to pages: what comes out is counted and measured, and poppler is kept on a leash."""

import io
import re
import subprocess
import zlib
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image

from batching.claims import claim
from exams import rasterize
from exams.due import sheets_to_render
from exams.models import Page, Sheet
from exams.rasterize import UnreadablePaper, pdf_pages, rasterize_sheet, render_pdf
from tests import factories
from tests.exams.accidents import (
    die_at_every_try,
    fenced_with_trouble,
    kill_before_the_rows,
    let_the_lease_end,
)
from tests.exams.steps import files
from tests.factories_intake import jpeg, mpo, packed, pdf, picture, png, rendered, unpacked

pytestmark = pytest.mark.django_db

ENCRYPTED = b"""%%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj
3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] >> endobj
4 0 obj << /Filter /Standard /V 1 /R 2 /Length 40 /P -4
/O <%s> /U <%s> >> endobj
trailer << /Root 1 0 R /Encrypt 4 0 R /ID [<00> <00>] >>
%%%%EOF""" % (b"ab" * 32, b"cd" * 32)


def resized(content: bytes, box: str) -> bytes:
    return re.sub(rb"/MediaBox \[[^\]]*\]", f"/MediaBox [{box}]".encode(), content)


def pages_in(tmp_path: Path, content: bytes) -> tuple[list[Path], str]:
    path, out = tmp_path / "paper.pdf", tmp_path / "out"
    path.write_bytes(content)
    out.mkdir()
    return render_pdf(path, out)


def test_a_pdf_becomes_pages_with_thumbnails_and_hashes(exam):
    sheet = rendered(exam, pdf("Q1 first", "Q2 second"))
    pages = list(sheet.pages.all())
    assert [page.number for page in pages] == [1, 2]
    assert sheet.rendered_at is not None
    assert sheet.problem == ""
    assert sheet.state == "pending_mapping"
    for page in pages:
        with default_storage.open(page.image) as file, Image.open(file) as image:
            assert (image.format, image.size) == ("JPEG", (page.width, page.height))
            assert page.width == pytest.approx(620 * 1.5, abs=2)
        with default_storage.open(page.thumbnail) as file, Image.open(file) as image:
            assert 250 <= image.width < 600
    assert len(files("sheets")) == 4


def test_images_become_pages_in_natural_order(exam):
    sheet = unpacked(
        exam, packed(("x/p10.jpg", jpeg("ten")), ("x/p9.png", png("nine", mode="L")))
    ).sheets.get()
    rasterize_sheet(sheet.pk)
    assert [page.image[-4:] for page in sheet.pages.all()] == [".png", ".jpg"]


def test_rendering_twice_in_a_row_is_as_once(exam):
    sheet = rendered(exam, pdf("Q1"))
    before = (list(sheet.pages.values_list("image", "sha256")), files("sheets"))
    rasterize_sheet(sheet.pk)
    assert (list(sheet.pages.values_list("image", "sha256")), files("sheets")) == before


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pdf("a")[:-300], "damaged or incomplete"),
        (b"%PDF-1.4 and nothing more", "damaged or incomplete"),
        (pdf("a").replace(b"/Count 1", b"/Count 3"), "Page 2 of the PDF cannot be read"),
        (ENCRYPTED, "encrypted"),
        (resized(pdf("a"), "0 0 1 1"), "Page 1 of the PDF cannot be read"),
        (resized(pdf("a"), "0 0 20000 20000"), "too large"),
    ],
)
def test_an_unreadable_pdf_fails_its_sheet_with_the_reason(exam, content, why):
    sheet = rendered(exam, content)
    assert sheet.state == "failed"
    assert why in sheet.problem
    assert sheet.pages.count() == len(files("sheets")) == 0
    assert sheet.history.first().history_change_reason == "Rendering failed"


def test_a_missing_page_is_noticed_though_pdftoppm_exits_with_0(tmp_path, monkeypatch):
    # A pdfinfo that promises three pages where there are two.
    honest = rasterize.pdf_pages

    def promise(path: Path) -> list[rasterize.PdfPage]:
        pages = honest(path)
        return [*pages, rasterize.PdfPage(3, 400, 600, pages[0].dpi)]

    monkeypatch.setattr(rasterize, "pdf_pages", promise)
    with pytest.raises(UnreadablePaper, match="Page 3 of the PDF is damaged"):
        pages_in(tmp_path, pdf("one", "two"))


def test_damage_that_poppler_only_mentions_becomes_a_warning_on_the_sheet(exam):
    content = bytearray(pdf(*(picture(*["some words"] * 12, mode="L") for _ in range(2))))
    at = content.index(b"\xff\xda") + 200
    content[at : at + 60] = bytes(60)
    sheet = rendered(exam, bytes(content))
    assert sheet.pages.count() == 2
    assert "damaged" in sheet.problem


def test_large_pages_are_rendered_smaller_and_small_ones_beside_them_are_not(tmp_path):
    content = pdf("small", "large")
    last = content.rindex(b"/MediaBox")
    large = content[:last] + resized(content[last:], "0 0 3024 4032")
    pictures, _ = pages_in(tmp_path, large)
    sizes = [Image.open(path).size for path in pictures]
    assert sizes[0][0] == pytest.approx(620 * 1.5, abs=2)
    assert sizes[1] == pytest.approx((3024, 4032), abs=2)


def test_too_many_pages_are_refused_before_rendering(exam, settings):
    settings.SHEAF_SHEET_MAX_PAGES = 2
    assert "has 3 pages; at most 2" in rendered(exam, pdf("1", "2", "3")).problem
    images = packed(*((f"x/{number}.jpg", jpeg(str(number))) for number in range(3)))
    assert "has 3 pages; at most 2" in rendered(exam, images).problem


def test_poppler_may_not_think_forever(tmp_path, settings):
    settings.SHEAF_PDF_SECONDS = 0.001
    with pytest.raises(UnreadablePaper):
        pages_in(tmp_path, pdf("Q1"))


def test_poppler_may_not_eat_the_memory(tmp_path, settings):
    path = tmp_path / "paper.pdf"
    path.write_bytes(pdf("Q1"))
    assert len(pdf_pages(path)) == 1
    settings.SHEAF_PDF_MEMORY_MB = 2
    with pytest.raises(UnreadablePaper):
        pages_in(tmp_path, pdf("Q1"))


@pytest.mark.parametrize("program", ["pdftoppm", "pdfinfo"])
def test_the_real_programs_are_started_with_the_limits(program, tmp_path):
    # A stand-in found first on the path says what limits it was started with.
    stand_in = tmp_path / program
    stand_in.write_text("#!/bin/sh\nulimit -v; ulimit -t; ulimit -c\n")
    stand_in.chmod(0o755)
    done = subprocess.run(
        [rasterize.POPPLER / program, "paper.pdf"],
        env={
            "SHEAF_PDF_MEMORY_MB": "700",
            "SHEAF_PDF_SECONDS": "33",
            "PATH": f"{tmp_path}:/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(700 * 1024), "33", "0"]


@pytest.mark.parametrize("content", [jpeg("Q1")[:-3000], png("Q1")[:-2000]])
def test_a_truncated_image_fails_its_sheet(exam, content):
    sheet = rendered(exam, content, "page.jpg")
    assert sheet.state == "failed"
    assert "damaged or incomplete" in sheet.problem
    assert files("sheets") == []


def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(exam, settings):
    settings.SHEAF_PAGE_MAX_MEGAPIXELS = 0.5
    assert "620x877 pixels" in rendered(exam, jpeg("Q1"), "page.jpg").problem


def test_a_decompression_bomb_is_refused(exam):
    bomb = bytearray(png("Q1"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2

    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    sheet = rendered(exam, bytes(bomb), "page.png")
    assert sheet.state == "failed"


def test_flags_are_set_on_the_pages(exam):
    empty = Image.new("L", (1240, 1754), 248)
    sheet = rendered(exam, pdf("Q1 an answer", empty))
    assert list(sheet.pages.values_list("is_blank", flat=True)) == [False, True]


# -- dead, slow and poisonous -------------------------------------------------------------


def ready(exam, *pages: str) -> Sheet:
    return unpacked(exam, pdf(*pages), "paper.pdf").sheets.get()


def test_a_worker_killed_between_files_and_rows_leaves_the_same_as_no_accident(exam, x_b):
    content = pdf("one", "two")
    calm = rendered(factories.make_exam(x_b), content)
    undisturbed = sorted(path.read_bytes() for path in files(f"sheets/{calm.pk}"))
    sheet = unpacked(exam, content, "paper.pdf").sheets.get()
    held = claim(sheets_to_render(), sheet.pk)
    left = Path(default_storage.path(f"sheets/{sheet.pk}/{held.attempt}"))
    left.mkdir(parents=True)
    (left / "orphan.jpg").write_bytes(b"page 1")
    (left / ".half.jpg.part").write_bytes(b"pa")
    rasterize_sheet(sheet.pk)
    assert sheet.pages.count() == 0  # It is the dead worker's until its lease ends.
    Sheet.objects.filter(pk=sheet.pk).update(lease_until=timezone.now())
    rasterize_sheet(sheet.pk)
    assert sorted(path.read_bytes() for path in files(f"sheets/{sheet.pk}")) == undisturbed
    assert list(sheet.pages.values_list("sha256")) == list(calm.pages.values_list("sha256"))


def test_a_worker_that_slept_beyond_its_lease_writes_nothing(exam, monkeypatch):
    sheet = ready(exam, "one", "two")
    real = rasterize.look_at

    def overtaken(path: Path):
        # While this worker sleeps, its lease ends and another one does the work.
        monkeypatch.setattr(rasterize, "look_at", real)
        Sheet.objects.filter(pk=sheet.pk).update(lease_until=timezone.now())
        rasterize_sheet(sheet.pk)
        return real(path)

    monkeypatch.setattr(rasterize, "look_at", overtaken)
    rasterize_sheet(sheet.pk)
    named = {
        Path(default_storage.path(name))
        for names in Page.objects.filter(sheet=sheet).values_list("image", "thumbnail")
        for name in names
    }
    assert sheet.pages.count() == 2
    assert set(files(f"sheets/{sheet.pk}")) == named


def test_a_poisonous_paper_fails_after_three_tries_and_the_others_go_on(exam, settings):
    upload = unpacked(exam, packed(("bad.pdf", pdf("bad")), ("good.pdf", pdf("good"))))
    bad, good = upload.sheets.get(name="bad.pdf"), upload.sheets.get(name="good.pdf")
    for _ in range(settings.SHEAF_MAX_TRIES):
        assert not claim(sheets_to_render(), bad.pk).exhausted
        Sheet.objects.filter(pk=bad.pk).update(lease_until=timezone.now())
    for sheet in sheets_to_render():
        rasterize_sheet(sheet.pk)
    bad, good = Sheet.objects.get(pk=bad.pk), Sheet.objects.get(pk=good.pk)
    assert (bad.state, good.pages.count()) == ("failed", 1)
    assert "several times" in bad.problem


def test_a_sheet_that_was_left_out_meanwhile_is_not_failed(exam, monkeypatch):
    sheet = unpacked(exam, b"%PDF-1.4 nothing", "paper.pdf").sheets.get()
    real = rasterize.pdf_pages

    def meanwhile(path: Path):
        row = Sheet.objects.get(pk=sheet.pk)
        row.skip()
        row.save()
        return real(path)

    monkeypatch.setattr(rasterize, "pdf_pages", meanwhile)
    rasterize_sheet(sheet.pk)
    sheet = Sheet.objects.get(pk=sheet.pk)
    assert (sheet.state, sheet.lease_until) == ("skipped", None)


def test_a_page_that_is_missing_because_the_disk_is_full_is_no_fault_of_the_paper(
    exam, monkeypatch
):
    monkeypatch.setattr("exams.storage.LITTLE_ROOM", 10**18)
    sheet = rendered(exam, jpeg("Q1")[:-3000], "page.jpg")
    assert (sheet.state, sheet.tries) == ("pending_mapping", 0)
    assert sheet.lease_until > timezone.now()


@pytest.mark.django_db(transaction=True)
def test_trouble_after_the_commit_does_not_take_the_pages(exam, monkeypatch):
    sheet = ready(exam, "one")
    monkeypatch.setattr(rasterize, "fenced", fenced_with_trouble)
    with pytest.raises(ConnectionError):
        rasterize_sheet(sheet.pk)
    assert default_storage.exists(sheet.pages.get().image)


def test_a_poisonous_paper_leaves_no_page_behind(exam, monkeypatch):
    sheet = ready(exam, "one")
    with monkeypatch.context() as patch:
        kill_before_the_rows(patch, rasterize)
        die_at_every_try(rasterize_sheet, sheet)
    assert files("sheets") != []
    rasterize_sheet(sheet.pk)
    assert Sheet.objects.get(pk=sheet.pk).state == "failed"
    assert files("sheets") == []


def test_a_worker_that_slept_over_an_unreadable_paper_leaves_it_to_the_next_one(exam, monkeypatch):
    sheet = unpacked(exam, b"%PDF-1.4 nothing", "paper.pdf").sheets.get()
    real = rasterize.pdf_pages

    def overtaken(path: Path):
        monkeypatch.setattr(rasterize, "pdf_pages", real)
        let_the_lease_end(sheet)
        assert claim(sheets_to_render(), sheet.pk)
        return real(path)

    monkeypatch.setattr(rasterize, "pdf_pages", overtaken)
    rasterize_sheet(sheet.pk)
    assert Sheet.objects.get(pk=sheet.pk).state == "pending_mapping"


def test_without_poppler_the_sheet_waits_and_no_try_is_lost(exam, monkeypatch):
    sheet = ready(exam, "one")
    monkeypatch.setenv("PATH", "/nowhere")
    rasterize_sheet(sheet.pk)
    sheet = Sheet.objects.get(pk=sheet.pk)
    assert (sheet.state, sheet.tries, sheet.problem) == ("pending_mapping", 0, "")
    assert sheet.lease_until > timezone.now()


def strip(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (width, height), 255).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("size", [(60, 70_000), (70_000, 60), (100, 3001)])
def test_a_strip_that_no_page_can_be_is_refused_with_words(exam, size):
    sheet = rendered(exam, strip(*size), "strip.png")
    assert sheet.state == "failed"
    assert f"{size[0]}x{size[1]} pixels, more than 30 times as long as wide" in sheet.problem
    assert files("sheets") == []


def test_a_long_screenshot_is_a_page(exam):
    assert rendered(exam, strip(100, 3000), "chat.png").pages.get().height == 3000
    assert rendered(exam, strip(3000, 100), "wide.png").pages.get().height == 100


def test_a_strip_in_a_pdf_is_refused_before_it_is_rendered(exam, monkeypatch):
    monkeypatch.setattr(rasterize, "convert_from_path", None)
    sheet = rendered(exam, resized(pdf("a"), "0 0 60 14400"))
    assert sheet.state == "failed"
    assert "its size is 60x14400 points" in sheet.problem


def test_a_phones_photograph_with_further_pictures_in_its_file_is_a_page(exam):
    sheet = rendered(exam, mpo("Q1 answer"), "IMG_1.jpg")
    assert (sheet.state, sheet.problem) == ("pending_mapping", "")
    page = sheet.pages.get()
    with default_storage.open(page.image) as file, Image.open(file) as image:
        assert (image.format, image.size) == ("JPEG", (620, 877))


def test_of_endless_complaints_only_the_beginning_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(rasterize, "LOG_READ", 40)
    (tmp_path / "a.log").write_text("x" * 39 + "\nSyntax Error: late\n")
    assert rasterize._complaint(tmp_path) == ""
    (tmp_path / "b.log").write_text("Syntax Error: early\n" + "x" * 100)
    assert rasterize._complaint(tmp_path) == "early"


def test_a_pdf_of_which_poppler_says_nothing_is_refused_in_plain_words_alone():
    assert rasterize._damaged("Syntax Error: no trailer\n").messages[0].endswith(": no trailer.")
    silent = rasterize._damaged("Error: 3 extraneous bytes before marker 0xd9\n")
    assert silent.messages == [rasterize.PDF_DAMAGED_ONLY]
