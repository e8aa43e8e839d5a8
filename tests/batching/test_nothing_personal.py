"""Nothing personal leaves: every byte that a vendor received is searched for the people of the
class, and every picture that it received is looked at.
"""

from __future__ import annotations

import base64
import io
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.core import serializers
from django.core.files.storage import default_storage
from PIL import Image

from accounts.models import Enrolment, User
from exams.models import Page, Sheet, Upload
from exams.samples import SampleMark, save_sample
from tests.batching import drill_exam, drills
from tests.batching.books import troubles
from tests.batching.drills import carry_out, draft
from tests.emulators.vendors import EMULATORS
from tests.factories import make_page, make_sheet

pytestmark = pytest.mark.django_db

NAMES = ("Asha Raghunathan", "Zoë Ångström", "Mary O'Neill", "李小龍")
ESCAPE = re.compile(rb"\\+u([0-9a-fA-F]{4})")
BASE64 = re.compile(rb"[A-Za-z0-9+/]{200,}={0,2}")
# A JPEG's last rows and columns take something of what is beside them.
EDGE = 8


@pytest.fixture
def exam(x_b, alice):
    """An exam whose pupils have names of their own, in the head of their page and in its file."""
    exam = drill_exam.make_exam(x_b, "Plants and cells", len(NAMES), by=alice, names=NAMES)
    sample = make_sheet(exam, state="skipped", pages=0, name="Somebody_Else_77.pdf")
    make_page(sample, content=drill_exam.page(77, "Somebody Else"), width=496, height=702)
    marks = {"Q1": SampleMark(Decimal(2), "All there."), "Q2": SampleMark(Decimal(0))}
    save_sample(sample, title="A good answer to Q1", marks=marks, by=alice)
    return exam


@pytest.fixture(params=sorted(EMULATORS))
def emulator(request, tmp_path, settings):
    started = EMULATORS[request.param](tmp_path / request.param)
    started.keep_bodies = True
    settings.SHEAF_PROVIDERS = {request.param: drills.configuration(started)}
    with started:
        yield started


def personal() -> set[str]:
    """Everything that says who somebody is: of pupils, teachers and their files."""
    people = User.objects.values_list("name", "username", "email")
    files = [*Sheet.objects.values_list("name", flat=True)]
    files += Upload.objects.values_list("original_name", flat=True)
    rolls = Enrolment.objects.values_list("roll_number", flat=True)
    return {one for row in people for one in row} | set(files) | set(rolls)


def found(content: bytes, sought: set[str]) -> set[str]:
    """Which of these stand in the bytes: as they are, spelt as JSON spells them, or inside of
    what is base64, in any case of letters.
    """
    texts = [content, *pictures_in(content)]
    texts.append(ESCAPE.sub(lambda one: chr(int(one[1], 16)).encode("utf-8", "replace"), content))
    whole = b"\n".join(texts).decode("utf-8", "replace").casefold()
    return {one for one in sought if one.casefold() in whole}


def pictures_in(content: bytes) -> list[bytes]:
    """What stands in the bytes as base64."""
    return [base64.b64decode(one + b"=" * (-len(one) % 4)) for one in BASE64.findall(content)]


def received(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted((folder / "bodies").iterdir()))


def grayness(picture: bytes) -> tuple[float, float]:
    """How far the head and the rest of a page are from one gray, at the most (0 to 128)."""
    with Image.open(io.BytesIO(picture)) as image:
        pixels = image.convert("L")
    height = int(pixels.height * drill_exam.HEAD["h"])
    parts = ((0, 0, pixels.width, height - EDGE), (0, height, pixels.width, pixels.height))
    extremes = [pixels.crop(part).getextrema() for part in parts]
    return tuple(max(abs(one - 128) for one in extreme) for extreme in extremes)


def test_the_search_finds_whoever_stands_in_it(exam):
    sought = personal()
    assert len(sought) > 20
    rows = [*User.objects.all(), *Enrolment.objects.all(), *Sheet.objects.all()]
    dump = serializers.serialize("json", [*rows, *Upload.objects.all()])
    assert found(dump.encode(), sought) == sought
    page = Page.objects.get(sheet__enrolment__student__name="Zoë Ångström")
    with default_storage.open(page.image, "rb") as file:
        content = file.read()
    url = b"data:image/jpeg;base64," + base64.b64encode(content)
    assert found(b'{"url": "%s"}' % url, sought) == {"Zoë Ångström"}
    assert found(b'{"text": "By Zo\\u00eb \\u00c5ngstr\\u00f6m"}', sought) == {"Zoë Ångström"}
    assert grayness(content)[0] > 100


def test_no_byte_that_a_vendor_receives_says_who_somebody_is(emulator, exam, alice):
    place = "chat" if emulator.name == "local" else "line"
    emulator.faults.add(place, "above-maximum")  # a second round goes out too
    run = carry_out(draft(exam, emulator.name, by=alice), by=alice)
    assert troubles(run.batch_run, emulator.folder) == []
    assert run.batch_run.jobs.count() == 2

    content = received(emulator.folder)
    assert len(content) > 100_000
    assert all(job.items.first().custom_id.encode() in content for job in run.batch_run.jobs.all())
    assert found(content, personal()) == set()

    pictures = pictures_in(content)
    assert len(pictures) >= (len(NAMES) + 1) * 2
    for picture in pictures:
        head, rest = grayness(picture)
        assert head < 8
        assert rest > 100
