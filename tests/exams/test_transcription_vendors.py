"""A sample copied out through each vendor's own SDK, by emulators that only know the request."""

from decimal import Decimal

import pytest

from batching.build import build_run
from batching.models import BatchItem
from exams.models import SampleSheet
from exams.samples import SampleMark, save_sample
from exams.storage import keep_file
from exams.transcribe import draft_reading, send_reading
from tests.emulators.vendors import EMULATORS
from tests.exams.vendors import follow
from tests.factories import make_sheet
from tests.factories_intake import jpeg

pytestmark = pytest.mark.django_db

TEXTS = ("Plants need the energy of light.", "Every animal is made of cells.")


@pytest.mark.parametrize("name", EMULATORS)
def test_every_vendor_copies_out_the_pages_that_it_was_sent(vendor, exam, alice, name):
    vendor(name)
    sheet = make_sheet(exam, state="skipped", pages=2)
    for page, words in zip(sheet.pages.order_by("number"), TEXTS, strict=True):
        stored = keep_file(jpeg(words), "sheets/samples", ".jpg")
        page.image, page.sha256 = stored.name, stored.sha256
        page.save()
    marks = {"Q1": SampleMark(Decimal(2)), "Q2": SampleMark(Decimal(1))}
    sample = save_sample(sheet, title="Full", marks=marks, by=alice)
    run = draft_reading(sample, provider="reader", by=alice)
    build_run(run.pk)
    send_reading(sample, by=alice)
    follow(run)
    assert set(BatchItem.objects.values_list("state", "reason")) == {("accepted", "")}
    proposal = str(SampleSheet.objects.get().proposal)
    assert "energy of light" in proposal
    assert "cells" in proposal
