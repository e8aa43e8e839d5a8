"""The demo's teacher: confirms certain students, drafts the run and sends it, once.

Comes in: the exam as the database has it. Goes out: one step, when its time has come. Review
and publishing are left to the person who watches.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum

from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts.models import User
from batching.conflicts import Conflict
from batching.models import JobState
from batching.queries import is_over
from exams.mapping import map_certain
from exams.models import Exam, Sheet, SheetState, Upload, UploadState
from grading import runs


class Step(Enum):
    """What the teacher found to do; `value` tells it to the person who watches."""

    WAIT = ""
    MAPPED = "The teacher confirmed the certain students and asked for a draft."
    SENT = "The teacher looked at the draft and sent it."
    DONE = "All runs have ended. What remains is yours: review, change, publish."
    LEFT = "The rest is left to you."


FINAL_STEPS = (Step.DONE, Step.LEFT)


def take_step(exam: Exam, *, provider: str, by: User) -> Step:
    """Take the step that is due. Each is taken once: what a person undoes stays undone."""
    if intake_is_busy(exam):
        return Step.WAIT
    run = exam.runs.order_by("pk").select_related("batch_run").first()
    try:
        if run is None:
            map_certain(exam, by=by)
            runs.draft_run(exam, provider=provider, by=by)
            return Step.MAPPED
        if run.batch_run.problem:
            return Step.LEFT
        if run.batch_run.built_at is None:
            return Step.WAIT
        states = set(run.batch_run.jobs.values_list("state", flat=True))
        if JobState.REVIEW in states:
            runs.send_run(run, by=by)
            return Step.SENT
    except (Conflict, ValidationError):
        # A person was faster, no student was certain, or the money does not allow it: they have
        # the pages in front of them.
        return Step.LEFT
    # A person may have sent others beside it.
    sent = exam.runs.filter(batch_run__jobs__approved_by__isnull=False).distinct()
    sent = sent.select_related("batch_run")
    return Step.DONE if all(is_over(one.batch_run) for one in sent) else Step.WAIT


def intake_is_busy(exam: Exam) -> bool:
    """Whether an upload is being unpacked or a paper is being read."""
    open_uploads = Upload.objects.filter(
        exam=exam, state__in=[UploadState.RECEIVED, UploadState.UNPACKING]
    )
    unread = Sheet.objects.filter(
        Q(inspected_at__isnull=True) | Q(suggested_at__isnull=True),
        exam=exam,
        state=SheetState.PENDING_MAPPING,
    )
    return open_uploads.exists() or unread.exists()


def describe(exam: Exam) -> str:
    """Where the papers are, such as "13 papers: 1 failed, 12 to be reviewed"."""
    states = Sheet.objects.filter(exam=exam).values_list("state", flat=True)
    counts = Counter(states)
    parts = [f"{counts[state]} {state.label.lower()}" for state in SheetState if counts[state]]
    return f"{sum(counts.values())} sheets: {', '.join(parts)}" if parts else "No sheets yet."
