"""System health: what waits too long, what fell silent, who may be asked, and what was spent.

Comes in: nothing but the database and the settings. Goes out: values for the page of the person
on call and for the admin's start page, in a fixed number of queries. Red means silence: work is
due, has waited longer than a lease and two sweeps, and nothing of its stage came to an end since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count, F, Min, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from batching import providers
from batching.models import BatchJob, ProviderAccount, Pulse
from batching.pauses import HANDING_IN
from batching.provider_words import told_missing
from batching.spending import SENT_STATES
from batching.sweep import due_rows
from exams.models import Exam

BEAT = "batching.tasks.sweep"
BUDGETS_SHOWN = 20
# By task: its name for people, and the field that says since when its row has waited.
STAGES: dict[str, tuple[str | Promise, str]] = {
    "exams.tasks.unpack_upload": (gettext_lazy("Unpack uploads"), "uploaded_at"),
    "exams.tasks.rasterize_sheet": (gettext_lazy("Render pages"), "created_at"),
    "exams.tasks.inspect_sheet": (gettext_lazy("Read first pages"), "rendered_at"),
    "exams.tasks.suggest_students": (gettext_lazy("Suggest students"), ""),
    "exams.tasks.prepare_key": (gettext_lazy("Prepare answer keys"), "created_at"),
    "batching.tasks.build_run": (gettext_lazy("Build runs"), "created_at"),
    "batching.tasks.submit_job": (gettext_lazy("Hand in batches"), "submit_asked_at"),
    "batching.tasks.work_job": (gettext_lazy("Assess one by one"), "submitted_at"),
    "batching.tasks.poll_job": (gettext_lazy("Ask for batches"), "next_poll_at"),
    "batching.tasks.collect_job": (gettext_lazy("Collect results"), "results_ready_at"),
    "batching.tasks.follow_job": (gettext_lazy("Follow stopped batches"), "ended_at"),
    "accounts.tasks.mail_link": (gettext_lazy("Mail password links"), ""),
    "accounts.tasks.mail_digest": (gettext_lazy("Mail digests"), ""),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: how much of it is due, since when, and when it last succeeded or failed."""

    title: str
    due: int
    since: datetime | None
    succeeded_at: datetime | None
    failed_at: datetime | None
    failure: str
    is_silent: bool

    @property
    def has_failed_last(self) -> bool:
        """Whether the last thing known of it is a failure."""
        if self.failed_at is None:
            return False
        return self.succeeded_at is None or self.failed_at > self.succeeded_at


@dataclass(frozen=True, slots=True)
class Beat:
    """The clock that looks for due work; without it lost messages stay lost."""

    last: datetime | None
    is_silent: bool


@dataclass(frozen=True, slots=True)
class Provider:
    """One configuration as the person on call sees it; never a key."""

    name: str
    title: str
    model: str
    problem: str
    is_emulated: bool
    paused_until: datetime | None
    reason: str
    is_proposed: bool


@dataclass(frozen=True, slots=True)
class Spending:
    """What is used or promised under one cap, None for no cap, in the currency of all prices."""

    title: str
    spent: Decimal
    cap: Decimal | None
    currency: str
    exam_pk: int | None = None

    @property
    def percent(self) -> int | None:
        """The share of the cap, 100 for one of nothing."""
        if self.cap is None:
            return None
        return min(100, int(100 * self.spent / self.cap)) if self.cap else 100

    @property
    def is_near(self) -> bool:
        return self.percent is not None and self.percent >= 80


@dataclass(frozen=True, slots=True)
class Health:
    """All of it at one moment."""

    stages: list[Stage]
    beat: Beat

    @property
    def due(self) -> int:
        return sum(stage.due for stage in self.stages)

    @property
    def oldest(self) -> datetime | None:
        """Since when the oldest due work waits."""
        return min((stage.since for stage in self.stages if stage.since), default=None)

    @property
    def problems(self) -> list[str]:
        """What is red, in words; empty when all is well."""
        found = []
        if self.beat.is_silent:
            found.append(_("The beat is silent: nobody looks for lost work."))
        found += [
            _("%(stage)s: work waits, and nothing was done.") % {"stage": stage.title}
            for stage in self.stages
            if stage.is_silent
        ]
        return found


def patience() -> timedelta:
    """How long due work may wait: until a dead worker's lease ended and it was rung for again."""
    return timedelta(seconds=settings.SHEAF_LEASE_SECONDS + 2 * settings.SHEAF_SWEEP_SECONDS)


def system_health(now: datetime | None = None) -> Health:
    """Every stage and the beat; one query for each stage and one for the pulses."""
    now = now or timezone.now()
    pulses = {pulse.name: pulse for pulse in Pulse.objects.all()}
    rows = dict(due_rows(now))
    # In the order of a sheet's way; a stage without a name of its own comes last.
    names = sorted(rows, key=lambda name: (name not in STAGES, [*STAGES, name].index(name)))
    stages = [_stage(name, rows[name], pulses.get(name), now) for name in names]
    last = pulses[BEAT].succeeded_at if BEAT in pulses else None
    quiet = timedelta(seconds=max(120, 3 * settings.SHEAF_SWEEP_SECONDS))
    return Health(stages, Beat(last, is_silent=last is None or now - last > quiet))


def _stage(
    name: str, rows: Iterable[int] | QuerySet[Any], pulse: Pulse | None, now: datetime
) -> Stage:
    title, field = STAGES.get(name, (name.rpartition(".")[2], ""))
    due, since = _count(rows, field)
    succeeded_at = pulse.succeeded_at if pulse else None
    waits_long = since is not None and now - since > patience()
    is_quiet = succeeded_at is None or now - succeeded_at > patience()
    return Stage(
        title=str(title),
        due=due,
        since=since,
        succeeded_at=succeeded_at,
        failed_at=pulse.failed_at if pulse else None,
        failure=pulse.failure if pulse else "",
        is_silent=waits_long and is_quiet,
    )


def _count(rows: Iterable[int] | QuerySet[Any], field: str) -> tuple[int, datetime | None]:
    if not isinstance(rows, QuerySet):
        return len(list(rows)), None
    if not field:
        return rows.count(), None
    found = rows.order_by().aggregate(due=Count("pk"), since=Min(field))
    return found["due"], found["since"]


def provider_rows(now: datetime | None = None) -> list[Provider]:
    """Every configuration: ready or what it lacks, emulated or not, and its pause."""
    now = now or timezone.now()
    pauses = {one.account: one for one in ProviderAccount.objects.filter(paused_until__gt=now)}
    return [_provider(name, pauses) for name in providers.names()]


def _provider(name: str, pauses: dict[str, ProviderAccount]) -> Provider:
    is_proposed = name == settings.SHEAF_DEFAULT_PROVIDER
    is_emulated = bool(settings.SHEAF_PROVIDERS[name].get("emulated"))
    try:
        provider = providers.get(name)
    except ImproperlyConfigured as error:
        return Provider(name, name, "", str(error), is_emulated, None, "", is_proposed)
    rests = [pauses.get(provider.account), pauses.get(f"{provider.account}{HANDING_IN}")]
    rest = max((one for one in rests if one), key=lambda one: one.paused_until, default=None)
    return Provider(
        name=name,
        title=_(provider.title),
        model=provider.model,
        problem=told_missing(provider.missing),
        is_emulated=is_emulated,
        paused_until=rest.paused_until if rest else None,
        reason=rest.reason if rest else "",
        is_proposed=is_proposed,
    )


def spending_rows() -> list[Spending]:
    """The site's spending against its cap, then the exams that spent most; two queries."""
    by_budget = dict(
        BatchJob.objects.filter(state__in=SENT_STATES, approved_by__isnull=False)
        .order_by()
        .values_list("run__budget")
        .annotate(spent=Sum(Coalesce(F("cost"), F("estimated_cost"))))
    )
    currency = providers.currency()
    total = sum(by_budget.values(), Decimal(0))
    site = Spending(_("Sheaf as a whole"), total, settings.SHEAF_SPENDING_CAP, currency)
    spent = {
        int(budget.removeprefix("exam-")): money
        for budget, money in by_budget.items()
        if money and budget.removeprefix("exam-").isdecimal()
    }
    exams = Exam.objects.filter(Q(pk__in=spent) | Q(spending_cap__isnull=False))
    rows = [
        Spending(exam.title, spent.get(exam.pk, Decimal(0)), exam.spending_cap, currency, exam.pk)
        for exam in exams.only("title", "spending_cap")
    ]
    rows.sort(key=lambda row: (not row.is_near, -row.spent, row.title))
    return [site, *rows[:BUDGETS_SHOWN]]
