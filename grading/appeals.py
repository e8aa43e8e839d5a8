"""Appeals: a student asks about a published mark, and a teacher answers.

Comes in: a mark of the student's own result and a text; later a teacher's answer. Goes out: at most
one open appeal for a mark, its history, and a line in the bell of whoever is concerned. Nothing
here changes a mark: that is done in its review, after the sheet was taken back.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.models import User
from accounts.notifications import notify
from batching.conflicts import Conflict
from exams.models import MARKED_STATES, Exam, Sheet, SheetState
from exams.queries import sheets_for
from grading import queries
from grading.models import Appeal, AppealState, Mark
from grading.models.appeals import APPEAL_LENGTH, IS_OPEN
from grading.review import tidy

MOST_FOR_ONE_MARK = 5
"""How often a student may ask about one mark; after that people talk to each other."""


def open_appeals() -> QuerySet[Appeal]:
    """Appeals that wait for an answer."""
    return Appeal.objects.filter(IS_OPEN)


def appeals_shown() -> QuerySet[Appeal]:
    """Appeals as the desk shows them: with who answered, without what was withdrawn."""
    return Appeal.objects.filter(withdrawn_at__isnull=True).select_related("answered_by")


def appeals_for(user: User) -> QuerySet[Appeal]:
    """The appeals a person may see: of the classes' sheets, a student those raised by themselves
    on what is published now."""
    appeals = Appeal.objects.filter(sheet__in=sheets_for(user))
    return appeals.filter(raised_by=user) if user.is_student else appeals


def with_marks(appeals: QuerySet[Appeal]) -> QuerySet[Appeal]:
    """Add `mark_pk` and `awarded_now` of the mark as it is now; None where it has gone."""
    marks = Mark.objects.filter(sheet=OuterRef("sheet"), criterion__code=OuterRef("code"))
    now = marks.order_by("-pk")
    return appeals.annotate(
        mark_pk=Subquery(now.values("pk")[:1]), awarded_now=Subquery(now.values("awarded")[:1])
    )


def in_state(appeals: QuerySet[Appeal], state: str) -> QuerySet[Appeal]:
    """Those that are open, answered or withdrawn."""
    if state == AppealState.OPEN:
        return appeals.filter(IS_OPEN)
    if state == AppealState.ANSWERED:
        return appeals.filter(answered_at__isnull=False)
    return appeals.filter(withdrawn_at__isnull=False)


def count_waiting(exam: Exam) -> int:
    """How many appeals of an exam a teacher can answer on the desk now."""
    return open_appeals().filter(sheet__exam=exam, sheet__state__in=MARKED_STATES).count()


def raise_appeal(mark: Mark, *, by: User, text: str) -> Appeal:
    """Object to a mark of one's own published result. The same again changes nothing.

    Raises ValidationError without a text or with too long a one, Conflict when the result is not
    published, the time is over, another appeal of this mark is open, or too many were raised.
    """
    text = _checked("text", text, _("Write what you ask about this mark."))
    with transaction.atomic():
        sheet = _lock(mark.sheet_id)
        now = Mark.objects.select_related("criterion").filter(pk=mark.pk, sheet=sheet).first()
        own = sheet.enrolment is not None and sheet.enrolment.student_id == by.pk
        if now is None or not own or sheet.state != SheetState.PUBLISHED:
            raise Conflict(_("This result is not published (any more)."))
        if not sheet.exam.appeals_are_open:
            raise Conflict(_("The time to ask about marks of this exam is over."))
        code = now.criterion.code
        own_ones = Appeal.objects.filter(sheet=sheet, code=code, raised_by=by)
        waiting = own_ones.filter(IS_OPEN).first()
        if waiting and waiting.text == text:
            return waiting
        if waiting:
            raise Conflict(
                _(
                    "You have asked about %(code)s already. Wait for the answer, or withdraw that"
                    " appeal first."
                )
                % {"code": code}
            )
        if own_ones.count() >= MOST_FOR_ONE_MARK:
            raise Conflict(
                _("You have asked about %(code)s %(n)d times. Please talk to your teacher.")
                % {"code": code, "n": MOST_FOR_ONE_MARK}
            )
        appeal = Appeal(
            sheet=sheet,
            code=code,
            raised_by=by,
            text=text,
            awarded_then=now.awarded,
            version_then=now.version,
        )
        _save(appeal, by=by, reason=gettext_noop("Appeal raised."))
        _tell_teachers(sheet.exam)
    return appeal


def withdraw_appeal(appeal: Appeal, *, by: User) -> Appeal:
    """Take one's own appeal back; a second time changes nothing.

    Raises Conflict when it is somebody else's, or answered already.
    """
    with transaction.atomic():
        _sheet, appeal = _lock_appeal(appeal)
        if appeal.raised_by_id != by.pk:
            raise Conflict(_("Only who raised an appeal can withdraw it."))
        if appeal.state == AppealState.ANSWERED:
            raise Conflict(_("This appeal was answered already."))
        if appeal.is_open:
            appeal.withdrawn_at = timezone.now()
            _save(appeal, by=by, reason=gettext_noop("Appeal withdrawn."))
    return appeal


def answer_appeal(appeal: Appeal, *, by: User, answer: str) -> Appeal:
    """Answer a student, who is told. The same answer by the same person again changes nothing.

    Raises ValidationError without an answer or with too long a one, Conflict when it was answered
    or withdrawn meanwhile.
    """
    answer = _checked("answer", answer, _("Write an answer for the student."))
    with transaction.atomic():
        sheet, appeal = _lock_appeal(appeal)
        if appeal.answered_by_id == by.pk and appeal.answer == answer:
            return appeal
        if appeal.state == AppealState.ANSWERED:
            raise Conflict(
                _("%(person)s answered this meanwhile. Yours was not sent.")
                % {"person": appeal.answered_by}
            )
        if appeal.state == AppealState.WITHDRAWN:
            raise Conflict(_("The student withdrew this meanwhile. Your answer was not sent."))
        appeal.answer, appeal.answered_by, appeal.answered_at = answer, by, timezone.now()
        _save(appeal, by=by, reason=gettext_noop("Appeal answered."))
        _tell_student(appeal, sheet)
    return appeal


def _checked(field: str, text: str, missing: str) -> str:
    text = tidy(text)
    if not text:
        raise ValidationError({field: missing})
    if len(text) > APPEAL_LENGTH:
        raise ValidationError(
            {field: _("At most %(n)d characters, please.") % {"n": APPEAL_LENGTH}}
        )
    return text


def _lock(sheet_pk: int) -> Sheet:
    """The sheet, locked: it is neither taken back nor given to another student meanwhile."""
    sheets = Sheet.objects.select_for_update(of=("self",), no_key=True)
    return sheets.select_related("exam", "enrolment").get(pk=sheet_pk)


def _lock_appeal(appeal: Appeal) -> tuple[Sheet, Appeal]:
    """A sheet and its appeal, both locked, in this order."""
    sheet = _lock(appeal.sheet_id)
    rows = Appeal.objects.select_for_update(of=("self",)).select_related("answered_by")
    return sheet, rows.get(pk=appeal.pk)


def _save(appeal: Appeal, *, by: User, reason: str) -> None:
    appeal._history_user = by
    appeal._change_reason = reason
    appeal.save()


def _tell_teachers(exam: Exam) -> None:
    """One line for each exam and day, however many students ask."""
    teachers = exam.school_class.teachers.filter(is_active=True).values_list("pk", flat=True)
    notify(
        list(teachers),
        key=f"appeals-{exam.pk}-{timezone.now():%Y-%m-%d}",
        text=gettext_noop("Students appeal against their marks in %(exam)s."),
        values={"exam": exam.title},
        url=queries.list_url(exam.pk, "appealed"),
    )


def _tell_student(appeal: Appeal, sheet: Sheet) -> None:
    """Leads to the mark, or to the list of results where it is not shown by then."""
    if sheet.state == SheetState.PUBLISHED:
        text = gettext_noop("Your appeal about %(code)s in %(exam)s was answered.")
    else:
        text = gettext_noop(
            "Your appeal about %(code)s in %(exam)s was answered. You can read the answer once"
            " your marks are shown again."
        )
    mark = Mark.objects.filter(sheet=sheet, criterion__code=appeal.code).first()
    place = f"#mark-{mark.pk}" if mark else ""
    notify(
        [appeal.raised_by_id],
        key=f"appeal-answered-{appeal.pk}",
        text=text,
        values={"code": appeal.code, "exam": sheet.exam.title},
        url=queries.result_url(sheet.exam) + place,
    )
