"""The providers that this installation is configured for, by name.

A configuration (settings.SHEAF_PROVIDERS) names a driver (one of ours, or "module:Class")
and carries its options; several configurations of one driver may exist. Only this registry
reads settings. Every configuration can be had and shown, also one whose key is missing; what
is sent needs one that is ready.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from batching.providers.base import BatchProvider, DirectProvider

DRIVERS = {
    "offline": "batching.providers.offline:OfflineProvider",
    "openai": "batching.providers.openai:OpenAIProvider",
    "gemini": "batching.providers.gemini:GeminiProvider",
    "local": "batching.providers.local:LocalProvider",
}


class UnknownProvider(Exception):
    """No configuration has this name."""


class ProviderNotReady(Exception):
    """A setting of the configuration is missing; the message says which, and how to set it."""


def get(name: str) -> DirectProvider | BatchProvider:
    """The provider of the configuration `name`, whether it is ready or not.

    Raises UnknownProvider, and ImproperlyConfigured for an option that it cannot have.
    """
    if name not in settings.SHEAF_PROVIDERS:
        raise UnknownProvider(f"No provider {name!r} in the settings: {', '.join(names())}.")
    return _load(name, json.dumps(settings.SHEAF_PROVIDERS[name], sort_keys=True))


@lru_cache(maxsize=64)
def _load(name: str, configuration: str) -> DirectProvider | BatchProvider:
    options = json.loads(configuration)
    named: str = options.pop("driver")
    module, _colon, driver = DRIVERS.get(named, named).partition(":")
    try:
        provider: DirectProvider | BatchProvider = getattr(import_module(module), driver)(options)
    except ValueError as error:
        raise ImproperlyConfigured(f"The provider {name}: {error}") from None
    return provider


def get_batch(name: str) -> BatchProvider:
    """The batch provider `name`. Raises UnknownProvider, also when it is of the other kind."""
    provider = get(name)
    if not isinstance(provider, BatchProvider):
        raise UnknownProvider(f"{name} is now configured as a provider without batches.")
    return provider


def get_direct(name: str) -> DirectProvider:
    """The direct provider `name`. Raises UnknownProvider, also when it is of the other kind."""
    provider = get(name)
    if not isinstance(provider, DirectProvider):
        raise UnknownProvider(f"{name} is now configured as a batch provider.")
    return provider


def require(name: str) -> DirectProvider | BatchProvider:
    """The provider `name`, ready to be sent something.

    Raises UnknownProvider, and ProviderNotReady with what to set.
    """
    provider = get(name)
    if provider.missing:
        raise ProviderNotReady(f"{provider.title} is not ready. {provider.missing}")
    return provider


def ready(name: str) -> bool:
    """Whether there is such a configuration and nothing of it is missing."""
    return name in settings.SHEAF_PROVIDERS and not get(name).missing


def price_known(name: str) -> bool:
    """Whether `price` of the provider `name` is what it costs; else nobody said what it costs."""
    return bool(getattr(get(name), "price_known", True))


def currency() -> str:
    """The one currency of all prices that are set; "" where there are several, or none is."""
    found = set()
    for name in names():
        try:
            price = get(name).price
        except ImproperlyConfigured:
            continue  # `manage.py check` says what is wrong with it
        if price.input or price.output or price.cached:
            found.add(price.currency)
    return found.pop() if len(found) == 1 else ""


@dataclass(frozen=True, slots=True)
class About:
    """What pages say of a provider, also of one that is no longer configured."""

    title: str
    model: str = ""
    notice: str = ""


def about(name: str) -> About:
    """The words for pages; never an error, since old runs outlive configurations."""
    if name not in settings.SHEAF_PROVIDERS:
        return About(_("%(name)s (no longer configured)") % {"name": name})
    provider = get(name)
    return About(_(provider.title), provider.model, provider.notice and _(provider.notice))


def title_of(name: str) -> str:
    """The title for rows, which stay English."""
    return get(name).title if name in settings.SHEAF_PROVIDERS else name


def notices_of(names: Iterable[str]) -> list[About]:
    """Those among these providers whose marks are not shown without a word about them."""
    found = [about(name) for name in sorted(set(names))]
    return [one for one in found if one.notice]


def names() -> list[str]:
    """The names of all configurations."""
    return list(settings.SHEAF_PROVIDERS)


def choices() -> list[tuple[str, str]]:
    """(name, title) of every configuration that is ready, for forms; no two titles alike."""
    found = [(name, _(get(name).title)) for name in names() if ready(name)]
    times = Counter(title for _name, title in found)
    return [
        (
            name,
            (f"{title} ({name})" if times[title] > 1 else title)
            + ("" if price_known(name) else _(", cost not known")),
        )
        for name, title in found
    ]
