"""Publishing: show a whole exam's marks to its students at once, and take that back.

Comes in: an exam and the fingerprint of what the page showed. Goes out: all of its reviewed
sheets published and their students told, or nothing at all. One sheet without a review stops
the whole exam; so does any change since the page was shown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, Count, Exists, Max, OuterRef, Q, QuerySet, Sum, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, ngettext_lazy

from accounts.models import Enrolment, User
from accounts.notifications import notify
from batching.conflicts import Conflict, guarded
from exams.models import REVIEWED_STATES, Exam, Sheet, SheetState, Upload, UploadState
from exams.rubrics import lock_exam
from grading import queries, review_blind
from grading.history import move_rows
from grading.models import Mark

TAKEN_BACK = gettext_noop("Taken back: %(typed)s")
_WHY = {
    SheetState.PENDING_MAPPING: ngettext_lazy(
        "%(n)d sheet not mapped to a student yet", "%(n)d sheets not mapped to a student yet", "n"
    ),
    SheetState.MAPPED: ngettext_lazy(
        "%(n)d sheet not graded yet", "%(n)d sheets not graded yet", "n"
    ),
    SheetState.JSONL_READY: ngettext_lazy(
        "%(n)d sheet in a draft run", "%(n)d sheets in a draft run", "n"
    ),
    SheetState.IN_BATCH: ngettext_lazy(
        "%(n)d sheet being graded", "%(n)d sheets being graded", "n"
    ),
    SheetState.GRADED: ngettext_lazy(
        "%(n)d sheet waiting for review", "%(n)d sheets waiting for review", "n"
    ),
    SheetState.FAILED: ngettext_lazy(
        "%(n)d sheet failed: grade by hand, retry or skip",
        "%(n)d sheets failed: grade by hand, retry or skip",
        "n",
    ),
}


class NotReady(ValidationError):
    """The exam cannot be published yet; every message names one blocker."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why an exam cannot be published: `count` sheets in `state` (or uploads: state "").

    `url` is where they are dealt with together.
    """

    state: str
    count: int
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class BlockingSheet:
    """One sheet that stops its exam; `url` is where it alone is dealt with."""

    state: str
    name: str
    roll_number: str
    url: str


@dataclass(frozen=True, slots=True)
class PublicationState:
    """What the publish page shows; `fingerprint` changes when any of it does.

    `ready` sheets would be published, `skipped` ones (with mapped samples) stay out.
    """

    blockers: tuple[Blocker, ...]
    ready: int
    published: int
    skipped: int
    fingerprint: str


def publication_state(exam: Exam) -> PublicationState:
    """What publishing this exam would do now, and what stands in its way."""
    sheets = list(
        Sheet.objects.filter(exam=exam)
        .order_by("pk")
        .values_list("pk", "state", "enrolment_id", Q(sample__isnull=False))
    )
    counts: dict[str, int] = {}
    for _pk, state, _student, is_sample in sheets:
        # A mapped sample is an example for the model, not a sheet that waits for its marks.
        aside = is_sample and state == SheetState.MAPPED
        counts["sample" if aside else state] = counts.get("sample" if aside else state, 0) + 1
    uploads = Upload.objects.filter(exam=exam).exclude(
        state__in=(UploadState.UNPACKED, UploadState.SKIPPED)
    )
    return PublicationState(
        blockers=_blockers(exam, counts, dict(uploads.values_list("pk", "state"))),
        ready=sum(counts.get(state, 0) for state in REVIEWED_STATES),
        published=counts.get(SheetState.PUBLISHED, 0),
        skipped=counts.get(SheetState.SKIPPED, 0) + counts.get("sample", 0),
        fingerprint=_fingerprint(exam, sheets),
    )


def _blockers(exam: Exam, counts: dict[str, int], uploads: dict[int, str]) -> tuple[Blocker, ...]:
    """`uploads` are those that are arriving or failed, by primary key."""
    blockers = [
        Blocker(state, counts[state], str(why % {"n": counts[state]}), _where(exam, state))
        for state, why in _WHY.items()
        if counts.get(state)
    ]
    failed = [pk for pk, state in uploads.items() if state == UploadState.FAILED]
    if arriving := len(uploads) - len(failed):
        text = ngettext(
            "%(n)d upload still being unpacked", "%(n)d uploads still being unpacked", arriving
        ) % {"n": arriving}
        blockers.append(Blocker("", arriving, text, reverse("exams:upload_list", args=[exam.pk])))
    if failed:
        one = reverse("exams:upload_detail", args=[failed[0]])
        all_of_them = reverse("exams:upload_create", args=[exam.pk])
        text = ngettext(
            "%(n)d upload failed half-way: sheets may be missing; try again or leave it out",
            "%(n)d uploads failed half-way: sheets may be missing; try again or leave them out",
            len(failed),
        ) % {"n": len(failed)}
        blockers.append(Blocker("", len(failed), text, one if len(failed) == 1 else all_of_them))
    return tuple(blockers)


def _where(exam: Exam, state: str) -> str:
    mapping = reverse("exams:mapping", args=[exam.pk])
    if state == SheetState.PENDING_MAPPING:
        return mapping
    if state == SheetState.MAPPED:
        return reverse("grading:run_create", args=[exam.pk])
    if state == SheetState.GRADED:
        return reverse("grading:review_list", args=[exam.pk])
    # Where a failed sheet can be tried again, graded by hand and skipped.
    if state == SheetState.FAILED:
        return f"{mapping}?tab=failed"
    return reverse("grading:run_list", args=[exam.pk])


def blocking_sheets(exam: Exam, user: User) -> list[BlockingSheet]:
    """Every sheet that stops the exam, by state and roll number, each with a way to it.

    One that `user` reviews blind has its code for a name and no roll number, in the codes' order.
    """
    rows = (
        review_blind.with_name_shown(Sheet.objects.filter(exam=exam, state__in=list(_WHY)), user)
        .exclude(state=SheetState.MAPPED, sample__isnull=False)
        .order_by("state", "enrolment__roll_number", "name", "pk")
        .values_list("pk", "state", "name", "enrolment__roll_number", "name_shown")
    )
    found = []
    for pk, state, name, roll, name_shown in rows:
        way = _way(exam, pk, state, roll)
        if state == SheetState.GRADED and not name_shown:
            name, roll = review_blind.sheet_code(pk), None
        found.append(BlockingSheet(state, name, roll or "", way))
    return sorted(found, key=lambda one: (one.state, one.roll_number, one.name))


def _way(exam: Exam, pk: int, state: str, roll_number: str | None) -> str:
    """Where one sheet is dealt with: its review, or by hand, else where all of its kind are."""
    if state == SheetState.GRADED:
        return reverse("grading:review_sheet", args=[pk])
    if roll_number and state in (SheetState.MAPPED, SheetState.FAILED):
        return reverse("grading:sheet_by_hand", args=[pk])
    return _where(exam, state)


def without_sheet(exam: Exam) -> QuerySet[Enrolment]:
    """Students of the class for whom nothing will be published: no sheet, or a skipped one."""
    sheets = Sheet.objects.filter(exam=exam, enrolment=OuterRef("pk"))
    there = sheets.exclude(state=SheetState.SKIPPED)
    return (
        Enrolment.objects.filter(~Exists(there), school_class=exam.school_class_id)
        .select_related("student")
        .order_by("roll_number")
    )


def _fingerprint(exam: Exam, sheets: list[tuple[int, str, int | None, bool]]) -> str:
    """Every sheet's state and student, its marks (newest row, versions, points), and whether
    students would see the class's distribution, and until when they may appeal."""
    marks = (
        Mark.objects.filter(sheet__exam=exam)
        .order_by()
        .values_list("sheet")
        .annotate(Max("pk"), Count("pk"), Sum("version"), Sum("awarded"))
    )
    digest = hashlib.sha256(repr(sheets).encode())
    digest.update(repr(sorted(marks)).encode())
    until = exam.appeals_until.isoformat() if exam.appeals_until else None
    digest.update(repr((exam.show_distribution, until)).encode())
    return digest.hexdigest()


def publish_exam(exam: Exam, *, fingerprint: str, by: User) -> int:
    """Publish all reviewed sheets of an exam and tell their students; gives how many.

    Raises NotReady while any sheet lacks its review, Conflict when anything changed since the
    page that carried `fingerprint` was shown.
    """
    with transaction.atomic():
        exam = _lock(exam)
        now = publication_state(exam)
        if now.blockers:
            raise NotReady([capfirst(blocker.text) for blocker in now.blockers])
        if now.fingerprint != fingerprint:
            raise Conflict(_("Something changed since the page was shown. Look at it again."))
        if not now.ready:
            raise NotReady(_("There is no reviewed sheet to publish."))
        moment = timezone.now()
        reviewed = Sheet.objects.filter(exam=exam, state__in=REVIEWED_STATES)
        students = list(reviewed.order_by("pk").values_list("enrolment__student", flat=True))
        moved = move_rows(
            reviewed,
            by=by,
            reason=gettext_noop("Published."),
            state=SheetState.PUBLISHED,
            published_at=moment,
        )
        notify(
            students,
            key=f"published-{exam.pk}-{moment.isoformat()}",
            text=gettext_noop("Your marks for %(exam)s are there."),
            values={"exam": exam.title},
            url=queries.result_url(exam),
        )
    return moved


def take_back(exam: Exam, *, by: User, reason: str) -> int:
    """Hide an exam's published marks from its students again; gives how many sheets."""
    reason = _reason(reason)
    with transaction.atomic():
        exam = _lock(exam)
        published = Sheet.objects.filter(exam=exam, state=SheetState.PUBLISHED)
        if not published.exists():
            raise Conflict(_("Nothing of this exam is published (any more)."))
        overridden = Exists(Mark.objects.filter(sheet=OuterRef("pk"), is_overridden=True))
        students = published.order_by("pk").values_list("enrolment__student", flat=True)
        tell_withdrawn(exam, list(students), timezone.now())
        return move_rows(
            published,
            by=by,
            reason=TAKEN_BACK % {"typed": reason},
            state=Case(
                When(overridden, then=Value(SheetState.OVERRIDDEN.value)),
                default=Value(SheetState.REVIEWED.value),
            ),
            published_at=None,
        )


def take_back_sheet(sheet: Sheet, *, by: User, reason: str) -> Sheet:
    """Hide one sheet's published marks from its student again."""
    reason = _reason(reason)
    with transaction.atomic():
        sheet = Sheet.objects.select_for_update(of=("self",)).get(pk=sheet.pk)
        overridden = sheet.marks.filter(is_overridden=True).exists()
        with guarded(_("This sheet is not published (any more).")):
            sheet.take_back(overridden=overridden)
        sheet._history_user = by
        sheet._change_reason = TAKEN_BACK % {"typed": reason}
        sheet.save()
        tell_withdrawn(sheet.exam, [sheet.enrolment.student_id], timezone.now())
    return sheet


def tell_withdrawn(exam: Exam, students: Sequence[int], moment: datetime) -> None:
    """Tell students that their marks are hidden for now, so that no link leads into nothing."""
    notify(
        students,
        key=f"withdrawn-{exam.pk}-{moment.isoformat()}",
        text=gettext_noop(
            "Your marks for %(exam)s were taken back for a while. You will be told again."
        ),
        values={"exam": exam.title},
        url=queries.result_url(exam),
    )


def _reason(reason: str) -> str:
    if not reason.strip():
        raise ValidationError({"reason": _("Say why the marks are taken back.")})
    return reason.strip()


def _lock(exam: Exam) -> Exam:
    """The exam, then all of its sheets by primary key, so that nothing moves meanwhile."""
    exam = lock_exam(exam.pk)
    rows: QuerySet[Sheet] = Sheet.objects.filter(exam=exam).order_by("pk")
    len(rows.select_for_update(of=("self",)).values_list("pk"))
    return exam
