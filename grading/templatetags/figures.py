"""How pages write statistics: shares as percent, shifts with their sign, a dash for undefined.

Comes in: floats, or None where a figure is not defined. Goes out: short texts for people, and
plain ones that charts.js reads whatever the language is.
"""

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def share(value: float | None) -> str:
    """A share of 1 as whole percent."""
    return "–" if value is None else f"{round(value * 100)} %"


@register.filter
def figure(value: float | None) -> str:
    """A number with two decimals."""
    return "–" if value is None else _two(value)


@register.filter
def shift(value: float | None) -> str:
    """A difference with its sign; none at all is 0."""
    if value is None:
        return "–"
    text = _two(value)
    return f"+{text}" if round(value, 2) > 0 else text.replace("-", "−")


@register.filter
def plain_number(value: float | None) -> str:
    """A number as scripts read it, nothing for undefined."""
    return "" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


def _two(value: float) -> str:
    return number_format(round(value, 2) + 0, decimal_pos=2)
