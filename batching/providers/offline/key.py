"""The answer key, taken apart: which points a full answer makes and what words show them.

Comes in: the text of a key and of its question. Goes out: a Key of weighted points. Words that
the question already says prove little, words that only one point uses prove much.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from batching.providers.offline.everyday import NUMBER_WORDS, STOP, WEAK
from batching.providers.offline.words import fold, numbers, plain_words, related

_SENTENCE_END = re.compile(
    r"(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\betc\.)(?<!\bvs\.)(?<!\bDr\.)(?<!\bMr\.)(?<!\bSt\.)"
    r"(?<=[.!?])\s+(?=[\w\"'(])|\s*[;•]+\s*|\s+[-–*]\s+(?=[A-Za-z])|\s+\(?\d{1,2}\)\s+(?=[A-Za-z])"
)
_BULLET = re.compile(r"^\s*(?:[-–*•]\s*|\(?(?:\d{1,2}|[a-h]|[ivx]{1,4})[.)]\s+)")
_MARKS = re.compile(r"\s*[(\[]\s*(\d+(?:\.\d+)?|½)\s*(?:marks?|m|pts?|points?)?\s*[)\]]", re.I)
_ANY_OF = re.compile(r"^\s*any\s+\w+\s*(?:of|from)?\s*(?:these|the following)?\s*:\s*", re.I)
_CHOICE = re.compile(
    r"^\W*(?:option\s+|answer\s*:?\s*)?\(?([A-Ha-h])\)?(?:\s*[.):,-]\s*(.+?))?\W*$", re.S
)
_VERDICT = re.compile(r"^\W*(true|false|yes|no|correct|incorrect)\b\W*(.*)$", re.I | re.S)
_OPTION = r"(?:^|[\s(]){}\s*[).:]?\s+(.+?)(?=[,;.\n]|\s+\(?[A-H][).:]?\s|$)"
_ANY = re.compile(
    r"\b(?:any|give|state|name|list|write|mention|describe|explain|identify|suggest)\s+"
    r"(?:any\s+)?(one|two|three|four|five|six|[1-6])\b", re.I,
)  # fmt: skip
_CONTRAST = re.compile(
    r"\b(?:differen(?:ce|ces|t|tiate)|distinguish|compare|contrast|comparison)\b", re.I
)
_CLAUSE = re.compile(r"[,.;:]\s|\b(?:while|whereas|whilst|but|and|or|however)\b", re.I)
_COUNT = {"one": 1} | {word: int(digits) for word, digits in NUMBER_WORDS.items() if digits != "0"}
_LEAD = re.compile(r"^[^:]{3,60}:\s+(?=\S)")

QUESTION_WORD = 0.3
"""What a word of the question weighs against a word of the key alone."""
ASIDE = 0.4
"""What a word in brackets weighs."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word (any of its forms), a number or a formula that shows a point.

    `shown` is how people are told of it, `side` what it is said of in a comparison, `asked`
    whether the question says it already.
    """

    forms: tuple[str, ...]
    weight: float
    kind: str = "word"
    shown: str = ""
    side: str = ""
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """One idea of the key, in the key's own words."""

    text: str
    terms: tuple[Term, ...]
    weight: float
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """What an answer is compared with.

    `lexicon` holds the words of key and question: what a badly read word may be. `choice` is the
    letter of a multiple-choice key, `letters` all that could be chosen, `option` what the right
    one stands for. `verdict` is the word of a true-or-false key, `result` the number a
    calculation ends with, `needed` how many of the points make a full answer (0: all), `sides`
    what a comparison compares.
    """

    points: tuple[Point, ...]
    lexicon: tuple[str, ...] = ()
    choice: str = ""
    option: str = ""
    letters: str = ""
    verdict: str = ""
    result: str = ""
    needed: int = 0
    sides: tuple[str, ...] = ()


def read_key(answer: str, question: str) -> Key:
    """Take a key apart. A key that says nothing gives a Key without points."""
    answer = answer.strip()
    choice = _CHOICE.match(answer)
    if choice:
        option = choice[2] or _option_text(choice[1].upper(), question)
        return Key(
            (Point(answer, (), 1.0),),
            choice=choice[1].upper(),
            option=option.strip(" .,;"),
            letters="".join(c for c in "ABCDEFGH" if _option_text(c, question)) or "ABCD",
        )
    verdict = ""
    says = _VERDICT.match(answer)
    if says and (not says[2] or re.search(r"\b(?:true|false|yes|correct)\b", question, re.I)):
        verdict, answer = says[1].lower(), says[2].strip()
    sentences = split_points(answer)
    sides = _sides(sentences, question)
    points = _weigh(sentences, question, sides)
    if verdict:
        points = [Point(verdict.capitalize(), (), 1.0), *_even(points, 1.0)]
    contrast = bool(_CONTRAST.search(question))
    return Key(
        tuple(points),
        lexicon=tuple(_once([*plain_words(answer), *plain_words(question)])),
        verdict=verdict,
        result=_result(answer),
        needed=0 if contrast else _needed(answer, question, len(sentences)),
        sides=sides,
    )


def split_points(answer: str) -> list[str]:
    """Sentences, list entries, and the members of a plain enumeration."""
    found: list[str] = []
    for row in _ANY_OF.sub("", answer).splitlines():
        for sentence in _SENTENCE_END.split(_BULLET.sub("", row)):
            text = sentence.strip(" \t-*•–;,")
            if re.search(r"[A-Za-z0-9]", _MARKS.sub("", text)):
                found += _members(text)
    return found


_PLAIN = frozenset("a an the of".split())


def _members(sentence: str) -> list[str]:
    """The members of "conduction, convection and radiation"; else the sentence itself."""
    if _MARKS.search(sentence) or "=" in sentence or "->" in sentence or "→" in sentence:
        return [sentence]
    body = _LEAD.sub("", sentence).rstrip(". ")
    members = [
        part for part in re.split(r"\s*,\s*(?:and\s+|or\s+)?|\s+and\s+", body) if part.strip()
    ]
    sizes = [len(_content(plain_words(part))) for part in members]
    if len(members) >= 2 and max(sizes) <= 2 and all(len(part.split()) <= 4 for part in members):
        verbal = any(w in STOP - _PLAIN for part in members for w in plain_words(part))
        if not verbal and (len(members) >= 3 or max(sizes) <= 1 or body != sentence.rstrip(". ")):
            return members
    return [sentence]


def _content(words: Sequence[str]) -> list[str]:
    return [word for word in words if word not in STOP and len(word) > 1]


def _weigh(sentences: Sequence[str], question: str, sides: tuple[str, ...]) -> list[Point]:
    asked = _content(plain_words(question))
    contents = [_content(plain_words(sentence)) for sentence in sentences]
    marked = [_MARKS.search(sentence) for sentence in sentences]
    sentences = [_MARKS.sub("", sentence) for sentence in sentences]
    points = []
    for index, sentence in enumerate(sentences):
        others = [words for at, words in enumerate(contents) if at != index]
        terms = _terms(sentence, asked, others)
        if not terms:
            continue
        if sides:
            terms = _with_sides(terms, sentence, sides)
        given = marked[index]
        weight = sum(term.weight for term in terms) ** 0.5
        if given is not None and all(marked):
            # The teacher said what each point is worth.
            weight = 0.5 if given[1] == "½" else float(given[1]) or 0.1
        points.append(Point(sentence.rstrip("."), tuple(terms), weight, _is_negated(sentence)))
    return points


def _terms(sentence: str, asked: Sequence[str], others: Sequence[Sequence[str]]) -> list[Term]:
    terms: list[Term] = []
    formula = _formula(sentence)
    if formula:
        terms.append(Term((formula,), 1.0, "formula", sentence.strip(" .")))
    terms += [Term((number,), 1.3, "number", number) for number in _once(numbers(sentence))]
    if formula:
        return terms[:1] if not re.search(r"[a-z]{4}", fold(sentence)) else terms
    aside = set(plain_words(" ".join(re.findall(r"\(([^)]*)\)", sentence))))
    seen: list[str] = []
    for chunk in re.findall(r"[^\s]+", sentence):
        forms = [form for form in _content(plain_words(chunk.replace("/", " / "))) if form]
        if not forms or any(related(forms[0], old) for old in seen):
            continue
        parts = [part for form in forms for part in _content(re.split(r"['’-]", form))]
        groups = [tuple(forms)] if "/" in chunk else [(part,) for part in parts]
        for group in groups:
            seen.extend(group)
            known = any(related(group[0], other) for other in asked)
            weight = _weight(group[0], others) * (QUESTION_WORD if known else 1.0)
            weight *= ASIDE if group[0] in aside else 1.0
            terms.append(Term(group, weight, "word", group[0], asked=known))
    if not terms:
        terms = [Term((w,), 0.3, "word", w) for w in _once(plain_words(sentence)) if w in WEAK]
    return terms


def _weight(word: str, others: Sequence[Sequence[str]]) -> float:
    # Longer words are rarer: the nearest thing to a dictionary of frequencies.
    weight = min(1.1, 0.55 + 0.07 * max(0, len(word) - 3))
    elsewhere = sum(any(related(word, other) for other in words) for words in others)
    return weight / (1 + 0.35 * elsewhere)


def clauses(text: str) -> list[str]:
    """A text cut where one statement ends and the next begins."""
    return [part for part in _CLAUSE.split(text) if part.strip()]


def _with_sides(terms: Sequence[Term], sentence: str, sides: tuple[str, ...]) -> list[Term]:
    """The terms of a comparison, each with the side that its clause speaks of."""
    side_of: dict[str, str] = {}
    current = ""
    for clause in clauses(sentence):
        words = plain_words(clause)
        named = [side for word in words for side in sides if related(side, word)]
        current = named[0] if named else current
        for word in words:
            side_of[word] = "" if side_of.get(word, current) != current else current
    return [
        replace(term, side=side_of.get(term.forms[0], ""))
        if term.kind == "word" and not any(related(term.forms[0], side) for side in sides)
        else term
        for term in terms
    ]


def _even(points: Sequence[Point], total: float) -> list[Point]:
    """The points with their weights scaled to a sum."""
    whole = sum(point.weight for point in points) or 1.0
    return [Point(p.text, p.terms, p.weight / whole * total, p.negated) for p in points]


def _once(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _is_negated(sentence: str) -> bool:
    return bool(
        re.search(r"\b(?:not|no|never|without|cannot|nobody|neither|none)\b|n't\b", sentence, re.I)
    )


def compact(text: str) -> str:
    """A formula or equation in one spelling: no spaces, one sign for each operation."""
    plain = fold(text)
    plain = re.sub(r"-+>|=+>|→|⟶|⇒", ">", plain)
    plain = plain.replace("×", "x").replace("*", "x").replace("·", "x").replace("−", "-")
    return re.sub(r"[^a-z0-9=+>/x^()-]", "", plain)


def _formula(sentence: str) -> str:
    if re.search(r"[=→]|->", sentence):
        return compact(sentence.strip(" ."))
    return ""


def _result(answer: str) -> str:
    """The number a calculation ends with."""
    if not re.search(r"\d\s*[-+x×*/÷^]\s*\d|=\s*[-+]?\d", answer) or "->" in answer:
        return ""
    after = answer.rpartition("=")[2] or answer
    found = numbers(after)
    return found[0] if found else ""


def _option_text(letter: str, question: str) -> str:
    match = re.search(_OPTION.format(letter), question)
    return match[1] if match else ""


def _needed(answer: str, question: str, points: int) -> int:
    for text in (answer[:40], question):
        match = _ANY.search(text)
        if match:
            needed = _COUNT.get(match[1].lower()) or int(match[1])
            return needed if needed < points else 0
    return 0


def _sides(sentences: Sequence[str], question: str) -> tuple[str, ...]:
    """What is compared: words of the question that open clauses of the key."""
    asked = _content(plain_words(question))
    found: list[str] = []
    for sentence in sentences:
        for clause in re.split(r",|\bwhile\b|\bwhereas\b|\bbut\b", sentence):
            words = _content(plain_words(clause))
            if words and any(related(words[0], other) for other in asked):
                found.append(words[0])
    different = [w for i, w in enumerate(found) if not any(related(w, o) for o in found[:i])]
    return tuple(different) if len(different) == 2 else ()
