"""Shared steps of the drills: a run through a vendor's emulator with the vendor's own SDK, a
fault (or some), and how the run must end.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from batching.claims import LostClaim
from batching.models import BatchItem, BatchJob, BatchRun, ItemState, ProviderAccount
from batching.providers.base import ProviderBusy
from batching.queries import is_over
from batching.sweep import due_work
from exams.models import Exam
from grading import runs
from grading.models import GradingRun
from tests.batching.books import books_of, troubles
from tests.emulators.base import Emulator

KEY = "sk-drill-0123456789"
# A run of a few sheets is over in a second; more is a run that goes round in circles.
RUN_SECONDS = 60


def configuration(emulator: Emulator, **options: Any) -> dict[str, Any]:
    """A configuration of the emulator's vendor that leads to the emulator."""
    own: dict[str, dict[str, Any]] = {
        "openai": {"base_url": f"{emulator.url}/v1", "model": "gpt-4.1-mini", "file_seconds": 5},
        "gemini": {"base_url": emulator.url, "model": "gemini-2.5-flash", "results_seconds": 2},
        "local": {"base_url": f"{emulator.url}/v1", "model": "emulated"},
    }
    price = {"input": 0.2, "output": 0.8, "cached": 0.1}
    return {
        "driver": emulator.name,
        "api_key": KEY,
        "price": price,
        **own[emulator.name],
        **options,
    }


def draft(exam: Exam, provider: str, *, by: User, second: str = "") -> GradingRun:
    """A run of all sheets of an exam, built and not sent."""
    run = runs.draft_run(exam, provider=provider, by=by, second_provider=second)
    do_due_work()
    return run


def carry_out(run: GradingRun, *, by: User) -> GradingRun:
    """Send a drafted run and do all that becomes due, as workers do, until it is over."""
    runs.send_run(run, by=by)
    finish(run)
    return run


def finish(run: GradingRun) -> None:
    """Do all that is due until the run is over; where nothing is, time passes."""
    end = time.monotonic() + RUN_SECONDS
    while not is_over(run.batch_run):
        if time.monotonic() > end:
            told = list(run.batch_run.jobs.values_list("state", "remote_state", "problem"))
            raise AssertionError(f"The run does not end: {told}")
        if not do_due_work():
            time.sleep(0.02)
            let_time_pass()


def do_due_work() -> bool:
    """Do once what the sweeper would ring for in the engine; False when there was nothing."""
    works = [work for work in due_work() if work.task.name.startswith("batching.")]
    for work in works:
        try:
            work.do()
        except (ProviderBusy, LostClaim):
            continue  # the row says when it is due again
    return bool(works)


def let_time_pass() -> None:
    """All pauses, leases and intervals are over."""
    now = timezone.now()
    ProviderAccount.objects.update(paused_until=None)
    for model in (BatchRun, BatchJob, BatchItem):
        model.objects.filter(lease_until__isnull=False).update(lease_until=None)
    BatchJob.objects.filter(next_poll_at__gt=now).update(next_poll_at=now - timedelta(seconds=1))


def states(run: GradingRun) -> Counter[str]:
    """How many sheets of the run's exam are in which state."""
    return Counter(run.exam.sheets.values_list("state", flat=True))


PUPILS = 4
GRADED = "every sheet is graded, and nothing was sent twice"
REPAIRED = "every sheet is graded, what failed having been sent again alone"
PERSON = "one sheet fails at once, for a person to look at; the others are graded"
GIVEN_UP = "one sheet fails after as many tries as are set; the others are graded"
FAILED = "every sheet fails with its story, at once"
FREE = "the job fails, nothing is paid, and the sheets are free again"
OBEYED = "every sheet is graded, one of them as it asked for; a teacher reviews it"


def drill(place: str, kinds: str, ends: str, story: str = "", **more: Any) -> Any:
    """A drill of faults at one place, one after the other, as a parameter of a test."""
    nth = 0 if place == "line" else None
    faults = tuple((place, kind, nth) for kind in kinds.split())
    return pytest.param(Drill(faults, ends, story, **more), id=f"{place}-{kinds}")


@dataclass(frozen=True, slots=True)
class Drill:
    """Faults (place, kind, number of the line or None) and how a run of four sheets ends then.

    `story` stands in what a person reads: on the failed sheet, on the failed job, or on the
    item that was sent again. `rounds` is how often something was sent again, where it was.
    """

    faults: tuple[tuple[str, str, int | None], ...]
    ends: str
    story: str = ""
    rounds: int = 1

    def prepare(self, emulator: Emulator) -> None:
        for place, kind, nth in self.faults:
            emulator.faults.add(place, kind, nth=nth)

    def check(self, run: GradingRun, emulator: Emulator) -> None:
        """The run ended as it should, and so did the books."""
        obeyed = (1,) if self.ends == OBEYED else ()
        assert troubles(run.batch_run, emulator.folder, obeyed=obeyed) == []
        assert emulator.faults.waiting() == 0, "a fault did not happen"
        items = run.batch_run.items
        assert states(run) == {
            PERSON: {"graded": PUPILS - 1, "failed": 1},
            GIVEN_UP: {"graded": PUPILS - 1, "failed": 1},
            FAILED: {"failed": PUPILS},
            FREE: {"mapped": PUPILS},
        }.get(self.ends, {"graded": PUPILS})
        last_round = max(items.values_list("round", flat=True))
        assert last_round == (self.rounds if self.ends in (REPAIRED, GIVEN_UP) else 0)
        assert not run.exam.sheets.exclude(reviewed_by=None).exists()
        for told in self._told(run):
            assert self.story in told, told
        if self.ends == FREE:
            assert not books_of(emulator.folder).billed

    def _told(self, run: GradingRun) -> list[str]:
        if self.ends in (PERSON, GIVEN_UP, FAILED):
            return list(run.exam.sheets.filter(state="failed").values_list("problem", flat=True))
        if self.ends == FREE:
            return list(run.batch_run.jobs.values_list("problem", flat=True))
        again = run.batch_run.items.exclude(state=ItemState.ACCEPTED)
        return list(again.values_list("reason", flat=True))


def kinds_of(document: str, place: str = "") -> set[tuple[str, str]]:
    """(place, kind) of every fault in the tables of an emulator's description; `place` is that
    of tables that name none.
    """
    found, places = set(), [place]
    rows = [line.split("|")[1:-1] for line in document.replace("\n  ", " ").splitlines()]
    for row in (one for one in rows if len(one) > 1 and "---" not in one[0]):
        if len(row) == 3 and "the same" not in row[0]:
            places = row[0].split(",")
        for kind in row[-2].split(","):
            found |= {(one.strip(), kind.strip()) for one in places}
    return {(one, kind) for one, kind in found if kind != "kind" and " " not in kind}
