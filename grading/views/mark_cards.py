"""Mark cards: what the review page shows of one mark, and of the sheet's head above them.

Comes in: marks with their criteria, parts and assessments. Goes out: values for templates;
the form of a mark is built from the same legal marks as the schema the model was given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from batching import providers
from batching.conflicts import Conflict
from exams.models import GRADED_STATES, Sheet
from exams.points import plain
from exams.result_schema import legal_marks
from exams.rubrics import current_rubric
from grading import queries
from grading.appeals import appeals_shown
from grading.forms import MarkForm
from grading.models import Appeal, Flag, Mark
from grading.review import StaleMark
from grading.review_accept import accepted
from grading.review_flags import open_flags

MOST_BUTTONS = 13
"""Up to this many legal marks each get a button; more are typed."""


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    chosen: bool
    proposed: bool


@dataclass(frozen=True, slots=True)
class MarkCard:
    """One mark as shown: the mark in the database, and what stands in its form."""

    mark: Mark
    awarded: str
    feedback: str
    reason: str
    choices: tuple[Choice, ...]
    errors: dict[str, list[str]]
    conflict: str
    theirs: Mark | None
    saved: bool
    is_open: bool
    flag: Flag | None
    accepted: bool
    appeals: tuple[Appeal, ...]
    unsent: str

    @property
    def unsure(self) -> bool:
        confidence = self.mark.part.confidence
        return confidence is not None and confidence < queries.UNSURE_BELOW

    @property
    def percent_sure(self) -> int | None:
        confidence = self.mark.part.confidence
        return None if confidence is None else round(confidence * 100)

    @property
    def points_changed(self) -> bool:
        return self.mark.awarded != self.mark.part.awarded

    @property
    def points_differ(self) -> bool:
        """Whether saving what stands in the form would change the points, and need a reason."""
        return self.awarded != plain(self.mark.awarded)

    @property
    def waiting(self) -> list[Appeal]:
        """The appeals that nobody has answered yet."""
        return [one for one in self.appeals if one.is_open]

    @property
    def repaired(self) -> bool:
        item = self.mark.part.assessment.item
        return item is not None and item.round > 0

    @property
    def unplaced(self) -> bool:
        return self.mark.part.page_number is None and bool(self.mark.part.transcription)


def card_of(
    mark: Mark,
    *,
    form: MarkForm | None = None,
    conflict: Conflict | None = None,
    refused: str = "",
    saved: bool = False,
    flag: Flag | None = None,
    appeals: Sequence[Appeal] = (),
    unsent: str = "",
) -> MarkCard:
    """The card of one mark; with a refused form, what the person typed stays in it.

    `refused` says why something else than the form (putting back, answering) was not done,
    `unsent` is the answer that was typed then. The mark comes with `is_accepted`
    (review_accept.accepted).
    """
    typed = form.data if form is not None else None
    awarded = typed.get("awarded", "") if typed is not None else plain(mark.awarded)
    legal = legal_marks(mark.criterion)
    return MarkCard(
        mark=mark,
        awarded=awarded,
        feedback=typed.get("feedback", "") if typed is not None else mark.feedback,
        reason=typed.get("reason", "") if typed is not None else "",
        choices=_choices(legal, awarded, mark) if len(legal) <= MOST_BUTTONS else (),
        errors=_errors(form),
        conflict=str(conflict) if conflict else refused,
        theirs=mark if isinstance(conflict, StaleMark) else None,
        saved=saved,
        is_open=mark.sheet.state in GRADED_STATES,
        flag=flag,
        accepted=bool(getattr(mark, "is_accepted", False)),
        appeals=tuple(appeals),
        unsent=unsent,
    )


def card_now(mark: Mark, **options: Any) -> MarkCard:
    """card_of one mark, with its flag and its appeals as they are now."""
    appeals = appeals_shown().filter(sheet=mark.sheet_id, code=mark.criterion.code)
    return card_of(mark, flag=flag_of(mark), appeals=list(appeals), **options)


def flag_of(mark: Mark) -> Flag | None:
    """The open flag of one mark."""
    return open_flags().filter(sheet=mark.sheet_id, code=mark.criterion.code).first()


def _errors(form: MarkForm | None) -> dict[str, list[str]]:
    """By field, the messages of a refused form; "all" for those about the whole."""
    if form is None:
        return {}
    return {
        ("all" if name == "__all__" else name): list(texts) for name, texts in form.errors.items()
    }


def _choices(legal: Sequence[Decimal], awarded: str, mark: Mark) -> tuple[Choice, ...]:
    return tuple(
        Choice(plain(value), plain(value) == awarded, value == mark.part.awarded) for value in legal
    )


def sheet_cards(sheet: Sheet) -> list[MarkCard]:
    """The cards of a sheet in the order of its rubric.

    The sheet gets `strays`: open appeals of questions that its rubric does not have any more.
    """
    marks = (
        Mark.objects.filter(sheet=sheet)
        .select_related("criterion__rubric", "part__assessment__item", "changed_by")
        .annotate(is_accepted=accepted())
        .order_by("criterion__position")
    )
    flags = {flag.code: flag for flag in open_flags().filter(sheet=sheet)}
    appeals: defaultdict[str, list[Appeal]] = defaultdict(list)
    for appeal in appeals_shown().filter(sheet=sheet):
        appeals[appeal.code].append(appeal)
    cards = []
    for mark in marks:
        mark.sheet = sheet
        code = mark.criterion.code
        cards.append(card_of(mark, flag=flags.get(code), appeals=appeals.pop(code, ())))
    strays = (one for group in appeals.values() for one in group)
    sheet.strays = [one for one in strays if one.is_open]  # type: ignore[attr-defined]
    return cards


def sheet_head(sheet: Sheet, cards: Sequence[MarkCard] | None = None) -> dict[str, Any]:
    """What stands above the cards: the marks' version, the notice, whether it is out of date.

    Raises Conflict when the sheet has no marks any more.
    """
    if cards is None:
        cards = sheet_cards(sheet)
    marks = [card.mark for card in cards]
    if not marks:
        raise Conflict(_("The marks of this sheet were dropped meanwhile: it is not graded now."))
    rubric = current_rubric(sheet.exam)
    assessment = marks[0].part.assessment
    return {
        "marks_version": queries.marks_version(marks),
        "changed": sum(mark.is_overridden for mark in marks),
        "unsure": sum(card.unsure for card in cards),
        "flagged": sum(card.flag is not None for card in cards),
        "appealed": sum(len(card.waiting) for card in cards),
        "assessment": assessment,
        "notice": providers.about(assessment.provider).notice,
        "stale": rubric is not None and rubric.content_hash != assessment.rubric_hash,
        "rubric": rubric,
        "is_open": sheet.state in GRADED_STATES,
    }
