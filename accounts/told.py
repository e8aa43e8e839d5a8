"""Tells what stands in a row, which is English, in the language of whoever reads it.

Comes in: a text of a row. Goes out: its translation, with the values of the row in it. Apps
declare the shapes of such texts ("Name on page 1 reads %(name)s") where they write them, and
register them when Django starts (row_words.py of each app). A text that has none of them is shown
as it stands. What a person may have typed, the reason of a change, has few shapes of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext

HOLE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
# Values with such names are texts of ours again. Any other value is somebody's, or a number.
OURS = ("why", "what")
OURS_OR_TYPED = ("reason",)
# What was read twice, or could be several: "12 or 17".
READINGS = ("read", "rolls")
# Moments, as moment_in_row writes them.
MOMENTS = ("when",)
MOMENT = "%Y-%m-%d %H:%M UTC"


class Shape:
    """A text with holes, and the pattern of what it becomes with values in them."""

    def __init__(self, text: str) -> None:
        # HOLE has two groups: of three pieces, one is text and one of the others is a name.
        pieces = HOLE.split(text)
        self.text, self.fixed = text, pieces[::3]
        self.holes = [one or other for one, other in zip(pieces[1::3], pieces[2::3], strict=True)]
        self.longest = max(self.fixed, key=len)
        self.length = sum(map(len, self.fixed))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        before = self.fixed[0]
        pattern = re.escape(before)
        for name, text in zip(self.holes, self.fixed[1:], strict=True):
            pattern += f"(?P<{name}>{_value(name, leads=not before)}){re.escape(text)}"
            before += text
        return re.compile(pattern, re.DOTALL)

    def values_in(self, text: str) -> dict[str, str] | None:
        """The values of a text that has this shape; None when it has not."""
        if self.longest not in text:  # so that few texts cost a look at the pattern
            return None
        found = self._pattern.fullmatch(text)
        return found.groupdict() if found else None


def _value(name: str, *, leads: bool) -> str:
    """The pattern of a value, and whether the text begins with it."""
    if name == "code":
        return r"\S+?"  # of a question: else it could be half a sentence
    if leads:
        # What was said before goes as far as it can; a name is no sentence.
        return ".*" if name.startswith("why") else "(?:(?![.:] ).)*?"
    return ".*?"


class Shapes:
    """Some shapes; of several that fit a text, the one with most words of its own counts.

    With `only_declared` any other text is somebody's own, even where the catalogue has its words.
    """

    def __init__(self, *, only_declared: bool = False) -> None:
        self._only_declared = only_declared
        self._shapes: dict[str, Shape] = {}

    def add(self, texts: Iterable[str]) -> None:
        """Take in shapes, each once."""
        known = self._shapes | {text: Shape(text) for text in texts}
        self._shapes = dict(sorted(known.items(), key=lambda item: -item[1].length))

    def texts(self) -> list[str]:
        """All of them."""
        return list(self._shapes)

    def tell(self, text: str) -> str:
        """The text in the language that is active, by its shape or as a whole."""
        in_english = (get_language() or "en").startswith("en")
        if not text or (in_english and " UTC" not in text):
            return text
        if not self._only_declared and (whole := gettext(text)) != text:
            return whole
        for shape in self._shapes.values():
            values = shape.values_in(text)
            if values is not None:
                return _filled(gettext(shape.text), values)
        return text


ROWS, REASONS, FEEDBACK = Shapes(), Shapes(), Shapes(only_declared=True)


def register(
    rows: Iterable[str], reasons: Iterable[str] = (), feedback: Iterable[str] = ()
) -> None:
    """Take in the shapes of an app: of texts of ours, of the reasons of changes, and of feedback
    that no person and no model wrote.
    """
    ROWS.add(rows)
    REASONS.add(reasons)
    FEEDBACK.add(feedback)


def told(text: str) -> str:
    """A text that Sheaf or a provider wrote into a row, in the language that is active."""
    return ROWS.tell(text)


def told_reason(text: str) -> str:
    """The reason of a change, which a person may have typed, in the language that is active."""
    return REASONS.tell(text)


def told_feedback(text: str) -> str:
    """Feedback, in the language that is active where it is the offline baseline's; a teacher's or
    a model's as it stands.
    """
    return FEEDBACK.tell(text)


def _filled(shape: str, values: dict[str, str]) -> str:
    def told_value(hole: re.Match[str]) -> str:
        name = hole[1] or hole[2]
        return _value_told(name, values[name])

    return HOLE.sub(told_value, shape)


def _value_told(name: str, value: str) -> str:
    if name.startswith(OURS):
        return told(value)
    if name in OURS_OR_TYPED:
        return told_reason(value)
    if name in READINGS:
        *others, last = value.split(" or ")
        for other in reversed(others):
            last = gettext("%(one)s or %(other)s") % {"one": other, "other": last}
        return last
    return _moment_told(value) if name in MOMENTS else value


def moment_in_row(moment: datetime) -> str:
    """A moment as the value `when` of a row's text, the same whoever writes it."""
    return moment.astimezone(UTC).strftime(MOMENT)


def _moment_told(text: str) -> str:
    """A moment of a row in the reader's time zone and form; an older form stands as it is."""
    try:
        moment = datetime.strptime(text, MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return text
    return date_format(timezone.localtime(moment), gettext("j M Y, H:i"))
