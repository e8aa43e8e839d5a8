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

from batching.providers.offline.everyday import COMMON, NEGATIONS
from batching.providers.offline.key import Key, Point, Term, clauses, compact
from batching.providers.offline.reading import Line, mean_confidence
from batching.providers.offline.words import (
    fold,
    letters,
    likeness,
    may_be_number,
    numbers,
    opposites,
    related,
    resemblance,
    synonymous,
)

# A point counts nothing below the first and fully above the second share of its words.
POINT_FROM, POINT_FULL = 0.08, 0.68
# Nobody repeats a key to the last word.
WHOLE_FULL = 0.86
# From here on two words count as one; below it they only look alike.
SAME_WORD = 0.9
# What a word is worth that was found in pieces or inside another.
JOINED = 0.85
# Readings below this confidence are no ground for saying that an answer is wrong.
CLEAR, VERY_CLEAR = 0.7, 0.8
# What is left of a point that the answer contradicts.
CONTRADICTED = 0.25
# What the working of a calculation is worth without its result.
WORKING = 0.5
# How surely a word must name a side of a comparison.
SIDE = 0.85


# In a formula nobody can tell these apart.
_ALIKE = str.maketrans({"0": "o", "l": "1", "i": "1", "|": "1", "s": "5", "z": "2"})


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
    """The words of one reading of an answer; `lexicon` holds the words they may be."""

    def __init__(self, lines: Sequence[Line], lexicon: Sequence[str] = ()) -> None:
        self.lines = lines
        self.lexicon = lexicon
        self.confidence = mean_confidence(tuple(lines))
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
            return float(self.has_number(term.forms[0]))
        if term.kind == "formula":
            return self._formula(term.forms[0])
        return max(self._word(form) for form in term.forms)

    def has_number(self, number: str) -> bool:
        """Is exactly this number there, as figures, as a word or badly read?"""
        return number in self.numbers or any(
            may_be_number(number, token) for token in self.text.split()
        )

    def _formula(self, formula: str) -> float:
        formula, seen = formula.translate(_ALIKE), self.compact.translate(_ALIKE)
        if formula.replace(">", "=") in seen.replace(">", "="):
            return 1.0
        wanted: list[str] = [part for part in re.split(r"[+=>]", formula) if part]
        given: list[str] = re.split(r"[+=>]", seen)
        if len(wanted) < 2 or len(given) < 2:
            return 0.0
        # A sum or an equation: its members one by one, the outer ones may touch other words.
        middle = given[1:-1]
        return sum(
            part in middle or given[0].endswith(part) or given[-1].startswith(part)
            for part in wanted
        ) / (len(wanted) + 0.5)

    def _word(self, form: str) -> float:
        best = 0.0
        for seen in self.words:
            like = likeness(form, seen.word)
            if like >= needed_likeness(form, seen.confidence) and (
                like >= SAME_WORD or like > self._rival(form, seen.word)
            ):
                best = max(best, like)
                if best >= 1.0:
                    return 1.0
            if len(form) >= 5 and len(seen.word) >= len(form) + 3:
                best = max(best, _inside(form, seen.word))
        if best < JOINED and len(form) >= 7:
            for seen in self.pairs:
                if resemblance(form, seen.word) >= 0.78:
                    best = max(best, JOINED)
        return best

    def _rival(self, form: str, word: str) -> float:
        """How much the word looks like another word that may stand there."""
        others = [other for other in self.lexicon if not related(other, form)]
        others += opposites(form)
        return max((resemblance(other, word) for other in others), default=0.0)


def _clauses(said: Said) -> list[tuple[str, list[str]]]:
    """The clauses of an answer: their text and their words."""
    return [
        (clause, [word for word in map(letters, clause.split()) if word])
        for clause in clauses(said.text)
    ]


def needed_likeness(form: str, confidence: float) -> float:
    """A word that was read clearly must fit; one that was read badly may differ more."""
    needed = 0.64 + 0.16 * confidence
    if len(form) <= 4:
        needed += 0.07
    elif len(form) >= 9:
        needed -= 0.06
    return needed


def _inside(form: str, word: str) -> float:
    """Words that were read as one."""
    size = len(form)
    best = max(resemblance(form, word[at : at + size]) for at in range(len(word) - size + 1))
    return JOINED if best >= 0.82 else 0.0


def compare(key: Key, readings: Sequence[Sequence[Line]]) -> Outcome:
    """Compare an answer, as every reading saw it, with the key."""
    lexicon = (*key.lexicon, *COMMON)
    said = [Said(lines, lexicon) for lines in readings]
    if key.choice:
        return _choice(key, said)
    found = [_point(point, key, said) for point in key.points if point.terms]
    if key.verdict:
        return _verdict(key, said, found)
    if key.result and any(one.has_number(key.result) for one in said):
        full = tuple(Found(f.point, 1.0, ()) for f in found)
        return Outcome(1.0, full, f"the result {key.result} was found")
    counted, total = counted_points(key, found)
    share = sum(f.point.weight * f.share for f in counted) / total if total else 0.0
    if key.result:
        share *= WORKING
    return Outcome(min(1.0, share / WHOLE_FULL), tuple(found))


def counted_points(key: Key, found: Sequence[Found]) -> tuple[Sequence[Found], float]:
    """The points that count (the best, where any few are asked for) and a full answer's weight."""
    if not key.needed:
        return found, sum(f.point.weight for f in found)
    ranked = sorted(found, key=lambda f: -f.share * f.point.weight)
    total = sum(sorted((f.point.weight for f in found), reverse=True)[: key.needed])
    return ranked[: key.needed], total


def _point(point: Point, key: Key, said: Sequence[Said]) -> Found:
    total = sum(term.weight for term in point.terms)
    covered = own = 0.0
    there: list[Term] = []
    missing: list[Term] = []
    for term in point.terms:
        value = max((one.has(term) for one in said), default=0.0)
        covered += term.weight * value
        own += 0.0 if term.asked else value
        (there if value >= 0.5 else missing).append(term)
    if not own and not all(term.asked for term in point.terms):
        # Only what the question said already.
        return Found(point, 0.0, tuple(term.shown for term in missing))
    note = _contradiction(point, key, there, missing, said)
    share = (covered / total - POINT_FROM) / (POINT_FULL - POINT_FROM) if total else 0.0
    share = min(1.0, max(0.0, share)) * (1.0 if not note else CONTRADICTED)
    return Found(point, share, tuple(term.shown for term in missing), note)


def _contradiction(
    point: Point, key: Key, there: Sequence[Term], missing: Sequence[Term], said: Sequence[Said]
) -> str:
    """What the answer says against the point, in words; "" where nothing clearly does.

    Only a reading that tesseract was sure of may speak against a student.
    """
    clear = max(said, key=lambda one: one.confidence, default=None)
    if clear is None or clear.confidence < CLEAR or not there:
        return ""
    parts = _clauses(clear)
    if key.sides and _is_swapped(there, key.sides, parts):
        return "said of the other side"
    if key.sides and clear.confidence >= VERY_CLEAR and _is_silent_on(point, key.sides, said):
        return "only the other side was spoken of"
    own = set(key.lexicon)
    for term in missing:
        for opposite in opposites(term.forms[0]):
            if term.kind != "word" or any(
                related(opposite, word) or synonymous(opposite, word) for word in own
            ):
                continue
            if any(
                any(related(opposite, w) for w in words) and _speaks_of(there, words)
                for _, words in parts
            ):
                return f"“{opposite}” instead of “{term.shown}”"
    if not point.negated and not key.sides:
        denied = [words for _, words in parts if NEGATIONS & set(words)]
        weight = sum(term.weight for term in there)
        for words in denied:
            inside = sum(t.weight for t in there if _has_word(t, words))
            if inside > 0.6 * weight and inside > 0.5:
                return "the answer denies it"
    return ""


def _is_silent_on(point: Point, sides: tuple[str, ...], said: Sequence[Said]) -> bool:
    """Is the point about one side of a comparison, and only the other one named?"""
    own = {term.side for term in point.terms if term.side}
    if len(own) != 1:
        return False
    named = {s for s in sides for one in said for seen in one.words if likeness(s, seen.word) > 0.7}
    return bool(named) and not own & named


def _is_swapped(
    there: Sequence[Term], sides: tuple[str, ...], parts: Sequence[tuple[str, list[str]]]
) -> bool:
    """Is what belongs to one side of a comparison said of the other, and only of the other?"""
    said_of: dict[Term, set[str]] = {}
    current, named = "", set()
    for _, words in parts:
        here = [side for word in words for side in sides if likeness(side, word) >= SIDE]
        current = here[0] if here else current
        named |= set(here)
        for term in there:
            if term.side and current and _has_word(term, words):
                said_of.setdefault(term, set()).add(current)
    if len(named) < len(sides):
        return False
    right = sum(term.weight for term, said in said_of.items() if term.side in said)
    wrong = sum(term.weight for term, said in said_of.items() if term.side not in said)
    return wrong > 2 * right and wrong > 0.5


def _has_word(term: Term, words: Sequence[str]) -> bool:
    return term.kind == "word" and any(
        likeness(form, word) >= 0.85 for form in term.forms for word in words
    )


def _speaks_of(there: Sequence[Term], words: Sequence[str]) -> bool:
    return any(_has_word(term, words) for term in there)


_LETTER = re.compile(
    r"^\W*(?:(?:the\s+)?(?:correct\s+)?(?:answer|option|choice|ans)\s*(?:is)?\W*)?"
    r"(?P<letter>[A-Ha-h]|[©GS€¢(80O&4])(?P<again>[A-Ha-h])?(?:[\W_]|$)",
    re.I,
)
_LIKE_LETTERS = {"A": "4", "B": "8&", "C": "©G€¢(", "D": "0O", "E": "€", "G": "6", "S": "5"}


def _choice(key: Key, said: Sequence[Said]) -> Outcome:
    """The letter that was chosen, or the words it stands for."""
    votes = [vote for vote in (_chosen(key, one.text.strip()) for one in said) if vote is not None]
    right = float(bool(votes) and sum(votes) * 2 >= len(votes) and any(votes))
    return Outcome(right, (Found(key.points[0], right, ()),))


def _chosen(key: Key, text: str) -> bool | None:
    """Is it the right choice? None when no choice can be seen."""
    match = _LETTER.match(text)
    letter = (match["again"] or match["letter"]).upper() if match else ""
    if letter and letter in key.letters:
        return letter == key.choice
    if len(key.option) >= 3 and fuzz.partial_ratio(fold(key.option), fold(text)) >= 80:
        return True
    if letter:
        return letter in _LIKE_LETTERS.get(key.choice, "")
    return False if text else None


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
