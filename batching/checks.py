"""System checks of the configured providers: what `manage.py check` and every start say.

A key that is missing is a hint, and only for a configuration that somebody means to use: the
proposed one, and those named in SHEAF_PROVIDERS. An option that nobody knows is an error.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured

from batching import providers
from batching.providers.base import Price


def register() -> None:
    """Have Django run these checks; once per process."""
    checks.register(check_providers)


def check_providers(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Errors for what cannot be used at all, warnings for what is not ready."""
    found: list[CheckMessage] = []
    proposed = settings.SHEAF_DEFAULT_PROVIDER
    if proposed not in providers.names():
        found.append(
            Error(
                f"The proposed provider {proposed!r} is not configured.",
                hint=f"Set SHEAF_DEFAULT_PROVIDER to one of {', '.join(providers.names())}.",
                id="sheaf.E002",
            )
        )
    meant = {proposed, *settings.SHEAF_PROVIDERS_NAMED}
    for name in providers.names():
        try:
            provider = providers.get(name)
        except ImproperlyConfigured as error:
            found.append(Error(str(error), hint=_where(name), id="sheaf.E001"))
            continue
        if name in meant and provider.missing:
            found.append(
                Warning(
                    f"The provider {name} ({provider.title}) cannot be used yet.",
                    hint=provider.missing,
                    id="sheaf.W001",
                )
            )
        if name in settings.SHEAF_PROVIDERS_NAMED and not providers.price_known(name):
            found.append(
                Warning(
                    f"What the provider {name} ({provider.title}) costs is not known: no cost "
                    "is shown, and nothing of it is sent where there is a spending cap.",
                    hint=f'Give {name} its price in SHEAF_PROVIDERS, such as "price": '
                    '{"input": 0.2, "output": 0.8} for a million tokens in a batch.',
                    id="sheaf.W002",
                )
            )
    return found + _currencies()


def _currencies() -> list[CheckMessage]:
    """A warning when prices are in several currencies: a cap adds them up as they are."""
    configured = settings.SHEAF_PROVIDERS.items()
    priced = {name: options["price"] for name, options in configured if options.get("price")}
    named: dict[str, list[str]] = {}
    for name, price in priced.items():
        # What is no price at all was an error above.
        currency = price.get("currency") if isinstance(price, dict) else None
        named.setdefault(str(currency or Price().currency), []).append(name)
    if len(named) < 2:
        return []
    told = "; ".join(f"{currency} ({', '.join(names)})" for currency, names in named.items())
    return [
        Warning(
            f"The prices of the providers are in several currencies: {told}. Spending caps add "
            "amounts up as if they were one.",
            hint="Give every price in SHEAF_PROVIDERS in one currency, the one of the caps.",
            id="sheaf.W003",
        )
    ]


def _where(name: str) -> str:
    return (
        f"See the options of {name} in SHEAF_PROVIDERS and in the variables of its driver; "
        "docs/operations.md lists them."
    )
