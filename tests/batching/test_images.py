import hashlib
import io

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image as Picture

from batching.images import ImageChanged, read_image
from batching.requests import Image
from tests.factories import page_picture


def stored(content, masks=()):
    name = default_storage.save("pages/p.jpg", ContentFile(content))
    return Image(name, hashlib.sha256(content).hexdigest(), "sheet", 1, "Page 1", masks)


def test_an_image_without_regions_is_sent_as_it_is():
    content = page_picture()
    assert read_image(stored(content)) == content


def test_the_name_region_is_painted_over_and_the_rest_is_kept():
    with Picture.open(io.BytesIO(read_image(stored(page_picture(), ((0, 0, 1, 0.2),))))) as sent:
        width, height = sent.size
        top = sent.crop((0, 0, width, int(height * 0.19))).getextrema()
        below = sent.getpixel((width // 2, int(height * 0.5)))
    assert all(abs(low - 128) < 6 and abs(high - 128) < 6 for low, high in top)
    assert min(below) > 245


def test_an_image_that_changed_since_the_request_is_not_sent():
    image = stored(page_picture("first"))
    default_storage.delete(image.name)
    default_storage.save(image.name, ContentFile(page_picture("second")))
    with pytest.raises(ImageChanged):
        read_image(image)
