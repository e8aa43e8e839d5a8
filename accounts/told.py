"""Tells what stands in a row, which is English, in the language of whoever reads it.

Comes in: a text of a row, and the shapes ("Name on page 1 reads %(name)s") that such texts may
have. Goes out: the translation, with the values of the row in it. What is not known is shown as
it stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from django.utils.translation import gettext

HOLE = re.compile(r"%\((\w+)\)s|\{(\w+)\}")


@cache
def _pattern(shape: str) -> re.Pattern[str]:
    # HOLE has two groups: of three pieces, one is text and one of the others is a name.
    pieces = HOLE.split(shape)
    pattern = re.escape(pieces[0])
    for one, other, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        pattern += f"(?P<{one or other}>.+){re.escape(text)}"
    return re.compile(pattern, re.DOTALL)


def told(text: str, shapes: Sequence[str]) -> str:
    """The text in the language that is active; a value called `why` is told as well.

    The first shape that fits counts, so a longer one stands before a shorter one.
    """
    for shape in shapes:
        found = _pattern(shape).fullmatch(text)
        if found:
            values = found.groupdict()
            if "why" in values:
                values["why"] = told(values["why"], shapes)
            return _filled(gettext(shape), values)
    return gettext(text)


def _filled(shape: str, values: dict[str, str]) -> str:
    return HOLE.sub(lambda hole: values[hole[1] or hole[2]], shape)
