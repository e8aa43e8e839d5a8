"""Submit: hand an approved job to its provider exactly once.

The intention (our token and the time) is committed before the provider is called. When an
earlier attempt may have reached the provider, the answer is found by looking, never by
sending again. A direct job has nobody to be handed to: it simply starts.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_noop

from batching import pauses, providers, purposes
from batching.build import release
from batching.claims import Claim, claim, fenced, give_back, kept_alive
from batching.models import BatchJob, ItemState, JobState
from batching.providers import ProviderNotReady, UnknownProvider
from batching.providers.base import BatchProvider, DirectProvider, ProviderBusy, ProviderRefused
from batching.rows import update_rows
from batching.stored_lines import LinesChanged, approved_lines

logger = logging.getLogger(__name__)


# How long a job waits before it looks again whether there is room at the provider.
ROOM_SECONDS = 60


REST_SECONDS = 3600
RESTS = gettext_noop("%(why)s It is tried again every hour; an admin can write the job off.")
# A job that was handed in before, and found no room, has items that are sent already.
NOT_ENDED = (ItemState.BUILT, ItemState.SENT)
OTHER_ACCOUNT = gettext_noop(
    "%(provider)s is configured with another key or address now than this job was handed in with."
    " Put that back: the provider may have the job."
)
OTHERWISE = gettext_noop(
    "%(provider)s is configured otherwise now than when this was drafted (%(model)s). Put that"
    " back, or draft again."
)
WAITS_FOR_ROOM = gettext_noop(
    "Waits for room: %(waiting)s of %(room)s tokens wait at the provider already. It is handed in"
    " when other jobs have ended."
)


class NotUsable(Exception):
    """The job's provider is not configured as it has to be; the message says what to do."""


class TooSoon(Exception):
    """A batch that was just created may not be in the provider's list yet."""


class NoRoom(Exception):
    """Too many tokens wait at the provider: the job goes when others have ended."""


def submit_job(job_pk: int) -> None:
    """Start a submitted job. Raises ProviderBusy (try later) and LostClaim."""
    held = claim(BatchJob.objects.filter(state=JobState.SUBMITTED), job_pk)
    if held is None:
        return
    job = BatchJob.objects.select_related("run").get(pk=job_pk)
    if held.exhausted and job.submit_started_at is None:
        refuse(
            held, gettext_noop("Handing in failed several times. Ask an admin to look at the log.")
        )
        return
    try:
        provider = usable(job)
        remote_id = hand_in_or_find(held, job, provider)
    except NotUsable as problem:
        if job.submit_started_at is None:
            refuse(held, str(problem))
        else:  # the provider may have it: nothing is set free before somebody looked
            rest(held, str(problem))
    except (ProviderRefused, LinesChanged) as refusal:
        refuse(held, str(refusal))
    else:
        if remote_id is not None:
            start(held, remote_id)


def usable(job: BatchJob) -> DirectProvider | BatchProvider:
    """The provider of a job as it was when the job was built. Raises NotUsable."""
    try:
        provider = providers.require(job.provider)
    except (UnknownProvider, ProviderNotReady) as problem:
        raise NotUsable(str(problem)) from problem
    if provider.kind != job.kind or provider.model[:100] != job.model:
        raise NotUsable(OTHERWISE % {"provider": job.provider, "model": job.model})
    return provider


def hand_in_or_find(
    held: Claim, job: BatchJob, provider: DirectProvider | BatchProvider
) -> str | None:
    """The remote id of the job ("" for a direct one), handed in now or found; None when it is to
    be tried later or was called off. Raises ProviderBusy, ProviderRefused, LinesChanged, NotUsable.
    """
    if not isinstance(provider, BatchProvider):
        return ""
    if seconds := pauses.seconds_left(provider, handing_in=True):
        give_back(held, seconds=seconds)
        return None
    try:
        with kept_alive(held):
            remote_id = find_earlier(job, provider)
            if remote_id or not (job.cancel_asked_at or held.exhausted):
                remote_id = remote_id or hand_in(held, job, provider)
    except (NoRoom, TooSoon) as reason:
        wait(held, str(reason), ROOM_SECONDS)
        return None
    except ProviderBusy as busy:
        give_back(held, seconds=pauses.pause(provider, busy, handing_in=True))
        raise
    if not remote_id:
        call_off(held, job)
        return None
    pauses.end_pause(provider, handing_in=True)
    return remote_id


def start(held: Claim, remote_id: str) -> None:
    """The provider has it, or the workers do: its items are sent."""
    with fenced(held) as job:
        job.start(remote_id)
        job.problem = ""
        job.save()
        items = list(job.items.filter(state=ItemState.BUILT).order_by("pk"))
        for item in items:
            item.send()
        update_rows(items, ["state"])
        if items:
            purposes.get(job.run.purpose).submitted(items)


def find_earlier(job: BatchJob, provider: BatchProvider) -> str:
    """The remote id that an earlier attempt got without our hearing of it, or "".

    Raises TooSoon while a batch that was just created may not be in the list yet, and NotUsable
    when the list is not the one that it would be in.
    """
    if job.submit_started_at is None:
        return ""
    try:
        found = provider.find(str(job.token), job.submit_started_at)
    except ProviderRefused as refusal:
        # It may be there: nothing is set free before the provider let us look.
        raise ProviderBusy(str(refusal), retry_after=300) from refusal
    if found is not None:
        logger.info("job %s: found again as %s", job.pk, found)
        return found
    if job.account and job.account != provider.account:
        raise NotUsable(OTHER_ACCOUNT % {"provider": job.provider})
    tried = job.submit_tried_at or job.submit_started_at
    if timezone.now() - tried < timedelta(seconds=settings.SHEAF_LIST_LAG_SECONDS):
        raise TooSoon(
            gettext_noop("No answer came when it was handed in. The provider's list is read again.")
        )
    return ""


def hand_in(held: Claim, job: BatchJob, provider: BatchProvider) -> str:
    """Commit the intention, then hand the job in; gives the remote id. Raises NoRoom."""
    with transaction.atomic():
        pauses.lock_account(provider)  # two jobs must not both see the last of the room
        with fenced(held, done=False, progress=False) as row:
            if row.submit_started_at is None:
                check_room(row, provider)
            row.submit_tried_at = timezone.now()
            row.submit_started_at = row.submit_started_at or row.submit_tried_at
            row.account = provider.account
            row.save()
    with approved_lines(job) as lines:
        return provider.submit(lines, str(job.token))


def check_room(job: BatchJob, provider: BatchProvider) -> None:
    """Raise NoRoom when the job's tokens do not fit beside those that wait at the provider."""
    if provider.enqueued_tokens is None:
        return
    waiting = tokens_waiting(job, provider.account)
    # A job by itself always goes: whether it is too large the provider says best.
    if waiting and waiting + job.estimated_input_tokens > provider.enqueued_tokens:
        room = f"{provider.enqueued_tokens:,}"
        raise NoRoom(WAITS_FOR_ROOM % {"waiting": f"{waiting:,}", "room": room})


def tokens_waiting(job: BatchJob, account: str) -> int:
    """The input tokens of all other jobs of its model that wait at the account, by our count."""
    at_provider = Q(state=JobState.IN_PROGRESS, results_ready_at__isnull=True) | Q(
        state=JobState.SUBMITTED, submit_started_at__isnull=False
    )
    others = BatchJob.objects.filter(
        at_provider, account=account, model=job.model, kind="batch"
    ).exclude(pk=job.pk)
    return others.aggregate(tokens=Sum("estimated_input_tokens"))["tokens"] or 0


def wait(held: Claim, problem: str, seconds: float) -> None:
    """Say on the job what it waits for, once, and look again in a while."""
    with fenced(held) as job:
        if job.problem != problem:
            job.problem = problem
            job.save()
    give_back(held, seconds=seconds)


def rest(held: Claim, problem: str) -> None:
    """Say on the job what keeps it, and look again in an hour. A person can write it off."""
    logger.warning("job %s rests: %s", held.pk, problem)
    wait(held, RESTS % {"why": problem}, REST_SECONDS)


def call_off(held: Claim, job: BatchJob) -> None:
    """The provider does not have it and shall not: its items are free again."""
    if not job.cancel_asked_at:
        refuse(
            held,
            gettext_noop(
                "Handing in failed several times, and the provider does not have the job."
            ),
        )
        return
    problem = gettext_noop("Cancelled before it was sent.")
    with fenced(held) as row:
        row.cancel(problem)
        row.cost = 0
        row.save()
        release(row.items.filter(state__in=NOT_ENDED), problem)


def refuse(held: Claim, problem: str) -> None:
    """The whole job was refused: it fails and everything in it is set free."""
    with fenced(held) as job:
        job.fail(problem)
        job.cost = 0
        job.save()
        release(job.items.filter(state__in=NOT_ENDED), problem)
        purposes.get(job.run.purpose).ended(job)
