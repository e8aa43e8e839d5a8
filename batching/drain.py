"""Drain: do all due work in this process, without broker or worker.

The same stages, claims and database as on the workers; only the doorbell is missing. Used by
commands that must run through on their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.db import connection

from batching.claims import LostClaim
from batching.providers.base import ProviderBusy
from batching.sweep import DueWork, due_work


def drain(
    *, until: Callable[[], bool], lanes: int = 2, on_step: Callable[[], None] = lambda: None
) -> None:
    """Do due work in `lanes` threads until `until()` says that it is over.

    Waits when nothing is due but it is not over (a provider asked for patience). Errors of a
    stage rise; `on_step` is called in this thread after each piece of work.
    """
    running: dict[Future[None], tuple[str, int]] = {}
    with ThreadPoolExecutor(max_workers=lanes) as pool:
        while True:
            for work in _not_running(running, lanes):
                running[pool.submit(_do, work)] = (work.task.name, work.pk)
            if not running:
                if until():
                    return
                time.sleep(1)
                continue
            done, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
            for future in done:
                del running[future]
                future.result()
            on_step()


def _not_running(running: dict[Future[None], tuple[str, int]], lanes: int) -> list[DueWork]:
    if len(running) >= lanes:
        return []
    found: list[DueWork] = []
    for work in due_work():
        busy = list(running.values()).count((work.task.name, work.pk))
        found += [work] * (work.lanes - busy)
        if len(found) + len(running) >= lanes:
            break
    return found[: lanes - len(running)]


def _do(work: DueWork) -> None:
    try:
        work.do()
    except (LostClaim, ProviderBusy):
        # The row says when it is due again.
        pass
    finally:
        connection.close()
