"""Accidents on purpose: a process that is killed, and trouble just after a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from batching.claims import Claim, Claimable, fenced


class Killed(BaseException):
    """The process is gone."""


def killed(*_: object, **__: object) -> Any:
    raise Killed


def trouble() -> None:
    raise ConnectionError("something that waited for the commit has failed")


@contextmanager
def fenced_with_trouble(held: Claim, **options: Any) -> Iterator[Any]:
    """As `fenced`, but the last thing that waits for the commit raises after it."""
    with fenced(held, **options) as row:
        yield row
        transaction.on_commit(trouble)


def kill_before_the_rows(patch: pytest.MonkeyPatch, module: Any) -> None:
    """The process dies with its files written, its rows not, and nothing is cleaned up."""
    patch.setattr("exams.storage.delete_files", lambda names: None)
    patch.setattr(module, "fenced", killed)


def die_at_every_try(stage: Callable[[int], None], row: Claimable) -> None:
    """Each try that a row has ends with the death of its worker."""
    for _ in range(settings.SHEAF_MAX_TRIES):
        with pytest.raises(Killed):
            stage(row.pk)
        let_the_lease_end(row)


def let_the_lease_end(row: Claimable) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(lease_until=timezone.now())
