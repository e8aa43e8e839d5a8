"""The options of a provider's configuration, read with their types.

Comes in: the dictionary of a configuration. Goes out: values, or an error that names the
option. Every driver reads its options here, so that a misspelt one is never overlooked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from batching.providers.base import Price

# Which drivers read and nobody writes: a key comes from its variable, and SHEAF_EMULATORS says
# what is emulated.
NOT_WRITTEN = ("api_key", "emulated")


class BadOption(ValueError):
    """An option that nobody knows, or with a value that it cannot have."""


class Options:
    """Reads options one by one; `refuse_others` names what nobody asked for.

    An option that is not there, None or "" has its default.
    """

    def __init__(self, values: Mapping[str, Any] | None) -> None:
        self._values = dict(values or {})
        self._known: set[str] = set()

    def text(self, name: str, default: str = "", *, among: Sequence[str] = ()) -> str:
        """A text, one of `among` where these are given."""
        value = self._take(name, default)
        if not isinstance(value, str):
            raise BadOption(f"{name} must be a text.")  # without its value: it may be a key
        if among and value not in among:
            raise BadOption(f"{name} must be one of {', '.join(among)}, not {value!r}.")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise BadOption(f"{name} must be true or false, not {value!r}.")
        return value

    def number(
        self, name: str, default: float, *, least: float = 0.0, most: float = math.inf
    ) -> float:
        """A number from `least` to `most`."""
        return _between(name, _number(name, self._take(name, default)), least, most)

    def optional_number(
        self, name: str, default: float | None = None, *, least: float = 0.0, most: float = math.inf
    ) -> float | None:
        """A number from `least` to `most`, or None for none."""
        value = self._take(name, default)
        return None if value is None else _between(name, _number(name, value), least, most)

    def count(self, name: str, default: int, *, least: int = 0, most: float = math.inf) -> int:
        """A whole number from `least` to `most`."""
        return _whole(name, self._take(name, default), least, most)

    def optional_count(
        self, name: str, default: int | None = None, *, least: int = 1, most: float = math.inf
    ) -> int | None:
        """A whole number, or None for none."""
        value = self._take(name, default)
        return None if value is None else _whole(name, value, least, most)

    def mapping(self, name: str) -> dict[str, Any]:
        """An object, empty when it is not there."""
        value = self._take(name, {})
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise BadOption(f"{name} must be an object, not {value!r}.")
        return dict(value)

    def price(self, name: str = "price") -> Price | None:
        """{"input": …, "output": …, "cached": …, "currency": "USD"} for a million tokens.

        None when there is none: the price is not known. `cached` is the price of `input`
        where it is not given.
        """
        value = self.mapping(name)
        if not value:
            return None
        inner = Options(value)
        try:
            paid = inner._money("input")
            price = Price(
                input=paid,
                output=inner._money("output"),
                cached=inner._money("cached", paid),
                currency=inner.text("currency", "USD"),
            )
            inner.refuse_others()
        except BadOption as error:
            raise BadOption(f"{name}: {error}") from None
        return price

    def refuse_others(self) -> None:
        """Raises BadOption naming the options that nobody asked for."""
        others = sorted(set(self._values) - self._known)
        if others:
            raise BadOption(
                f"There is no option {', '.join(others)}. There are: "
                f"{', '.join(sorted(self._known.difference(NOT_WRITTEN)))}."
            )

    def _take(self, name: str, default: Any) -> Any:
        self._known.add(name)
        value = self._values.get(name)
        return default if value is None or value == "" else value

    def _money(self, name: str, default: Decimal | None = None) -> Decimal:
        value = self._take(name, default)
        if value is None:
            raise BadOption(f"{name} is missing.")
        try:
            # By its shortest text: 0.4 is 0.4, and not the binary number next to it.
            amount = Decimal(str(value))
        except InvalidOperation as error:
            raise BadOption(f"{name} must be a number, not {value!r}.") from error
        if not amount.is_finite() or amount < 0:
            raise BadOption(f"{name} must be 0 or more, not {value!r}.")
        return amount


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadOption(f"{name} must be a number, not {value!r}.")
    return float(value)


def _whole(name: str, value: Any, least: int, most: float) -> int:
    number = _number(name, value)
    if not number.is_integer():
        raise BadOption(f"{name} must be a whole number, not {value!r}.")
    return int(_between(name, number, least, most))


def _between(name: str, number: float, least: float, most: float) -> float:
    if math.isnan(number) or not least <= number <= most:
        upper = "" if math.isinf(most) else f" and at most {most:g}"
        raise BadOption(f"{name} must be at least {least:g}{upper}, not {number:g}.")
    return number
