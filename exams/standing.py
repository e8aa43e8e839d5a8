"""Where an exam stands: its sheets counted along their way, and the one thing to do next.

Comes in: exams. Goes out: a `Standing` for each, from three grouped queries for all of them.
Samples are examples, not answers to be graded, and are counted beside the way. A sheet in a draft
waits for a person, who looks at it and sends it: only the engine's items tell it from one on its
way to a provider.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from batching.models import BatchItem, ItemState, JobState
from exams.models import (
    MARKED_STATES,
    REVIEWED_STATES,
    Exam,
    Rubric,
    Sheet,
    SheetState,
    Upload,
)
from exams.models import UploadState as U

# The engine's name for the requests that grade a sheet (grading/requests.py).
GRADE_SHEET = "grade_sheet"
IN_BATCH = (SheetState.JSONL_READY, SheetState.IN_BATCH)
ARRIVING = (U.RECEIVED, U.UNPACKING)
# Not graded by a run as long as they are samples.
SAMPLE_ASIDE = (SheetState.MAPPED, SheetState.SKIPPED)


@dataclass(frozen=True, slots=True)
class Step:
    """One stop of the way: how many sheets have come at least this far."""

    label: str
    count: int
    total: int
    note: str = ""

    @property
    def is_done(self) -> bool:
        return self.total > 0 and self.count == self.total


@dataclass(frozen=True, slots=True)
class Next:
    """What to do next, why, and where; `urgent` when the exam waits for a person."""

    label: str
    url: str
    text: str
    urgent: bool = True


@dataclass
class Standing:
    """The sheets of one exam by state, without samples that wait aside.

    `draft` is the run that holds all of `to_send`; None where several do. `appeals` wait for an
    answer. `flagged` sheets with marks hold a flag that is up.
    """

    exam_pk: int
    states: dict[str, int] = field(default_factory=dict)
    samples: int = 0
    rubric_version: int | None = None
    arriving: int = 0
    failed_uploads: int = 0
    planned: int = 0
    drafted: int = 0
    to_send: int = 0
    draft: int | None = None
    appeals: int = 0
    flagged: int = 0

    def among(self, *states: str) -> int:
        """How many sheets are in one of these states."""
        return sum(self.states.get(state, 0) for state in states)

    @property
    def sheets(self) -> int:
        """All sheets that are to be graded; skipped ones are not."""
        return sum(self.states.values()) - self.among(SheetState.SKIPPED)

    @property
    def has_marks(self) -> bool:
        """Whether a sheet has any: then there are results, statistics and downloads."""
        return self.among(*MARKED_STATES) > 0

    @property
    def to_grade(self) -> int:
        """Mapped, and in no draft that is being made."""
        return self.among(SheetState.MAPPED) - self.planned

    @property
    def being_drafted(self) -> int:
        """In a draft that is being made."""
        return self.planned + self.drafted

    @property
    def being_graded(self) -> int:
        """Sent: what goes on by itself."""
        return self.among(*IN_BATCH) - self.drafted - self.to_send

    @property
    def steps(self) -> list[Step]:
        """The way from the upload to the student."""
        total, waiting = self.sheets, self.among(*IN_BATCH)
        done = self.among(*MARKED_STATES)
        mapped = self.among(SheetState.MAPPED) + waiting + done
        return [
            Step(_("Sheets in"), total, total),
            Step(_("Mapped"), mapped, total),
            Step(
                _("In a batch"),
                waiting + done,
                total,
                self._batch_note,
            ),
            Step(_("Graded"), done, total),
            Step(_("Reviewed"), self.among(*REVIEWED_STATES, SheetState.PUBLISHED), total),
            Step(_("Published"), self.among(SheetState.PUBLISHED), total),
        ]

    @property
    def _batch_note(self) -> str:
        if self.to_send:
            return _("%(count)s to be sent") % {"count": self.to_send}
        now = self.among(*IN_BATCH)
        return _("%(count)s now") % {"count": now} if now else ""

    @property
    def sentence(self) -> str:
        """The same in one line, only what is there."""
        parts = (
            (self.among(SheetState.PENDING_MAPPING), _("to map")),
            (self.to_grade, _("to grade")),
            (self.being_drafted, _("being drafted")),
            (self.to_send, _("in a draft to look at and send")),
            (self.being_graded, _("being graded")),
            (self.among(SheetState.GRADED), _("to review")),
            (self.among(*REVIEWED_STATES), _("reviewed")),
            (self.among(SheetState.PUBLISHED), _("published")),
            (self.among(SheetState.FAILED), _("failed")),
            (self.among(SheetState.SKIPPED), _("skipped")),
            (self.flagged, _("flagged")),
            (self.appeals, ngettext("appeal to answer", "appeals to answer", self.appeals)),
        )
        found = ", ".join(f"{count} {what}" for count, what in parts if count)
        return found or (_("sheets are arriving") if self.arriving else _("no sheets yet"))

    @property
    def next(self) -> Next:
        """The earliest thing on a sheet's way that waits, a person's turn before a machine's."""
        to_map, to_grade = self.among(SheetState.PENDING_MAPPING), self.to_grade
        to_review, waiting = self.among(SheetState.GRADED), self.being_graded
        failed, reviewed = self.among(SheetState.FAILED), self.among(*REVIEWED_STATES)
        if self.rubric_version is None:
            return self._to(
                _("Write the rubric"), "exams:rubric", _("What is asked, and the marks.")
            )
        if not self.sheets and not self.arriving:
            text = _("One ZIP, PDFs or pictures: a file or a folder for each student.")
            return self._to(_("Upload sheets"), "exams:upload_create", text)
        if self.arriving and not to_map:
            text = _("Sheets are being unpacked; this page can be left.")
            return self._to(_("Watch the upload"), "exams:upload_create", text, urgent=False)
        if to_map:
            text = _("%(sheets)s without a confirmed student.") % {"sheets": _sheets(to_map)}
            return self._to(_("Confirm students"), "exams:mapping", text)
        if to_grade:
            text = _("%(sheets)s ready to be graded.") % {"sheets": _sheets(to_grade)}
            return self._to(_("Draft a run"), "grading:run_create", text)
        if self.to_send:
            text = _("%(sheets)s in a draft: nothing is sent before you have looked at it.") % {
                "sheets": _sheets(self.to_send)
            }
            name, pk = ("run_detail", self.draft) if self.draft else ("run_list", self.exam_pk)
            return Next(_("Look and send"), reverse(f"grading:{name}", args=[pk]), text)
        if to_review:
            text = _("%(sheets)s with proposed marks.") % {"sheets": _sheets(to_review)}
            return self._to(_("Review marks"), "grading:review_list", text)
        if failed:
            text = _("%(sheets)s cannot go on.") % {"sheets": _sheets(failed)}
            return Next(_("See what failed"), self.failed_url, text)
        if self.failed_uploads:
            text = _("An upload failed half-way: try it again, or leave it out.")
            return self._to(_("See what failed"), "exams:upload_create", text)
        if self.being_drafted:
            text = _("A draft is being made of %(sheets)s.") % {
                "sheets": _sheets(self.being_drafted)
            }
            return self._to(_("Look at the runs"), "grading:run_list", text, urgent=False)
        if waiting:
            text = _("%(sheets)s sent; this goes on by itself.") % {"sheets": _sheets(waiting)}
            return self._to(_("Look at the runs"), "grading:run_list", text, urgent=False)
        if reviewed:
            text = _("%(sheets)s reviewed and not yet shown to the students.") % {
                "sheets": _sheets(reviewed)
            }
            if self.flagged:
                flagged = ngettext(
                    "%(count)s sheet holds a flag that nobody has lowered.",
                    "%(count)s sheets hold flags that nobody has lowered.",
                    self.flagged,
                )
                text = f"{text} {flagged % {'count': self.flagged}}"
            return self._to(_("Publish"), "grading:publish", text)
        if self.appeals:
            text = ngettext(
                "%(count)s appeal of a student waits for an answer.",
                "%(count)s appeals of students wait for an answer.",
                self.appeals,
            ) % {"count": self.appeals}
            return Next(_("Answer appeals"), self.appeals_url, text)
        text = _("All marks are published.")
        return self._to(_("See the results"), "grading:results", text, urgent=False)

    @property
    def failed_url(self) -> str:
        """Where failed sheets are tried again, or left out."""
        return f"{reverse('exams:mapping', args=[self.exam_pk])}?tab=failed"

    @property
    def appeals_url(self) -> str:
        """The desk, at the sheets whose appeals wait."""
        return f"{reverse('grading:review_list', args=[self.exam_pk])}?show=appealed"

    def _to(self, label: str, name: str, text: str, *, urgent: bool = True) -> Next:
        return Next(label, reverse(name, args=[self.exam_pk]), text, urgent)


def standings(exams: Iterable[Exam]) -> dict[int, Standing]:
    """The standing of each exam by its primary key; three queries however many they are."""
    exams = list(exams)
    pks = [exam.pk for exam in exams]
    found = {pk: Standing(pk) for pk in pks}
    for exam_pk, state, is_sample, count in (
        Sheet.objects.filter(exam__in=pks)
        .order_by()
        .values_list("exam", "state", Q(sample__isnull=False))
        .annotate(count=Count("pk"))
    ):
        if is_sample:
            found[exam_pk].samples += count
        if not (is_sample and state in SAMPLE_ASIDE):
            states = found[exam_pk].states
            states[state] = states.get(state, 0) + count
    for exam in _with_rubric_and_uploads(pks):
        own = found[exam.pk]
        own.rubric_version = exam.rubric_version
        own.arriving, own.failed_uploads = exam.arriving, exam.failed_uploads
        own.appeals, own.flagged = exam.waiting_appeals, exam.flagged
    by_budget = {exam.budget: found[exam.pk] for exam in exams}
    for budget, state, job_state, count, run, last_run in _drafts(list(by_budget)):
        own = by_budget[budget]
        # A sheet that was deleted meanwhile still has its request.
        if state == ItemState.PLANNED:
            own.planned = min(count, own.among(SheetState.MAPPED))
        elif job_state == JobState.DRAFT:
            own.drafted = min(count, own.among(SheetState.JSONL_READY))
        else:
            own.to_send = min(count, own.among(*IN_BATCH) - own.drafted)
            own.draft = run if run == last_run else None
    return found


def _with_rubric_and_uploads(pks: list[int]) -> QuerySet[Exam]:
    newest = Rubric.objects.filter(exam=OuterRef("pk")).order_by().values("exam")
    uploads = Upload.objects.filter(exam=OuterRef("pk")).order_by().values("exam")
    number = uploads.annotate(count=Count("pk")).values("count")
    # Of grading/models, by the names that they have at a sheet.
    marked = Sheet.objects.filter(exam=OuterRef("pk"), state__in=MARKED_STATES).order_by()
    appealed = marked.filter(
        appeals__isnull=False,
        appeals__answered_at__isnull=True,
        appeals__withdrawn_at__isnull=True,
    )
    appeals = appealed.values("exam").annotate(count=Count("appeals")).values("count")
    up = marked.filter(flags__isnull=False, flags__lowered_at__isnull=True)
    flagged = up.values("exam").annotate(count=Count("pk", distinct=True)).values("count")
    return (
        Exam.objects.filter(pk__in=pks)
        .only("pk")
        .annotate(
            rubric_version=Subquery(newest.annotate(most=Max("version")).values("most")),
            arriving=Coalesce(Subquery(number.filter(state__in=ARRIVING)), 0),
            failed_uploads=Coalesce(Subquery(number.filter(state=U.FAILED)), 0),
            waiting_appeals=Coalesce(Subquery(appeals), 0),
            flagged=Coalesce(Subquery(flagged), 0),
        )
    )


def _drafts(budgets: list[str]) -> QuerySet[BatchItem, tuple[str, str, str, int, int, int]]:
    """(budget, state, job's state, number, first and last run) of requests that wait for a person
    to send them, also again, and of those whose draft is still being made."""
    return (
        BatchItem.objects.filter(
            Q(job__state=JobState.REVIEW)
            | Q(previous=None, job__state=JobState.DRAFT)
            | Q(previous=None, job=None),
            purpose=GRADE_SHEET,
            run__budget__in=budgets,
            state__in=(ItemState.PLANNED, ItemState.BUILT),
        )
        .order_by("job__state")
        .values_list("run__budget", "state", "job__state")
        .annotate(Count("pk"), Min("run"), Max("run"))
    )


def _sheets(count: int) -> str:
    return ngettext("%(count)s sheet", "%(count)s sheets", count) % {"count": count}
