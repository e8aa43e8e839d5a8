"""Pauses: how long nothing is asked of a provider's account that was too busy.

One pause for all workers and all configurations with the same key. It is what the provider
asked for (Retry-After), or grows from half a minute to an hour with each refusal in a row.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from batching import providers
from batching.conflicts import Conflict
from batching.models import ProviderAccount
from batching.providers.base import BatchProvider, DirectProvider, ProviderBusy

logger = logging.getLogger(__name__)

FIRST_SECONDS = 30
LONGEST_SECONDS = 3600
HANDING_IN = " (handing in)"


def seconds_left(provider: DirectProvider | BatchProvider, *, handing_in: bool = False) -> float:
    """How long the provider's account rests still; 0 when it may be asked.

    Handing in has a pause of its own besides: a vendor that takes no new batch still gives the
    results of old ones.
    """
    names = [account_of(provider, handing_in=False), account_of(provider, handing_in=handing_in)]
    rests = ProviderAccount.objects.filter(account__in=names, paused_until__isnull=False)
    latest = rests.order_by("-paused_until").values_list("paused_until", flat=True).first()
    return max(0.0, (latest - timezone.now()).total_seconds()) if latest else 0.0


def pause(
    provider: DirectProvider | BatchProvider, busy: ProviderBusy, *, handing_in: bool = False
) -> float:
    """Let the account rest after a refusal; gives the seconds. A longer pause is never cut."""
    now = timezone.now()
    with transaction.atomic():
        account = lock_account(provider, handing_in=handing_in)
        account.strikes = min(account.strikes + 1, 100)
        own = min(FIRST_SECONDS * 2 ** (account.strikes - 1), LONGEST_SECONDS)
        # However short a pause the provider names: not again and again without a breath.
        seconds = own if busy.retry_after is None else max(busy.retry_after, account.strikes)
        # Workers that wait for the same moment would all come back at it.
        seconds = min(seconds, settings.SHEAF_LONGEST_PAUSE_SECONDS) * random.uniform(1, 1.1)  # noqa: S311
        until = now + timedelta(seconds=seconds)
        account.paused_until = max(until, account.paused_until or until)
        account.reason = str(busy)
        account.save()
    logger.info("provider account paused for %.0f s: %s", seconds, busy)
    return (account.paused_until - now).total_seconds()


def end_pause(provider: DirectProvider | BatchProvider, *, handing_in: bool = False) -> None:
    """The account answered: the next refusal is the first one again. A pause that was asked of
    somebody else meanwhile goes on.
    """
    name = account_of(provider, handing_in=handing_in)
    if not ProviderAccount.objects.filter(account=name, strikes__gt=0).exists():
        return
    with transaction.atomic():
        account = lock_account(provider, handing_in=handing_in)
        if account.paused_until is None or account.paused_until <= timezone.now():
            account.strikes, account.paused_until, account.reason = 0, None, ""
            account.save()


@transaction.atomic
def lift_pause(account: ProviderAccount, *, by: User) -> None:
    """Let an account be asked again at once, since a person knows that it is well again.

    The refusals in a row stay counted: if it still refuses, the next pause is the longer one.
    """
    account = ProviderAccount.objects.select_for_update().get(pk=account.pk)
    if account.paused_until is None or account.paused_until <= timezone.now():
        raise Conflict(f"{account} does not rest.")
    account.paused_until = None
    account.save()
    logger.info("pause of provider account %s lifted by user %s", account.pk, by.pk)


def lock_account(
    provider: DirectProvider | BatchProvider, *, handing_in: bool = False
) -> ProviderAccount:
    """The account's row, locked until the transaction ends; always before a job's row."""
    name = account_of(provider, handing_in=handing_in)
    ProviderAccount.objects.get_or_create(account=name)
    return ProviderAccount.objects.select_for_update().get(account=name)


def account_of(provider: DirectProvider | BatchProvider, *, handing_in: bool) -> str:
    """The name of the row whose pause counts."""
    return f"{provider.account}{HANDING_IN}" if handing_in else provider.account


def all_calls(account: str) -> str:
    """The name of the row for all calls to an account, hand-ins or not."""
    return account.removesuffix(HANDING_IN)


def resting(now: datetime) -> list[str]:
    """The names of the configurations whose account rests."""
    accounts = set(
        ProviderAccount.objects.filter(paused_until__gt=now).values_list("account", flat=True)
    )
    if not accounts:
        return []
    return [name for name in providers.names() if _account(name) in accounts]


def _account(name: str) -> str:
    try:
        return providers.get(name).account
    except ImproperlyConfigured:
        # A check names it; the others are not held up by it.
        return ""
