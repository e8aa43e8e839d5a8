"""Answers whose label was lost: cuts them off the answer before, by what their keys expect.

Comes in: keys and passages in the order of the criteria, and what stood above the first label.
Goes out: the passages again, those of found labels perhaps shorter, those of lost labels filled.
A cut is made only where it clearly explains more of the text than leaving it in one piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from batching.providers.offline.key import Key
from batching.providers.offline.labels import Passage
from batching.providers.offline.reading import Line
from batching.providers.offline.scoring import compare

# What a cut must add to the shares of two answers to be believed.
CONVINCING = 0.25
MOST_LINES = 60


def share_out(keys: Sequence[Key], passages: Sequence[Passage], before: Passage) -> list[Passage]:
    """Give criteria without a label the part of the text before them that answers their key."""
    result = list(passages)
    start = 0
    while start < len(result):
        if result[start].labelled:
            start += 1
            continue
        end = start
        while end < len(result) and not result[end].labelled:
            end += 1
        owner = start - 1
        source = result[owner] if owner >= 0 else before
        members = ([owner] if owner >= 0 else []) + list(range(start, end))
        for member, passage in zip(members, _cut(source, [keys[m] for m in members]), strict=True):
            result[member] = passage
        start = end
    # Answered out of order: what stands above the first label may be any of them.
    if before.readings and result and result[0].labelled:
        shares = [
            0.0 if p.readings or p.labelled else compare(key, before.readings).share
            for key, p in zip(keys, result, strict=True)
        ]
        likeliest = max(range(len(shares)), key=lambda index: shares[index])
        if shares[likeliest] > CONVINCING:
            result[likeliest] = before
    return result


def _cut(source: Passage, keys: Sequence[Key]) -> list[Passage]:
    lines = source.best
    whole = [source, *(Passage(page=None) for _ in keys[1:])]
    if not source.labelled:
        whole = [Passage() for _ in keys]
    if not 1 <= len(lines) <= MOST_LINES or not keys:
        return whole

    @cache
    def share(index: int, first: int, last: int) -> float:
        if first == last:
            return 0.0
        found = compare(keys[index], [lines[first:last]]).share
        # An answer that begins in another's place must be convincing to begin at all.
        return found if index == 0 and source.labelled else max(0.0, found - CONVINCING)

    @cache
    def best(index: int, first: int) -> tuple[float, tuple[int, ...]]:
        """The best way to give lines from `first` on to the keys from `index` on: the ends."""
        if index == len(keys) - 1:
            return share(index, first, len(lines)), (len(lines),)
        options = []
        for last in range(first, len(lines) + 1):
            value, ends = best(index + 1, last)
            # Of equal cuts the latest: text stays with the label it stands below.
            options.append((round(share(index, first, last) + value, 6), last, ends))
        value, last, ends = max(options)
        return value, (last, *ends)

    _, ends = best(0, 0)
    starts = (0, *ends[:-1])
    return [
        _between(source, lines, first, last, keep=index == 0 and source.labelled)
        if share(index, first, last) > 0 or (index == 0 and source.labelled)
        else Passage()
        for index, (first, last) in enumerate(zip(starts, ends, strict=True))
    ]


def _between(
    source: Passage, lines: Sequence[Line], first: int, last: int, *, keep: bool
) -> Passage:
    """The part of a passage from one line of its best reading to another, in all readings."""
    if first == last and not keep:
        return Passage()
    top = _place(lines[first]) if first else (0, 0.0)
    bottom = _place(lines[last]) if last < len(lines) else (10**6, 0.0)
    readings = tuple(
        kept
        for reading in source.readings
        if (kept := tuple(line for line in reading if top <= _place(line) < bottom))
    )
    page = min((line.page for reading in readings for line in reading), default=source.page)
    return replace(source, readings=readings, page=page, labelled=source.labelled and keep)


def _place(line: Line) -> tuple[int, float]:
    # A hair higher, since readings differ a little on where a line stands.
    return line.page, round(line.level + 0.006, 3)
