"""Roll numbers and names: reading them from the head of a page and from file names.

Comes in: a page image or a text, and the class's roll numbers and names. Goes out: which of them it
is, why, and how certain. Letters and digits that look alike are taken for each other, but never so
that two students' numbers become one.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop
from PIL import Image
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from exams import tesseract

HEAD = 0.24
LABEL = re.compile(
    r"\b(?:r[o0][l1i]{2}|reg(?:istration|d)?|enrol+ment|admission|adm|index|seat|candidate|student)"
    r"\b[\s.:#]*(?:(?:n[o0]|number|num|nr|id|#)\b)?[\s.:#_\-=]*",
    re.IGNORECASE,
)
NAME_LABEL = re.compile(r"\bnam[ec]\b(?:\s+of\s+\w+(?:\s+\w+)?)?[\s.:_\-=]+", re.IGNORECASE)
NEXT_LABEL = re.compile(
    r"\b(?:r[o0][l1i]{2}|reg|enrol|class|date|section|subject|page|n[o0][.:])", re.IGNORECASE
)
READS = gettext_noop("Roll number on page 1 reads %(read)s")
MATCHES = gettext_noop("Roll number on page 1 reads %(read)s, matches %(roll)s")
NEARLY = gettext_noop("Roll number on page 1 reads %(read)s, nearly %(roll)s")
COULD_BE = gettext_noop("Roll number on page 1 %(read)s could be %(rolls)s")
LOOKS_LIKE = str.maketrans("OQDILSBZG", "000115826")
LABELLED, UNLABELLED = 4, 3


@dataclass(frozen=True, slots=True)
class RollReading:
    """One of the known roll numbers or "", why, certainty from 0 to 1, and what stood there."""

    roll: str
    reason: str
    certainty: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class HeadReading:
    """What was read at the head of a page, as it stood there."""

    roll: str
    name: str


@functools.lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """A roll number without case and punctuation."""
    return re.sub(r"[^0-9A-Z]", "", text.upper())


@functools.lru_cache(maxsize=20_000)
def folded(text: str) -> str:
    """A roll number with characters that look alike made equal."""
    return plain(text).translate(LOOKS_LIKE)


def match_roll(text: str, known: Sequence[str]) -> RollReading:
    """Which known roll number a text as read is.

    Certainty 1: it stands there and nothing else is near; 0.9: it does but for characters that
    look alike; 0.7: as before, but another student's number differs in one character; 0.5: one
    character is wrong or missing, and no other number is as near; 0: none or several.
    """
    read = plain(text)
    if not read or not known:
        return RollReading("", "", 0.0, text)
    same = [roll for roll in known if plain(roll) == read]
    alike = [roll for roll in known if folded(roll) == folded(read)]
    if len(alike) > 1:
        reason = COULD_BE % {"read": text, "rolls": " or ".join(sorted(alike)[:3])}
        return RollReading(same[0] if same else "", reason, 0.3 if same else 0.0, text)
    if alike:
        roll = alike[0]
        close = [
            other
            for other in known
            if other != roll and Levenshtein.distance(folded(other), folded(roll)) <= 1
        ]
        reason = (READS if same else MATCHES) % {"read": text, "roll": roll}
        return RollReading(roll, reason, 0.7 if close else (1.0 if same else 0.9), text)
    if len(read) < LABELLED:
        return RollReading("", "", 0.0, text)
    near = sorted((Levenshtein.distance(folded(roll), folded(read)), roll) for roll in known)
    if near[0][0] == 1 and (len(near) == 1 or near[1][0] > 1):
        roll = near[0][1]
        return RollReading(roll, NEARLY % {"read": text, "roll": roll}, 0.5, text)
    return RollReading("", "", 0.0, text)


def match_either(text: str, known: Sequence[str]) -> RollReading:
    """match_roll for what read_head gives: "A or B" where two readings differ, "A?" where only
    one of them found it."""
    texts = text.split(" or ")
    matches = [match_roll(part.rstrip("?"), known) for part in texts]
    found = [match for match in matches if match.roll]
    if len({match.roll for match in found}) > 1:
        return RollReading("", "", 0.0, text)
    if not found:
        return RollReading("", "", 0.0, text)
    best = max(found, key=lambda match: match.certainty)
    certainty = best.certainty
    if len(texts) > 1 or text.endswith("?"):
        # Read once: enough where no other number is near, a hint where one is.
        certainty = min(certainty, 0.9 if certainty >= 0.9 else 0.5)
    elif certainty == 0.7:
        certainty = 0.8
    return RollReading(best.roll, best.reason, certainty, text)


def read_head(
    image: Image.Image,
    known: Sequence[str],
    names: Sequence[str],
    regions: Iterable[Mapping[str, Any]] = (),
) -> HeadReading:
    """Roll number and name as they stand at the head of an upright page.

    It is read twice, differently, so that a slip of one reading shows. Raises TesseractFailed.
    """
    strip = _head(image, regions)
    double = strip.resize((strip.width * 2, strip.height * 2), Image.Resampling.BICUBIC)
    texts = [
        tesseract.read_text(strip, layout=6),
        tesseract.read_text(double, layout=11, dpi=300),
    ]
    rolls = [roll_in_text(text, known) for text in texts]
    name = next((name for text in texts if (name := name_in_text(text, names))), "")
    return HeadReading(_both(*rolls)[:40], name[:200])


def _both(first: str, second: str) -> str:
    if first and second:
        return first if folded(first) == folded(second) else f"{first} or {second}"
    return f"{first or second}?" if first or second else ""


def _head(image: Image.Image, regions: Iterable[Mapping[str, Any]]) -> Image.Image:
    """The top of the page, down to the lowest region of page 1 that holds roll number or name."""
    gray = image.convert("L")
    bottom = HEAD
    for region in regions:
        if region.get("page", 1) == 1 and {"roll_number", "name"} & set(region.get("holds", ())):
            # Scans are not exact: some room below.
            bottom = max(bottom, float(region["y"]) + float(region["h"]) + 0.05)
    strip = gray.crop((0, 0, gray.width, round(gray.height * min(1.0, bottom))))
    if strip.width > 1800:
        strip = strip.resize((1600, round(strip.height * 1600 / strip.width)))
    return strip


def roll_in_text(text: str, known: Sequence[str]) -> str:
    """The roll number that a text shows, as it stands there: behind a label, else a known one."""
    labelled = ""
    for line in text.splitlines():
        for label in LABEL.finditer(line):
            tokens = re.findall(r"[0-9A-Za-z][0-9A-Za-z/\-]*", line[label.end() :])[:4]
            for count in range(1, len(tokens) + 1):
                joined = "".join(tokens[:count])
                if match_roll(joined, known).certainty >= 0.3:
                    return joined.upper()
            if tokens and any(character.isdigit() for character in tokens[0]):
                labelled = labelled or tokens[0].upper()
    if labelled:
        return labelled
    for token in re.findall(r"[0-9A-Za-z][0-9A-Za-z/\-]*", text):
        # Without a label a short number could be anything: a date, a mark, a question.
        if len(plain(token)) > UNLABELLED and match_roll(token, known).certainty >= 0.7:
            return str(token).upper()
    return ""


def name_in_text(text: str, names: Sequence[str]) -> str:
    """The name that a text shows, as it stands there: behind a label, else a known one."""
    for line in text.splitlines():
        if label := NAME_LABEL.search(line):
            rest = line[label.end() :]
            if end := NEXT_LABEL.search(rest):
                rest = rest[: end.start()]
            if len(rest.strip(" .:_-|")) >= 3:
                return rest.strip(" .:_-|")
    for line in text.splitlines():
        for name in names:
            if len(name) > 5 and name_key(name) in name_key(line):
                return name
    return ""


def match_name(text: str, keys: Mapping[int, str]) -> tuple[int | None, float]:
    """(whose of the name keys it is, how alike from 0 to 1); None when nobody's or several's."""
    read = name_key(text)
    if len(read) < 4:
        return None, 0.0
    best = process.extract(read, keys, scorer=fuzz.token_sort_ratio, limit=2, score_cutoff=72)
    if not best or best[0][1] < 80:
        return None, 0.0
    if len(best) > 1 and best[1][1] > best[0][1] - 8:
        return None, 0.0
    return best[0][2], best[0][1] / 100


def name_key(name: str) -> str:
    """A name without case, accents and punctuation."""
    bare = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(character for character in bare if not unicodedata.combining(character))
    return " ".join(re.findall(r"\w+", letters))


def rolls_in_name(name: str, known: Sequence[str]) -> list[str]:
    """The roll numbers that a file's or folder's name holds, longest first.

    A number must stand by itself; a long one of letters and digits may also be part of a word.
    One that lies inside another does not count.
    """
    stem = re.sub(r"\.(pdf|jpe?g|png)$", "", name, flags=re.IGNORECASE).upper()
    found: list[str] = []
    everything = plain(stem)
    possible = [roll for roll in known if plain(roll) in everything]
    for roll in sorted(possible, key=lambda roll: (-len(plain(roll)), roll)):
        # Between the characters of a number there may be the marks of a path or a gap.
        body = r"[\W_]?".join(map(re.escape, plain(roll)))
        if not body:
            continue
        alone = rf"(?<![0-9A-Z]){body}(?![0-9A-Z])"
        distinct = len(plain(roll)) >= 5 and not plain(roll).isalpha() and not roll.isdigit()
        pattern = rf"(?<![0-9]){body}(?![0-9])" if distinct else alone
        if re.search(pattern, stem):
            found.append(roll)
            stem = re.sub(pattern, " ", stem)
    return found
