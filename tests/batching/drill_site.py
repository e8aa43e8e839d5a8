"""What a drill asks of an installation that runs in processes of its own: calls with JSON values.

call(site, "over", run)     asks the installation for over(run)
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.site import Site

TEACHER = "alice"


def call(site: Site, name: str, *values: Any) -> Any:
    """Call a function of this module inside the installation."""
    told = ", ".join(map(repr, values))
    return site.ask(f"__import__('importlib').import_module({__name__!r}).{name}({told})")


def prepare(title: str, pupils: int) -> int:
    """An exam with mapped sheets; its id."""
    from django.db import transaction

    from accounts.models import Role, SchoolClass, User
    from tests import factories
    from tests.batching import drill_exam

    with transaction.atomic():
        teacher = User.objects.filter(username=TEACHER).first()
        teacher = teacher or factories.make_user(TEACHER, Role.TEACHER)
        school_class = SchoolClass.objects.filter(name="X-B").first()
        school_class = school_class or factories.make_class("X-B", teacher)
        return int(drill_exam.make_exam(school_class, title, pupils, by=teacher).pk)


def draft(exam_pk: int, provider: str) -> int:
    """A run of all sheets of an exam, which the workers build; the id of its batch run."""
    from accounts.models import User
    from exams.models import Exam
    from grading import runs

    by = User.objects.get(username=TEACHER)
    return int(runs.draft_run(Exam.objects.get(pk=exam_pk), provider=provider, by=by).batch_run_id)


def built(run_pk: int) -> bool:
    from batching.models import BatchRun

    return BatchRun.objects.get(pk=run_pk).built_at is not None


def send(run_pk: int) -> int:
    """Send a run as its teacher does; the number of its jobs."""
    from accounts.models import User
    from grading import runs
    from grading.models import GradingRun

    by = User.objects.get(username=TEACHER)
    return runs.send_run(GradingRun.objects.get(batch_run=run_pk), by=by)


def answered(run_pk: int) -> int:
    """How many sheets of a run are graded by now."""
    from batching.models import BatchItem, ItemState

    return BatchItem.objects.filter(run=run_pk, state=ItemState.ACCEPTED).count()


def over(run_pk: int) -> bool:
    from batching.models import BatchRun
    from batching.queries import is_over

    return is_over(BatchRun.objects.get(pk=run_pk))


def states(run_pk: int) -> dict[str, int]:
    """How many sheets of the run's exam are in which state."""
    from grading.models import GradingRun

    exam = GradingRun.objects.get(batch_run=run_pk).exam
    return dict(Counter(exam.sheets.values_list("state", flat=True)))


def stories(run_pk: int) -> list[str]:
    """Why sheets of the run's exam failed."""
    from grading.models import GradingRun

    exam = GradingRun.objects.get(batch_run=run_pk).exam
    return list(exam.sheets.filter(state="failed").values_list("problem", flat=True))


def troubles(run_pk: int, folder: str) -> list[str]:
    """What is wrong with a run that is over (tests/batching/books.py)."""
    from batching.models import BatchRun
    from tests.batching import books

    return books.troubles(BatchRun.objects.get(pk=run_pk), Path(folder))


def told(run_pk: int) -> list[list[Any]]:
    """Of each job: its round, how it ended, and how many of its items were accepted."""
    from batching.models import BatchRun
    from batching.queries import count_items_of

    jobs = list(BatchRun.objects.get(pk=run_pk).jobs.order_by("number"))
    counts = count_items_of(jobs)
    return [
        [job.round, job.state, job.remote_state, counts[job.pk].accepted, job.problem]
        for job in jobs
    ]


def rows(run_pk: int) -> dict[str, list[Any]]:
    """What a run left behind, without what differs from one run to another (ids and times)."""
    from batching.models import BatchRun
    from exams.models import Sheet
    from grading.models import Assessment, GradingRun, Mark
    from tests.batching.drill_exam import number_of

    run = BatchRun.objects.get(pk=run_pk)
    sheets = GradingRun.objects.get(batch_run=run).exam.sheets.order_by("pk")
    pupils = {sheet.pk: number_of(sheet) for sheet in sheets}
    marks = Mark.objects.filter(sheet__in=sheets).order_by("pk")
    made = Assessment.objects.filter(sheet__in=sheets).order_by("sheet")
    return {
        "sheets": [[number_of(sheet), sheet.state, sheet.problem] for sheet in sheets],
        "steps": [Sheet.history.filter(id=sheet.pk).count() for sheet in sheets],
        "marks": sorted(
            [pupils[one.sheet_id], one.criterion.code, str(one.awarded), one.history.count()]
            + [getattr(one.part, name) for name in ("transcription", "reasoning", "feedback")]
            for one in marks.select_related("criterion", "part")
        ),
        "assessments": [
            [pupils[one.sheet_id], one.provider, one.model, one.input_tokens, one.output_tokens]
            for one in made
        ],
        "items": [
            [one.number, one.round, one.state, pupils[one.subject_id], one.input_tokens]
            for one in run.items.order_by("number")
        ],
        "jobs": [
            [one.number, one.round, one.state, one.remote_state, one.item_count, str(one.cost)]
            for one in run.jobs.order_by("number")
        ],
    }


def item_ids(run_pk: int) -> list[str]:
    """The ids of a run's items, as its provider knows them."""
    from batching.models import BatchItem

    return list(BatchItem.objects.filter(run=run_pk).values_list("custom_id", flat=True))
