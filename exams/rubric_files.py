"""Exam files: an exam with its rubric as one YAML (or JSON) file, in and out.

Comes in: the bytes of a file. Goes out: a checked `ExamFile`, or every problem at once with
its line; from that an `Exam`. `write_exam_file` gives a file that reads back as the same exam.
docs/exam-file.md describes every key.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import yaml
from django.db import transaction
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator

from accounts.models import SchoolClass, Subject, User
from accounts.queries import classes_for
from exams.models import Exam
from exams.regions import REGIONS_SCHEMA, sense_problems
from exams.rubric_items import (
    ITEM_SCHEMA,
    ITEMS_SCHEMA,
    MAX_TEXT,
    RubricError,
    RubricItem,
    check_items,
    clean_text,
    items_as_values,
    odd_character,
    read_items,
)
from exams.rubric_problems import Problem, describe, shape_problems
from exams.rubric_yaml import Parsed, read_yaml
from exams.rubrics import (
    all_items,
    current_rubric,
    items_of,
    lock_exam,
    save_rubric,
    with_kept_texts,
)


class ExamFileError(RubricError):
    """An exam file that cannot be used; `messages` lists every problem with its line."""


@dataclass(frozen=True, slots=True)
class ExamFile:
    """A checked exam file. `items` is empty and `regions` None when the file does not say."""

    title: str
    class_name: str
    subject: str
    date: dt.date | None = None
    instructions: str = ""
    regions: tuple[dict[str, Any], ...] | None = None
    items: tuple[RubricItem, ...] = ()


EXAM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "exam": {"type": "string", "minLength": 1, "maxLength": 200},
        "class": {"type": "string", "minLength": 1, "maxLength": 100},
        "subject": {"type": "string", "minLength": 1, "maxLength": 100},
        "date": {"type": "string"},
        "instructions": {"type": "string", "maxLength": MAX_TEXT},
        "regions": REGIONS_SCHEMA,
        "rubric_items": ITEMS_SCHEMA,
    },
    "required": ["exam", "class", "subject"],
    "additionalProperties": False,
    "$defs": {"item": ITEM_SCHEMA},
}
# The items are judged by check_items, which knows their sense as well.
_head_validator = Draft202012Validator(
    {**EXAM_SCHEMA, "properties": {**EXAM_SCHEMA["properties"], "rubric_items": {}}}
)


def read_exam_file(data: bytes) -> ExamFile:
    """Check a file's bytes; raises ExamFileError listing every problem."""
    parsed = _parsed(data)
    problems = shape_problems(_head_validator, parsed.value)
    if isinstance(parsed.value, dict):
        problems += _sense_problems(parsed.value)
        problems += _item_problems(parsed.value)
    _refuse(problems, parsed)
    value = parsed.value
    return ExamFile(
        title=clean_text(value["exam"]),
        class_name=clean_text(value["class"]),
        subject=clean_text(value["subject"]),
        date=dt.date.fromisoformat(value["date"]) if "date" in value else None,
        instructions=clean_text(value.get("instructions", "")),
        regions=tuple(value["regions"]) if "regions" in value else None,
        items=read_items(value["rubric_items"]) if "rubric_items" in value else (),
    )


def read_rubric_text(text: str) -> list[dict[str, Any]]:
    """The rubric part alone, as the editor shows it: `rubric_items:` with its list.

    Raises ExamFileError listing every problem with its line.
    """
    parsed = _parsed(text.encode("utf-8", "surrogatepass"))
    value = parsed.value
    if not isinstance(value, dict) or set(value) != {"rubric_items"}:
        raise ExamFileError(
            _("The text must begin with the line “rubric_items:” and hold nothing beside it.")
        )
    _refuse(_item_problems(value), parsed)
    items: list[dict[str, Any]] = value["rubric_items"]
    return items


def write_exam_file(exam: Exam) -> str:
    """The exam and its current rubric as YAML; reading it gives the same again."""
    head: dict[str, Any] = {
        "exam": exam.title,
        "class": exam.school_class.name,
        "subject": exam.subject.name,
    }
    if exam.date:
        head["date"] = exam.date
    if exam.instructions:
        head["instructions"] = exam.instructions
    if exam.regions:
        head["regions"] = exam.regions
    rubric = current_rubric(exam)
    return _dump(head) + (write_rubric_text(items_of(rubric)) if rubric else "")


def write_rubric_text(items: tuple[RubricItem, ...]) -> str:
    """The rubric part of an exam file."""
    return _dump({"rubric_items": items_as_values(items)})


@dataclass(frozen=True, slots=True)
class ExamImport:
    """What an import did. `changes` and `kept` are what to tell about an exam that was there.

    `has_new_rubric` says that the file made the current version.
    """

    exam: Exam
    is_new: bool
    has_new_rubric: bool = False
    changes: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def import_exam(exam_file: ExamFile, *, by: User, create_class: bool = False) -> Exam:
    """The exam of `import_exam_file`, for who needs no more than that."""
    return import_exam_file(exam_file, by=by, create_class=create_class).exam


@transaction.atomic
def import_exam_file(exam_file: ExamFile, *, by: User, create_class: bool = False) -> ExamImport:
    """Make the exam that the file describes, for one of the person's classes.

    The same title, class and date is the same exam: it follows what the file says, and what the
    file leaves out stays as it was typed. Another rubric is always a next version, since whoever
    imports a file has not seen what it would write over. Raises ExamFileError when the class is
    not among those of `by`; with `create_class` a missing one is made.
    """
    school_class = _class_of(exam_file, by=by, create=create_class)
    # One import of a class at a time: the second finds what the first made.
    SchoolClass.objects.select_for_update(no_key=True).get(pk=school_class.pk)
    found = Exam.objects.filter(
        school_class=school_class, title=exam_file.title, date=exam_file.date
    ).first()
    exam = lock_exam(found.pk) if found else Exam(created_by=by)
    changes = _follow_file(exam, exam_file, school_class, by=by)
    kept: tuple[str, ...] = ()
    before = current_rubric(exam)
    if exam_file.items:
        rubric_changes, kept = _follow_rubric(exam, exam_file.items, by=by)
        changes += rubric_changes
    has_new_rubric = before != current_rubric(exam)
    return ExamImport(exam, not found, has_new_rubric, changes, kept)


def _follow_file(
    exam: Exam, exam_file: ExamFile, school_class: SchoolClass, *, by: User
) -> tuple[str, ...]:
    """Give the exam what the file says, and tell what that changed.

    An exam that says so already is not saved again.
    """
    subject, _is_new = Subject.objects.get_or_create(name=exam_file.subject)
    wanted: dict[str, Any] = {
        "school_class_id": school_class.pk,
        "title": exam_file.title,
        "date": exam_file.date,
        "subject_id": subject.pk,
    }
    if exam_file.instructions:
        wanted["instructions"] = exam_file.instructions
    if exam_file.regions is not None:
        wanted["regions"] = list(exam_file.regions)
    changed = [name for name, value in wanted.items() if getattr(exam, name) != value]
    if exam.pk is None or changed:
        for name in changed:
            setattr(exam, name, wanted[name])
        exam._history_user = by
        exam.save()
    words = {
        "school_class_id": _("the class"),
        "title": _("the title"),
        "date": _("the date"),
        "subject_id": _("the subject"),
        "instructions": _("the instructions"),
        "regions": _("the regions"),
    }
    return tuple(words[name] for name in changed)


def _follow_rubric(
    exam: Exam, items: tuple[RubricItem, ...], *, by: User
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Make the file's rubric the current one: what that changed, and whose texts it kept."""
    before = current_rubric(exam)
    stored = items_of(before) if before else ()
    merged = with_kept_texts(items, stored)
    rubric = save_rubric(exam, items_as_values(merged), by=by, write_over=False)
    if before is None or rubric.pk == before.pk:
        changes: tuple[str, ...] = ()
    else:
        changes = (
            _("the rubric: version %(version)s, beside version %(before)s")
            % {"version": rubric.version, "before": before.version},
        )
        if others := _other_answers(merged, stored):
            changes += (_("other answers in it for %(codes)s") % {"codes": others},)
    pairs = zip(all_items(items), all_items(merged), strict=True)
    return changes, tuple(
        new.id
        for given, new in pairs
        if (given.answer, given.guidance) != (new.answer, new.guidance)
    )


def _other_answers(items: tuple[RubricItem, ...], stored: tuple[RubricItem, ...]) -> str:
    before = {item.id: item.answer for item in all_items(stored)}
    return ", ".join(
        item.id for item in all_items(items) if before.get(item.id, "") not in ("", item.answer)
    )


def _class_of(exam_file: ExamFile, *, by: User, create: bool) -> SchoolClass:
    name = exam_file.class_name
    found = classes_for(by).filter(name=name).first()
    if found:
        return found
    if not create:
        raise ExamFileError(
            _("class: you have no class named %(name)r. Create it first, or correct the name.")
            % {"name": name}
        )
    if SchoolClass.objects.filter(name=name).exists():
        raise ExamFileError(_("class: %(name)r belongs to other teachers.") % {"name": name})
    made = SchoolClass.objects.create(name=name)
    if by.is_teacher:
        made.teachers.add(by)
    return made


def _parsed(data: bytes) -> Parsed:
    try:
        return read_yaml(data)
    except RubricError as error:
        raise ExamFileError(error.messages) from error


def _refuse(problems: list[Problem], parsed: Parsed) -> None:
    if problems:
        raise ExamFileError([describe(p, parsed.value, parsed.lines) for p in problems])


def _item_problems(value: dict[str, Any]) -> list[Problem]:
    if "rubric_items" not in value:
        return []
    return [
        replace(problem, path=("rubric_items", *problem.path))
        for problem in check_items(value["rubric_items"])
    ]


def _sense_problems(value: dict[str, Any]) -> list[Problem]:
    problems = []
    for key in ("exam", "class", "subject", "instructions"):
        text = value.get(key, "x")
        if isinstance(text, str) and (odd := odd_character(text)):
            problems.append(
                Problem(
                    (key,),
                    _("the control character %(character)s is not allowed") % {"character": odd},
                )
            )
        elif key != "instructions" and isinstance(text, str) and text and not text.strip():
            problems.append(Problem((key,), _("must not be empty")))
    date = value.get("date")
    if isinstance(date, str):
        try:
            dt.date.fromisoformat(date)
        except ValueError:
            problems.append(
                Problem(("date",), _("%(date)r is not a date like 2026-10-14") % {"date": date})
            )
    return problems + sense_problems(value.get("regions"))


class _Writer(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and lists indented below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Writer.add_representer(str, _text)


def _dump(value: dict[str, Any]) -> str:
    text: str = yaml.dump(value, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=96)
    return text
