"""From sheets to neutral requests: rubric, key, samples and pages, in that order.

What is the same for all sheets of a run comes first, so that a provider's prompt cache can
bite. Samples go as images, or as the text that a teacher confirmed (SHEAF_SAMPLES). Nothing
personal is in a request: no name, no file name, no roll number; regions of the page that hold
them are masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_noop

from batching.models import BatchItem
from batching.purposes import Draft
from batching.requests import Data, Image, Part, Request, Text
from exams.models import Exam, Page, Rubric, SampleSheet, Sheet, SheetState
from exams.pages import kept_pages
from exams.regions import regions_seen
from exams.result_schema import result_schema
from exams.rubrics import current_rubric, leaves
from exams.samples import samples_of
from exams.transcription import masks_of, text_of
from grading import prompt

PURPOSE = "grade_sheet"

# Room for a long reply, thinking included; and what replies take by experience.
TOKENS, TOKENS_A_CRITERION = 2048, 1024
LIKELY_TOKENS_A_CRITERION = 250


def drafts_of(rubric: Rubric, items: Sequence[BatchItem]) -> dict[int, Draft | str]:
    """By item pk: the request for the item's sheet, or why there is none."""
    exam = rubric.exam
    schema = result_schema(rubric)
    samples = samples_of(exam)
    common = fixed_parts(exam, rubric, samples)
    forms = ["text" if is_sent_as_text(sample) else "images" for sample in samples]
    # What its page tells of a draft; a reply counts whatever becomes of these.
    built = {
        "samples": forms,
        "regions": len(exam.regions),
        "regions_hash": regions_seen(exam),
    }
    count = len(leaves(rubric))
    sheets = Sheet.objects.prefetch_related("pages").in_bulk([item.subject_id for item in items])
    current = current_rubric(exam)
    is_current = current is not None and current.structure_hash == rubric.structure_hash
    drafts: dict[int, Draft | str] = {}
    for item in items:
        sheet = sheets.get(item.subject_id)
        if sheet is None or not waits_for(sheet, item):
            drafts[item.pk] = gettext_noop("The sheet is no longer waiting to be graded.")
            continue
        if item.previous_id is not None and not is_current:
            # The reply would be superseded: it is not worth its money.
            drafts[item.pk] = gettext_noop(
                "The rubric's structure changed before this was sent again."
            )
            continue
        pages = kept_pages(sheet)
        if not pages:
            drafts[item.pk] = gettext_noop("The sheet has no page to be sent: all were dropped.")
            continue
        introduction = prompt.PAGES_INTRODUCTION.format(item_id=item.custom_id)
        request = Request(
            custom_id=item.custom_id,
            system=prompt.SYSTEM,
            parts=(
                *common,
                Text(introduction),
                *(page_image(exam, page, "sheet", f"Page {page.number}", pages) for page in pages),
            ),
            schema=schema,
            max_output_tokens=TOKENS + TOKENS_A_CRITERION * count,
            likely_output_tokens=LIKELY_TOKENS_A_CRITERION * count,
            fixed_parts=len(common),
        )
        drafts[item.pk] = Draft(request, fence_of(rubric, pages) | built)
    return drafts


def waits_for(sheet: Sheet, item: BatchItem) -> bool:
    """Whether the sheet is where the item needs it: mapped, or sent by an earlier item."""
    again = item.previous_id is not None
    return sheet.state == (SheetState.IN_BATCH if again else SheetState.MAPPED)


def fence_of(rubric: Rubric, pages: Sequence[Page]) -> dict[str, Any]:
    """What a request was frozen on; a reply is taken only while this is still so."""
    return {
        "pages": pages_of(pages),
        "structure_hash": rubric.structure_hash,
        "content_hash": rubric.content_hash,
        "prompt_version": prompt.PROMPT_VERSION,
    }


def pages_of(pages: Sequence[Page]) -> list[list[Any]]:
    """Which pages these are, by number and content: [[number, sha256], …]."""
    return [[page.number, page.sha256] for page in pages]


def fixed_parts(
    exam: Exam, rubric: Rubric, samples: Sequence[SampleSheet] = ()
) -> tuple[Part, ...]:
    """What is the same in every request of a run."""
    parts: list[Part] = [
        Data("rubric", rubric_value(exam, rubric)),
        Text(prompt.SCHEMA_INTRODUCTION),
        Data("schema", result_schema(rubric)),
    ]
    for number, sample in enumerate(samples, start=1):
        parts += sample_parts(exam, sample, number, len(samples))
    return tuple(parts)


def rubric_value(exam: Exam, rubric: Rubric) -> dict[str, Any]:
    """The rubric with its answer key as a JSON value; marks are numbers."""
    return {
        "exam": exam.title,
        "instructions": exam.instructions,
        "criteria": [
            {
                "code": leaf.code,
                "description": leaf.description,
                "guidance": leaf.guidance,
                "answer": leaf.answer,
                "kind": leaf.kind,
                "min": float(leaf.floor),
                "max": float(leaf.ceiling),
                "step": float(leaf.step or 0),
            }
            for leaf in leaves(rubric)
        ],
    }


def sample_parts(exam: Exam, sample: SampleSheet, number: int, count: int) -> list[Part]:
    """A sample sheet: its pages, or their text, then the teacher's marks.

    Its title stays here: a teacher may have named it after a student.
    """
    parts: list[Part] = [Text(prompt.SAMPLE_INTRODUCTION.format(number=number, count=count))]
    if is_sent_as_text(sample):
        parts += [Text(prompt.SAMPLE_AS_TEXT), Data("sample_pages", text_of(sample))]
    else:
        pages = kept_pages(sample.sheet)
        parts += [
            page_image(exam, page, "sample", f"Sample {number}, page {page.number}", pages)
            for page in pages
        ]
    return [*parts, Text(prompt.SAMPLE_MARKS), Data("sample_marks", sample.marks)]


def is_sent_as_text(sample: SampleSheet) -> bool:
    """Whether the confirmed text of a sample goes out in place of its images."""
    return settings.SHEAF_SAMPLES == "text" and bool(text_of(sample))


def page_image(exam: Exam, page: Page, role: str, label: str, kept: Sequence[Page]) -> Image:
    """A page, one of the `kept` ones of its sheet, with the exam's regions of that page masked."""
    return Image(
        name=page.image,
        sha256=page.sha256,
        role="sample" if role == "sample" else "sheet",
        page=page.number,
        label=label,
        masks=masks_of(exam, page, kept),
        width=page.width,
        height=page.height,
    )
