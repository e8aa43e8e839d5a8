"""The sign-in throttle: who has failed too often is asked to wait (django-axes counts).

Comes in: a sign-in and its failures of the last SHEAF_LOGIN_LOCK_MINUTES. Goes out: whether it
may go on. Three limits: for one account from one address, for one account from anywhere, and
for one address with any accounts. The last is wide: a whole school may share one address, and
who gets in after a slip or two takes their failures along, so that a class that signs in
does not fill it.
"""

import ipaddress
from datetime import timedelta

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.db.models import Q, Sum
from django.http import HttpRequest
from django.utils import timezone

# Whoever has one IPv6 address has the 2^64 beside it as well.
IPV6_NEIGHBOURHOOD = 64


class Throttle(AxesDatabaseHandler):
    """Counts as django-axes does, but by all three limits."""

    def get_failures(self, request: HttpRequest, credentials: dict | None = None) -> int:
        """How often it failed, on the scale of AXES_FAILURE_LIMIT: at that number it is locked."""
        of_account = Q(username=get_client_username(request, credentials))
        of_address = Q(ip_address=request.axes_ip_address)
        limits = (
            (of_account & of_address, settings.AXES_FAILURE_LIMIT),
            (of_account, settings.SHEAF_LOGIN_ATTEMPTS_ACCOUNT),
            (of_address, settings.SHEAF_LOGIN_ATTEMPTS_ADDRESS),
        )
        recent = AccessAttempt.objects.filter(
            of_account | of_address, attempt_time__gte=get_cool_off_threshold(request)
        )
        failed = recent.aggregate(
            **{
                f"limit{number}": Sum("failures_since_start", filter=which, default=0)
                for number, (which, _) in enumerate(limits)
            }
        )
        return max(
            failed[f"limit{number}"] * settings.AXES_FAILURE_LIMIT // limit
            for number, (_, limit) in enumerate(limits)
        )


def forget_sign_ins(older_than: timedelta) -> int:
    """Delete what django-axes keeps of sign-ins and failures since longer ago; how many rows.

    They hold names, addresses and browsers. Failures that still count are kept in any case.
    """
    now = timezone.now()
    cool_off = timedelta(hours=settings.AXES_COOLOFF_TIME)
    failures = AccessAttempt.objects.filter(attempt_time__lt=now - max(older_than, cool_off))
    sign_ins = AccessLog.objects.filter(attempt_time__lt=now - older_than)
    return failures.delete()[0] + sign_ins.delete()[0]


def client_address(request: HttpRequest) -> str | None:
    """The address a sign-in comes from, as the outermost of our own proxies saw it.

    What a visitor writes into X-Forwarded-For stands left of what our SHEAF_PROXY_COUNT proxies
    add, and is never believed. An IPv6 address stands for its network.
    """
    own, proxies = request.META.get("REMOTE_ADDR", ""), settings.SHEAF_PROXY_COUNT
    told = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    candidates = [told[-proxies].strip()] if 0 < proxies <= len(told) else []
    for candidate in (*candidates, own):
        try:
            address = ipaddress.ip_address(candidate)
        except ValueError:
            continue
        if address.version == 6:
            if address.ipv4_mapped:
                return str(address.ipv4_mapped)
            network = ipaddress.ip_network((int(address), IPV6_NEIGHBOURHOOD), strict=False)
            return str(network.network_address)
        return str(address)
    return None
