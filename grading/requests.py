"""From sheets to neutral requests: rubric, key, samples and pages, in that order.

What is the same for all sheets of a run comes first, so that a provider's prompt cache can
bite. Nothing personal is in a request: no name, no file name, no roll number; regions of
the page that hold them are masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batching.models import BatchItem
from batching.purposes import Draft
from batching.requests import Data, Image, Part, Request, Text
from exams.models import Exam, Page, Rubric, SampleSheet, Sheet, SheetState
from exams.result_schema import result_schema
from exams.rubrics import leaves
from exams.samples import samples_of
from grading import prompt

PURPOSE = "grade_sheet"


def drafts_of(rubric: Rubric, items: Sequence[BatchItem]) -> dict[int, Draft | str]:
    """By item pk: the request for the item's sheet, or why there is none."""
    exam = rubric.exam
    schema = result_schema(rubric)
    common = fixed_parts(exam, rubric)
    tokens = 1024 + 1024 * len(leaves(rubric))
    sheets = Sheet.objects.prefetch_related("pages").in_bulk([item.subject_id for item in items])
    drafts: dict[int, Draft | str] = {}
    for item in items:
        sheet = sheets.get(item.subject_id)
        if sheet is None or sheet.state != SheetState.MAPPED:
            drafts[item.pk] = "The sheet is no longer waiting to be graded."
            continue
        pages = pages_to_send(sheet)
        if not pages:
            drafts[item.pk] = "The sheet has no page to be sent: all were dropped."
            continue
        introduction = prompt.PAGES_INTRODUCTION.format(item_id=item.custom_id)
        request = Request(
            custom_id=item.custom_id,
            system=prompt.SYSTEM,
            parts=(
                *common,
                Text(introduction),
                *(page_image(exam, page, "sheet", f"Page {page.number}") for page in pages),
            ),
            schema=schema,
            max_output_tokens=tokens,
        )
        drafts[item.pk] = Draft(request, fence_of(rubric, pages))
    return drafts


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


def pages_to_send(sheet: Sheet) -> list[Page]:
    """The pages of a sheet in order, without those that a teacher dropped."""
    return sorted(
        (page for page in sheet.pages.all() if page.dropped_at is None),
        key=lambda page: page.number,
    )


def fixed_parts(exam: Exam, rubric: Rubric) -> tuple[Part, ...]:
    """What is the same in every request of a run."""
    parts: list[Part] = [
        Data("rubric", rubric_value(exam, rubric)),
        Text(prompt.SCHEMA_INTRODUCTION),
        Data("schema", result_schema(rubric)),
    ]
    for sample in samples_of(exam):
        parts += sample_parts(exam, sample)
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


def sample_parts(exam: Exam, sample: SampleSheet) -> list[Part]:
    """A sample sheet: its pages, then the teacher's marks."""
    pages = pages_to_send(sample.sheet)
    return [
        Text(prompt.SAMPLE_INTRODUCTION.format(title=sample.title)),
        *(page_image(exam, page, "sample", f"Sample page {page.number}") for page in pages),
        Data("sample_marks", sample.marks),
    ]


def page_image(exam: Exam, page: Page, role: str, label: str) -> Image:
    """A page with the exam's regions of that page masked."""
    masks = tuple(
        (region["x"], region["y"], region["w"], region["h"])
        for region in exam.regions
        if region["page"] == page.number
    )
    return Image(
        name=page.image,
        sha256=page.sha256,
        role="sample" if role == "sample" else "sheet",
        page=page.number,
        label=label,
        masks=masks,
    )
