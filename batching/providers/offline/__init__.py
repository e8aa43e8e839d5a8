"""The offline provider: grades on this machine, without a network and without AI.

It reads the pages with tesseract, finds the answers by their labels and compares each with the
answer key. Comes in: a neutral request. Goes out: a reply of the shape that the request's
schema asks for, the same for the same bytes. A baseline: every mark wants a person's look.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from batching.providers import said
from batching.providers.base import Answer, Limits, Price, ReadImage, Rendition, Usage
from batching.providers.base import ProviderRefused as Refused
from batching.providers.offline import wording
from batching.providers.offline.apart import share_out
from batching.providers.offline.key import Key, read_key
from batching.providers.offline.labels import Passage, find_answers
from batching.providers.offline.marks import Criterion, legal_mark, plain, read_criterion
from batching.providers.offline.reading import PageText, ReadingFailed, read_page
from batching.providers.offline.scoring import Outcome, compare
from batching.providers.options import Options
from batching.providers.said import gettext_noop
from batching.requests import Data, Image, Request

# A mark made by comparing words is never more certain than this.
MOST_CERTAIN = 0.85
# Words below this confidence alone are specks, not an answer.
SEEN = 0.25
NOTHING_READ = gettext_noop("No writing could be read on any page of this sheet.")
NO_RUBRIC = gettext_noop("The request holds no rubric, and without it nothing can be graded.")


class OfflineProvider:
    """A direct provider. Options: `concurrency` (requests at once), `page_seconds` (the longest
    one reading of one page may take), `tesseract` (the program).
    """

    kind: Literal["direct", "batch"] = "direct"
    assessor: Literal["ai_batch", "local_model", "offline"] = "offline"
    needs_answer_key = True
    title = gettext_noop("Offline baseline")
    notice = gettext_noop(
        "A baseline without AI: it compares what it could read with the answer key. "
        "Every mark must be reviewed."
    )
    model = "offline-1"
    missing = ""
    account = "offline"
    limits = Limits()
    price = Price()
    # As they are: every pixel helps to read.
    rendition = Rendition()

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        given = Options(options)
        self.concurrency = given.count("concurrency", 1, least=1)
        self._seconds = given.number("page_seconds", 60)
        self._tesseract = given.text("tesseract", "tesseract")
        given.refuse_others()

    def estimate(self, request: Request, read_image: ReadImage) -> Usage:
        """Nothing: no tokens are counted."""
        return Usage()

    def image_note(self, width: int, height: int) -> str:
        """Nothing: no image leaves this machine."""
        return ""

    def answer(self, request: Request, read_image: ReadImage) -> Answer:
        """Grade one sheet. Raises ProviderRefused when the request holds no rubric."""
        rubric = _rubric(request)
        criteria = [read_criterion(value) for value in rubric["criteria"]]
        keyless = [c.code for c in criteria if not c.answer and c.kind != "penalty"]
        if keyless:
            return self._failed(request, said.NO_ANSWER_KEY.format(codes=", ".join(keyless)))
        images = [p for p in request.parts if isinstance(p, Image) and p.role == "sheet"]
        pages: list[PageText] = []
        for image in images:
            try:
                page = read_page(
                    read_image(image).content,
                    image.page,
                    timeout=self._seconds,
                    tesseract=self._tesseract,
                    masks=image.masks,
                )
            except ReadingFailed as failure:
                problem = said.OF_PAGE.format(page=image.page, why=failure)
                return self._failed(request, problem, retryable=failure.retryable)
            pages.append(page)
        if not any(reading.lines for page in pages for reading in page.readings):
            return self._failed(request, NOTHING_READ)
        parts = grade(criteria, pages, str(rubric.get("exam") or ""))
        text = json.dumps({"item_id": request.custom_id, "parts": parts}, ensure_ascii=False)
        return Answer(request.custom_id, text, raw=text, model=self.model)

    def _failed(self, request: Request, problem: str, *, retryable: bool = False) -> Answer:
        return Answer(
            request.custom_id, "", raw="", finish="error", problem=problem, retryable=retryable,
            model=self.model,
        )  # fmt: skip


def grade(
    criteria: Sequence[Criterion], pages: Sequence[PageText], title: str
) -> dict[str, dict[str, Any]]:
    """By code: what was read for each criterion and the mark it gets."""
    keys = [read_key(criterion.answer, criterion.description) for criterion in criteria]
    passages, before = find_answers(pages, [criterion.code for criterion in criteria], title)
    if any(passage.labelled for passage in passages):
        passages = share_out(keys, passages, before)
    return {
        criterion.code: _part(criterion, key, passage)
        for criterion, key, passage in zip(criteria, keys, passages, strict=True)
    }


def _part(criterion: Criterion, key: Key, passage: Passage) -> dict[str, Any]:
    nothing = _is_nothing(passage)
    outcome = compare(key, () if nothing else passage.readings)
    if criterion.kind == "penalty":
        reasoning = wording.NOT_JUDGED
        feedback, share, confidence = "", 0.0, 0.1
    elif nothing:
        reasoning = wording.reasoning_for_nothing(passage)
        feedback = wording.NO_ANSWER
        share, confidence = 0.0, 0.3 if passage.labelled else 0.1
    else:
        share, confidence = outcome.share, _confidence(outcome, passage, criterion)
        reasoning = wording.reasoning(outcome, passage, criterion, key)
        is_full = legal_mark(criterion, share) == criterion.most
        feedback = wording.feedback(outcome, key, is_full=is_full)
    return {
        "page": passage.page,
        "transcription": "" if nothing else wording.transcription(passage),
        "reasoning": reasoning,
        "feedback": feedback,
        "awarded": plain(legal_mark(criterion, share)),
        "confidence": confidence,
    }


def _is_nothing(passage: Passage) -> bool:
    return not any(
        word.confidence >= SEEN and any(char.isalnum() for char in word.text)
        for lines in passage.readings
        for line in lines
        for word in line.words
    )


def _confidence(outcome: Outcome, passage: Passage, criterion: Criterion) -> float:
    """How sure the mark is: how well the answer was read, how clear each point was, and how far
    the mark is from the next one.
    """
    steps = float((criterion.most - criterion.least) / criterion.step) if criterion.step else 1.0
    clear = [abs(found.share - 0.5) * 2 for found in outcome.points]
    clearness = sum(clear) / len(clear) if clear else 0.5
    beside = abs((outcome.share * steps) % 1 - 0.5) * 2
    value = passage.confidence * (0.5 + 0.35 * clearness + 0.15 * beside)
    if not passage.labelled:
        value *= 0.5
    return round(max(0.05, min(MOST_CERTAIN, value)), 2)


def _rubric(request: Request) -> dict[str, Any]:
    for part in request.parts:
        if isinstance(part, Data) and part.name == "rubric" and isinstance(part.value, dict):
            return part.value
    raise Refused(NO_RUBRIC)
