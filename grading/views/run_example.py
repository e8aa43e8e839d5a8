"""One request of a run as it is sent, and the pictures in it.

Comes in: a run, the number of one of its items, the number of a picture. Goes out: a page that
can be read, and the very bytes of the pictures, never cached.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_safe

from accounts.roles import teacher_required
from batching import providers
from batching.models import BatchItem
from exams.models import MARKED_STATES, Sheet
from grading.models import GradingRun
from grading.queries import runs_for
from grading.review_blind import codes_of
from grading.run_example import (
    MEDIA_TYPES,
    Example,
    NoExample,
    Shown,
    criteria_of,
    drafted_items,
    example_of,
    picture_of,
)
from grading.run_story import cost_of_item

LONGEST_NUMBER = 9


@require_GET
@teacher_required
def run_example(request: HttpRequest, pk: int) -> HttpResponse:
    """A request of the run exactly as it is sent: the first one, or the one asked for."""
    run = get_object_or_404(runs_for(request.user), batch_run__id=pk)
    items = drafted_items(run)
    asked = request.GET.get("item", "")
    if asked:
        if not asked.isdecimal() or len(asked) > LONGEST_NUMBER:
            raise Http404
        item = get_object_or_404(items, number=int(asked))
    else:
        item = items.first()
    context: dict[str, Any] = {"run": run, "exam": run.exam, "item": item}
    if item is not None:
        context |= facts_of(run, item) | shown(item)
        sheet_code = codes_of([item.subject_id], request.user, MARKED_STATES).get(
            item.subject_id, ""
        )
        context["sheet_code"] = sheet_code
    return render(request, "grading/run_example.html", context)


@require_safe
@teacher_required
def run_example_image(request: HttpRequest, pk: int, item: int, number: int) -> HttpResponse:
    """A picture of a request, the bytes that are sent."""
    run = get_object_or_404(runs_for(request.user), batch_run__id=pk)
    return sent_picture(run, item, number)


def sent_picture(run: GradingRun, item: int, number: int) -> HttpResponse:
    """The bytes of a picture of the run's request `item`, never as anything but a picture."""
    found = get_object_or_404(drafted_items(run), number=item)
    try:
        content, media_type = picture_of(found, number)
    except NoExample as error:
        raise Http404 from error
    if media_type not in MEDIA_TYPES:
        media_type = "application/octet-stream"
    return HttpResponse(
        content,
        content_type=media_type,
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'inline; filename="picture-{number + 1}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


def facts_of(run: GradingRun, item: BatchItem) -> dict[str, Any]:
    """Whose request it is, by whom it is answered, what it costs, and its neighbours."""
    items = drafted_items(run)
    return {
        "sheet": Sheet.objects.filter(pk=item.subject_id, exam=run.exam).first(),
        "provider": providers.about(item.provider),
        "attempt": item.round + 1,
        "cost": cost_of_item(item),
        "before": items.filter(number__lt=item.number).values_list("number", flat=True).last(),
        "after": items.filter(number__gt=item.number).values_list("number", flat=True).first(),
        "position": items.filter(number__lte=item.number).count(),
        "count": items.count(),
    }


def shown(item: BatchItem) -> dict[str, Any]:
    """The request itself, or why it cannot be shown."""
    try:
        example = example_of(item)
    except NoExample as error:
        return {"problem": str(error)}
    return {
        "example": example,
        "parts": [part_row(part) for part in example.parts],
        "schema": indented(example.schema) if example.schema is not None else "",
        "is_neutral": item.job is not None and item.job.kind == "direct",
        "pictures": example.pictures,
        "words": words_of(example),
    }


def part_row(part: Shown) -> dict[str, Any]:
    """A part with what its template needs: a table for a rubric or marks, else indented JSON."""
    row: dict[str, Any] = {"part": part}
    if part.kind == "data":
        row["criteria"] = criteria_of(part.value)
        row["marks"] = marks_of(part.value)
        row["texts"] = texts_of(part.value)
        row["json"] = indented(part.value)
    return row


def marks_of(value: Any) -> list[tuple[str, Any]] | None:
    """A sample's marks by code, for a table; None for any other value."""
    if (
        isinstance(value, dict)
        and value
        and all(isinstance(mark, dict) and "awarded" in mark for mark in value.values())
    ):
        return list(value.items())
    return None


def texts_of(value: Any) -> list[dict[str, Any]] | None:
    """The text of a sample's pages; None for any other value."""
    if (
        isinstance(value, list)
        and value
        and all(isinstance(one, dict) and set(one) == {"page", "text"} for one in value)
    ):
        return value
    return None


def indented(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def words_of(example: Example) -> int:
    """How many words of text the request has, for a person."""
    texts = [example.system, *(part.text for part in example.parts)]
    texts += [indented(part.value) for part in example.parts if part.kind == "data"]
    return sum(len(text.split()) for text in texts)
