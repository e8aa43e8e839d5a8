"""How the pages of a draft leave: what a teacher is told before anything is sent.

Comes in: a run that was built. Goes out: what is done to its images and samples, and whether its
exam has changed since, so that it must not be sent as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from batching import providers
from exams import regions
from exams.models import Page
from exams.rubrics import current_rubric
from grading.models import GradingRun


@dataclass(frozen=True, slots=True)
class PagesSent:
    """How the images of pages leave: a note on a typical one, quality, colour, masks, samples.

    `masks` is how many regions were painted over when they were built.
    """

    note: str
    quality: int
    gray: bool
    masks: int
    samples_as_text: int
    samples_as_images: int
    wants_text: bool


def why_outdated(run: GradingRun) -> str:
    """Why a draft must not be sent as it was built, for a person; "" while it may be.

    Replies by another structure of the rubric could not be used; of the pages see exams/regions.
    Two queries.
    """
    rubric = current_rubric(run.exam)
    if rubric is None or rubric.structure_hash != run.rubric.structure_hash:
        return _(
            "The rubric's structure has changed since this was drafted. "
            "Discard this draft and draft a new run."
        )
    return regions.why_outdated(run.exam, run.batch_run.items)


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
        samples_as_text=forms.count("text"),
        samples_as_images=forms.count("images"),
        wants_text=settings.SHEAF_SAMPLES == "text",
    )
