"""Configurations of providers: what the environment says of each driver, and named ones upon it.

Comes in: texts from the environment, read by config/settings.py. Goes out: options by name, for
the registry. A named configuration never holds a key itself, only the name of its variable.
Errors name their variable, and never repeat a value that may be a key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from batching.providers.options import BadOption

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
# What an emulator is said to cost, so that money is shown where none is due.
EXAMPLE_PRICE = {"input": 0.2, "output": 0.8}


def read_cap(text: str) -> Decimal | None:
    """The most that may be spent; None for "", which is no cap. Raises BadOption."""
    try:
        cap = Decimal(text) if text else None
    except InvalidOperation:
        cap = Decimal("NaN")
    if cap is not None and not (cap.is_finite() and cap >= 0):
        raise BadOption(f"SHEAF_SPENDING_CAP must be 0 or more, or empty for no cap, not {text!r}.")
    return cap


def read_named(text: str) -> dict[str, dict[str, Any]]:
    """The options of `{"name": {"driver": "…", …}, …}` by name; "" is none.

    Raises BadOption.
    """
    try:
        named = json.loads(text or "{}", object_pairs_hook=_refuse_repeated)
    except json.JSONDecodeError as error:
        raise BadOption(f"SHEAF_PROVIDERS is not valid JSON: {error}.") from None
    if not isinstance(named, dict):
        raise BadOption('SHEAF_PROVIDERS must be an object: {"name": {"driver": "…", …}, …}.')
    for name, options in named.items():
        if not NAME.fullmatch(name):
            raise BadOption(f"SHEAF_PROVIDERS: {name!r} is no name; take letters, digits, - and _.")
        if not isinstance(options, dict):
            raise BadOption(f"SHEAF_PROVIDERS: {name} must be an object of options.")
        if "api_key" in options:
            raise BadOption(
                f"SHEAF_PROVIDERS: {name} holds a key itself. Put the key into an environment "
                'variable of its own and name that: "api_key_env": "…".'
            )
        if "emulated" in options:
            raise BadOption(
                f"SHEAF_PROVIDERS: {name} must not say emulated. Name the emulator's address in "
                "SHEAF_EMULATORS."
            )
        if not VARIABLE.fullmatch(str(options.get("api_key_env", "NONE"))):
            raise BadOption(
                f"SHEAF_PROVIDERS: api_key_env of {name} must be the name of an environment "
                "variable in capital letters, not a key."
            )
    return named


def combine(
    drivers: Mapping[str, Mapping[str, Any]],
    named: Mapping[str, Mapping[str, Any]],
    *,
    variable: Callable[[str], str],
    emulators: Sequence[str] = (),
) -> dict[str, dict[str, Any]]:
    """All configurations by name: one of each driver, and the named ones upon their driver's.

    `drivers` holds the options of each driver, `variable` reads an environment variable, and
    what is sent to an address below one of `emulators` is said to be emulated, at an example of a
    price. Raises BadOption.
    """
    found = {}
    for name in {**drivers, **named}:
        options = named.get(name, {})
        driver = options.get("driver", name if name in drivers else None)
        if not isinstance(driver, str) or not (driver in drivers or ":" in driver):
            raise BadOption(
                f"SHEAF_PROVIDERS: the driver of {name} must be one of {', '.join(drivers)}, "
                f"not {driver!r}."
            )
        whole = {**drivers.get(driver, {}), **options, "driver": driver}
        if key_name := options.get("api_key_env"):
            whole["api_key"] = variable(str(key_name))
        elif "base_url" in options and "api_key" in whole:
            # A key is for the address it stands beside, and never sent to another one.
            whole["api_key"] = ""
        address = str(whole.get("base_url") or "")
        if any(address == one or address.startswith(f"{one}/") for one in emulators):
            whole["emulated"] = True
            if driver in ("openai", "gemini"):
                whole.setdefault("price", EXAMPLE_PRICE)
        found[name] = whole
    return found


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise BadOption(f"SHEAF_PROVIDERS: {name!r} stands there twice.")
        found[name] = value
    return found
