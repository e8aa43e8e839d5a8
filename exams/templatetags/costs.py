"""How money and tokens are written on pages: 12.40 USD, 0.0042 USD, 3,475."""

from __future__ import annotations

from decimal import Decimal

from django import template

register = template.Library()

SMALLEST = Decimal("0.0001")


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """An amount with two digits after the point, a small one with up to four; nothing for none."""
    if amount is None:
        return ""
    if 0 < amount < SMALLEST:
        text = f"under {SMALLEST}"
    else:
        text = f"{amount:,.2f}"
        if 0 < amount < 1:
            whole = f"{amount:.4f}"
            text = max(whole.rstrip("0"), whole[:4], key=len)
    return f"{text} {currency}".strip()
