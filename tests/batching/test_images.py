import hashlib
import io

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image as Pixels

from batching import images
from batching.images import ImageChanged, paint_over
from batching.providers.base import Rendition
from batching.requests import Image
from tests.factories import page_picture

NAME = ((0, 0, 1, 0.2),)


@pytest.fixture(autouse=True)
def _no_samples_of_other_tests():
    images._sample.cache_clear()


def stored(content, masks=(), role="sheet"):
    name = default_storage.save("pages/p.jpg", ContentFile(content))
    return Image(name, hashlib.sha256(content).hexdigest(), role, 1, "Page 1", masks)


def sent(content, masks=(), **rendition):
    return images.reader(Rendition(**rendition))(stored(content, masks))


def opened(picture):
    pixels = Pixels.open(io.BytesIO(picture.content))
    pixels.load()
    return pixels


def encoded(pixels, kind="PNG", **how):
    out = io.BytesIO()
    pixels.save(out, kind, **how)
    return out.getvalue()


def noise(width, height):
    return Pixels.effect_noise((width, height), 90)


def test_an_image_that_needs_no_change_is_sent_as_it_is():
    content = page_picture(size=(620, 877))
    for rendition in ({}, {"long_side": 877}, {"quality": 10}, {"long_side": 4000}):
        picture = sent(content, **rendition)
        assert picture.content == content
        assert (picture.media_type, picture.width, picture.height) == ("image/jpeg", 620, 877)


def test_a_png_stays_one_where_nothing_is_changed():
    content = encoded(noise(300, 400))
    picture = sent(content, gray=True)
    assert (picture.content, picture.media_type) == (content, "image/png")


def test_the_name_region_is_painted_over_and_the_rest_is_kept():
    picture = sent(page_picture(), NAME)
    pixels = opened(picture)
    top = pixels.crop((0, 0, picture.width, int(picture.height * 0.19))).getextrema()
    assert all(abs(low - 128) < 6 and abs(high - 128) < 6 for low, high in top)
    assert min(pixels.getpixel((picture.width // 2, picture.height // 2))) > 245


def test_every_pixel_that_a_region_touches_is_painted():
    pixels = Pixels.new("L", (10, 10), 0)
    paint_over(pixels, ((0.11, 0.29, 0.18, 0.12),))
    painted = [n for n, value in enumerate(pixels.tobytes()) if value == images.PAINT]
    assert painted == [21, 22, 31, 32, 41, 42]
    paint_over(pixels, ((0.5, 0.5, 0.0, 0.5), (0.9, 0.9, 0.5, 0.5)))
    assert pixels.getpixel((5, 7)) == 0
    assert pixels.getpixel((9, 9)) == images.PAINT


@pytest.mark.parametrize("rendition", [{}, {"long_side": 400}, {"long_side": 90, "gray": True}])
def test_whatever_stands_below_a_region_the_same_bytes_leave(rendition):
    """A filter that shrinks would carry ink over the region's edge."""
    named, blank = noise(620, 877), noise(620, 877)
    blank.paste(named)
    named.paste(0, (0, 0, 620, 175))
    blank.paste(255, (0, 0, 620, 175))
    region = ((0, 0, 1, 175 / 877),)
    assert sent(encoded(named), region, **rendition) == sent(encoded(blank), region, **rendition)


def test_a_page_is_shrunk_to_the_longest_side_that_is_wanted():
    picture = sent(encoded(noise(1240, 1754), "JPEG"), long_side=1448)
    assert (picture.width, picture.height) == opened(picture).size == (1024, 1448)
    assert picture.media_type == "image/jpeg"


def test_a_large_photograph_is_decoded_small_and_comes_out_right():
    page = Pixels.new("RGB", (3000, 4000), (250, 250, 250))
    page.paste((200, 30, 30), (600, 800, 2400, 3200))
    picture = sent(encoded(page, "JPEG", quality=90), long_side=800)
    pixels = opened(picture)
    assert pixels.size == (600, 800)
    assert all(
        abs(a - b) < 12 for a, b in zip(pixels.getpixel((300, 400)), (200, 30, 30), strict=True)
    )
    assert min(pixels.getpixel((20, 20))) > 240


def test_a_page_is_never_enlarged():
    picture = sent(page_picture(size=(620, 877)), NAME, long_side=1448)
    assert (picture.width, picture.height) == opened(picture).size == (620, 877)


def test_colours_go_where_gray_is_wanted():
    page = Pixels.new("RGB", (400, 500), (255, 0, 0))
    picture = sent(encoded(page, "JPEG"), gray=True)
    pixels = opened(picture)
    assert pixels.mode == "L"
    assert abs(pixels.getpixel((200, 250)) - 76) < 4
    assert opened(sent(encoded(page, "JPEG"), long_side=100)).mode == "RGB"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_pages_of_every_kind_can_be_masked(mode):
    picture = sent(encoded(Pixels.new("RGB", (200, 300), "white").convert(mode)), NAME)
    pixels = opened(picture).convert("L")
    assert abs(pixels.getpixel((100, 30)) - 128) < 6
    assert pixels.getpixel((100, 200)) > 245


def test_a_lower_quality_makes_fewer_bytes():
    content = encoded(noise(600, 800), "JPEG", quality=95)
    small = sent(content, long_side=500, quality=30)
    large = sent(content, long_side=500, quality=90)
    assert len(small.content) < len(large.content) / 2


def test_the_same_image_gives_the_same_bytes_every_time():
    content = encoded(noise(900, 1200), "JPEG")
    rendition = {"long_side": 700, "gray": True, "quality": 70}
    assert sent(content, NAME, **rendition) == sent(content, NAME, **rendition)


def test_an_image_that_changed_since_the_request_is_not_sent():
    image = stored(page_picture("first"))
    default_storage.delete(image.name)
    with pytest.raises(ImageChanged, match="not there any more"):
        images.reader(Rendition())(image)
    default_storage.save(image.name, ContentFile(page_picture("second")))
    with pytest.raises(ImageChanged, match="is not the image"):
        images.reader(Rendition())(image)


def test_a_sample_is_read_once_for_all_requests_of_a_run():
    image = stored(page_picture("sample"), NAME, role="sample")
    first = images.reader(Rendition(long_side=400))(image)
    default_storage.delete(image.name)
    assert images.reader(Rendition(long_side=400))(image) is first
    with pytest.raises(ImageChanged):
        images.reader(Rendition(long_side=300))(image)


def test_the_pages_of_students_are_not_kept_in_memory():
    image = stored(page_picture("sheet"))
    read_image = images.reader(Rendition())
    read_image(image)
    assert images._sample.cache_info().currsize == 0
    default_storage.delete(image.name)
    with pytest.raises(ImageChanged):
        read_image(image)


@pytest.mark.parametrize(
    ("long_side", "size", "expected"),
    [
        (None, (1240, 1754), (1240, 1754)),
        (1448, (1240, 1754), (1024, 1448)),
        (1448, (1754, 1240), (1448, 1024)),
        (2000, (1240, 1754), (1240, 1754)),
        (100, (1, 9000), (1, 100)),
    ],
)
def test_how_large_a_page_is_sent_is_known_beforehand(long_side, size, expected):
    assert Rendition(long_side).fit(*size) == expected


def test_no_note_in_a_file_goes_along_when_it_is_encoded_anew():
    content = encoded(noise(600, 800), "JPEG", comment=b"Zebulon", icc_profile=b"Zebulon")
    assert b"Zebulon" in content
    assert b"Zebulon" not in sent(content, NAME).content
