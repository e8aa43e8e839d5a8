"""A proposed answer key as rows for a teacher: what was read, what is odd, what is saved.

Comes in: the criteria as the model wrote them, and the rubric's items. Goes out: rows to be
corrected, each with its problems; and back, from corrected rows to the nested list that
becomes the next version of the rubric. Pure: nothing is saved and nothing put right here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exams.points import plain, shown
from exams.rubric_items import (
    RubricItem,
    check_items,
    clean_text,
    decimal_of,
    leaf_items,
    odd_character,
    plain_number,
)
from exams.rubrics import all_items

UNSURE_BELOW = 0.5
NOT_FOUND = gettext_lazy("Not found on the pages: as it is in the rubric.")


@dataclass(frozen=True, slots=True)
class Criterion:
    """A row as the teacher left it. `was` is the code of the rubric's criterion that it was
    made from, "" for a new one; no step leaves it to the rubric's rule.
    """

    was: str
    code: str
    description: str
    max_marks: Decimal
    step: Decimal | None = None
    answer: str = ""
    guidance: str = ""


@dataclass(slots=True)
class Row:
    """A row to be shown: `values` by field name, what the model said of its reading, and the
    saved answer where the proposed one differs.
    """

    values: dict[str, Any]
    problems: list[str] = field(default_factory=list)
    page: int | None = None
    confidence: float | None = None
    saved: str = ""

    @property
    def is_new(self) -> bool:
        return not self.values["was"]

    @property
    def is_unsure(self) -> bool:
        return self.confidence is not None and self.confidence < UNSURE_BELOW


def rows_of(criteria: Sequence[dict[str, Any]], items: Sequence[RubricItem]) -> list[Row]:
    """A row for each criterion of the rubric, then one for each other that was proposed.

    What the rubric has already (wording, marks, guidance) stays as the teacher wrote it, and
    only the answer is proposed; where the model read other marks, that is a problem to see.
    """
    first: dict[str, dict[str, Any]] = {}
    for criterion in criteria:
        first.setdefault(criterion["code"].strip().casefold(), criterion)
    leaves = list(leaf_items(items))
    rows = [_known_row(leaf, first.get(leaf.id.casefold())) for leaf in leaves]
    known = {leaf.id.casefold() for leaf in leaves}
    groups = {item.id.casefold() for item in all_items(items)} - known
    shown = set(known)
    for criterion in criteria:
        code = criterion["code"].strip().casefold()
        if code in known and criterion is first[code]:
            continue
        rows.append(_new_row(criterion, repeated=code in shown, is_group=code in groups))
        shown.add(code)
    return rows


def _known_row(leaf: RubricItem, proposed: dict[str, Any] | None) -> Row:
    row = Row(saved_values(leaf))
    if proposed is None:
        row.problems.append(str(NOT_FOUND))
        return row
    row.page, row.confidence = proposed["page"], proposed["confidence"]
    answer = clean_text(proposed["answer"])
    if answer:
        row.values["answer"] = proposed["answer"]
        row.saved = leaf.answer if leaf.answer != answer else ""
        if odd := odd_character(answer):
            row.problems.append(
                _("The answer contains the control character %(character)s: delete it.")
                % {"character": odd}
            )
    else:
        row.problems.append(_("No answer was found for it."))
    texts = {
        "max_marks": _("The PDF seems to say %(read)s marks; the rubric says %(own)s."),
        "step": _("The PDF seems to say %(read)s as step; the rubric says %(own)s."),
    }
    for name, text in texts.items():
        read, own = proposed[name], getattr(leaf, name)
        if read is not None and own is not None and decimal_of(read) != own:
            row.problems.append(text % {"read": shown(read), "own": shown(own)})
    _add_unsure(row)
    return row


def _new_row(criterion: dict[str, Any], *, repeated: bool, is_group: bool) -> Row:
    values = {"was": "", "guidance": ""}
    values |= {name: criterion[name] for name in ("code", "description", "answer")}
    for name in ("max_marks", "step"):
        read = criterion[name]
        values[name] = "" if read is None else plain(read)
    row = Row(values, page=criterion["page"], confidence=criterion["confidence"])
    row.problems += _odd(criterion)
    if repeated:
        row.problems.append(
            _("There is another criterion %(code)r: keep one of them.")
            % {"code": criterion["code"]}
        )
    if is_group:
        row.problems.append(
            _(
                "%(code)r is made of several criteria in the rubric: give this one a code of"
                " its own, or leave it out."
            )
            % {"code": criterion["code"]}
        )
    if not clean_text(criterion["answer"]):
        row.problems.append(_("No answer was found for it."))
    _add_unsure(row)
    return row


def _odd(criterion: dict[str, Any]) -> list[str]:
    """What the rubric's own rules say against a criterion as it was read."""
    entry = {"id": criterion["code"], "description": criterion["description"]}
    entry["answer"] = criterion["answer"]
    entry |= {
        name: criterion[name] for name in ("max_marks", "step") if criterion[name] is not None
    }
    told = []
    for problem in check_items([entry]):
        words = problem.text
        if problem.about == "max_marks" and "max_marks" not in entry:
            words = _("The PDF does not say how many marks it gives.")
        elif problem.path != (0,):
            name = problem.path[-1]
            words = f"{_('code') if name == 'id' else name} {words}"
        told.append(words.replace("max_marks", _("marks")))
    return told


def _add_unsure(row: Row) -> None:
    if row.is_unsure:
        row.problems.append(_("The model was unsure of what it read: compare it with the page."))


def saved_values(leaf: RubricItem) -> dict[str, Any]:
    """The fields of a row for a criterion as it stands in the rubric."""
    return {
        "was": leaf.id,
        "code": leaf.id,
        "description": leaf.description,
        "max_marks": "" if leaf.max_marks is None else plain(leaf.max_marks),
        "step": "" if leaf.step is None else plain(leaf.step),
        "answer": leaf.answer,
        "guidance": leaf.guidance,
    }


def items_from(criteria: Iterable[Criterion], items: Sequence[RubricItem]) -> list[dict[str, Any]]:
    """The nested list of an exam file: the rubric's tree with its criteria as they were left.

    A criterion that has no row any more is gone, and so is a group without criteria; new ones
    stand at the end.
    """
    known = {leaf.id for leaf in leaf_items(items)}
    kept: dict[str, Criterion] = {}
    new = []
    for criterion in criteria:
        if criterion.was in known and criterion.was not in kept:
            kept[criterion.was] = criterion
        else:
            new.append(criterion)
    return _tree(items, kept, "base") + [_entry(criterion) for criterion in new]


def _tree(
    items: Iterable[RubricItem], kept: dict[str, Criterion], kind: str
) -> list[dict[str, Any]]:
    entries = []
    for item in items:
        if item.items:
            inner = _tree(item.items, kept, item.kind)
            if not inner:
                continue
            entry = {"id": item.id, "description": item.description, "guidance": item.guidance}
            entry["items"] = inner
        elif item.id in kept:
            entry = _entry(kept[item.id])
        else:
            continue
        entries.append(entry | ({"kind": item.kind} if item.kind != kind else {}))
    return entries


def _entry(criterion: Criterion) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": criterion.code,
        "description": criterion.description,
        "max_marks": plain_number(criterion.max_marks),
    }
    if criterion.step is not None:
        entry["step"] = plain_number(criterion.step)
    return entry | {"guidance": criterion.guidance, "answer": criterion.answer}
