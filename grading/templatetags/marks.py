"""How pages write marks, and where the bars of the distribution stand.

Comes in: decimals and shares. Goes out: short texts; no style, since the pages allow none.
"""

from decimal import Decimal

from django import template

from exams.points import plain, shown

register = template.Library()

BAR_STEP = 20
BAR_BOTTOM = 80
BAR_TALLEST = 68


@register.filter
def points(value: Decimal | float | None) -> str:
    """A mark as people write it: 2, 1.5, in German 1,5; a dash where there is none."""
    return "–" if value is None else shown(value)


@register.filter
def plain_points(value: Decimal | float) -> str:
    """A mark as forms and scripts read it, whatever the language is."""
    return plain(value)


@register.simple_tag
def bar_x(index: int) -> str:
    """The left edge of a bar."""
    return f"{index * BAR_STEP + 1.5:g}"


@register.simple_tag
def bar_middle(index: int) -> str:
    """The middle of a bar."""
    return f"{index * BAR_STEP + 10:g}"


@register.simple_tag
def bar_height(share: float) -> str:
    """The height of a bar whose share of the tallest is given."""
    return f"{share * BAR_TALLEST:.1f}"


@register.simple_tag
def bar_y(share: float, shift: int = 0) -> str:
    """The upper edge of a bar, moved by `shift`."""
    return f"{BAR_BOTTOM - share * BAR_TALLEST + shift:.1f}"
