"""Attempts: how intake's stages take a row, and what becomes of it when the work cannot be done.

Comes in: the rows that are due, one's id, and the work. Goes out: a row that the work has written;
or one that waits to be tried again, where nobody is to blame; or a failed one with the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet
from django_fsm import can_proceed

from batching.claims import Claim, LostClaim, claim, fenced, give_back
from exams.storage import StorageFull

logger = logging.getLogger(__name__)


def attempt(
    rows: QuerySet[Any],
    pk: int,
    work: Callable[[Claim], None],
    *,
    waits_for: type[Exception] | tuple[()] = (),
) -> None:
    """Claim one of the due rows and work on it; nothing when it is done or another worker has it.

    A full disk, a lost database and what it `waits_for` cost no try. Any other error does, and the
    claim runs out by itself.
    """
    held = claim(rows, pk)
    if held is None:
        return
    thing = held.model._meta.verbose_name
    try:
        work(held)
    except LostClaim as lost:
        logger.info("%s %s: %s was taken over by another worker", thing, pk, lost)
    except StorageFull:
        logger.error("%s %s: the disk is full, it waits", thing, pk)
        give_back(held, seconds=settings.SHEAF_SWEEP_SECONDS)
    except waits_for as error:
        logger.error("%s %s waits: %s", thing, pk, error)
        give_back(held, seconds=settings.SHEAF_SWEEP_SECONDS)
    except (OperationalError, InterfaceError):
        give_back(held)
        raise


def fail(held: Claim, problem: str, *, reason: str) -> None:
    """Fail a claimed row; `problem` is for the person, `reason` for its history."""
    with fenced(held) as row:
        # A person may have left it out meanwhile; taken in again, it is tried again.
        if can_proceed(row.fail):
            row.fail(problem)
            row._change_reason = reason
            row.save()
