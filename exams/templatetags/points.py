"""How marks are written on the pages of exams: 2 rather than 2.00, 0.5 rather than 0.50."""

from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def points(number: Decimal | None) -> str:
    """A number of marks without zeros at its end; nothing for no number."""
    if number is None:
        return ""
    text = f"{Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
