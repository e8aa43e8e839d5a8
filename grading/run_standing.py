"""Where a run stands: its sheets, its jobs with their accounts and costs, and what they wait for.

Comes in: a run. Goes out: one value for its page, from a number of queries that is the same for
any number of jobs and sheets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from batching import providers
from batching.build import LINES_PER_JOB
from batching.jobs import NEVER_BUILT
from batching.models import (
    LIVE_ITEM_STATES,
    LIVE_JOB_STATES,
    OPEN_JOB_STATES,
    BatchJob,
    BatchRun,
    ItemState,
    JobState,
    ProviderAccount,
)
from batching.pauses import account_of, all_calls
from batching.providers.base import BatchProvider, DirectProvider, Usage
from batching.queries import Counts, counts_of
from exams.costs import Cap, Cost, caps_on, costs_of, total_of
from grading.models import GradingRun
from grading.run_pages import PagesSent, pages_sent, why_outdated
from grading.runs import FAILED_ITEM_STATES, failed_sheets

# Beside its state, what tells how a request counts for its sheet.
KEYS = ("set_free", Q(previous__isnull=True), Q(next__isnull=True))


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job with its account and cost, and until when its provider wants to be left alone."""

    job: BatchJob
    counts: Counts
    cost: Cost
    title: str
    paused_until: datetime | None = None
    pause_reason: str = ""

    @property
    def is_remote(self) -> bool:
        return bool(self.job.state == JobState.IN_PROGRESS and self.job.kind == "batch")

    @property
    def next_look(self) -> datetime | None:
        """When its provider is asked again where it is."""
        planned = self.job.next_poll_at
        return max(planned, self.paused_until or planned) if planned else None

    @property
    def attempt(self) -> int:
        return int(self.job.round) + 1


@dataclass(slots=True)
class Sheets:
    """The sheets of a run, each counted once however often it was sent."""

    total: int = 0
    waiting: int = 0
    free: int = 0
    accepted: int = 0
    failed: int = 0
    overtaken: int = 0
    stopped: int = 0
    again: int = 0

    @property
    def sent(self) -> int:
        return self.total - self.free

    @property
    def ended(self) -> int:
        return self.accepted + self.failed + self.overtaken + self.stopped


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything a run's page shows."""

    run: GradingRun
    provider: providers.About
    second: providers.About | None
    rows: list[JobRow]
    sheets: Sheets
    total: Cost
    planned: int
    is_building: bool
    is_building_again: bool
    can_send: bool
    can_cancel: bool
    is_live: bool
    is_stopping: bool
    is_over: bool
    end: str
    caps: list[Cap] = field(default_factory=list)
    pages: PagesSent | None = None
    outdated: str = ""
    split: str = ""
    rounds: int = 0
    can_send_again: int = 0

    @property
    def fits(self) -> bool:
        return all(cap.fits for cap in self.caps)

    @property
    def problem(self) -> str:
        """Why nothing could be built; "" also where a person wanted nothing to be."""
        problem: str = self.run.batch_run.problem
        return "" if problem == NEVER_BUILT else problem

    @property
    def was_sent(self) -> bool:
        """Whether somebody sent any of it: then stopping it has a price."""
        return any(row.job.approved_by_id for row in self.rows)

    @property
    def is_second_look(self) -> bool:
        """What waits for a person is to be sent again, and not a new draft."""
        waiting = [row.job for row in self.rows if row.job.state == JobState.REVIEW]
        return bool(waiting) and all(job.round for job in waiting)

    @property
    def built(self) -> int:
        return self.sheets.total - self.planned


def standing(run: GradingRun) -> Standing:
    """Where a run stands now."""
    batch_run = run.batch_run
    jobs = list(batch_run.jobs.order_by("number"))
    counts, used, sheets, planned = account(run, jobs)
    costs = costs_of(jobs, used)
    states = {job.state for job in jobs}
    is_built = batch_run.built_at is not None
    is_building = not is_built and not batch_run.problem
    is_building_again = is_built and planned > 0
    is_open = bool(states & set(OPEN_JOB_STATES)) or is_building_again
    is_over = not is_building and not is_open
    can_send = is_built and JobState.REVIEW in states
    is_live = is_building or is_building_again or bool(states & set(LIVE_JOB_STATES))
    found = Standing(
        run=run,
        provider=providers.about(batch_run.provider),
        second=providers.about(batch_run.second_provider) if batch_run.second_provider else None,
        rows=rows_of(jobs, counts, costs, is_live=is_live),
        sheets=sheets,
        total=total_of(costs.values()),
        planned=planned,
        is_building=is_building,
        is_building_again=is_building_again,
        can_send=can_send,
        can_cancel=is_building or is_building_again or any(map(_can_be_stopped, jobs)),
        is_live=is_live,
        is_stopping=any(job.cancel_asked_at and job.state in LIVE_JOB_STATES for job in jobs),
        is_over=is_over,
        end=end_of(batch_run, jobs, sheets) if is_over else "",
        rounds=settings.SHEAF_RESEND_ROUNDS,
    )
    if can_send:
        waiting = [job for job in jobs if job.state == JobState.REVIEW]
        return replace(
            found,
            caps=caps_on(run.exam, waiting),
            pages=pages_sent(run, waiting[0].provider),
            outdated=why_outdated(run),
            split=why_split(waiting),
        )
    if found.is_over and sheets.failed:
        return replace(found, can_send_again=failed_sheets(run).count())
    return found


def end_of(run: BatchRun, jobs: Sequence[BatchJob], sheets: Sheets) -> str:
    """How a run ended that is over, in a word or two."""
    states = {job.state for job in jobs}
    if sheets.sent:
        if JobState.CANCELLED in states:
            return _("Stopped")
        return _("All graded") if sheets.accepted == sheets.sent else _("Ended")
    if run.problem not in ("", NEVER_BUILT):
        return _("Could not be built")
    if JobState.FAILED in states:
        return _("Could not be sent")
    return _("Stopped") if any(job.approved_by_id for job in jobs) else _("Discarded")


def _can_be_stopped(job: BatchJob) -> bool:
    # Once is enough, unless nobody is left who could be asked: then the job is given up.
    asked = job.cancel_asked_at is not None and job.provider in providers.names()
    return job.state in OPEN_JOB_STATES and not asked


def account(
    run: GradingRun, jobs: Sequence[BatchJob]
) -> tuple[dict[int, Counts], dict[int, Usage], Sheets, int]:
    """The account and the tokens of each job by pk, the sheets, and the items still to be built.

    One query: the items of the run, grouped.
    """
    groups = (
        run.batch_run.items.order_by()
        .values_list("job", "state", *KEYS)
        .annotate(Count("pk"), Sum("input_tokens"), Sum("output_tokens"), Sum("cached_tokens"))
    )
    states: dict[int | None, dict[str, int]] = {job.pk: {} for job in jobs}
    used: dict[int, Usage] = {}
    sheets = Sheets()
    for job, state, set_free, is_first, is_last, number, *tokens in groups:
        of_job = states.setdefault(job, {})
        of_job[state] = of_job.get(state, 0) + number
        before = used.get(job, Usage())
        used[job] = Usage(
            before.input_tokens + tokens[0],
            before.output_tokens + tokens[1],
            before.cached_tokens + tokens[2],
        )
        count_sheets(sheets, state, number, set_free, is_first=is_first, is_last=is_last)
    accounts = {job.pk: counts_of(job, states[job.pk]) for job in jobs}
    planned = states.get(None, {}).get(ItemState.PLANNED, 0)
    return accounts, used, sheets, planned


def count_sheets(
    sheets: Sheets, state: str, number: int, set_free: bool, *, is_first: bool, is_last: bool
) -> None:
    if is_first:
        sheets.total += number
    if not is_last:
        return
    if state == ItemState.ACCEPTED:
        sheets.accepted += number
    elif set_free or (state == ItemState.RELEASED and not is_first):
        sheets.stopped += number
    elif state in FAILED_ITEM_STATES:
        sheets.failed += number
    elif state == ItemState.RELEASED:
        sheets.free += number
    elif state in LIVE_ITEM_STATES:
        sheets.waiting += number
        sheets.again += 0 if is_first else number
    else:
        sheets.overtaken += number


def rows_of(
    jobs: Iterable[BatchJob],
    counts: dict[int, Counts],
    costs: dict[int, Cost],
    *,
    is_live: bool,
) -> list[JobRow]:
    """The jobs as they are shown; one query while the run is under way."""
    jobs = list(jobs)
    pauses = pauses_of(jobs) if is_live else {}
    return [
        JobRow(
            job,
            counts[job.pk],
            costs[job.pk],
            providers.about(job.provider).title,
            *pauses.get(job.pk, (None, "")),
        )
        for job in jobs
    ]


def pauses_of(jobs: Iterable[BatchJob]) -> dict[int, tuple[datetime, str]]:
    """By job pk: until when nothing is asked of its provider's account, and why; one query."""
    accounts = {
        job.pk: account_of(providers.get(job.provider), handing_in=job.state == JobState.SUBMITTED)
        for job in jobs
        if job.state in LIVE_JOB_STATES and job.provider in providers.names()
    }
    # The pause of all calls holds for a hand-in as well.
    both = {name for account in accounts.values() for name in (account, all_calls(account))}
    resting = ProviderAccount.objects.filter(account__in=both, paused_until__gt=timezone.now())
    found = {row.account: (row.paused_until, row.reason) for row in resting}
    pauses = {}
    for pk, account in accounts.items():
        own = [found[name] for name in {account, all_calls(account)} if name in found]
        if own:
            pauses[pk] = max(own)
    return pauses


def why_split(jobs: Sequence[BatchJob]) -> str:
    """Why a draft has several jobs, for a person; "" for one job."""
    first = jobs[0]
    same = [job for job in jobs if job.provider == first.provider]
    if len(same) < 2 or first.provider not in providers.names():
        return ""
    provider = providers.get(first.provider)
    limits = provider.limits
    lines = min(limits.lines or LINES_PER_JOB, LINES_PER_JOB)
    requests = ngettext(
        "One job of this provider holds at most %(number)s request.",
        "One job of this provider holds at most %(number)s requests.",
        lines,
    )
    shares = [(first.item_count / lines, requests % {"number": intcomma(lines)})]
    if limits.bytes:
        told = _("One job of this provider holds at most %(size)s MB.")
        size = round(limits.bytes / 1_000_000, 1)
        size = int(size) if size.is_integer() else size
        shares.append((first.lines_bytes / limits.bytes, told % {"size": intcomma(size)}))
    if most := _most_tokens(provider):
        told = _("One job of this provider holds at most %(number)s tokens.")
        shares.append((first.estimated_input_tokens / most, told % {"number": intcomma(most)}))
    return max(shares)[1]


def _most_tokens(provider: DirectProvider | BatchProvider) -> int | None:
    limits = [provider.limits.tokens]
    if isinstance(provider, BatchProvider):
        limits.append(provider.enqueued_tokens)
    return min((one for one in limits if one is not None), default=None)
