"""Differences between two rubrics, criterion by criterion and field by field, for people.

Comes in: the checked items of two versions. Goes out: what was added, removed, changed or moved,
each text with the words that differ marked, and whether marks that were given are still possible.
Pure: no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from django.utils.translation import gettext as _

from exams.points import shown
from exams.rubric_items import RubricItem
from exams.rubrics import structure_hash

WORDS = re.compile(r"\s+|\w+|[^\w\s]")


class Piece(NamedTuple):
    """A stretch of a text; `is_other` when the other version has something else there."""

    text: str
    is_other: bool


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a criterion, before and after."""

    label: str
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one criterion: "added", "removed", "changed" or "moved"."""

    what: str
    code: str
    description: str
    fields: tuple[FieldChange, ...] = ()

    @property
    def label(self) -> str:
        return {
            "added": _("added"),
            "removed": _("removed"),
            "changed": _("changed"),
            "moved": _("moved"),
        }[self.what]


@dataclass(frozen=True, slots=True)
class RubricDiff:
    """The changes in the order of the newer rubric, removed ones at the end.

    `is_structural` when other marks are possible, so that marks given before no longer fit.
    """

    changes: tuple[Change, ...]
    is_structural: bool

    def __bool__(self) -> bool:
        return bool(self.changes)


@dataclass(frozen=True, slots=True)
class _Placed:
    item: RubricItem
    parent: str


def diff_rubrics(old: Iterable[RubricItem], new: Iterable[RubricItem]) -> RubricDiff:
    """What changed from `old` to `new`; criteria are the same by their code.

    One that only got another code is recognised by its words.
    """
    old, new = tuple(old), tuple(new)
    before, after = _placed(old), _placed(new)
    renamed = _renamed(before, after)
    moved = _moved(before, after, renamed)
    changes = []
    for code, there in after.items():
        was = before.get(renamed.get(code, code))
        if was is None:
            changes.append(_whole("added", there.item))
        elif fields := _fields(was, there):
            changes.append(Change("changed", there.item.id, there.item.description, fields))
        elif code in moved:
            changes.append(Change("moved", there.item.id, there.item.description))
    kept = {renamed.get(code, code) for code in after}
    changes += [_whole("removed", was.item) for code, was in before.items() if code not in kept]
    return RubricDiff(tuple(changes), structure_hash(old) != structure_hash(new))


def _placed(items: Iterable[RubricItem], parent: str = "") -> dict[str, _Placed]:
    found: dict[str, _Placed] = {}
    for item in items:
        found[item.id.casefold()] = _Placed(item, parent)
        found |= _placed(item.items, item.id)
    return found


def _renamed(before: dict[str, _Placed], after: dict[str, _Placed]) -> dict[str, str]:
    """Old codes by new ones, where one criterion alone has these words and marks."""

    def by_words(placed: dict[str, _Placed], but: dict[str, _Placed]) -> dict[object, list[str]]:
        found: dict[object, list[str]] = {}
        for code, there in placed.items():
            if code not in but:
                item = there.item
                words = (item.description, item.max_marks, item.kind, bool(item.items))
                found.setdefault(words, []).append(code)
        return found

    gone, come = by_words(before, after), by_words(after, before)
    return {
        codes[0]: gone[words][0]
        for words, codes in come.items()
        if len(codes) == 1 and len(gone.get(words, ())) == 1
    }


def _moved(
    before: dict[str, _Placed], after: dict[str, _Placed], renamed: dict[str, str]
) -> set[str]:
    """New codes of criteria that stand elsewhere among those that both versions have."""
    old_names = {renamed.get(code, code): code for code in after}
    old = [old_names[code] for code in before if code in old_names]
    new = [code for code in after if renamed.get(code, code) in before]
    stayed: set[str] = set()
    for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
        stayed |= set(new[block.b : block.b + block.size])
    return set(new) - stayed


def _whole(what: str, item: RubricItem) -> Change:
    """A criterion that only one of the versions has, with all its fields."""
    nothing = dict.fromkeys(_texts(item, ""), "")
    texts = _texts(item, "")
    pairs = [(nothing, texts), (texts, nothing)][what == "removed"]
    fields = tuple(
        FieldChange(label, _one(pairs[0][label]), _one(pairs[1][label]))
        for label, text in texts.items()
        if text and label not in (_("Code"), _("What is asked"))
    )
    return Change(what, item.id, item.description, fields)


def _one(text: str) -> tuple[Piece, ...]:
    return (Piece(text, True),) if text else ()


def _fields(was: _Placed, there: _Placed) -> tuple[FieldChange, ...]:
    before, after = _texts(was.item, was.parent), _texts(there.item, there.parent)
    return tuple(
        FieldChange(label, *_marked(before[label], after[label]))
        for label in before
        if before[label] != after[label]
    )


def _texts(item: RubricItem, parent: str) -> dict[str, str]:
    """A criterion as texts by the names of its fields, in the order of the form."""
    return {
        _("Code"): item.id,
        _("Inside"): parent,
        _("What is asked"): item.description,
        _("Kind"): "" if item.kind == "base" else item.kind,
        _("Marks"): "" if item.max_marks is None else shown(item.max_marks),
        _("Step"): "" if item.step is None else shown(item.step),
        _("Expected answer"): item.answer,
        _("Guidance"): item.guidance,
    }


def _marked(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts in pieces, word by word."""
    old, new = WORDS.findall(before), WORDS.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    # Two texts with hardly a word in common are easier to read whole.
    if matcher.ratio() < 0.3:
        return _one(before), _one(after)
    left, right = [], []
    for tag, a, b, c, d in matcher.get_opcodes():
        is_other = tag != "equal"
        if a < b:
            left.append(Piece("".join(old[a:b]), is_other))
        if c < d:
            right.append(Piece("".join(new[c:d]), is_other))
    return tuple(left), tuple(right)
