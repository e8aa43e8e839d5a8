"""One of everything, made inside an installation for a walk through every page.

Comes in: the name of a file. Goes out: the rows, with exams in other states beside, and in that
file below the data folder, as JSON, the addresses of pages by who may open them.
"""

from __future__ import annotations

import json

from django.conf import settings

from accounts.models import Enrolment
from batching.build import build_run
from exams.models import Exam
from grading.models import Appeal
from grading.runs import draft_run
from tests import factories
from tests.browser.desk_class import person
from tests.page_addresses import OURS, things_of, url_of
from tests.page_matrix import MATRIX

# The places of the signs in a row of the matrix.
READERS = {"nobody": 0, "admin": 1, "alice": 2, "carol": 4}
# Files, pictures and fragments of pages; the demo of the API draws itself.
NO_PAGES = (
    "csv",
    "file",
    "image",
    "thumbnail",
    "progress",
    "counts",
    "json",
    "archive",
    "canvas",
    "moodle",
    "marks",
    "key_page",
    "blind_page",
    "healthz",
)
OF_EXAM = (
    "",
    "edit/",
    "samples/",
    "upload/",
    "mapping/",
    "runs/",
    "runs/new/",
    "review/",
    "results/",
    "statistics/",
    "publish/",
    "exports/",
)


def make(told: str) -> None:
    """Class X-B with everything; beside it an exam all in a draft, and one with nothing yet.

    `told` is the file's name.
    """
    alice = person("alice", "teacher")
    carol = person("carol", "student")
    person("admin", "admin")
    school_class = factories.make_class("X-B", alice)
    enrolment: Enrolment = factories.make_enrolment(school_class, carol, "84B003")
    exam = factories.make_exam(school_class, title="Biology unit test 3", by=alice)
    Exam.objects.filter(pk=exam.pk).update(show_distribution=True)
    for _ in range(5):
        factories.make_sheet(exam, state="published", pages=0)
    arguments = things_of(exam, alice, enrolment)
    # What a page says of marks that no model made stands on it as well.
    for sheet in exam.sheets.filter(state="graded"):
        sheet.assessments.update(provider="offline", source="offline")
    appealed = Appeal.objects.get().sheet
    drafted = factories.make_exam(school_class, title="All in a draft", by=alice)
    for _ in range(3):
        factories.make_sheet(drafted, state="mapped")
    build_run(draft_run(drafted, provider="offline", by=alice).pk)
    empty = factories.make_exam(school_class, title="Nothing yet", by=alice)
    found = {
        reader: {
            name: url_of(name, arguments)
            for name, row in MATRIX.items()
            if name in OURS
            and row.get("GET", "------")[place] == "."
            and (not name.startswith("api:") or name == "api:docs")
            and not name.endswith(NO_PAGES)
        }
        for reader, place in READERS.items()
    }
    found["alice"] |= {
        f"{kind}-{rest.strip('/').replace('/', '-')}": f"/exams/{one.pk}/{rest}"
        for kind, one in (("drafted", drafted), ("empty", empty))
        for rest in OF_EXAM
    }
    found["alice"] |= {
        "appealed-list": f"/exams/{exam.pk}/review/?show=appealed",
        "appealed-sheet": f"/sheets/{appealed.pk}/review/?show=appealed",
        "appealed-question": f"/exams/{exam.pk}/review/questions/Q1/?show=appealed",
    }
    (settings.SHEAF_DATA_DIR / told).write_text(json.dumps(found))
