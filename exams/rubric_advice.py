"""Advice on the wording of a rubric: criteria that two markers, or a model, would read differently.

Comes in: checked items, or rows of the editor as items. Goes out: advice at each criterion, never
an error: what was noticed and how to say what can be seen on the paper instead. Pure patterns, in
English only; a criterion in another language gets advice on its numbers alone. Of two minds, the
patterns keep silent: advice that is wrong twice is not read a third time.

What they are based on: criteria name what can be observed rather than how good it is, and change
one thing at a time (Tierney & Simon 2004, What's still wrong with rubrics, Practical Assessment,
Research & Evaluation 9(2)); terms such as "good" need a definition that two raters would share
(Moskal & Leydens 2000, Scoring rubric development: validity and reliability, the same 7(10));
verbs of the mind ("understand", "know", "appreciate") cannot be seen, those of an act ("name",
"compare") can (the lists of verbs to avoid of many universities, after Bloom's taxonomy); what is
marked apart is marked more alike (Jonsson & Svingby 2007, The use of scoring rubrics, Educational
Research Review 2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exams.rubric_items import RubricItem, leaf_items, plain_number

MOST_LEVELS = 12
"""More possible marks than this, without guidance, are told apart by nobody twice alike."""
NUMBERS = {
    word: n for n, word in enumerate("two three four five six seven eight nine ten".split(), 2)
}

QUALITY = (
    "good|excellent|outstanding|adequate|sufficient|satisfactory|solid|sound|strong|weak|poor|fair"
    "|thorough|basic|limited|reasonable|decent|appropriate|suitable|proper|effective|nice|clear"
)
THING = (
    "understanding|knowledge|grasp|command|use|usage|structure|style|explanation|analysis|answer"
    "|argument|argumentation|description|work|quality|effort|level|organi[sz]ation|vocabulary"
    "|grammar|reasoning|discussion|presentation|language|detail|length|terminology|content|layout"
    "|examples?|evidence|reflection|introduction|conclusion|handwriting|expression"
)
MANNER = (
    "well|nicely|clearly|properly|adequately|appropriately|effectively|sufficiently|suitably"
    "|satisfactorily|poorly|thoroughly|coherently"
)
DONE = (
    "written|structured|organi[sz]ed|explained|presented|argued|developed|described|expressed|done"
    "|answered|supported|laid out|set out|discussed|formulated"
)
DOES = (
    "writes?|explains?|presents?|argues?|describes?|expresses|express|organi[sz]es?|discuss(?:es)?"
    "|answers?|structures?|communicates?|supports?"
)
TASK = (
    "name|list|state|define|describe|explain|compare|contrast|draw|label|calculate|give|discuss"
    "|evaluate|outline|identify|sketch|prove|derive|justify|solve|translate|summari[sz]e|analy[sz]e"
    "|suggest|predict|interpret|estimate|classify|complete|write"
)
COUNTED = (
    "examples?|reasons?|points?|details?|facts?|arguments?|sources?|causes?|effects?|features?"
    "|advantages?|disadvantages?|differences?|similarities|ways|uses|steps"
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Words that are read differently by different markers; `text` says what to write instead.

    `of_questions` is False where the words are harmless in a question ("What do you know of…?").
    """

    words: re.Pattern[str]
    text: str | Promise
    of_questions: bool = True


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing noticed at one criterion: in which `field`, the words `found` there, what to do."""

    code: str
    field: str
    found: str
    text: str


def _pattern(words: str, text: str | Promise, *, of_questions: bool = True) -> Pattern:
    return Pattern(re.compile(words, re.IGNORECASE), text, of_questions)


PATTERNS = (
    _pattern(
        r"\b(?:show(?:s|ing)?|demonstrat(?:es?|ing)|display(?:s|ing)?|has|have|prov(?:es?|ing))\s+"
        r"(?:\w+\s+){0,3}?(?:understanding|knowledge|awareness|appreciation|grasp|insight)\b",
        gettext_lazy(
            "Understanding cannot be seen. Say what somebody who understands writes down, such as "
            "“names the three stages” or “gives the cause and its effect”."
        ),
    ),
    _pattern(
        r"(?:^|(?<=[.;]\s))(?:the\s+)?(?:students?\s+|pupils?\s+|candidates?\s+)?"
        r"(?:can\s+|should\s+|must\s+)?"
        r"(?:understands?|knows?|appreciates?|grasps?|reali[sz]es?|(?:is|are|be)\s+(?:aware|familiar))\b",
        gettext_lazy(
            "Nobody can see this on paper. Ask for an act instead: name, explain, compare, "
            "calculate, draw."
        ),
        of_questions=False,
    ),
    _pattern(
        rf"\b(?:{QUALITY})\s+(?:\w+\s+)?(?:{THING})\b",
        gettext_lazy(
            "How much is that? Say what must be there, so that two markers give the same mark: "
            "how many of what, which terms, which steps."
        ),
    ),
    _pattern(
        rf"\b(?:{MANNER})[\s-]+(?:{DONE})\b|\b(?:{DONE})\s+(?:{MANNER})\b"
        rf"|\b(?:{DOES})\s+(?:\w+\s+){{0,2}}?(?:{MANNER})\b",
        gettext_lazy(
            "Say what makes it so: “each claim is followed by a reason”, “the axes are labelled "
            "with units”."
        ),
    ),
    _pattern(
        r"^\W*(?:(?:overall|general|the)\s+)?(?:quality|style|presentation|creativity|originality"
        r"|effort|clarity|neatness|organi[sz]ation|content|impression|structure|form|accuracy"
        r"|depth|language|appearance)"
        r"(?:\s*(?:,|&|/|and)\s*(?:quality|style|presentation|creativity|originality|effort|clarity"
        r"|neatness|organi[sz]ation|content|structure|form|accuracy|depth|language))*\W*$",
        gettext_lazy(
            "A quality by itself is marked by taste. Say what can be seen: “an introduction, three "
            "paragraphs with one idea each, and a conclusion”."
        ),
    ),
    _pattern(
        rf"\b(?:some|several|enough|sufficient|a\s+few|various|a\s+number\s+of|many)\s+(?:\w+\s+)?"
        rf"(?:{COUNTED})\b",
        gettext_lazy("How many? A number makes the marks countable."),
        of_questions=False,
    ),
    _pattern(
        r"\betc\b\.?|\band\s+so\s+on\b|\band\s+the\s+like\b|\bas\s+(?:needed|necessary)\b",
        gettext_lazy("The rest is left to the marker. Name all that counts, or say “any other …”."),
    ),
    _pattern(
        r"\b(?:as|where|if|when)\s+(?:appropriate|applicable|possible|relevant)\b"
        r"|\bmeets?\s+(?:the\s+)?expectations?\b|\bto\s+a\s+(?:good|high|satisfactory)\s+standard\b",
        gettext_lazy("Say when, or which: what is expected differs from marker to marker."),
    ),
)
TWO_TASKS = re.compile(
    rf"^\W*(?:\(?\w{{1,2}}\)\s*)?(?P<first>{TASK})\s+[^.?!]*?\w\s*,?\s(?:and|then|as well as)\s+"
    rf"(?:then\s+|also\s+)?(?P<second>{TASK})\b",
    re.IGNORECASE,
)
SAYS_WORTH = re.compile(r"\b(?:marks?|points?|half|each|per)\b|½|\d", re.IGNORECASE)
HALF = re.compile(r"\bhalf\s+(?:an?\s+)?(?:mark|point)s?\b|½|\b0[.,]5\b", re.IGNORECASE)
ASKED_NUMBER = re.compile(
    rf"\b(?:name|list|give|state|identify|write(?:\s+down)?)\s+(?:the\s+|any\s+)?"
    rf"(?P<number>{'|'.join(NUMBERS)}|\d{{1,2}})\s+(?!marks?\b|points?\b|words?\b|sentences?\b)\w+",
    re.IGNORECASE,
)


def advise(items: Iterable[RubricItem]) -> list[Advice]:
    """Advice on every criterion of a rubric, in its order."""
    return [advice for item in leaf_items(items) for advice in advise_item(item)]


def advise_item(item: RubricItem) -> list[Advice]:
    """Advice on one criterion that has marks: its words first, then its numbers."""
    return [*_on_words(item), *_on_parts(item), *_on_key(item), *_on_numbers(item)]


def _on_words(item: RubricItem) -> Iterator[Advice]:
    is_question = "?" in item.description
    for field, text in (("description", item.description), ("guidance", item.guidance)):
        said: list[range] = []
        for pattern in PATTERNS:
            if is_question and field == "description" and not pattern.of_questions:
                continue
            found = pattern.words.search(text)
            # "Shows good understanding" is said once, not once more as "good understanding".
            if found and not any(found.start() in one for one in said):
                said.append(range(*found.span()))
                yield Advice(item.id, field, found[0].strip(), str(pattern.text))


def _on_parts(item: RubricItem) -> Iterator[Advice]:
    """Two tasks in one criterion, where nothing says what each of them is worth."""
    found = TWO_TASKS.search(item.description)
    if found is None or found["first"].casefold() == found["second"].casefold():
        return
    if SAYS_WORTH.search(item.guidance):
        return
    yield Advice(
        item.id,
        "description",
        f"{found['first']} … {found['second']}",
        _(
            "Two things in one: make a criterion of each, or say in the guidance how many marks "
            "each of them gets."
        ),
    )


def _on_key(item: RubricItem) -> Iterator[Advice]:
    if not item.answer and not item.guidance:
        yield Advice(
            item.id,
            "answer",
            "",
            _(
                "Nothing says what earns these marks. Write the expected answer, or guidance for "
                "whoever marks."
            ),
        )


def _on_numbers(item: RubricItem) -> Iterator[Advice]:
    marks, step = item.max_marks, item.step
    if marks is None or step is None:
        return
    numbers = {"marks": plain_number(marks), "step": plain_number(step)}
    if step == marks and marks > 2:
        text = _(
            "All or nothing for %(marks)s marks: who has most of it right gets none. A smaller "
            "step gives marks for a part."
        )
        yield Advice(item.id, "step", "", text % numbers)
    elif marks / step > MOST_LEVELS and not item.guidance:
        text = _(
            "%(levels)s possible marks are hard to tell apart twice alike. Take a larger step "
            "than %(step)s, or make several criteria of it."
        )
        levels = {"levels": int(marks / step) + 1}
        yield Advice(item.id, "step", "", text % (numbers | levels))
    if (half := HALF.search(item.guidance)) and Decimal("0.5") % step:
        text = _("Half marks are not possible with the step %(step)s.")
        yield Advice(item.id, "step", half[0], text % numbers)
    yield from _on_share(item, marks, step)


def _on_share(item: RubricItem, marks: Decimal, step: Decimal) -> Iterator[Advice]:
    """“Name four chambers” for three marks: what is one of them worth?"""
    asked = ASKED_NUMBER.search(item.description)
    if asked is None or item.guidance:
        return
    number = NUMBERS.get(asked["number"].casefold()) or int(asked["number"])
    if number > 1 and step != marks and (marks / number) % step:
        text = _(
            "%(number)s things for %(marks)s marks in steps of %(step)s: they cannot count alike. "
            "Change the marks or the step, or say in the guidance what each is worth."
        )
        values = {"number": number, "marks": plain_number(marks), "step": plain_number(step)}
        yield Advice(item.id, "marks", asked[0], text % values)
