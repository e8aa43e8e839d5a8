"""Are two words the same word? One is typed in the answer key, one was read from handwriting.

Inflection, everyday synonyms and the mistakes of optical reading are forgiven; numbers are not.
Comes in: strings. Goes out: tokens, and likeness from 0 to 1.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rapidfuzz import fuzz

from batching.providers.offline.everyday import NUMBER_WORDS, OPPOSITES, SYNONYMS

# Endings that do not make another word of a stem.
ENDINGS = frozenset(
    """
    s es ed d ing ion ions ation ations ative tion tions ance ances ant ants ent ents ence ences
    ency ancy er ers or ors al ally ly y ies ied ive ives ity ities ment ments e ic ical ist ists
    ism able ible ous ness en ening ened ful fully ise ises ised ising ize izes ized izing isation
    ization ure ate ates ated ating t ts ten ial ier iest est i us a um ae
    """.split()
) | {""}

# Shapes that handwriting and tesseract mix up.
_CONFUSED = """
    hnmuwbkr mnrvuwx oecagq rcvfksz tklfhi gqysjp apodgeq dlcab iljt seg bph nrv uv vy fp xk
"""
_LOOKALIKE: frozenset[tuple[str, str]] = frozenset(
    (one, two) for group in _CONFUSED.split() for one in group for two in group if one != two
)
_SHAPES = str.maketrans(
    {
        "{": "t", "[": "t", "+": "t", "†": "t", "|": "l", "!": "l", "]": "l", "}": "t", "@": "e",
        "€": "e", "®": "e", "©": "c", "¢": "c", "<": "r", "$": "s", "£": "f", "0": "o", "1": "l",
        "5": "s", "8": "b", "9": "g", "6": "b", "2": "z", "4": "a", "3": "s", "7": "t", "ß": "b",
        "*": "x",
    }
)  # fmt: skip
_PLAIN_ENDINGS = "ations ation ingly ings ing ies ied ness es ed ly s e y".split()  # longest first
_JOINED = (
    ("rn", "m"),
    ("vv", "w"),
    ("cl", "d"),
    ("ii", "u"),
    ("in", "m"),
    ("lt", "h"),
    ("li", "h"),
)
_DIGITS = str.maketrans(
    {"o": "0", "O": "0", "D": "0", "l": "1", "I": "1", "i": "1", "|": "1", "!": "1", "Z": "2",
     "z": "2", "S": "5", "s": "5", "B": "8", "g": "9", "q": "9", "b": "6"}
)  # fmt: skip

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def fold(text: str) -> str:
    """Lower case without accents; ligatures and width variants resolved."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(char for char in plain if not unicodedata.combining(char)).lower()


def letters(text: str) -> str:
    """A word as letters only, signs and digits inside it taken for the letters they look like."""
    folded = fold(text).strip(".,;:\"'“”‘’()-–—_=~^ ")
    if not any(char.isalpha() for char in folded):
        return ""
    return re.sub(r"[^a-z]", "", folded.translate(_SHAPES))


def plain_words(text: str) -> list[str]:
    """The words of a typed text, lower case; hyphens and apostrophes stay inside a word."""
    return re.findall(r"[a-z]+(?:['’-][a-z]+)*", fold(text))


def numbers(text: str, *, read: bool = False) -> list[str]:
    """The numbers in a text in one spelling; `read` text has letters taken for digits."""
    found = []
    for token in re.findall(r"[^\s=()×*/+<>→]+", fold(text) if not read else text):
        token = token.strip(".,;:'\"“”‘’")
        if token.lower() in NUMBER_WORDS:
            found.append(NUMBER_WORDS[token.lower()])
            continue
        if read and any(char.isdigit() for char in token):
            mended = token.translate(_DIGITS)
            if NUMBER.fullmatch(mended):
                token = mended
        found += [_number(match) for match in NUMBER.findall(token)]
    return found


_LIKE_FIGURES = {
    "0": "oOQDUu°", "1": "lIi|!/", "2": "zZ", "4": "A", "5": "sS", "6": "bG", "8": "B&", "9": "gq",
    ".": ",",
}  # fmt: skip


def may_be_number(number: str, read: str) -> bool:
    """May the read token be this number, letters taken for the figures they look like? One
    figure is never taken for another.
    """
    token = read.strip(".,;:'\"“”‘’()")
    return (
        len(token) == len(number)
        and (len(token) >= 3 or any(char.isdigit() for char in token))
        and all(
            char == figure or char in _LIKE_FIGURES.get(figure, "")
            for figure, char in zip(number, token, strict=True)
        )
    )


def _number(text: str) -> str:
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    text = text.replace(",", ".")
    if text.count(".") == 1:
        text = text.rstrip("0").rstrip(".")
    return text.lstrip("0") or "0" if "." not in text else text


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The word without its plainest ending; never shorter than four letters."""
    for ending in _PLAIN_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=100_000)
def related(one: str, two: str) -> bool:
    """Is it one word in two forms: diffuse, diffuses, diffusion?"""
    if one == two:
        return True
    shared = 0
    for left, right in zip(one, two, strict=False):
        if left != right:
            break
        shared += 1
    if shared >= 3:
        rest_one, rest_two = one[shared:], two[shared:]
        longest = max(len(rest_one), len(rest_two))
        if rest_one in ENDINGS and rest_two in ENDINGS and (shared >= 4 or longest <= 3):
            return shared * 2 >= longest * 2 - 2 or shared >= 5
        # A doubled consonant: stop, stopped.
        if shared >= 3 and rest_one == "" and rest_two[:1] == one[-1] and rest_two[1:] in ENDINGS:
            return True
        if shared >= 3 and rest_two == "" and rest_one[:1] == two[-1] and rest_one[1:] in ENDINGS:
            return True
    return False


@lru_cache(maxsize=50_000)
def synonymous(one: str, two: str) -> bool:
    """Do children use the one word for the other, in whatever subject?"""
    return bool(_groups(one) & _groups(two))


@lru_cache(maxsize=5_000)
def opposites(word: str) -> tuple[str, ...]:
    """The everyday opposites of a word in any of its forms."""
    found = {o for known, others in OPPOSITES.items() if related(known, word) for o in others}
    return tuple(sorted(found))


@lru_cache(maxsize=50_000)
def _groups(word: str) -> frozenset[int]:
    found = SYNONYMS.get(word, frozenset())
    if found:
        return found
    bases = {stem(word), stem(word) + "e", stem(word) + "y"}
    if word.endswith("s"):
        bases.add(word[:-1])
    if word.endswith(("ed", "er")):
        bases |= {word[:-1], word[:-2]}
    for base in sorted(bases):
        found |= SYNONYMS.get(base, frozenset())
    return found


@lru_cache(maxsize=200_000)
def resemblance(typed: str, read: str) -> float:
    """How much a read word looks like a typed one, 1.0 the same; shapes that are often mixed up
    count less than other differences.
    """
    if typed == read:
        return 1.0
    longest = max(len(typed), len(read))
    if not longest or abs(len(typed) - len(read)) > 3:
        return 0.0
    best = 1 - _distance(typed, read) / longest
    for pair, single in _JOINED:
        if pair in read and abs(len(typed) - len(read) + 1) < abs(len(typed) - len(read)) + 1:
            other = read.replace(pair, single)
            best = max(best, 1 - (0.3 + _distance(typed, other)) / max(len(typed), len(other)))
        if pair in typed and single in read:
            other = typed.replace(pair, single)
            best = max(best, 1 - (0.3 + _distance(other, read)) / max(len(other), len(read)))
    return max(0.0, best)


def _distance(one: str, two: str) -> float:
    above = [0.8 * column for column in range(len(two) + 1)]
    for row, left in enumerate(one, 1):
        here = [0.8 * row]
        for column, right in enumerate(two, 1):
            if left == right:
                change = above[column - 1]
            else:
                change = above[column - 1] + (0.45 if (left, right) in _LOOKALIKE else 1.0)
            here.append(min(change, above[column] + 0.8, here[-1] + 0.8))
        above = here
    return above[-1]


@lru_cache(maxsize=200_000)
def likeness(typed: str, read: str) -> float:
    """How surely a read word is the typed one, in any of its forms: 0 to 1."""
    if related(typed, read):
        return 1.0
    if len(read) >= 3 and synonymous(typed, read):
        return 0.92
    # sunlight for light, overcrowded for crowded
    if (
        len(typed) >= 5
        and len(read) > len(typed)
        and (read.endswith(typed) or read.startswith(typed))
    ):
        return 0.92
    if len(read) >= 5 and len(typed) > len(read) + 2 and typed.endswith(read):
        return 0.8
    if len(typed) < 4 or len(read) < 3:
        return 0.0
    if fuzz.ratio(typed, read) < 30:
        return 0.0
    best = resemblance(typed, read)
    base = stem(typed)
    if base != typed and stem(read) != read:
        best = max(best, resemblance(base, stem(read)) - 0.02)
    if len(base) >= 5 and len(read) > len(base):
        best = max(best, resemblance(base, read[: len(base)]) - 0.05)
    return best
