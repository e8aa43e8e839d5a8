"""How money and tokens are written on pages: 12.40 USD, 0.0042 USD, 3,475."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

register = template.Library()

SMALLEST = Decimal("0.0001")


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """An amount with two digits after the point, a small one with up to four; nothing for none."""
    if amount is None:
        return ""
    if 0 < amount < SMALLEST:
        text = _("under %(amount)s") % {"amount": number_format(SMALLEST)}
    elif 0 < amount < 1:
        whole = f"{amount:.4f}"
        text = number_format(Decimal(max(whole.rstrip("0"), whole[:4], key=len)))
    else:
        text = number_format(amount, 2, force_grouping=True)
    return f"{text} {currency}".strip()


@register.filter
def amounts(found: Iterable[tuple[Decimal, str]]) -> str:
    """Amounts of several currencies in a row; 0.00 for none."""
    return " + ".join(money(amount, currency) for amount, currency in found) or money(Decimal(0))
