"""A class with results, made inside an installation for a walk around those of a student."""

from __future__ import annotations

from typing import Any

from exams.models import Exam
from tests import factories
from tests.browser.desk_class import person


def make(*, state: str = "published", pages: int = 1, others: int = 0, **fields: Any) -> Exam:
    """Alice teaches X-B, where Carol and so many `others` have a sheet in `state`; hers, the
    first, has `pages`. `fields` are the exam's."""
    alice, carol = person("alice", "teacher"), person("carol", "student")
    school_class = factories.make_class("X-B", alice)
    exam = factories.make_exam(school_class, title="Biology unit test 3", by=alice)
    Exam.objects.filter(pk=exam.pk).update(**fields)
    enrolment = factories.make_enrolment(school_class, carol, "84B003")
    factories.make_sheet(exam, state=state, enrolment=enrolment, pages=pages)
    for _ in range(others):
        factories.make_sheet(exam, state=state)
    return exam
