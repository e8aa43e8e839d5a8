"""The bytes of an image of a request: read from storage, checked, and masked.

What leaves for a provider never shows the regions that hold names and roll numbers.
"""

from __future__ import annotations

import hashlib
import io

from django.core.files.storage import default_storage
from PIL import Image as Picture
from PIL import ImageDraw

from batching.requests import Image


class ImageChanged(Exception):
    """The stored image is not the one the request was frozen on."""


def read_image(image: Image) -> bytes:
    """JPEG or PNG bytes of the image with its masks painted over.

    Raises ImageChanged when the stored bytes have another hash than the request says.
    """
    with default_storage.open(image.name, "rb") as file:
        content: bytes = file.read()
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise ImageChanged(f"{image.name} is not the image that the request was made of.")
    return mask(content, image.masks) if image.masks else content


def mask(content: bytes, regions: tuple[tuple[float, float, float, float], ...]) -> bytes:
    """The picture with the regions (x, y, w, h as shares of its size) painted gray."""
    with Picture.open(io.BytesIO(content)) as picture:
        kind = picture.format or "JPEG"
        painted = picture.convert("RGB")
    width, height = painted.size
    draw = ImageDraw.Draw(painted)
    for x, y, w, h in regions:
        box = (int(x * width), int(y * height), int((x + w) * width), int((y + h) * height))
        draw.rectangle(box, fill=(128, 128, 128))
    out = io.BytesIO()
    painted.save(out, kind, quality=85)
    return out.getvalue()
