"""What two texts have in common, word by word, for histories; its cost is bounded.

Comes in: a text before and after a change. Goes out: pieces in order, each the same, gone or new.
Long texts that differ everywhere are compared by sentences, or shown one after the other.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Sequence

MOST_PAIRS = 4_000
"""So many pairs of equal pieces are compared at most: some hundredths of a second."""

Pieces = tuple[tuple[str, str], ...]
_SENTENCE = re.compile(r".+?(?:[.!?;]\s+|\n+|\Z)", re.DOTALL)


def words(before: str, after: str) -> Pieces:
    """What two texts have in common and what not: ("same" | "gone" | "new", text) in order."""
    a, b = (re.findall(r"\S+|\s+", text) for text in (before, after))
    if _pairs(a, b) <= MOST_PAIRS:
        return _compared(a, b)
    # Most changes of a long text are in one place of it.
    start = _alike(a, b)
    head, a, b = a[:start], a[start:], b[start:]
    end = _alike(a[::-1], b[::-1])
    a, b, tail = a[: len(a) - end], b[: len(b) - end], a[len(a) - end :]
    if _pairs(a, b) > MOST_PAIRS:
        a, b = (_SENTENCE.findall("".join(pieces)) for pieces in (a, b))
    is_cheap = _pairs(a, b) <= MOST_PAIRS
    middle = _compared(a, b) if is_cheap else replaced("".join(a), "".join(b))
    around = [(("same", "".join(pieces)),) if pieces else () for pieces in (head, tail)]
    return (*around[0], *middle, *around[1])


def replaced(before: str, after: str) -> Pieces:
    """All of one text gone, all of the other new."""
    return tuple((what, text) for what, text in (("gone", before), ("new", after)) if text)


def _pairs(a: Sequence[str], b: Sequence[str]) -> int:
    """How many pairs of equal pieces there are, which is what comparing costs."""
    there = Counter(b)
    return sum(count * there[piece] for piece, count in Counter(a).items() if not piece.isspace())


def _alike(a: Sequence[str], b: Sequence[str]) -> int:
    """How many pieces at the beginning are the same."""
    return next(
        (place for place, (one, other) in enumerate(zip(a, b, strict=False)) if one != other),
        min(len(a), len(b)),
    )


def _compared(a: Sequence[str], b: Sequence[str]) -> Pieces:
    found: list[tuple[str, str]] = []
    # Blanks alone are nothing in common. autojunk would take frequent words for noise as well.
    matcher = difflib.SequenceMatcher(str.isspace, a, b, autojunk=False)
    for what, i, j, k, m in matcher.get_opcodes():
        if what == "equal":
            found.append(("same", "".join(a[i:j])))
            continue
        if i < j:
            found.append(("gone", "".join(a[i:j])))
        if k < m:
            found.append(("new", "".join(b[k:m])))
    return tuple(found)
