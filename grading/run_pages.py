"""How the pages of a draft leave: what a teacher is told before anything is sent.

Comes in: a run that was built. Goes out: what is done to its images and samples, and whether the
exam says by now that other places are to be covered.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from batching import providers
from exams.models import Page
from exams.regions import regions_seen
from grading.models import GradingRun


@dataclass(frozen=True, slots=True)
class PagesSent:
    """How the images of pages leave: a note on a typical one, quality, colour, masks, samples.

    `masks` is how many regions were painted over when they were built; `is_outdated` that the exam
    has others by now.
    """

    note: str
    quality: int
    gray: bool
    masks: int
    is_outdated: bool
    samples_as_text: int
    samples_as_images: int
    wants_text: bool


def pages_sent(run: GradingRun, provider: str) -> PagesSent | None:
    """How the pages of a draft leave, by its first sheet; None where none leaves this machine."""
    item = run.batch_run.items.exclude(fence={}).order_by("number").first()
    if item is None or provider not in providers.names():
        return None
    found = providers.get(provider)
    page = Page.objects.filter(sheet=item.subject_id, dropped_at=None).order_by("number").first()
    note = found.image_note(page.width, page.height) if page else ""
    if not note:
        return None
    forms = item.fence.get("samples", [])
    return PagesSent(
        note=note,
        quality=found.rendition.quality,
        gray=found.rendition.gray,
        masks=item.fence.get("regions", len(run.exam.regions)),
        is_outdated=item.fence.get("regions_hash") != regions_seen(run.exam),
        samples_as_text=forms.count("text"),
        samples_as_images=forms.count("images"),
        wants_text=settings.SHEAF_SAMPLES == "text",
    )
