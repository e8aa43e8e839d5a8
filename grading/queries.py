"""Reading marks: who may see which, and the totals of sheets.

Comes in: a user, or a queryset of sheets. Goes out: querysets. What a person may see is
decided by exams.queries.sheets_for; a student's marks exist only while published.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import (
    CharField,
    Count,
    DecimalField,
    Exists,
    F,
    Field,
    IntegerField,
    Max,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Coalesce, Concat, Greatest
from django.urls import reverse

from accounts.models import User
from batching import providers
from batching import queries as batching_queries
from batching.models import BatchJob
from exams.models import CriterionKind, Exam, Rubric, SampleSheet, Sheet, SheetState
from exams.queries import exams_for, sheets_for
from grading.models import GradingRun, Look, Mark
from grading.review_blind import open_reveals

UNSURE_BELOW = 0.5
"""A proposal with less confidence than this needs a person's eyes."""
FOR_STAFF = ("criterion__guidance", "criterion__answer")
"""What is not even read of a mark where a student's result is shown."""

POINTS = DecimalField(max_digits=9, decimal_places=2)


def marks_for(user: User) -> QuerySet[Mark]:
    """The marks a person may see."""
    return Mark.objects.filter(sheet__in=sheets_for(user))


def runs_for(user: User) -> QuerySet[GradingRun]:
    """The grading runs of the classes a person may see."""
    return GradingRun.objects.filter(batch_run__in=batching_queries.runs_for(user)).select_related(
        "batch_run__created_by", "exam", "rubric"
    )


def results_for(user: User) -> QuerySet[Sheet]:
    """The sheets a person may see the result of, with totals (a student: own, published)."""
    return with_totals(sheets_for(user)).filter(total__isnull=False)


def result_url(exam: Exam) -> str:
    """Where what is told of an exam's results leads each of its students: to the own result.

    The list stands there while that is not shown, so that no link leads into nothing.
    """
    return f"{reverse('grading:my_results')}?exam={exam.pk}"


def list_url(exam_pk: int, show: str) -> str:
    """One of the desk's lists of an exam (see review_eyes)."""
    return f"{reverse('grading:review_list', args=[exam_pk])}?show={show}"


def with_totals(sheets: QuerySet[Sheet]) -> QuerySet[Sheet]:
    """Add `total` (the leaves' sum, never below 0; None without marks) and `out_of`."""
    marks = Mark.objects.filter(sheet=OuterRef("pk"))
    return sheets.annotate(
        total=one_value(
            marks, Greatest(Sum("awarded"), Value(Decimal(0)), output_field=POINTS), POINTS
        ),
        out_of=one_value(
            marks.filter(criterion__kind=CriterionKind.BASE),
            Sum("criterion__max_marks"),
            POINTS,
        ),
    )


def assessed_by() -> Subquery:
    """The name of the provider that proposed the marks of the outer sheet; "" for a person's."""
    marks = Mark.objects.filter(sheet=OuterRef("pk")).order_by("pk")
    return Subquery(marks.values("part__assessment__provider")[:1])


def notices_on(exam: Exam) -> list[providers.About]:
    """The providers to be told about wherever marks of this exam are shown: those that proposed
    marks which still stand, and have a notice."""
    noticed = [name for name in providers.names() if providers.about(name).notice]
    stand = Mark.objects.filter(part__assessment__item__job=OuterRef("pk"))
    # By its few jobs: most exams have none of these providers, and no mark is looked at then.
    jobs = BatchJob.objects.filter(Exists(stand), run__grading_run__exam=exam, provider__in=noticed)
    return providers.notices_of(jobs.order_by().values_list("provider", flat=True).distinct())


def total_of(marks: Iterable[Mark]) -> tuple[Decimal, Decimal]:
    """The same for marks at hand (with their criteria): their total and what it is out of."""
    marks = list(marks)
    base = (mark.ceiling for mark in marks if mark.criterion.kind == CriterionKind.BASE)
    return max(Decimal(0), sum((mark.awarded for mark in marks), Decimal(0))), sum(base, Decimal(0))


def with_flags(sheets: QuerySet[Sheet]) -> QuerySet[Sheet]:
    """Add what needs a person's eyes: `unsure` and `changed` marks, the `rubric_version`."""
    marks = Mark.objects.filter(sheet=OuterRef("pk"))
    count = IntegerField()
    return sheets.annotate(
        unsure=Coalesce(
            one_value(marks.filter(part__confidence__lt=UNSURE_BELOW), Count("pk"), count), Value(0)
        ),
        changed=Coalesce(one_value(marks.filter(is_overridden=True), Count("pk"), count), Value(0)),
        rubric_version=one_value(marks, Max("criterion__rubric__version"), count),
    )


def one_value(
    rows: QuerySet[Any], aggregate: Any, output: Field[Any, Any], *, by: str = "sheet"
) -> Subquery:
    """One aggregate over the rows that the outer query's `by` (a sheet, an exam) holds together."""
    found = rows.order_by().values(by).annotate(value=aggregate).values("value")
    return Subquery(found, output_field=output)


def marks_version(marks: Iterable[Mark]) -> str:
    """A name for exactly these marks: it changes when one is changed or all are made anew."""
    pks, versions = zip(*((mark.pk, mark.version) for mark in marks), strict=True)
    return _version(max(pks), sum(versions))


def marks_versions(sheets: QuerySet[Sheet]) -> dict[int, str]:
    """By sheet pk: the marks_version of each sheet that has marks."""
    rows = (
        Mark.objects.filter(sheet__in=sheets)
        .order_by()
        .values_list("sheet")
        .annotate(Max("pk"), Sum("version"))
    )
    return {sheet: _version(newest, versions) for sheet, newest, versions in rows}


def _version(newest: int, versions: int) -> str:
    return f"{newest}-{versions}"


def looks_now(user: User) -> QuerySet[Look]:
    """A person's looks at marks that are still the same (marks_version, made by the database)."""
    version = Concat(
        Cast(Max("pk"), CharField()), Value("-"), Cast(Sum("version"), CharField())
    )  # as _version
    marks = Mark.objects.filter(sheet=OuterRef("sheet"))
    return Look.objects.filter(teacher=user, marks_version=one_value(marks, version, CharField()))


def with_looked(sheets: QuerySet[Sheet], user: User) -> QuerySet[Sheet]:
    """Add `looked`: whether this person looked at the marks as they are now."""
    return sheets.annotate(looked=Exists(looks_now(user).filter(sheet=OuterRef("pk"))))


def exam_with_counts(user: User, pk: int) -> Exam:
    """An exam a person may see, with `states` (sheets by state, mapped samples left out),
    `looked` (sheets that review.approve_unchanged takes after a look at each), `named` (whether
    this person reviews it with names) and `newest_rubric_version`, in one query. Raises
    Exam.DoesNotExist."""
    newest_rubric = Rubric.objects.filter(exam=OuterRef("pk")).order_by("-version")
    samples = SampleSheet.objects.filter(exam=OuterRef("pk"), sheet__state=SheetState.MAPPED)
    changed = Mark.objects.filter(sheet=OuterRef("sheet"), is_overridden=True)
    looked = looks_now(user).filter(
        ~Exists(changed), sheet__exam=pk, sheet__state=SheetState.GRADED
    )
    named = open_reveals(user).filter(exam=OuterRef("pk"), sheet__isnull=True)
    count = IntegerField()
    rows = list(
        exams_for(user)
        .filter(pk=pk)
        .only("title")  # what is selected is grouped by: the less, the faster
        .annotate(
            newest_rubric_version=Subquery(newest_rubric.values("version")[:1]),
            aside=one_value(samples, Count("pk"), count, by="exam"),
            looked=Coalesce(one_value(looked, Count("pk"), count, by="sheet__exam"), Value(0)),
            named=Exists(named),
            state=F("sheets__state"),
            count=Count("sheets"),
        )
    )
    if not rows:
        raise Exam.DoesNotExist
    exam = rows[0]
    exam.states = Counter({row.state: row.count for row in rows})
    exam.states["sample"] = exam.aside or 0
    exam.states[SheetState.MAPPED] -= exam.states["sample"]
    return exam
