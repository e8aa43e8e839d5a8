"""Page images: taken as they are where that is possible, and looked at for writing."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from PIL.PngImagePlugin import PngInfo

from exams.page_images import (
    UnreadableImage,
    _end_of_picture,
    flags_of,
    look_at,
    page_from_file,
    turned,
)
from tests.factories_intake import jpeg, mpo, picture, png


def test_a_page_of_one_pixel_is_not_a_page(tmp_path):
    path = tmp_path / "x.jpg"
    Image.new("RGB", (1, 1)).save(path)
    with pytest.raises(UnreadableImage, match="1x1"):
        look_at(path)


# -- images as pages ----------------------------------------------------------------------


def take(content: bytes, max_megapixels: float = 60) -> tuple[bytes, str]:
    return page_from_file(content, quality=80, max_megapixels=max_megapixels)


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def test_a_plain_jpeg_is_taken_without_a_second_encoding():
    content = jpeg("Q1")
    assert take(content) == (content, ".jpg")


def test_what_a_camera_notes_about_people_and_places_is_taken_out():
    exif = Image.Exif()
    exif[0x010E] = "Carol at home"
    content = jpeg("Q1", exif=exif, comment=b"by Carol")
    taken, _ = take(content)
    assert b"Carol" in content
    assert b"Carol" not in taken
    assert (pixels(taken) == pixels(content)).all()


def test_the_further_pictures_of_a_phones_photograph_are_left_out():
    content = mpo("Q1")
    taken, suffix = take(content)
    assert b"Asha Rao" in content  # The second picture has notes of its own.
    assert (suffix, Image.open(io.BytesIO(taken)).format) == (".jpg", "JPEG")
    assert b"Asha Rao" not in taken
    assert b"MPF" not in taken
    assert (pixels(taken) == pixels(content)).all()


@pytest.mark.parametrize("progressive", [False, True])
def test_what_follows_the_end_of_a_jpeg_is_left_out(progressive):
    content = jpeg("Q1", progressive=progressive)
    assert take(content + b"a film of Carol's kitchen") == (content, ".jpg")


def test_a_jpeg_that_does_not_say_where_it_ends_is_taken_whole():
    content = jpeg("Q1")[:-2]
    assert take(content) == (content, ".jpg")


def test_a_table_between_two_scans_may_hold_any_bytes():
    scan, table = b"\xff\xda\x00\x03.", b"\xff\xc4\x00\x06\xff\xd9.."
    content = scan + b"picture\xff\x00\xff\xd0" + table + scan + b"more\xff\xd9"
    assert _end_of_picture(content + b"a film", 0) == len(content)


def test_a_camera_that_was_held_sideways_is_believed():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = jpeg("Q1", exif=exif)
    taken, suffix = take(content)
    assert suffix == ".jpg"
    assert Image.open(io.BytesIO(taken)).size == (877, 620)
    assert abs(pixels(taken) - np.rot90(pixels(jpeg("Q1")), -1)).mean() < 1


def image_bytes(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        image_bytes(picture("Q1").convert("CMYK"), "JPEG"),
        image_bytes(
            Image.fromarray(np.asarray(picture("Q1", mode="L")).astype(np.uint16) * 257), "PNG"
        ),
        image_bytes(picture("Q1").convert("RGBA"), "PNG"),
        image_bytes(picture("Q1", mode="L").convert("LA"), "PNG"),
        image_bytes(picture("Q1", mode="L").convert("P"), "PNG", transparency=255),
    ],
    ids=["cmyk", "16 bits", "alpha", "gray and alpha", "transparent palette"],
)
def test_unusual_images_become_an_ordinary_jpeg_that_looks_the_same(content):
    taken, suffix = take(content)
    image = Image.open(io.BytesIO(taken))
    assert (suffix, image.format) == (".jpg", "JPEG")
    assert image.mode in ("RGB", "L")
    assert abs(pixels(taken) - pixels(png("Q1"))).mean() < 4


def test_what_is_transparent_is_white():
    sheet = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    taken, _ = take(image_bytes(sheet, "PNG"))
    assert pixels(taken).min() > 250


def test_an_ordinary_png_is_taken_as_it_is_without_its_notes():
    notes = PngInfo()
    notes.add_text("Author", "Carol")
    content = image_bytes(picture("Q1"), "PNG", pnginfo=notes)
    taken, suffix = take(content)
    assert suffix == ".png"
    assert b"Carol" not in taken
    assert (pixels(taken) == pixels(content)).all()


def test_turning_four_times_is_nearly_lossless():
    content = jpeg(*["words on a page"] * 10)
    once = content
    for _ in range(4):
        once = turned(once, 1)
    assert abs(pixels(once) - pixels(content)).mean() < 1.5
    assert turned(content, 4) == content
    assert Image.open(io.BytesIO(turned(content, 1))).size == (877, 620)


# -- blank and faint ----------------------------------------------------------------------


def paper(*, ruled: int = 0, grain: float = 0.0, shade: bool = False) -> Image.Image:
    page = Image.new("L", (1240, 1754), 246)
    if ruled:
        draw = ImageDraw.Draw(page)
        for y in range(150, 1700, 45):
            draw.line((60, y, 1180, y + 14), fill=ruled, width=2)
    if shade:
        ramp = Image.linear_gradient("L").rotate(90).resize(page.size)
        page = Image.blend(page, ramp, 0.25)
    if grain:
        noise = Image.effect_noise(page.size, grain).filter(ImageFilter.GaussianBlur(0.7))
        page = Image.fromarray(
            np.clip(
                np.asarray(page).astype(int) + np.asarray(noise).astype(int) - 128, 0, 255
            ).astype(np.uint8)
        )
    return page


def write(page: Image.Image, text: str, fill: int, y: int = 800, face: int = 30) -> Image.Image:
    ImageDraw.Draw(page).text((200, y), text, fill=fill, font=ImageFont.load_default(face))
    return page


def flags(page: Image.Image) -> tuple[bool, bool]:
    small = page.resize((310, 439), Image.Resampling.BOX)
    return flags_of(np.asarray(small))


@pytest.mark.parametrize(
    "page",
    [
        paper(),
        paper(grain=25),
        paper(ruled=225),
        paper(ruled=120, grain=20),
        paper(shade=True, grain=15),
        write(paper(ruled=200), "page 2", 60, y=40, face=24),
    ],
    ids=["clean", "grain", "ruled", "dark ruling", "shade", "page number"],
)
def test_a_page_without_an_answer_is_blank(page):
    assert flags(page)[0]


@pytest.mark.parametrize(
    "page",
    [
        write(paper(grain=25), "B", 60),
        write(paper(ruled=120, grain=20), "B", 60),
        write(paper(shade=True, grain=15), "see page 1", 80),
        write(paper(), "42", 0, y=1500),
    ],
    ids=["one letter", "one letter on ruling", "in the shade", "a number at the bottom"],
)
def test_a_page_with_the_shortest_answer_is_not_blank(page):
    assert not flags(page)[0]


def test_pencil_is_faint_and_ink_is_not():
    line = "the light energy of plants makes glucose"
    pencil, ink = paper(grain=6), paper(grain=6)
    for y in range(200, 1500, 60):
        write(pencil, line, 200, y=y)
        write(ink, line, 50, y=y)
    assert flags(pencil) == (False, True)
    assert flags(ink) == (False, False)


@pytest.mark.parametrize("ruled", [0, 200])
def test_a_dark_printed_head_does_not_hide_that_the_answers_are_in_pencil(ruled):
    line = "the light energy of plants makes glucose"
    pencil, ink = paper(grain=6, ruled=ruled), paper(grain=6, ruled=ruled)
    for page, fill in ((pencil, 200), (ink, 100)):
        write(page, "Biology, term 2, class 8B", 30, y=140)
        write(page, "Name: Carol Diaz   Roll No: 12", 30, y=200)
        for y in range(350, 700, 60):
            write(page, line, fill, y=y)
    assert flags(pencil) == (False, True)
    assert flags(ink) == (False, False)


def test_two_lines_in_ink_on_dark_ruling_are_not_faint():
    page = paper(ruled=120, grain=6)
    for y in (300, 360):
        write(page, "the light energy of plants makes glucose", 50, y=y)
    assert flags(page) == (False, False)
