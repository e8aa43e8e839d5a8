"""The providers that this installation is configured for, by name.

A configuration (settings.SHEAF_PROVIDERS) names a driver (one of ours, or "module:Class")
and carries its options; several configurations of one driver may exist. Only this registry
reads settings.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from django.conf import settings

from batching.providers.base import BatchProvider, DirectProvider

DRIVERS = {"offline": "batching.providers.offline:OfflineProvider"}


class UnknownProvider(KeyError):
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


def names() -> list[str]:
    """The names of all configurations."""
    return list(settings.SHEAF_PROVIDERS)


def choices() -> list[tuple[str, str]]:
    """(name, title) of every configuration, for forms."""
    return [(name, get(name).title) for name in names()]
