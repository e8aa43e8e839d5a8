"""Which lines answer which question: finds the labels that students write before an answer.

Comes in: the readings of all pages and the codes of the criteria in order (Q1, 2(b), 3ii).
Goes out: for every code the lines below its label, in each reading; answers run on over pages.
Labels are gathered from all readings, then the likeliest sequence of them is solved at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rapidfuzz import fuzz

from batching.providers.offline.reading import Line, PageText, Reading, mean_confidence

Code = tuple[str, ...]

# How far apart two readings may put the same label, in page heights.
SAME_PLACE = 0.011
WEAKEST = 0.25
# What it costs to leave a question out of the sequence.
SKIPPED = 0.12

# "Question 3", "Ans. 3": words that announce a label.
_WORDS = re.compile(
    r"^\W{0,2}(?:(?:question|quest|ques|qn|answer|answ|ans|no|nr|task|part|exercise|problem)s?|q)"
    r"[\s.:#-]*(?:(?:no|number)[\s.:]*)?(?=\S)",
    re.IGNORECASE,
)
# Such a word as tesseract may have seen it: something short before a figure and a bracket.
_LIKE_WORD = re.compile(r"^[^\W\d_]\S{1,4}\s+(?=(?:\d{1,2}|[^\w\s])[.:)])")
# What tesseract makes of a handwritten Q.
_LIKE_Q = re.compile(r"^[QqOo0G@©CaAUé®Öd%](?=\S{1,2}(?:[.:),;]|\s|$))")
_NUMBER = re.compile(r"^\d{1,2}(?!\d)|^[^\s.:),;(\[\w]|^[^\W_]")
_SUBS = re.compile(
    r"^(?:\s*[-.]?\s*[(\[{]\s*(?:[a-h]|[ivxl1]{1,4})\s*[)\]}]|[a-h](?=[\s).:]|$)"
    r"|\.(?:\d|[ivx]+)(?=[\s).:]|$)|\s[a-h](?=\s*[).:])){1,2}"
)
_END = re.compile(r"^(?:\s*[.):\]}>,;=-]+|\s*$|(?=\s))")
# What tesseract makes of a handwritten figure.
_LIKE_DIGITS = {
    "0": "oOQD", "1": "lLiI|!\\)/tTJjD]1", "2": "zZLUVWQtTeEu?7", "3": "B8SZDPszJ",
    "4": "UuYyFfkKWwHAa&¢¥L\"“+9Q%q{", "5": "SsFf$§3", "6": "GbEeéCGZO0oLd&8@", "7": "T1ZJFf/)?",
    "8": "B&S3gR%", "9": "gqYaA4",
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
    """One reading's idea of a label: which criteria it may mean, and how surely.

    `words` of the line belong to the label; `rest` is what of the last one does not.
    """

    targets: tuple[tuple[int, float], ...]
    prefixed: bool
    exact: bool
    words: int
    rest: str


@dataclass
class _Place:
    """A spot on a page where at least one reading saw a label."""

    page: int
    level: float
    targets: dict[int, float] = field(default_factory=dict)
    prefixed: bool = False
    exact: bool = False

    def add(self, sighting: _Sighting) -> None:
        self.prefixed |= sighting.prefixed
        self.exact |= sighting.exact
        for target, strength in sighting.targets:
            before = self.targets.get(target, 0.0)
            self.targets[target] = max(before, strength) + 0.15 * min(before, strength)


def split_code(code: str) -> Code:
    """Q2(b)ii as ("2", "b", "ii"): what a student would write of it."""
    found = re.findall(r"\d+|[a-z]+", code.lower())
    if len(found) > 1 and not found[0].isdigit() and any(part.isdigit() for part in found):
        found = found[1:]
    return tuple(part.lstrip("0") or "0" if part.isdigit() else part for part in found)


def find_answers(
    pages: Sequence[PageText], codes: Sequence[str], title: str
) -> tuple[list[Passage], Passage]:
    """The passage of each code, in the order of the codes, empty where nothing stands; and what
    stands above the first label. Without any label every passage is the whole text.
    """
    splits = _unique([split_code(code) for code in codes], codes)
    chosen = _likeliest(_places(pages, splits), splits)
    count = max((len(page.readings) for page in pages), default=0)
    gathered: list[list[list[Line]]] = [[[] for _ in range(count)] for _ in [*codes, ""]]
    for page in pages:
        for index in range(count if page.readings else 0):
            # A page that was read twice only stands in for itself in the third reading.
            reading = page.readings[min(index, len(page.readings) - 1)]
            for line in reading.lines:
                target, rest = _assign(line, chosen, splits)
                if rest is not None and not is_header(rest, title):
                    gathered[-1 if target is None else target][index].append(rest)
    before = _passage(gathered[-1], None, labelled=False)
    if not chosen:
        return [before for _ in codes], Passage()
    starts = {target: place.page for place, target in reversed(chosen)}
    passages = [
        _passage(gathered[target], starts.get(target), labelled=target in starts)
        for target in range(len(codes))
    ]
    return passages, before


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
            sighting = _sight(line, splits, opening=True)
            if sighting is not None:
                return target, line.without_start(sighting.words, sighting.rest)
    return current, line


def _places(pages: Sequence[PageText], splits: Sequence[Code]) -> list[_Place]:
    places: list[_Place] = []
    for page in pages:
        here: list[_Place] = []
        for reading in page.readings:
            edge = _left_edge(reading)
            opens = _openings(reading)
            for line, opening in zip(reading.lines, opens, strict=True):
                if line.left > edge + 0.12:
                    continue
                sighting = _sight(line, splits, opening=opening)
                if sighting is None:
                    continue
                place = next((p for p in here if abs(p.level - line.level) <= SAME_PLACE), None)
                if place is None:
                    place = _Place(page.number, line.level)
                    here.append(place)
                place.add(sighting)
        places += sorted(here, key=lambda place: place.level)
    if sum(place.prefixed and place.exact for place in places) >= 2:
        # Who writes Q1 and Q2 numbers a list inside an answer with plain figures.
        places = [place for place in places if place.prefixed]
    return places


def _left_edge(reading: Reading) -> float:
    lefts = sorted(line.left for line in reading.lines if len(line.text) > 3)
    return lefts[len(lefts) // 10] if lefts else 0.0


def _openings(reading: Reading) -> list[bool]:
    """For each line: does more white than usual stand above it, as before a new answer?"""
    levels = [line.level for line in reading.lines]
    gaps = [after - before for before, after in pairwise(levels)]
    usual = sorted(gap for gap in gaps if gap > 0.006)
    common = usual[len(usual) // 3] if usual else 1.0
    return [True, *(gap > 1.45 * common for gap in gaps)][: len(levels)]


def _sight(line: Line, splits: Sequence[Code], *, opening: bool) -> _Sighting | None:
    """The label at the start of a line, if there is one."""
    text = line.text
    words = _WORDS.match(text)
    looks = _LIKE_Q.match(text) or _LIKE_WORD.match(text)
    heads = [(match.end(), match is words) for match in (words, looks) if match]
    for head, real in [*heads, (0, False)]:
        sighting = _parse(line, head, splits, opening=opening, real=real)
        if sighting is not None:
            return sighting
    return None


def _parse(
    line: Line, head: int, splits: Sequence[Code], *, opening: bool, real: bool
) -> _Sighting | None:
    """A label whose number starts at the character `head` of the line."""
    text = line.text
    at = head
    number = _NUMBER.match(text[at:])
    figure = number[0] if number else ""
    at += len(figure)
    subs = _SUBS.match(text[at:])
    if subs is None and not figure.isdigit():
        subs = _SUBS.match(text[head:])
        if subs is not None and not head:
            figure, at = "", head
    at += subs.end() if subs else 0
    end = _END.match(text[at:])
    if end is None or not (figure or subs):
        return None
    at += end.end()
    ended = bool(end[0].strip())
    alone = not text[at:].strip()
    sure = figure.isdigit() or (not figure and subs is not None)
    bare = not head and not ended and not (alone and sure) and not (sure and subs)
    if bare and not (opening and at < len(text)):
        return None
    strength = (1.0 if real else 0.8) if head else (0.3 if bare else 0.55)
    strength += (0.25 if alone else 0.0) + (0.1 if ended else 0.0) + (0.2 if opening else 0.0)
    if not sure and not (opening or alone):
        strength -= 0.35
    parts = [p.lstrip("0") or "0" for p in re.findall(r"[a-z]+|\d+", subs[0] if subs else "")]
    kept = tuple(
        (target, value)
        for target, value in _targets(figure, parts, splits, strength)
        if value >= WEAKEST
    )
    if not kept:
        return None
    count = len(text[:at].split())
    rest = ""
    if at < len(text) and not text[at - 1].isspace() and not text[at].isspace():
        rest = text[at:].split()[0]
    return _Sighting(kept, head > 0, sure and figure.isdigit(), count, rest)


def _targets(
    figure: str, parts: list[str], splits: Sequence[Code], strength: float
) -> list[tuple[int, float]]:
    """The criteria that a label may mean: exactly, with a misread figure, or as a sub-part."""
    found: dict[int, float] = {}
    for target, split in enumerate(splits):
        wanted = split[0] if split else ""
        if not figure:
            fit = _fit(tuple(parts), split, has_number=False)
            like = 0.8
        else:
            fit = _fit((wanted, *parts), split, has_number=True)
            like = _figure(figure, wanted)
        if fit is not None and like:
            found[target] = max(found.get(target, 0.0), strength * like + fit)
    return list(found.items())


def _figure(read: str, wanted: str) -> float:
    """How likely is it that this was written as that number?"""
    plain = read.lstrip("0") or "0" if read.isdigit() else read.lower()
    if plain == wanted:
        return 1.0
    if len(wanted) > 1 or not wanted.isdigit():
        return 0.0
    if read.isdigit():
        return 0.4 if len(read) == 1 and read in _LIKE_DIGITS[wanted] else 0.25 * (len(read) == 1)
    return 0.7 if read in _LIKE_DIGITS[wanted] else 0.35


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
            value = strength
            top: tuple[float, tuple[int, int] | None] = (value - SKIPPED * target, None)
            for before in range(at):
                for previous, (score, _) in best[before].items():
                    step = _step(previous, target, places[before], place, splits)
                    if score + step + value > top[0] + 1e-9:
                        top = (score + step + value, (before, previous))
            scores[target] = top
        best.append(scores)
    last = len(splits) - 1
    ends = [
        (scores[t][0] - SKIPPED * (last - t), -at, -t)
        for at, scores in enumerate(best)
        for t in scores
    ]
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
        return -0.5 if before.page != place.page else (-0.1 if same_head else -1.2)
    if target < previous:
        return -0.6
    return -SKIPPED * (target - previous - 1)
