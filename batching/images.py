"""The pictures of a request: read from storage, checked, masked, and as large as is wanted.

Comes in: an image of a request and a provider's rendition. Goes out: the bytes that leave, the
same every time; they never show the regions that hold names and roll numbers.
"""

from __future__ import annotations

import hashlib
import io
import math
from functools import lru_cache

from django.core.files.storage import default_storage
from django.utils.translation import gettext_noop
from PIL import Image as Pixels
from PIL import ImageDraw

from batching.providers.base import MediaType, Picture, ReadImage, Rendition
from batching.requests import Image

Masks = tuple[tuple[float, float, float, float], ...]
MEDIA_TYPES: dict[str, MediaType] = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
}
STARTS: dict[bytes, MediaType] = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png"}
# Samples stand in every request of a run; a few dozen pages of some 300 KB are kept.
SAMPLES_KEPT = 32
PAINT = 128
IMAGE_GONE = gettext_noop("%(image)s is not there any more.")
OTHER_IMAGE = gettext_noop("%(image)s is not the image that the request was made of.")


class ImageChanged(Exception):
    """The stored image is not the one the request was frozen on."""


def reader(rendition: Rendition) -> ReadImage:
    """A function that gives an image's picture in this rendition. It may be used in threads.

    It raises ImageChanged when the stored bytes have another hash than the request says, or
    are not there any more.
    """

    def read_image(image: Image) -> Picture:
        return _sample(image, rendition) if image.role == "sample" else _read(image, rendition)

    return read_image


def _read(image: Image, rendition: Rendition) -> Picture:
    try:
        with default_storage.open(image.name, "rb") as file:
            content: bytes = file.read()
    except FileNotFoundError as error:
        raise ImageChanged(IMAGE_GONE % {"image": image.name}) from error
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise ImageChanged(OTHER_IMAGE % {"image": image.name})
    size = image.width, image.height
    kind = next((kind for start, kind in STARTS.items() if content.startswith(start)), None)
    if kind and all(size) and rendition.keeps(*size) and not image.masks:
        # Known without opening it, which would take as long as everything else.
        return Picture(content, image.sha256, kind, *size)
    return render(content, rendition, image.masks)


@lru_cache(maxsize=SAMPLES_KEPT)
def _sample(image: Image, rendition: Rendition) -> Picture:
    return _read(image, rendition)


def render(content: bytes, rendition: Rendition, masks: Masks = ()) -> Picture:
    """JPEG or PNG bytes as a picture in a rendition, its masks painted over in gray.

    Where nothing has to be changed the bytes stay as they are; else it is a JPEG.
    """
    with Pixels.open(io.BytesIO(content), formats=("JPEG", "PNG")) as pixels:
        size = rendition.fit(*pixels.size)
        coloured = pixels.mode not in ("1", "L")
        if size == pixels.size and not masks and not (rendition.gray and coloured):
            return Picture.of(content, MEDIA_TYPES[pixels.format or ""], *size)
        mode = "L" if rendition.gray or not coloured else "RGB"
        # A JPEG is decoded at a half, a quarter or an eighth where that is still large enough.
        pixels.draft(mode, size)
        painted = pixels if pixels.mode == mode else pixels.convert(mode)
        # Before it is shrunk: a filter would carry ink from below a mask over its edge.
        paint_over(painted, masks)
        if painted.size != size:
            painted = painted.resize(size, Pixels.Resampling.BICUBIC, reducing_gap=2.0)
        out = io.BytesIO()
        # Nothing of the file goes along but its pixels: no note, no profile.
        painted.save(out, "JPEG", quality=rendition.quality, exif=b"", icc_profile=None, comment="")
    return Picture.of(out.getvalue(), "image/jpeg", *size)


def paint_over(pixels: Pixels.Image, masks: Masks) -> None:
    """Paint regions (x, y, w, h as shares of the size) gray, every pixel that they touch."""
    width, height = pixels.size
    draw = ImageDraw.Draw(pixels)
    fill = PAINT if pixels.mode == "L" else (PAINT, PAINT, PAINT)
    for x, y, w, h in masks:
        left, top = math.floor(x * width), math.floor(y * height)
        # The lower right corner of a rectangle is painted as well.
        right, bottom = math.ceil((x + w) * width) - 1, math.ceil((y + h) * height) - 1
        if right >= left and bottom >= top:
            draw.rectangle((left, top, right, bottom), fill=fill)
