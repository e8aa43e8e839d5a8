"""Review: a teacher looks at proposed marks, changes them with a reason, and approves them.

Comes in: a graded sheet with its marks and what the page showed of them. Goes out: marks
with their history, a sheet that is reviewed or overridden. Nothing a person typed is
overwritten unseen: a save over a version that was not on the page is a Conflict.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from accounts.told import moment_in_row
from batching.conflicts import Conflict, guarded
from exams.models import GRADED_STATES, REVIEWED_STATES, Criterion, Exam, Sheet, SheetState
from exams.points import shown
from exams.result_schema import is_legal, legal_marks
from exams.rubrics import current_rubric, leaves, lock_exam, use_rubric
from grading import queries
from grading.history import move_rows
from grading.models import Assessment, Look, Mark, Part, Source

SHEETS_AT_ONCE = 500
CHANGED = gettext_noop("%(code)s changed: %(reason)s")
PUT_BACK = gettext_noop("Put back to the value of %(when)s.")
WITHOUT_A_LOOK = gettext_noop("Approved together with others, without a look at each: %(typed)s")


class StaleMark(Conflict):
    """Somebody saved this mark since the page was shown; carries the mark as it is now."""

    def __init__(self, mark: Mark) -> None:
        who = mark.changed_by or _("a new assessment")
        super().__init__(
            _(
                "%(code)s was changed by %(who)s since you opened it: it is %(points)s now. "
                "Keep that, or save yours over it."
            )
            % {"code": mark.criterion.code, "who": who, "points": shown(mark.awarded)}
        )
        self.mark = mark


def tidy(text: str) -> str:
    """Text as it is compared and kept: a browser sends line ends of its own."""
    return text.replace("\r\n", "\n").strip()


def change_mark(
    mark_pk: int, *, awarded: Decimal, feedback: str, reason: str, version: int, by: User
) -> Mark:
    """Give one mark other points or feedback; `version` is the one the person saw.

    Changing points needs a reason, and a reason can be put right afterwards by giving another one
    with the same points. Raises ValidationError by field for an illegal number or a missing reason,
    StaleMark when somebody was faster, Conflict when the sheet is not open to
    changes (published, say).
    """
    with transaction.atomic():
        sheet, mark = _lock_mark(mark_pk)
        feedback, reason = tidy(feedback), reason.strip()
        same = (mark.awarded, tidy(mark.feedback)) == (awarded, feedback)
        if same and mark.version == version and not _gives_other_reason(mark, reason):
            return mark
        if same and mark.version != version and mark.changed_by_id == by.pk:
            return mark
        if sheet.state not in GRADED_STATES:
            raise Conflict(_not_open(sheet))
        if mark.version != version:
            raise StaleMark(mark)
        _check(mark, awarded, reason)
        mark.awarded, mark.feedback = awarded, feedback
        proposed = (mark.part.awarded, tidy(mark.part.feedback))
        mark.is_overridden = (awarded, feedback) != proposed
        mark.version += 1
        mark.changed_by, mark.changed_at = by, timezone.now()
        mark._history_user = by
        mark._change_reason = reason or gettext_noop("Feedback changed, points unchanged.")
        mark.save()
        _follow_marks(
            sheet,
            by=by,
            reason=CHANGED % {"code": mark.criterion.code, "reason": mark._change_reason},
        )
    return mark


def put_back(mark_pk: int, history_id: int, *, version: int, by: User, reason: str = "") -> Mark:
    """Undo: give a mark the points and feedback that it had in an earlier history row.

    Where it has them already nothing changes, its reason neither.
    """
    earlier = Mark.history.filter(id=mark_pk, history_id=history_id).first()
    if earlier is None:
        raise ValidationError(_("This mark has no such earlier value. Reload its history."))
    mark = Mark.objects.get(pk=mark_pk)
    if (mark.version, mark.awarded, mark.feedback) == (version, earlier.awarded, earlier.feedback):
        return mark
    when = moment_in_row(earlier.history_date)
    return change_mark(
        mark_pk,
        awarded=earlier.awarded,
        feedback=earlier.feedback,
        reason=reason.strip() or PUT_BACK % {"when": when},
        version=version,
        by=by,
    )


def record_look(sheet: Sheet, *, marks_version: str, by: User) -> None:
    """Remember that `by` had exactly these marks of the sheet in front of them."""
    Look.objects.bulk_create(
        [Look(sheet=sheet, teacher=by, marks_version=marks_version, looked_at=timezone.now())],
        update_conflicts=True,
        unique_fields=["sheet", "teacher"],
        update_fields=["marks_version", "looked_at"],
    )


def approve_sheet(sheet: Sheet, *, marks_version: str, by: User) -> Sheet:
    """Stand by the marks that the page showed (queries.marks_version): reviewed or overridden.

    Approving what is approved already changes nothing. Raises Conflict when a mark changed
    since, or when the sheet is not waiting for a review.
    """
    with transaction.atomic():
        sheet = _lock(sheet.pk)
        marks = list(sheet.marks.all())
        if not marks or queries.marks_version(marks) != marks_version:
            raise Conflict(_("Marks of this sheet changed since the page was shown. Look again."))
        record_look(sheet, marks_version=marks_version, by=by)
        if sheet.state in REVIEWED_STATES:
            return sheet
        with guarded(_not_open(sheet)):
            if any(mark.is_overridden for mark in marks):
                sheet.override(by=by)
            else:
                sheet.approve(by=by)
        _save(sheet, by=by, reason=gettext_noop("Approved."))
    return sheet


def reopen_sheet(sheet: Sheet, *, by: User, reason: str = "") -> Sheet:
    """Take a review back; the marks stay as they are."""
    with transaction.atomic():
        sheet = _lock(sheet.pk)
        with guarded(_not_open(sheet)):
            sheet.reopen()
        _save(sheet, by=by, reason=reason.strip() or gettext_noop("Opened for review again."))
    return sheet


def approve_unchanged(exam: Exam, *, by: User, without_look: bool, reason: str = "") -> int:
    """Approve all graded sheets whose marks nobody changed; gives how many.

    Only those whose current marks `by` has looked at, unless `without_look`: that choice needs
    a reason and stands in every sheet's history.
    """
    reason = reason.strip()
    if without_look and not reason:
        raise ValidationError(
            {"reason": _("Say why these sheets are approved without a look at each.")}
        )
    with transaction.atomic():
        lock_exam(exam.pk)
        graded = Sheet.objects.filter(exam=exam, state=SheetState.GRADED)
        locked = list(
            graded.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True)
        )
        changed = set(
            Mark.objects.filter(sheet__in=graded, is_overridden=True).values_list(
                "sheet", flat=True
            )
        )
        versions = queries.marks_versions(graded)
        looks = Look.objects.filter(teacher=by, sheet__in=graded)
        seen = dict(looks.values_list("sheet", "marks_version"))
        chosen = [
            pk
            for pk in locked
            if pk in versions
            and pk not in changed
            and (without_look or seen.get(pk) == versions[pk])
        ]
        about = (
            WITHOUT_A_LOOK % {"typed": reason}
            if without_look
            else gettext_noop("Approved together with others after a look at each.")
        )
        moved = 0
        for start in range(0, len(chosen), SHEETS_AT_ONCE):
            moved += move_rows(
                graded.filter(pk__in=chosen[start : start + SHEETS_AT_ONCE]),
                by=by,
                reason=about,
                state=SheetState.REVIEWED,
                reviewed_by=by,
                reviewed_at=timezone.now(),
            )
    return moved


def grade_by_hand(
    sheet: Sheet, *, awards: Mapping[str, tuple[Decimal, str]], by: User
) -> Assessment:
    """Assess a sheet that no model saw: points and feedback by leaf code, from a person.

    Takes a mapped sheet, or a failed one that has a student. Raises ValidationError naming
    every leaf that is missing or illegal, Conflict when the sheet has moved on.
    """
    with transaction.atomic():
        exam = lock_exam(sheet.exam_id)  # always before its sheets
        sheet = _lock(sheet.pk)
        rubric = current_rubric(exam)
        if rubric is None:
            raise ValidationError(_("This exam has no rubric yet: write one first."))
        criteria = leaves(rubric)
        _check_awards(criteria, awards)
        if sheet.state not in (SheetState.MAPPED, SheetState.FAILED):
            raise Conflict(_not_open(sheet))  # in_batch may be graded too, but by its reply
        with guarded(_("This sheet has no student yet: map it first.")):
            if sheet.state == SheetState.FAILED:
                sheet.recover()
            sheet.grade()
        use_rubric(rubric)
        pages = sheet.pages.filter(dropped_at=None).order_by("number")
        assessment = Assessment.objects.create(
            sheet=sheet,
            rubric=rubric,
            rubric_hash=rubric.content_hash,
            source=Source.STAFF,
            staff=by,
            pages=[list(page) for page in pages.values_list("number", "sha256")],
        )
        for leaf in criteria:
            awarded, feedback = awards[leaf.code]
            part = Part.objects.create(
                assessment=assessment, criterion=leaf, awarded=awarded, feedback=tidy(feedback)
            )
            mark = Mark(
                sheet=sheet,
                criterion=leaf,
                part=part,
                awarded=awarded,
                floor=leaf.floor,
                ceiling=leaf.ceiling,
                feedback=part.feedback,
                changed_by=by,
            )
            mark._history_user = by
            mark._change_reason = gettext_noop("Graded by hand.")
            mark.save()
        _save(sheet, by=by, reason=gettext_noop("Graded by hand."))
    return assessment


def _lock(sheet_pk: int) -> Sheet:
    """The sheet, locked and freshly read; marks are only ever locked after their sheet."""
    return Sheet.objects.select_for_update(of=("self",)).select_related("exam").get(pk=sheet_pk)


def _lock_mark(mark_pk: int) -> tuple[Sheet, Mark]:
    """A mark with its sheet, both locked. Raises Conflict when the mark was dropped meanwhile."""
    try:
        sheet = _lock(Mark.objects.values_list("sheet_id", flat=True).get(pk=mark_pk))
        mark = (
            Mark.objects.select_for_update(of=("self",))
            .select_related("criterion", "part", "changed_by")
            .get(pk=mark_pk)
        )
    except Mark.DoesNotExist as error:
        raise Conflict(
            _("These marks were dropped meanwhile: the sheet is graded again.")
        ) from error
    mark.sheet = sheet
    return sheet, mark


def _save(sheet: Sheet, *, by: User, reason: str) -> None:
    sheet._history_user = by
    sheet._change_reason = reason
    sheet.save()


def _follow_marks(sheet: Sheet, *, by: User, reason: str) -> None:
    """A reviewed sheet is overridden as soon as, and only while, one of its marks is."""
    overridden = sheet.marks.filter(is_overridden=True).exists()
    if sheet.state == SheetState.REVIEWED and overridden:
        sheet.override(by=by)
    elif sheet.state == SheetState.OVERRIDDEN and not overridden:
        sheet.approve(by=by)
    else:
        return
    _save(sheet, by=by, reason=reason)


def _gives_other_reason(mark: Mark, reason: str) -> bool:
    """Whether a mark whose points were changed is given another reason than its history tells."""
    if not reason or mark.awarded == mark.part.awarded:
        return False
    return bool(reason != mark.history.latest().history_change_reason)


def _check(mark: Mark, awarded: Decimal, reason: str) -> None:
    errors: dict[str, str] = {}
    if not is_legal(mark.criterion, awarded):
        errors["awarded"] = _illegal(mark.criterion, awarded)
    if awarded != mark.awarded and not reason:
        errors["reason"] = _("Say why the points of %(code)s change.") % {
            "code": mark.criterion.code
        }
    if errors:
        raise ValidationError(errors)


def _check_awards(criteria: list[Criterion], awards: Mapping[str, tuple[Decimal, str]]) -> None:
    missing = _("%(code)s: give it points.")
    problems = [missing % {"code": leaf.code} for leaf in criteria if leaf.code not in awards]
    problems += [
        _illegal(leaf, awards[leaf.code][0])
        for leaf in criteria
        if leaf.code in awards and not is_legal(leaf, awards[leaf.code][0])
    ]
    known = {leaf.code for leaf in criteria}
    unknown = _("%(code)s: the rubric has no such criterion.")
    problems += [unknown % {"code": code} for code in awards if code not in known]
    if problems:
        raise ValidationError(problems)


def _illegal(criterion: Criterion, awarded: Decimal) -> str:
    legal = legal_marks(criterion)
    return _("%(code)s cannot have %(points)s: give %(low)s to %(high)s in steps of %(step)s.") % {
        "code": criterion.code,
        "points": shown(awarded),
        "low": shown(legal[0]),
        "high": shown(legal[-1]),
        "step": shown(criterion.step),
    }


def _not_open(sheet: Sheet) -> str:
    if sheet.state == SheetState.PUBLISHED:
        return _("This sheet is published. Take the publication back before changing it.")
    told = _("This sheet is %(state)s now, so that cannot be done. Look again.")
    return told % {"state": sheet.get_state_display()}
