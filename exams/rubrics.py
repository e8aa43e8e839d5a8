"""Rubrics: reading a version as a tree, its total and hashes, and saving the next version.

Comes in: rubric items in the short form of the exam file. Goes out: `Rubric` rows with their
criteria. A version that was used never changes; saving over it makes the next one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from batching.conflicts import Conflict
from exams.models import Criterion, CriterionKind, Exam, Rubric
from exams.rubric_items import RubricItem, items_as_values, read_items


def current_rubric(exam: Exam) -> Rubric | None:
    """The highest version, or None as long as the exam has no rubric."""
    return exam.rubrics.order_by("-version").first()


def leaves(rubric: Rubric) -> list[Criterion]:
    """The criteria that get marks, in the order of the rubric. Prefetched ones are taken."""
    criteria = rubric.criteria.all()
    if "criteria" not in getattr(rubric, "_prefetched_objects_cache", {}):
        criteria = criteria.order_by("position")
    return sorted((one for one in criteria if one.is_leaf), key=lambda one: one.position)


def rubric_total(rubric: Rubric) -> Decimal:
    """The full marks: the sum of the base leaves (bonus and penalty come on top)."""
    return total_of(leaves(rubric))


def total_of(criteria: Iterable[Criterion]) -> Decimal:
    """The full marks of criteria that are already in memory."""
    return sum(
        (c.max_marks for c in criteria if c.max_marks and c.kind == CriterionKind.BASE), Decimal(0)
    )


def items_of(rubric: Rubric) -> tuple[RubricItem, ...]:
    """A stored version as the checked items it was made from."""
    children: dict[int | None, list[Criterion]] = {}
    for criterion in rubric.criteria.order_by("position"):
        children.setdefault(criterion.parent_id, []).append(criterion)

    def below(parent: int | None) -> tuple[RubricItem, ...]:
        return tuple(
            RubricItem(
                id=criterion.code,
                description=criterion.description,
                kind=criterion.kind,
                guidance=criterion.guidance,
                answer=criterion.answer,
                max_marks=criterion.max_marks,
                step=criterion.step,
                items=below(criterion.pk),
            )
            for criterion in children.get(parent, ())
        )

    return below(None)


def content_hash(items: Iterable[RubricItem]) -> str:
    """sha256 (hex) of all that stands in the items, the same on every machine."""
    return _hash([_content(item) for item in items])


def structure_hash(items: Iterable[RubricItem]) -> str:
    """sha256 (hex) of what decides which marks are possible: ids, nesting, kinds, marks, steps."""
    return _hash([_structure(item) for item in items])


@transaction.atomic
def save_rubric(
    exam: Exam, items: Any, *, by: User, seen: str | None = None, write_over: bool = True
) -> Rubric:
    """Make `items` (the nested list of an exam file) the exam's current rubric.

    Unchanged content returns the current version; an unused version is written over, a used
    one is followed by the next; so is every one without `write_over`, for whoever has not
    looked at the current one. `seen` is the content hash the person had before their eyes
    ("" for none): Conflict if the rubric has changed since. Raises RubricError naming each
    bad item.
    """
    checked = read_items(items)
    lock_exam(exam.pk)
    current = current_rubric(exam)
    if seen is not None and seen != (current.content_hash if current else ""):
        raise Conflict(_changed_meanwhile(current))
    content = content_hash(checked)
    if current and current.content_hash == content:
        return current
    if current is None or current.used_at or not write_over:
        rubric = Rubric(exam=exam, version=current.version + 1 if current else 1)
    else:
        rubric = current
        rubric.criteria.all().delete()
    rubric.content_hash, rubric.structure_hash = content, structure_hash(checked)
    rubric.created_by, rubric.created_at = by, timezone.now()
    rubric.save()
    _create_criteria(rubric, checked)
    return rubric


@transaction.atomic
def save_answers(
    exam: Exam, answers: dict[str, str], *, by: User, seen: str | None = None
) -> Rubric:
    """Put expected answers (by criterion id) into the rubric; versions as in `save_rubric`."""
    lock_exam(exam.pk)
    rubric = exam.rubrics.order_by("-version")[:1].get()
    items = _with_answers(items_of(rubric), answers)
    return save_rubric(exam, items_as_values(items), by=by, seen=seen)


@transaction.atomic
def use_rubric(rubric: Rubric) -> None:
    """Freeze this version: somebody is about to be graded by it. Safe to repeat.

    Read the criteria after this call: until then a teacher may still write over them.
    """
    lock_exam(rubric.exam_id)
    stored = Rubric.objects.get(pk=rubric.pk)
    if stored.used_at is None:
        stored.used_at = timezone.now()
        stored.save(update_fields=["used_at"])
    rubric.used_at, rubric.content_hash = stored.used_at, stored.content_hash
    rubric.structure_hash = stored.structure_hash


def lock_exam(pk: int) -> Exam:
    """The exam's row, locked until the transaction ends: one change of a rubric at a time.

    Raises Conflict when somebody has deleted the exam since the page was shown.
    """
    # no_key: sheets that arrive meanwhile only refer to the row and need not wait.
    locked = Exam.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if locked is None:
        raise Conflict(_("This exam was deleted meanwhile."))
    return locked


def _create_criteria(rubric: Rubric, items: Iterable[RubricItem]) -> None:
    position = 0
    level: list[tuple[Criterion | None, RubricItem]] = [(None, item) for item in items]
    ordered = {}

    def number(items: Iterable[RubricItem]) -> None:
        nonlocal position
        for item in items:
            position += 1
            ordered[item.id] = position
            number(item.items)

    number(item for _, item in level)
    # One INSERT per level of the tree: children need the primary keys of their parents.
    while level:
        rows = Criterion.objects.bulk_create(
            Criterion(
                rubric=rubric,
                parent=parent,
                position=ordered[item.id],
                code=item.id,
                description=item.description,
                guidance=item.guidance,
                answer=item.answer,
                kind=item.kind,
                max_marks=item.max_marks,
                step=item.step,
            )
            for parent, item in level
        )
        level = [
            (row, child) for row, (_, item) in zip(rows, level, strict=True) for child in item.items
        ]


def with_kept_texts(
    items: Iterable[RubricItem], stored: Iterable[RubricItem]
) -> tuple[RubricItem, ...]:
    """`items`, with the stored answer and guidance of the same id where they have none."""
    before = {item.id: item for item in all_items(stored)}

    def kept(item: RubricItem) -> RubricItem:
        old = before.get(item.id)
        return replace(
            item,
            answer=item.answer or (old.answer if old and not item.items else ""),
            guidance=item.guidance or (old.guidance if old else ""),
            items=tuple(kept(child) for child in item.items),
        )

    return tuple(kept(item) for item in items)


def all_items(items: Iterable[RubricItem]) -> list[RubricItem]:
    """Every item of a rubric, inner ones before what is in them."""
    return [found for item in items for found in (item, *all_items(item.items))]


def _with_answers(items: Iterable[RubricItem], answers: dict[str, str]) -> tuple[RubricItem, ...]:
    return tuple(
        replace(item, items=_with_answers(item.items, answers))
        if item.items
        else replace(item, answer=answers.get(item.id, item.answer))
        for item in items
    )


def _changed_meanwhile(current: Rubric | None) -> str:
    if current is None:
        return _("The rubric was removed while you were editing it.")
    return _(
        "%(who)s saved version %(version)s of the rubric while you were editing it."
        " Nothing of yours was saved: compare the two and save again."
    ) % {"who": current.created_by, "version": current.version}


def _content(item: RubricItem) -> dict[str, Any]:
    return {
        **_structure(item),
        "description": item.description,
        "guidance": item.guidance,
        "answer": item.answer,
        "items": [_content(child) for child in item.items],
    }


def _structure(item: RubricItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "max_marks": _number(item.max_marks),
        "step": _number(item.step),
        "items": [_structure(child) for child in item.items],
    }


def _number(number: Decimal | None) -> str | None:
    return None if number is None else f"{number:.2f}"


def _hash(value: list[dict[str, Any]]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
