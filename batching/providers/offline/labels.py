"""Which lines answer which question: finds the labels that students write before an answer.

Comes in: the readings of all pages and the codes of the criteria in order (Q1, 2(b), 3ii).
Goes out: for every code the lines below its label, in each reading; answers run on over pages.
Labels are gathered from all readings, then the likeliest sequence of them is solved at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from batching.providers.offline.reading import Line, PageText, Reading, mean_confidence

Code = tuple[str, ...]

# How far apart two readings may put the same label, in page heights.
SAME_PLACE = 0.011
WEAKEST = 0.25

_PREFIX = (
    r"(?P<prefix>question|quest|ques|qu|q|0u|answer|answ|ans|a(?=\s*\d)|no|nr|task|part|ex|exercise"
    r"|problem|[o0©gaeé@](?=[\dliszt!|oi\]]{1,2}\s*(?:[.:),]|$)))s?"
    r"[\s.:#-]*(?:no[\s.:]*|number\s*)?"
)
_LABEL = re.compile(
    r"^[\W_]{0,2}?(?:" + _PREFIX + r")?"
    r"(?P<number>\d{1,2}|[lisz|!]|o[tl]|t|[a-h](?=\s*[).]))?"
    r"(?P<subs>(?:\s*[-.]?\s*[(\[{]\s*(?:[a-h]|[ivxl1]{1,4})\s*[)\]}]|[a-h](?=[\s).:]|$)"
    r"|\.(?:\d|[ivx]+)(?=[\s).:]|$)|\s[a-h](?=\s*[).:])){0,2})"
    r"(?P<end>\s*[.):\]}>,;=-]+|\s*$|(?=\s))",
)
_LIKE_DIGITS = {
    "l": ("1",), "i": ("1",), "|": ("1",), "!": ("1",), "t": ("1", "7"), "]": ("1",),
    "s": ("5", "3", "8"), "z": ("2",), "o": ("0",), "ot": ("1",), "ol": ("1",), "b": ("6", "8"),
    "g": ("9",), "7": ("7", "1"), "8": ("8", "3"),
}  # fmt: skip
_HEADER = re.compile(
    r"^\W*(?:page\W*[\dlIioO|]+(?:\W*(?:of|/)\W*\d+)?\W*$|name\W|roll\W*(?:no|number|num)?\b"
    r"|class\W*:|date\W*:|student\W*(?:name|id|no)|section\W*:)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Passage:
    """What was read for one criterion: its lines in every reading that saw any."""

    readings: tuple[tuple[Line, ...], ...] = ()
    page: int | None = None
    labelled: bool = False

    @property
    def best(self) -> tuple[Line, ...]:
        """The lines of the reading that tesseract was surest of."""
        return max(self.readings, key=mean_confidence, default=())

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.best)

    @property
    def confidence(self) -> float:
        return mean_confidence(self.best)


@dataclass(frozen=True, slots=True)
class _Sighting:
    """One reading's idea of a label: which criteria it may mean, and how surely."""

    page: int
    level: float
    targets: tuple[tuple[int, float], ...]
    prefixed: bool
    words: int


@dataclass
class _Place:
    """A spot on a page where at least one reading saw a label."""

    page: int
    level: float
    targets: dict[int, float] = field(default_factory=dict)
    prefixed: bool = False
    sightings: int = 0


def split_code(code: str) -> Code:
    """Q2(b)ii as ("2", "b", "ii"): what a student would write of it."""
    found = re.findall(r"\d+|[a-z]+", code.lower())
    if len(found) > 1 and not found[0].isdigit() and any(part.isdigit() for part in found):
        found = found[1:]
    return tuple(part.lstrip("0") or "0" if part.isdigit() else part for part in found)


def find_answers(pages: Sequence[PageText], codes: Sequence[str], title: str) -> list[Passage]:
    """The passage of each code, in the order of the codes; empty passages where nothing stands."""
    splits = _unique([split_code(code) for code in codes], codes)
    places = _places(pages, splits)
    chosen = _likeliest(places, splits)
    count = max((len(page.readings) for page in pages), default=0)
    if not chosen:
        return _unlabelled(pages, len(codes), title, count)
    gathered: list[list[list[Line]]] = [[[] for _ in range(count)] for _ in codes]
    for page in pages:
        for index in range(count):
            if not page.readings:
                continue
            reading = page.readings[min(index, len(page.readings) - 1)]
            for line in reading.lines:
                target, rest = _assign(line, chosen, splits)
                if target is not None and rest is not None and not is_header(rest, title):
                    gathered[target][index].append(rest)
    starts = {target: place.page for place, target in reversed(chosen)}
    return [
        _passage(gathered[target], starts.get(target), labelled=target in starts)
        for target in range(len(codes))
    ]


def is_header(line: Line, title: str) -> bool:
    """Is it a name, a roll number, a page number or the exam's title at the head of a page?"""
    if line.level > 0.16:
        return False
    text = line.text
    if _HEADER.match(text):
        return True
    return bool(title) and len(text) >= 5 and fuzz.ratio(text.lower(), title.lower()) >= 70


def _unique(splits: list[Code], codes: Sequence[str]) -> list[Code]:
    if len(set(splits)) == len(splits):
        return splits
    return [tuple(re.findall(r"\d+|[a-z]+", code.lower())) for code in codes]


def _passage(readings: list[list[Line]], start: int | None, *, labelled: bool) -> Passage:
    seen = tuple(tuple(lines) for lines in readings if lines)
    pages = [line.page for lines in seen for line in lines]
    return Passage(seen, min(pages, default=start), labelled)


def _unlabelled(
    pages: Sequence[PageText], criteria: int, title: str, count: int
) -> list[Passage]:
    """Without any label everything may belong to every criterion."""
    readings: list[list[Line]] = [[] for _ in range(count)]
    for page in pages:
        for index in range(count if page.readings else 0):
            reading = page.readings[min(index, len(page.readings) - 1)]
            readings[index] += [line for line in reading.lines if not is_header(line, title)]
    return [_passage(readings, None, labelled=False)] * criteria


def _assign(
    line: Line, chosen: list[tuple[_Place, int]], splits: Sequence[Code]
) -> tuple[int | None, Line | None]:
    """The criterion whose label stands last before the line, and the line without that label."""
    current: int | None = None
    for place, target in chosen:
        if (place.page, place.level - SAME_PLACE) > (line.page, line.level):
            break
        current = target
        if place.page == line.page and abs(place.level - line.level) <= SAME_PLACE:
            sighting = _sight(line, splits, 0.0)
            if sighting is not None:
                return target, line.without_start(sighting.words)
    return current, line


def _places(pages: Sequence[PageText], splits: Sequence[Code]) -> list[_Place]:
    places: list[_Place] = []
    for page in pages:
        here: list[_Place] = []
        for reading in page.readings:
            edge = _left_edge(reading)
            for line in reading.lines:
                sighting = _sight(line, splits, edge)
                if sighting is None:
                    continue
                place = next((p for p in here if abs(p.level - line.level) <= SAME_PLACE), None)
                if place is None:
                    place = _Place(page.number, line.level)
                    here.append(place)
                place.sightings += 1
                place.prefixed |= sighting.prefixed
                for target, strength in sighting.targets:
                    place.targets[target] = max(place.targets.get(target, 0.0), strength)
        places += sorted(here, key=lambda place: place.level)
    if sum(place.prefixed for place in places) >= 2:
        # Who writes Q1 and Q2 numbers a list inside an answer with plain figures.
        places = [place for place in places if place.prefixed]
    return places


def _left_edge(reading: Reading) -> float:
    lefts = sorted(line.left for line in reading.lines if len(line.text) > 3)
    return lefts[len(lefts) // 10] if lefts else 0.0


def _sight(line: Line, splits: Sequence[Code], edge: float) -> _Sighting | None:
    """The label at the start of a line, if there is one."""
    if edge and line.left > edge + 0.12:
        return None
    start = line.text[:28].lower()
    match = _LABEL.match(start)
    if match is None or not (match["number"] or match["subs"] or match["prefix"]):
        return None
    alone = len(line.text[match.end() :].strip()) == 0
    prefix, end = match["prefix"] or "", (match["end"] or "").strip()
    real_prefix = len(prefix) > 1 or prefix == "q"
    strength = 0.0
    if prefix:
        strength = 0.9 if real_prefix else 0.6
    elif end:
        strength = 0.4
    elif match["subs"] and match["number"]:
        strength = 0.35
    elif alone:
        strength = 0.2
    else:
        return None
    strength += (0.35 if alone else 0.0) + (0.1 if end else 0.0)
    targets = _targets(match["number"] or "", match["subs"] or "", splits, strength, alone=alone)
    kept = tuple((target, value) for target, value in targets if value >= WEAKEST)
    if not kept:
        return None
    consumed = len(start[: match.end()].split())
    return _Sighting(line.page, line.level, kept, bool(prefix), consumed)


def _targets(
    number: str, subs: str, splits: Sequence[Code], strength: float, *, alone: bool
) -> list[tuple[int, float]]:
    """The criteria that a label may mean: exactly, with a misread figure, or as a sub-part."""
    parts = [part.lstrip("0") or "0" for part in re.findall(r"[a-z]+|\d+", subs)]
    readings: list[tuple[str, float]] = []
    if number:
        readings.append((number.lstrip("0") or "0", 0.0))
        readings += [(digit, 0.12 * (at + 1)) for at, digit in enumerate(_LIKE_DIGITS.get(number, ()))]
    found: dict[int, float] = {}
    for value, loss in readings or [("", 0.0)]:
        label = tuple(([value] if value else []) + parts)
        for target, split in enumerate(splits):
            score = _fit(label, split, has_number=bool(value))
            if score is not None:
                found[target] = max(found.get(target, 0.0), strength + score - loss)
    if not found and alone and strength >= 0.9:
        # A label whose figure could not be read: its neighbours say which it is.
        found = {target: 0.3 for target in range(len(splits))}
    return list(found.items())


def _fit(label: Code, split: Code, *, has_number: bool) -> float | None:
    if not label:
        return None
    if label == split:
        return 0.15 * (len(split) - 1)
    if len(label) < len(split):
        if has_number and split[: len(label)] == label:
            rest = split[len(label) :]
            # "2." stands before "(a)": the heading opens the first of its parts.
            return -0.1 if all(part in ("a", "i", "1") for part in rest) else None
        if not has_number and split[-len(label) :] == label:
            return -0.1
    return None


def _likeliest(places: list[_Place], splits: Sequence[Code]) -> list[tuple[_Place, int]]:
    """The sequence of labels that fits best: in order, each once, few left out."""
    best: list[dict[int, tuple[float, tuple[int, int] | None]]] = []
    for at, place in enumerate(places):
        scores: dict[int, tuple[float, tuple[int, int] | None]] = {}
        for target, strength in place.targets.items():
            value = strength + 0.08 * min(place.sightings - 1, 2)
            top: tuple[float, tuple[int, int] | None] = (value - 0.02 * target, None)
            for before in range(at):
                for previous, (score, _) in best[before].items():
                    step = _step(previous, target, places[before], place, splits)
                    if score + step + value > top[0] + 1e-9:
                        top = (score + step + value, (before, previous))
            scores[target] = top
        best.append(scores)
    ends = [(scores[t][0], -at, -t) for at, scores in enumerate(best) for t in scores]
    if not ends:
        return []
    _, at, target = max(ends)
    chain: list[tuple[_Place, int]] = []
    where: tuple[int, int] | None = (-at, -target)
    while where is not None:
        chain.append((places[where[0]], where[1]))
        where = best[where[0]][where[1]][1]
    return chain[::-1]


def _step(
    previous: int, target: int, before: _Place, place: _Place, splits: Sequence[Code]
) -> float:
    if target == previous:
        # "Q3 continued" on the next page; on one page a second Q3 is somebody's list.
        same_head = len(splits[target]) > 1
        return -0.5 if before.page != place.page else (-0.4 if same_head else -1.2)
    if target < previous:
        return -0.6
    return -0.03 * (target - previous - 1)
