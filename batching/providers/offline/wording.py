"""What the offline provider tells people: feedback for the student, reasoning for staff.

Comes in: an outcome and the passage it was made from. Goes out: plain sentences, cut to the
lengths that a reply may have. Only the reasoning has words of the key: students never see one.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from batching.providers.offline.key import Key
from batching.providers.offline.labels import Passage
from batching.providers.offline.marks import Criterion, legal_mark
from batching.providers.offline.scoring import (
    CONTRADICTED,
    POINT_FROM,
    POINT_FULL,
    WHOLE_FULL,
    WORKING,
    Found,
    Outcome,
    counted_points,
)
from batching.providers.said import gettext_noop

REASONING_LENGTH, TRANSCRIPTION_LENGTH = 4_000, 20_000
SHOWN_POINT = 220
FULLY, PARTLY = 0.75, 0.1

# The reasoning about a deduction.
NOT_JUDGED = "Deductions are not judged by the offline baseline: nothing was deducted."

# All that a student is told. A part of the expected answer is a point of the key.
FULL_MARKS = gettext_noop("Full marks: your answer has what was expected.")
ALL_FOUND = gettext_noop(
    "Well done: every part of the expected answer was found in yours, though not each in full."
)
SOME_FOUND = gettext_noop(
    "Parts of the expected answer: {all}. Found in yours: {whole}; found only in part: {partly};"
    " not found: {missing}."
)
SOME_OF_ANY = gettext_noop(
    "Asked for: {needed}. Found in your answer: {whole}; found only in part: {partly}."
)
PARTLY_FOUND = gettext_noop("Only part of what was expected was found in your answer.")
NOT_FOUND = gettext_noop("What was expected was not found in your answer.")
NO_ANSWER = gettext_noop("No answer to this question was found on your pages.")
FEEDBACK = (
    FULL_MARKS, ALL_FOUND, SOME_FOUND, SOME_OF_ANY, PARTLY_FOUND, NOT_FOUND, NO_ANSWER,
)  # fmt: skip


def feedback(outcome: Outcome, key: Key, *, is_full: bool = False) -> str:
    """For the student: how much of what was expected is there, in no word of the key."""
    whole, partly, missing = _how_many(outcome)
    if is_full:
        return FULL_MARKS
    if not outcome.share:
        return NOT_FOUND
    if not partly and not missing:
        return ALL_FOUND
    if len(outcome.points) == 1:
        return PARTLY_FOUND
    if key.needed:
        return SOME_OF_ANY.format(needed=key.needed, whole=whole, partly=partly)
    return SOME_FOUND.format(all=len(outcome.points), whole=whole, partly=partly, missing=missing)


def _how_many(outcome: Outcome) -> tuple[int, int, int]:
    """How many points of the key are there, partly there and missing."""
    whole = sum(found.share >= FULLY for found in outcome.points)
    missing = sum(found.share < PARTLY for found in outcome.points)
    return whole, len(outcome.points) - whole - missing, missing


def reasoning(outcome: Outcome, passage: Passage, criterion: Criterion, key: Key) -> str:
    """For staff: how well the answer was read, how much of each point was found, and the sum."""
    sentences = [_how_read(passage)]
    if outcome.note:
        sentences.append(f"{outcome.note[:1].upper()}{outcome.note[1:]}.")
    for number, found in enumerate(outcome.points, 1):
        lacking = f" (not found: {', '.join(found.missing[:12])})" if found.missing else ""
        against = f" ({found.note}: {CONTRADICTED:.0%} of it counts)" if found.note else ""
        shown = f"“{_short(found)}”{lacking}{against}"
        sentences.append(f"Point {number}: {_percent(found.share)} of {shown}.")
    # The sum is never what is cut off.
    end = "\n".join([*_sum(outcome, key), _mark(outcome, criterion)])
    points = _cut("\n".join(sentences), max(1, REASONING_LENGTH - len(end) - 1))
    return _cut(f"{points}\n{end}", REASONING_LENGTH)


def _sum(outcome: Outcome, key: Key) -> list[str]:
    """How the shares of the points become the share of the whole, as scoring.compare does it."""
    share = _percent(outcome.share)
    if key.choice:
        return [f"A choice is right or wrong, so together: {share}."]
    if key.verdict and not outcome.points[0].share and outcome.note != "no verdict was read":
        return ["With another verdict the reasons do not count, so together: 0%."]
    if key.verdict:
        total = sum(found.point.weight for found in outcome.points)
        return [f"Weight × share, point by point: {_weighted(outcome.points, total)} = {share}."]
    rule = (
        f"A point counts nothing up to {POINT_FROM:.0%} of its words and in full from "
        f"{POINT_FULL:.0%} on; rare words weigh more than common ones."
    )
    if key.result and outcome.note:
        return [f"The right result is a full answer, whatever the working shows: {share}."]
    counted, total = counted_points(key, outcome.points)
    if not total:
        return ["The key holds no words to compare with, so together: 0%."]
    lines = [rule]
    if key.needed:
        lines.append(f"{key.needed} points make a full answer: the best {key.needed} count.")
    whole = sum(found.point.weight * found.share for found in counted) / total
    lines.append(
        f"Weight × share, point by point: {_weighted(counted, total)} = {_percent(whole)}."
    )
    if key.result:
        lines.append(
            f"Without the result {key.result} the working counts {WORKING:.0%}: "
            f"{_percent(whole * WORKING)}."
        )
        whole *= WORKING
    most = ", at most 100%" if whole > WHOLE_FULL else ""
    lines.append(
        f"Nobody repeats a key to the last word, so {WHOLE_FULL:.0%} is a full answer: "
        f"{_percent(whole)} / {WHOLE_FULL:.0%} = {_percent(whole / WHOLE_FULL)}{most}."
    )
    return lines


def _weighted(points: Sequence[Found], total: float) -> str:
    return " + ".join(
        f"{_percent(found.point.weight / total)} × {_percent(found.share)}" for found in points
    )


def _mark(outcome: Outcome, criterion: Criterion) -> str:
    most, share = criterion.most, Decimal(str(round(outcome.share, 6)))
    return (
        f"{_percent(outcome.share)} of {_plural(most)} is {round(most * share, 2).normalize():f}; "
        f"the nearest possible mark is {legal_mark(criterion, outcome.share).normalize():f} "
        f"(in steps of {criterion.step.normalize():f}, between two the lower)."
    )


def _plural(marks: Decimal) -> str:
    return f"{marks.normalize():f} mark{'' if marks == 1 else 's'}"


def _percent(share: float) -> str:
    """With one decimal where it is not whole, so that a sum can be followed."""
    return f"{round(100 * share, 1):g}%"


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


def _short(found: Found) -> str:
    text = " ".join(found.point.text.split()).rstrip(".;, ")
    return _cut(text, SHOWN_POINT)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
