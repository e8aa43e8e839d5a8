"""How marks are written on the pages of exams: 2 rather than 2.00, 0.5 rather than 0.50."""

from decimal import Decimal

from django import template
from django.utils.formats import get_format

register = template.Library()


@register.filter
def points(number: Decimal | None) -> str:
    """A number of marks without zeros at its end, for people; nothing for no number."""
    if number is None:
        return ""
    text = f"{Decimal(number):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace(".", get_format("DECIMAL_SEPARATOR"))
