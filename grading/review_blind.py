"""Blind review: sheets without names, in an order that says nothing, and the log of who looked.

Comes in: sheets, and the teacher who reviews. Goes out: a code for each sheet, an order that is
shuffled but always the same for one exam and teacher, and Reveal rows. A name is shown after one
click, to the one who clicked, and the click is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable, CombinedExpression
from django.utils import timezone

from accounts.models import User
from exams.models import Exam, Sheet, SheetState
from exams.queries import exams_for
from exams.rubrics import lock_exam
from grading.models import Reveal

LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # none that is taken for another
CODE_BITS = 25
PRIME = 2_147_483_647


def sheet_code(sheet_pk: int) -> str:
    """What a sheet is called instead of a name: five letters, another one for each sheet.

    One to one for the first 33 million sheets: an odd factor and a shift can be undone modulo a
    power of two.
    """
    mask = (1 << CODE_BITS) - 1
    number = (sheet_pk * 0x1ACE_0D5 + 0x0B1_2D3) & mask
    number ^= number >> 13
    number = (number * 0x0C5_1F2D) & mask
    return "".join(LETTERS[number >> shift & 31] for shift in range(20, -1, -5))


def shuffled(exam_pk: int, teacher_pk: int, field: str = "pk") -> Combinable:
    """An expression to order sheets by: shuffled by exam and teacher, the same every time.

    `field` leads to the sheet's pk. Whole numbers only, so that every database has the same
    order: (x² modulo a prime), x = factor · pk + shift, all below 2⁶³.
    """
    digest = hashlib.sha256(f"{exam_pk}:{teacher_pk}".encode()).digest()
    factor = int.from_bytes(digest[:4], "big") % (PRIME - 1) + 1
    shift = int.from_bytes(digest[4:8], "big") % PRIME
    mixed = _modulo(F(field) * Value(factor) + Value(shift))
    return _modulo(mixed * mixed)


def _modulo(number: Combinable) -> CombinedExpression:
    return CombinedExpression(number, "%%", Value(PRIME))


def open_reveals(user: User) -> QuerySet[Reveal]:
    """The names that this teacher has let be shown and not hidden again."""
    return Reveal.objects.filter(teacher=user, hidden_at__isnull=True)


def reveals_for(user: User, exam: Exam) -> QuerySet[Reveal]:
    """The log of an exam: who let which names be shown, newest first."""
    rows = Reveal.objects.filter(exam=exam, exam__in=exams_for(user))
    return rows.select_related("teacher", "sheet").order_by("-revealed_at", "-pk")


def exam_is_named(exam_pk: int, user: User) -> bool:
    """Whether this teacher reviews the whole exam with names."""
    return open_reveals(user).filter(exam=exam_pk, sheet__isnull=True).exists()


def is_named(sheet: Sheet, user: User) -> bool:
    """Whether this teacher sees the name on this sheet."""
    whole_or_this = Q(sheet__isnull=True, exam=sheet.exam_id) | Q(sheet=sheet.pk)
    return open_reveals(user).filter(whole_or_this).exists()


def with_named(sheets: QuerySet[Sheet], user: User) -> QuerySet[Sheet]:
    """Add `named`: whether this teacher let this very sheet's name be shown."""
    return sheets.annotate(named=Exists(open_reveals(user).filter(sheet=OuterRef("pk"))))


def with_name_shown(sheets: QuerySet[Sheet], user: User) -> QuerySet[Sheet]:
    """Add `name_shown`: whether this teacher let the name be shown, alone or with all others."""
    shown = Q(sheet=OuterRef("pk")) | Q(sheet__isnull=True, exam=OuterRef("exam"))
    return sheets.annotate(name_shown=Exists(open_reveals(user).filter(shown)))


def codes_of(
    sheets: Iterable[int], user: User, states: Collection[str] = (SheetState.GRADED,)
) -> dict[int, str]:
    """By sheet pk: the code of each sheet in `states` that this teacher reviews without its name.

    For lists that lead into a review: sheets that are not among them keep their names. One query.
    """
    rows = Sheet.objects.filter(pk__in=set(sheets), state__in=states)
    hidden = with_name_shown(rows, user).filter(name_shown=False)
    return {pk: sheet_code(pk) for pk in hidden.order_by().values_list("pk", flat=True)}


def with_codes(sheets: QuerySet[Sheet], user: User) -> list[Sheet]:
    """The sheets with `code`: "" where their name may stand for this teacher.

    Those that wait for a review without their names come last, by their codes: among the others
    their place would tell whose they are. One query.
    """
    found = list(with_name_shown(sheets, user))
    for sheet in found:
        is_blind = sheet.state == SheetState.GRADED and not sheet.name_shown
        sheet.code = sheet_code(sheet.pk) if is_blind else ""
    return sorted(found, key=lambda sheet: sheet.code)


def blind_sheets(exam: Exam, user: User) -> QuerySet[Sheet]:
    """The sheets of an exam that wait for a review by this person without their names."""
    rows = Sheet.objects.filter(exam=exam.pk, state=SheetState.GRADED)
    return with_name_shown(rows, user).filter(name_shown=False).order_by()


def reveal_sheet(sheet: Sheet, *, by: User) -> Reveal:
    """Show this sheet's name to `by` from now on; the log keeps who and when."""
    with transaction.atomic():
        Sheet.objects.select_for_update(of=("self",), no_key=True).get(pk=sheet.pk)
        row = open_reveals(by).filter(sheet=sheet).first()
        return row or Reveal.objects.create(exam_id=sheet.exam_id, sheet=sheet, teacher=by)


def hide_sheet(sheet: Sheet, *, by: User) -> None:
    """Review this sheet blind again."""
    _hide(open_reveals(by).filter(sheet=sheet))


def reveal_exam(exam: Exam, *, by: User) -> Reveal:
    """Review this exam with names from now on; the log keeps who and when."""
    with transaction.atomic():
        lock_exam(exam.pk)
        row = open_reveals(by).filter(exam=exam, sheet__isnull=True).first()
        return row or Reveal.objects.create(exam=exam, teacher=by)


def hide_exam(exam: Exam, *, by: User) -> None:
    """Review this exam blind again, its single revealed sheets too."""
    _hide(open_reveals(by).filter(exam=exam))


def _hide(rows: QuerySet[Reveal]) -> None:
    with transaction.atomic():
        for row in rows.select_for_update().order_by("pk"):
            row.hidden_at = timezone.now()
            row.save()
