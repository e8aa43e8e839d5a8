"""How much of the key an answer says: from a key and a passage to the share of each point.

Comes in: a Key and what was read. Goes out: an Outcome with the share (0..1) of the whole and
of every point, and how near the decision was. Word order is not looked at, so paraphrases
count; numbers, choices and verdicts are compared exactly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz import fuzz

from batching.providers.offline.key import Key, Point, Term, compact
from batching.providers.offline.reading import Line
from batching.providers.offline.words import fold, letters, likeness, numbers, resemblance

# A point counts nothing below the first and fully above the second share of its words.
POINT_FROM, POINT_FULL = 0.22, 0.75
# Nobody repeats a key to the last word.
WHOLE_FULL = 0.88


@dataclass(frozen=True, slots=True)
class Found:
    """One point of the key and how much of it was found."""

    point: Point
    share: float
    missing: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The comparison of one answer with its key."""

    share: float
    points: tuple[Found, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One read word, as letters."""

    word: str
    confidence: float


class Said:
    """The words of one reading of an answer."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        words = [(word.text, word.confidence) for line in lines for word in line.words]
        tokens = [
            (part, confidence)
            for text, confidence in words
            for part in re.split(r"(?<=[A-Za-z])[-/,.;](?=[A-Za-z])", text)
        ]
        self.words = [Seen(letters(t), c) for t, c in tokens if letters(t)]

    @cached_property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)

    @cached_property
    def numbers(self) -> set[str]:
        return set(numbers(self.text, read=True))

    @cached_property
    def compact(self) -> str:
        return compact(self.text)

    @cached_property
    def pairs(self) -> list[Seen]:
        return [
            Seen(one.word + two.word, min(one.confidence, two.confidence))
            for one, two in zip(self.words, self.words[1:], strict=False)
            if len(one.word) + len(two.word) >= 6
        ]

    def has(self, term: Term) -> float:
        """How surely the term is there, 0 to 1."""
        if term.kind == "number":
            return 1.0 if term.forms[0] in self.numbers else 0.0
        if term.kind == "formula":
            return self._formula(term.forms[0])
        return max(self._word(form) for form in term.forms)

    def _formula(self, formula: str) -> float:
        if formula in self.compact:
            return 1.0
        if len(formula) < 6:
            return 0.0
        share = fuzz.partial_ratio(formula, self.compact) / 100 if len(self.compact) >= 4 else 0.0
        return share if share >= 0.75 else 0.0

    def _word(self, form: str) -> float:
        best = 0.0
        for seen in self.words:
            like = likeness(form, seen.word)
            if like >= needed_likeness(form, seen.confidence):
                best = max(best, like)
                if best >= 1.0:
                    return 1.0
            if len(form) >= 5 and len(seen.word) >= len(form) + 3:
                best = max(best, _inside(form, seen.word))
        if best < 0.85 and len(form) >= 7:
            for seen in self.pairs:
                if resemblance(form, seen.word) >= 0.78:
                    best = max(best, 0.85)
        return best


def needed_likeness(form: str, confidence: float) -> float:
    """A word that was read clearly must fit; one that was read badly may differ more."""
    needed = 0.66 + 0.16 * confidence
    if len(form) <= 4:
        needed += 0.07
    elif len(form) >= 9:
        needed -= 0.04
    return needed


def _inside(form: str, word: str) -> float:
    """Words that were read as one."""
    size = len(form)
    best = max(resemblance(form, word[at : at + size]) for at in range(len(word) - size + 1))
    return 0.85 if best >= 0.82 else 0.0


def compare(key: Key, readings: Sequence[Sequence[Line]]) -> Outcome:
    """Compare an answer, as every reading saw it, with the key."""
    said = [Said(lines) for lines in readings]
    if key.choice:
        return _choice(key, said)
    found = [_point(point, said) for point in key.points if point.terms]
    if key.verdict:
        return _verdict(key, said, found)
    if key.result and any(key.result in one.numbers for one in said):
        full = tuple(Found(f.point, 1.0, ()) for f in found)
        return Outcome(1.0, full, f"the result {key.result} was found")
    ranked = sorted(found, key=lambda f: -f.share * f.point.weight)
    counted = ranked[: key.needed] if key.needed else found
    total = sum(f.point.weight for f in counted)
    if key.needed:
        total = sum(sorted((f.point.weight for f in found), reverse=True)[: key.needed])
    share = sum(f.point.weight * f.share for f in counted) / total if total else 0.0
    if key.result:
        share *= 0.5
    return Outcome(min(1.0, share / WHOLE_FULL), tuple(found))


def _point(point: Point, said: Sequence[Said]) -> Found:
    total = sum(term.weight for term in point.terms)
    covered, missing = 0.0, []
    for term in point.terms:
        value = max((one.has(term) for one in said), default=0.0)
        covered += term.weight * value
        if value < 0.5:
            missing.append(term.shown)
    coverage = covered / total if total else 0.0
    share = min(1.0, max(0.0, (coverage - POINT_FROM) / (POINT_FULL - POINT_FROM)))
    return Found(point, share, tuple(missing))


def _choice(key: Key, said: Sequence[Said]) -> Outcome:
    """The letter that was chosen, or the words it stands for."""
    point = key.points[0]
    votes: list[bool] = []
    for one in said:
        text = one.text.strip()
        match = re.match(
            r"^\W*(?:(?:the\s+)?(?:correct\s+)?(?:answer|option|ans)\s*(?:is)?\W*)?([A-Ha-h])\b"
            r"(?![a-z'’])", text,
        )  # fmt: skip
        if match:
            votes.append(match[1].upper() == key.choice)
        elif key.option:
            votes.append(fuzz.partial_ratio(fold(key.option), fold(text)) >= 80)
    right = bool(votes) and sum(votes) * 2 > len(votes)
    return Outcome(float(right), (Found(point, float(right), ()),))


_YES = {"true": True, "yes": True, "correct": True, "false": False, "no": False, "incorrect": False}


def _verdict(key: Key, said: Sequence[Said], found: Sequence[Found]) -> Outcome:
    """True or false first, the reason only with the right verdict."""
    votes: list[bool] = []
    for one in said:
        for seen in one.words[:6]:
            hit = next((word for word in _YES if resemblance(word, seen.word) >= 0.8), None)
            if hit is not None:
                votes.append(_YES[hit] == _YES[key.verdict])
                break
    head = key.points[0]
    if not votes:
        share, note = 0.0, "no verdict was read"
    else:
        share = float(sum(votes) * 2 > len(votes))
        note = "" if share else "another verdict was given"
    rest = sum(f.point.weight * f.share for f in found)
    total = head.weight + sum(f.point.weight for f in found)
    if votes and not share:
        rest = 0.0
    points = (Found(head, share, ()), *found)
    return Outcome(min(1.0, (head.weight * share + rest) / total), points, note)
