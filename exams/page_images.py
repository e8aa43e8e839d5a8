"""Page images: check one, make its thumbnail, see whether it is blank or faint, turn it.

Comes in: a JPEG or PNG file that may be anything. Goes out: values and bytes; nothing here knows
of sheets. Checks decode at a fraction of the size, so that they cost a few milliseconds.
"""

from __future__ import annotations

import functools
import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_noop
from PIL import Image, ImageOps
from scipy import ndimage

THUMBNAIL_WIDTH = 300
SMALLEST_SIDE = 50
# Longer than the longest screenshot of a conversation, and far from what no JPEG can hold.
LONGEST_SHAPE = 30
EXIF_ORIENTATION = 0x0112
QUARTERS = {
    1: Image.Transpose.ROTATE_270,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_90,
}

# Blank and faint, in levels of gray at thumbnail size. Pen is 60 to 200 darker than its paper,
# pencil 15 to 60; the ruling of the paper is taken away before counting.
INK_LEVEL = 40
FAINT_LEVEL = 14
INK_PIXELS = 14
# The darkest pixel of most places with writing: at least 85 in pen, at most 50 in light pencil.
FAINT_STROKE = 55
PLACE, WRITTEN_ROWS = 12, 5
MARGIN = 0.06
LONG_LINE = 0.3


DAMAGED = gettext_noop("it is damaged or incomplete")
NO_IMAGE = gettext_noop("it is damaged or not a JPEG or PNG image")
TINY = gettext_noop("it is only %(size)s pixels")
STRIP = gettext_noop("it has %(size)s pixels, more than %(times)s times as long as wide")
HUGE = gettext_noop("it has %(size)s pixels, more than %(limit)s million")


class UnreadableImage(ValidationError):
    """The file is no image that can be shown."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a page image gave; sizes in pixels, the thumbnail as JPEG bytes."""

    width: int
    height: int
    thumbnail: bytes
    is_blank: bool
    is_faint: bool


def look_at(path: Path) -> Look:
    """Decode an image once, small. Raises UnreadableImage when it is damaged, tiny or a strip."""
    with opened(path) as image:
        width, height = image.size
        check_shape(width, height)
        scale = THUMBNAIL_WIDTH / width
        small_size = (THUMBNAIL_WIDTH, max(1, round(height * scale)))
        try:
            image.draft("RGB", small_size)
            small = image.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            raise UnreadableImage(DAMAGED) from error
    if small.width >= 2 * THUMBNAIL_WIDTH:
        small = small.resize(small_size, Image.Resampling.BOX, reducing_gap=1.0)
    gray = small.convert("L")
    if gray.width > 1.3 * THUMBNAIL_WIDTH:
        gray = gray.resize(small_size, Image.Resampling.BOX)
    blank, faint = flags_of(np.asarray(gray))
    return Look(width, height, _jpeg(small, 75), blank, faint)


def check_shape(width: int, height: int) -> None:
    """Raise UnreadableImage for a size in pixels that no page has."""
    size = f"{width}x{height}"
    if min(width, height) < SMALLEST_SIDE:
        raise UnreadableImage(TINY % {"size": size})
    if max(width, height) > LONGEST_SHAPE * min(width, height):
        raise UnreadableImage(STRIP % {"size": size, "times": LONGEST_SHAPE})


def opened(path: Path) -> Image.Image:
    """Open an image without decoding it. Raises UnreadableImage when it is none."""
    try:
        return Image.open(path, formats=("JPEG", "PNG"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableImage(NO_IMAGE) from error


def flags_of(gray: np.ndarray) -> tuple[bool, bool]:
    """(blank, faint) of a page of about 300 pixels' width, gray, 0 is black.

    Ruling, noise, specks and anything in the outermost margin (page numbers, holes, edges) are
    not ink: a page with nothing but "page 2" at its head is blank.
    """
    # The paper's own gray varies slowly: a quarter of the pixels is enough to know it.
    coarse = ndimage.uniform_filter(ndimage.maximum_filter(gray[::2, ::2], 8), 8)
    paper = coarse.repeat(2, axis=0).repeat(2, axis=1)[: gray.shape[0], : gray.shape[1]]
    darker = paper.astype(np.int16) - gray
    rows, columns = (int(side * MARGIN) for side in gray.shape)
    inner = darker[rows : gray.shape[0] - rows, columns : gray.shape[1] - columns]
    # Noise is measured on the page itself: a grainy scan of an empty page has no ink either.
    some = inner[::3, ::3]
    usual = float(np.median(some))
    noise = float(np.median(np.abs(some - usual))) * 1.5 + usual
    if _has_ink(inner, max(INK_LEVEL, noise * 3), INK_PIXELS):
        return False, _is_mostly_faint(inner, FAINT_LEVEL + noise)
    trace = _has_ink(inner, max(FAINT_LEVEL, noise * 3), INK_PIXELS * 4)
    return not trace, trace


def _is_mostly_faint(darker: np.ndarray, level: float) -> bool:
    """Whether most places with writing are faint: a few of the page's are its dark printed head.

    Places are squares as high as a word. In a square that only ruling crosses, ink is in few rows.
    """
    down, across = (side // PLACE for side in darker.shape)
    rows = darker[: down * PLACE, : across * PLACE]
    # What is darkest in each row of a square; a step at a time, since numpy is slow at twelve.
    for step in (2, 2, 3):
        rows = functools.reduce(np.maximum, (rows[:, first::step] for first in range(step)))
    rows = rows.reshape(down, PLACE, across)
    written = np.count_nonzero(rows > level, axis=1) >= WRITTEN_ROWS
    darkest = rows.max(axis=1)[written]
    return darkest.size > 0 and float(np.median(darkest)) < FAINT_STROKE


def _has_ink(darker: np.ndarray, level: float, enough: int) -> bool:
    """Whether `enough` pixels are darker than the paper by `level`, in shapes that are strokes."""
    shapes, count = ndimage.label(darker > level, structure=np.ones((3, 3)))
    sizes = np.bincount(shapes.ravel(), minlength=count + 1)
    # Shapes of one or two pixels are specks.
    sizes[0] = 0
    sizes[sizes < 3] = 0
    if sizes.sum() < enough:
        return False
    total = 0
    places = ndimage.find_objects(shapes)
    for number in np.flatnonzero(sizes):
        height, width = (part.stop - part.start for part in places[number - 1])
        if not _is_ruling(height, width, int(sizes[number]), darker.shape):
            total += int(sizes[number])
            if total >= enough:
                return True
    return False


def _is_ruling(height: int, width: int, size: int, page: tuple[int, ...]) -> bool:
    # A line that runs askew, or is half lost in grain, falls into flat pieces; letters are higher.
    if (height <= 2 and width > height) or (height == 3 and width >= 12):
        return True
    long, short = max(height, width), min(height, width)
    full = page[0] if height > width else page[1]
    return long > LONG_LINE * full and short < 0.1 * long and size < 4 * long


def turned(content: bytes, quarter_turns: int) -> bytes:
    """The image turned clockwise, in its own format; a JPEG keeps its own quantisation."""
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
        turn = QUARTERS.get(quarter_turns % 4)
        if turn is None:
            return content
        result = image.transpose(turn)
        out = io.BytesIO()
        if image.format == "PNG":
            result.save(out, "PNG")
        else:
            # With the same tables a turn costs next to no quality, however often it is done.
            result.save(out, "JPEG", qtables=image.quantization, subsampling=_subsampling(image))
    return out.getvalue()


def _subsampling(image: Image.Image) -> int:
    from PIL.JpegImagePlugin import get_sampling

    return max(get_sampling(image), 0)


def page_from_file(content: bytes, *, quality: int, max_megapixels: float) -> tuple[bytes, str]:
    """(bytes, suffix) of an uploaded JPEG or PNG as a page image.

    It is taken as it is, without its metadata, where every browser and provider can show it;
    else (to be turned, CMYK, 16 bits, transparent) converted once to JPEG. Raises UnreadableImage.
    """
    with opened(io.BytesIO(content)) as image:  # type: ignore[arg-type]
        width, height = image.size
        check_shape(width, height)
        if width * height > max_megapixels * 1e6:
            size = f"{width}x{height}"
            raise UnreadableImage(HUGE % {"size": size, "limit": f"{max_megapixels:g}"})
        try:
            turn = image.getexif().get(EXIF_ORIENTATION, 1)
            plain = image.mode in ("L", "RGB", "1") or (
                image.mode == "P" and "transparency" not in image.info
            )
            if turn in (0, 1) and plain and "transparency" not in image.info:
                # A phone's photograph is often "MPO": a JPEG with further pictures behind it.
                if image.format != "PNG":
                    return b"".join(_without_metadata(content)), ".jpg"
                if _bit_depth(content) <= 8:
                    return b"".join(_png_without_metadata(content)), ".png"
            upright = ImageOps.exif_transpose(image)
            return _jpeg(_flattened(upright), quality), ".jpg"
        except (OSError, SyntaxError, ValueError, struct.error, IndexError) as error:
            raise UnreadableImage(DAMAGED) from error


def _flattened(image: Image.Image) -> Image.Image:
    """RGB or gray with 8 bits; what was transparent is white."""
    if image.mode.startswith("I"):
        # 16 bits: the upper eight are the picture.
        gray = np.asarray(image).astype(np.uint32)
        return Image.fromarray((gray >> 8 if gray.max(initial=0) > 255 else gray).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image if image.mode in ("RGB", "L") else image.convert("RGB")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


# Of the APPn: JFIF, the colour profile, Adobe's colour transform.
_JPEG_KEPT = (b"JFIF\0", b"ICC_PROFILE\0", b"Adobe")
# Those that come between the parts of the picture itself.
_JPEG_MARKER = re.compile(rb"\xff[\xc4\xd9-\xdd]")


def _without_metadata(content: bytes) -> Iterator[bytes]:
    """A JPEG's segments without Exif, XMP, IPTC and comments, which may name people and places.

    What follows its end (further pictures with their own metadata, a film) is left out.
    """
    yield content[:2]
    at = 2
    while True:
        if content[at] != 0xFF:
            raise ValueError("no marker where a JPEG segment should begin")
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA:
            yield content[at : _end_of_picture(content, at)]
            return
        length = 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        segment = content[at : at + length]
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or segment[4:].startswith(_JPEG_KEPT):
            yield segment
        at += length


def _end_of_picture(content: bytes, at: int) -> int:
    """Where a JPEG ends whose picture begins at `at`; the file's end where it does not say so."""
    while found := _JPEG_MARKER.search(content, at):
        at = found.end()
        if content[at - 1] == 0xD9:
            return at
        # A table between two scans, which may hold any bytes.
        at += int.from_bytes(content[at : at + 2], "big")
    return len(content)


_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"tRNS"}


def _png_without_metadata(content: bytes) -> Iterator[bytes]:
    yield content[:8]
    at = 8
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        if content[at + 4 : at + 8] in _PNG_KEPT:
            yield content[at : at + 12 + length]
        at += 12 + length


def _bit_depth(png: bytes) -> int:
    return png[24]
