"""How marks are written on pages: 2 rather than 2.00, 0.5 rather than 0.50."""

from decimal import Decimal

from django import template

from exams.points import shown

register = template.Library()


@register.filter
def points(number: Decimal | float | str | None) -> str:
    """A number of marks without zeros at its end, for people; nothing for no number."""
    return "" if number is None or number == "" else shown(number)
