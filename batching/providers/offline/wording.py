"""What the offline provider tells people: feedback for the student, reasoning for staff.

Comes in: an outcome and the passage it was made from. Goes out: plain sentences in the words
of the key, cut to the lengths that a reply may have.
"""

from __future__ import annotations

from batching.providers.offline.labels import Passage
from batching.providers.offline.marks import Criterion
from batching.providers.offline.scoring import Found, Outcome

FEEDBACK_LENGTH, REASONING_LENGTH, TRANSCRIPTION_LENGTH = 2_000, 4_000, 20_000
SHOWN_POINT = 220
FULLY, PARTLY = 0.75, 0.1


def feedback(outcome: Outcome) -> str:
    """For the student: which points of the key are there, half there and missing."""
    there = [found for found in outcome.points if found.share >= FULLY]
    partly = [found for found in outcome.points if PARTLY <= found.share < FULLY]
    missing = [found for found in outcome.points if found.share < PARTLY]
    if not partly and not missing:
        return _cut(
            f"Well done. Your answer has what was asked for: {_list(there)}", FEEDBACK_LENGTH
        )
    sentences = []
    if there:
        sentences.append(f"Good, this was found in your answer: {_list(there)}")
    if partly:
        lacking = "; ".join(f"{_short(one)}{_lacking(one)}" for one in partly)
        sentences.append(f"Only part of this was found: {lacking}.")
    if missing:
        start = (
            "Not found in your answer:" if there or partly else "Your answer does not show this:"
        )
        sentences.append(f"{start} {_list(missing)}")
    return _cut(" ".join(sentences), FEEDBACK_LENGTH)


def feedback_for_nothing(outcome: Outcome) -> str:
    """For the student: no answer was seen, and what it should have said."""
    return _cut(
        f"No answer to this question was found on your pages. Expected: {_list(outcome.points)}",
        FEEDBACK_LENGTH,
    )


def reasoning(outcome: Outcome, passage: Passage, criterion: Criterion) -> str:
    """For staff: how well the answer was read and how much of each point was found."""
    sentences = [_how_read(passage)]
    if outcome.note:
        sentences.append(f"{outcome.note[:1].upper()}{outcome.note[1:]}.")
    for number, found in enumerate(outcome.points, 1):
        lacking = f" (not found: {', '.join(found.missing[:12])})" if found.missing else ""
        sentences.append(f"Point {number}: {found.share:.0%} of “{_short(found)}”{lacking}.")
    sentences.append(
        f"Together {outcome.share:.0%} of the key, for up to {criterion.most.normalize():f} marks. "
        "A point counts in full before every one of its words is found."
    )
    return _cut("\n".join(sentences), REASONING_LENGTH)


def reasoning_for_nothing(passage: Passage) -> str:
    """For staff: why there was nothing to compare."""
    if passage.labelled:
        return "Nothing was read there: the question's label stands on the page, no text below it."
    return (
        "Nothing was read there: neither a label of this question nor any text for it was found. "
        "Look at the pages before you accept the mark."
    )


def transcription(passage: Passage) -> str:
    """What was read, line by line."""
    return _cut(passage.text, TRANSCRIPTION_LENGTH)


def _how_read(passage: Passage) -> str:
    read = f"Read with {passage.confidence:.0%} certainty"
    if passage.page is not None:
        read += f" from page {passage.page} on"
    if not passage.labelled:
        return f"{read}; no label of this question was found, so all writing nearby was compared."
    return f"{read}, below the question's label."


def _list(points: list[Found] | tuple[Found, ...]) -> str:
    return "; ".join(_short(found) for found in points) + "."


def _lacking(found: Found) -> str:
    return f" (look again at: {', '.join(found.missing[:5])})" if found.missing else ""


def _short(found: Found) -> str:
    text = " ".join(found.point.text.split()).rstrip(".;, ")
    return _cut(text, SHOWN_POINT)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
