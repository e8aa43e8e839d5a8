"""Sample sheets: real sheets with a teacher's marks, shown to the model as examples.

Comes in: a sheet of the exam and a mark with a comment for each leaf. Goes out: `SampleSheet`
rows. A sample whose marks no longer fit the rubric is stale and is left out of requests until
a teacher marks it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.seen import fingerprint, saved_meanwhile
from batching.conflicts import Conflict
from exams.models import Criterion, Exam, Page, SampleSheet, Sheet, SheetState
from exams.personal import is_named, named_person
from exams.points import shown
from exams.result_schema import is_legal, legal_marks
from exams.rubric_items import clean_text, odd_character
from exams.rubrics import current_rubric, leaves, lock_exam

# A paper on its way to a model is frozen; one that nobody has looked at has no owner yet.
SAMPLE_STATES = (
    SheetState.SKIPPED,
    SheetState.MAPPED,
    SheetState.GRADED,
    SheetState.REVIEWED,
    SheetState.OVERRIDDEN,
    SheetState.PUBLISHED,
)
MAX_SAMPLES = 4
MAX_COMMENT = 1000


class SampleError(ValidationError):
    """A sample that cannot be made; the message says what to do."""


@dataclass(frozen=True, slots=True)
class SampleMark:
    """What the teacher gave for one leaf, and why (for the model to learn from)."""

    awarded: Decimal
    comment: str = ""


def samples_of(exam: Exam) -> list[SampleSheet]:
    """The samples that go into requests: those that fit the exam's current rubric."""
    rubric = current_rubric(exam)
    criteria = leaves(rubric) if rubric else []
    return [sample for sample in all_samples(exam) if not staleness(sample, criteria)]


def all_samples(exam: Exam) -> list[SampleSheet]:
    """Every sample of the exam with its sheet and pages at hand, oldest first."""
    return list(
        exam.samples.select_related("sheet", "created_by")
        .prefetch_related("sheet__pages")
        .order_by("pk")
    )


def staleness(sample: SampleSheet, criteria: list[Criterion]) -> str:
    """Why the sample's marks do not fit these leaves; "" when they do."""
    wanted, has = {criterion.code for criterion in criteria}, set(sample.marks)
    reasons = []
    if missing := [c.code for c in criteria if c.code not in has]:
        reasons.append(_("no mark for %(codes)s") % {"codes": ", ".join(missing)})
    if gone := sorted(has - wanted):
        reasons.append(
            _("marks for %(codes)s, which the rubric no longer has") % {"codes": ", ".join(gone)}
        )
    if illegal := [
        c.code
        for c in criteria
        if c.code in has and not is_legal(c, Decimal(sample.marks[c.code]["awarded"]))
    ]:
        reasons.append(
            _("a mark that is no longer possible for %(codes)s") % {"codes": ", ".join(illegal)}
        )
    return "; ".join(reasons)


def sheets_for_samples(exam: Exam) -> QuerySet[Sheet]:
    """Sheets of the exam that can be made a sample and are none yet."""
    kept = Page.objects.filter(sheet=OuterRef("pk"), dropped_at__isnull=True)
    return (
        exam.sheets.filter(Exists(kept), state__in=SAMPLE_STATES, sample__isnull=True)
        .select_related("enrolment__student")
        .order_by("name", "pk")
    )


@transaction.atomic
def save_sample(
    sheet: Sheet,
    *,
    title: str,
    marks: Mapping[str, SampleMark],
    by: User,
    seen: str | None = None,
) -> SampleSheet:
    """Make the sheet a sample of its exam, or mark the sample it is again.

    `seen` is the `sample_seen` the person had before their eyes. Raises SampleError naming the
    criterion when a mark is missing or not possible, and Conflict when the sample has changed
    since or the sheet went on its way meanwhile.
    """
    exam = lock_exam(sheet.exam_id)
    sheet = Sheet.objects.select_for_update(of=("self",)).get(pk=sheet.pk)
    sample = SampleSheet.objects.filter(sheet=sheet).first()
    title, checked = checked_title(title), checked_marks(exam, marks)
    told = (entry["comment"] for entry in checked.values())
    if who := named_person(exam.school_class, (title, *told)):
        raise SampleError(is_named(who))
    if sample and (sample.title, sample.marks) == (title, checked):
        return sample
    if seen is not None and seen != sample_seen(sample):
        raise Conflict(
            saved_meanwhile(sample, _("this sample"))
            if sample
            else _(
                "Somebody removed this sample while you were editing it. Save it again to make"
                " it anew."
            )
        )
    if sample is None:
        refuse_state(sheet)
        if exam.samples.count() >= MAX_SAMPLES:
            raise SampleError(
                _(
                    "This exam has %(most)s samples, which is the most that are sent along. Remove"
                    " one first."
                )
                % {"most": MAX_SAMPLES}
            )
        sample = SampleSheet(exam=exam, sheet=sheet, created_by=by)
    sample.title, sample.marks = title, checked
    sample._history_user = by
    sample.save()
    return sample


def sample_seen(sample: SampleSheet | None) -> str:
    """What the form carries along of a sample; "" as long as there is none."""
    return fingerprint(sample.title, sample.marks) if sample else ""


@transaction.atomic
def remove_sample(sample: SampleSheet, *, by: User) -> None:
    """Take a sample away; the sheet itself stays. Removing it twice is the same as once."""
    lock_exam(sample.exam_id)
    stored = SampleSheet.objects.filter(pk=sample.pk).first()
    if stored:
        stored._history_user = by
        stored.delete()


def refuse_state(sheet: Sheet) -> None:
    """Raise when a sheet in this state cannot become a sample."""
    if sheet.state == SheetState.PENDING_MAPPING:
        raise SampleError(
            _(
                "%(name)s is not mapped: confirm whose sheet it is, or skip it if it belongs to"
                " no student of the class."
            )
            % {"name": sheet.name}
        )
    if sheet.state not in SAMPLE_STATES:
        raise Conflict(
            _("%(name)s is %(state)s, so it cannot be made a sample now.")
            % {"name": sheet.name, "state": sheet.get_state_display()}
        )
    if not sheet.pages.filter(dropped_at__isnull=True).exists():
        raise SampleError(_("%(name)s has no pages to show.") % {"name": sheet.name})


def checked_title(title: str) -> str:
    title = clean_text(title)
    if not title or len(title) > 100 or odd_character(title):
        raise SampleError(_("title: give a name of 1 to 100 characters, such as “full marks”."))
    return title


def checked_marks(exam: Exam, marks: Mapping[str, SampleMark]) -> dict[str, dict[str, str]]:
    """The marks as they are stored, one for each leaf; raises SampleError naming each bad one."""
    rubric = current_rubric(exam)
    if rubric is None:
        raise SampleError(
            _("Write the rubric first: a sample has a mark for each criterion of it.")
        )
    criteria, problems, checked = leaves(rubric), [], {}
    for criterion in criteria:
        mark = marks.get(criterion.code)
        if mark is None:
            problems.append(_("%(code)s: the mark is missing") % {"code": criterion.code})
        elif not is_legal(criterion, mark.awarded):
            problems.append(
                _("%(code)s: %(mark)s is not possible; %(range)s")
                % {
                    "code": criterion.code,
                    "mark": shown(mark.awarded),
                    "range": range_of(criterion),
                }
            )
        elif len(mark.comment) > MAX_COMMENT or odd_character(mark.comment):
            problems.append(
                _("%(code)s: the comment is too long or holds odd characters")
                % {"code": criterion.code}
            )
        else:
            checked[criterion.code] = {
                "awarded": f"{mark.awarded.normalize():f}",
                "comment": clean_text(mark.comment),
            }
    if unknown := sorted(set(marks) - {criterion.code for criterion in criteria}):
        problems.append(_("the rubric has no %(codes)s") % {"codes": ", ".join(unknown)})
    if problems:
        raise SampleError(problems)
    return checked


def range_of(criterion: Criterion) -> str:
    """Which marks are possible, in words: "0 to 2 in steps of 0.5"."""
    if criterion.is_binary:
        first, second = (shown(mark) for mark in legal_marks(criterion))
        return _("%(first)s or %(second)s") % {"first": first, "second": second}
    return _("%(least)s to %(most)s in steps of %(step)s") % {
        "least": shown(criterion.floor),
        "most": shown(criterion.ceiling),
        "step": shown(criterion.step or 1),
    }


def parse_mark(text: str) -> Decimal | None:
    """A mark as typed ("1.5" or "1,5"); None when nothing or no number was typed."""
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
