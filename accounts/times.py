"""Times are shown in the zone of the person who looks at them, else in the school's."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import User


def zone_choices() -> list[tuple[str, Any]]:
    """("", the school's own), UTC, and every zone that this machine knows, grouped by continent:
    so that the first letters of a city lead to it."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zoneinfo.available_timezones()):
        continent, _slash, city = name.partition("/")
        if city and continent != "Etc":
            groups.setdefault(continent, []).append((name, city.replace("_", " ")))
    return [("", settings.TIME_ZONE.replace("_", " ")), ("UTC", "UTC"), *groups.items()]


def zone_of(name: str) -> zoneinfo.ZoneInfo | None:
    """The zone of this name; None for none, or one that was chosen where more are known."""
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None


def set_time_zone(user: User, name: str) -> None:
    """Show times to a person in the zone of this name; "" is the school's own."""
    if user.time_zone != name:
        user.time_zone = name
        user.save(update_fields=["time_zone"])


class TimeZoneMiddleware:
    """Shows the times of a page in the zone that its reader chose."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = zone_of(getattr(request.user, "time_zone", ""))
        with timezone.override(zone) if zone else nullcontext():
            return self.get_response(request)
