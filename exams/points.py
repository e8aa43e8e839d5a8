"""How a mark is written for people, wherever one stands: on pages, in errors, in histories.

Comes in: a number of marks. Goes out: a short text. What is sent to a model, hashed or exported
has formats of its own.
"""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import get_format

# More digits than any mark has: such a number was mistyped, and stands as it was typed.
LONGEST = 12


def plain(number: Decimal | float | str) -> str:
    """A number of marks: 2 rather than 2.0, 0.5 rather than 0.50, -0.25."""
    exact = Decimal(str(number))
    if not exact.is_finite() or abs(exact.adjusted()) > LONGEST:
        return str(number)
    return format(exact.normalize() + 0, "f")


def shown(number: Decimal | float | str) -> str:
    """`plain` with the decimal sign of the reader's language: 1.5, in German 1,5."""
    return plain(number).replace(".", get_format("DECIMAL_SEPARATOR"))
