"""The providers that this installation is configured for, by name.

A configuration (settings.SHEAF_PROVIDERS) names a driver (one of ours, or "module:Class")
and carries its options; several configurations of one driver may exist. Only this registry
reads settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module

from django.conf import settings

from batching.providers.base import BatchProvider, DirectProvider

DRIVERS = {"offline": "batching.providers.offline:OfflineProvider"}


class UnknownProvider(Exception):
    """No configuration has this name."""


def get(name: str) -> DirectProvider | BatchProvider:
    """The provider of the configuration `name`. Raises UnknownProvider."""
    if name not in settings.SHEAF_PROVIDERS:
        raise UnknownProvider(f"No provider {name!r} in the settings: {', '.join(names())}.")
    return _load(name)


@cache
def _load(name: str) -> DirectProvider | BatchProvider:
    options = dict(settings.SHEAF_PROVIDERS[name])
    named: str = options.pop("driver")
    module, _, driver = DRIVERS.get(named, named).partition(":")
    provider: DirectProvider | BatchProvider = getattr(import_module(module), driver)(options)
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


@dataclass(frozen=True, slots=True)
class About:
    """What pages say of a provider, also of one that is no longer configured."""

    title: str
    model: str = ""
    notice: str = ""


def about(name: str) -> About:
    """The words for pages; never an error, since old runs outlive configurations."""
    if name not in settings.SHEAF_PROVIDERS:
        return About(f"{name} (no longer configured)")
    provider = get(name)
    return About(provider.title, provider.model, provider.notice)


def names() -> list[str]:
    """The names of all configurations."""
    return list(settings.SHEAF_PROVIDERS)


def choices() -> list[tuple[str, str]]:
    """(name, title) of every configuration, for forms."""
    return [(name, get(name).title) for name in names()]
