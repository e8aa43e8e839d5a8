"""Many rows in one statement are the rows that were meant, whatever stands in them."""

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DataError, transaction
from django.db.models import F

from accounts.models import Subject
from batching.models import BatchItem, BatchJob, ResultFile
from batching.rows import insert_from, insert_rows, update_rows
from tests.factories import make_batch_run

pytestmark = pytest.mark.django_db

ODD = [
    "",
    "plain",
    'a "quoted" \\ and \\u0000 spelled out',
    "it's %s of %(name)s {f0} $[0] \x01",
    "two\nlines\r\n\tand a tab",
    "Grüße, 光合作用, 🌱, \u2028",
    "null",
    '{"not": "a value"}',
]


@pytest.fixture
def run(exam):
    return make_batch_run(exam)


def job_of(run, number=1, **fields):
    return BatchJob(run=run, number=number, provider="offline", kind="direct", **fields)


def items_of(run, texts):
    return [
        BatchItem(
            run=run,
            purpose="rows",
            provider="offline",
            subject_id=number,
            number=number,
            custom_id=uuid.uuid4().hex,
            reply=text,
            fence={"text": text, "pages": [[1, "a"], [2, None]]},
        )
        for number, text in enumerate(texts, start=1)
    ]


def test_texts_and_json_come_back_as_they_were(run):
    items = items_of(run, ODD)
    insert_rows(items)
    for item in items:
        stored = BatchItem.objects.get(pk=item.pk)
        assert (stored.number, stored.reply, stored.fence) == (item.number, item.reply, item.fence)
        assert stored.job is None


def test_numbers_times_and_marks_of_money_come_back_exactly(run):
    jobs = [
        job_of(
            run,
            number,
            lines_bytes=2**62 + number,
            estimated_cost=Decimal(number) / 7,
            cost=Decimal("12345678.123456") if number % 2 else None,
            submitted_at=datetime(2026, 2, 28, 23, 59, 59, number, tzinfo=UTC),
            price={"input": "0.1"},
        )
        for number in range(1, 8)
    ]
    insert_rows(jobs)
    for job in jobs:
        stored = BatchJob.objects.get(pk=job.pk)
        assert stored.lines_bytes == job.lines_bytes
        assert stored.estimated_cost == round(job.estimated_cost, 6)
        assert stored.cost == job.cost
        assert (stored.submitted_at, stored.created_at) == (job.submitted_at, job.created_at)
        assert (stored.token, stored.price) == (job.token, job.price)


def test_an_inserted_object_is_a_stored_one(run):
    [item] = items = items_of(run, ["one"])
    insert_rows(items)
    item.reply = "another"
    item.save()
    assert BatchItem.objects.get().reply == "another"


def test_updating_writes_the_named_fields_of_these_rows_only(run):
    items = items_of(run, ODD)
    insert_rows(items)
    for item in items[:-1]:
        item.reply, item.provider, item.input_tokens = f"new {item.reply}", "another", item.number
    update_rows(items[:-1], ["reply", "input_tokens"])
    stored = list(BatchItem.objects.order_by("number"))
    assert [one.reply for one in stored] == [*(f"new {text}" for text in ODD[:-1]), ODD[-1]]
    assert [one.input_tokens for one in stored] == [*range(1, len(ODD)), 0]
    assert {one.provider for one in stored} == {"offline"}


def test_one_statement_writes_hundreds_of_rows(run, django_assert_num_queries):
    items = items_of(run, ["text"] * 700)
    with django_assert_num_queries(1):
        insert_rows(items)
    for item in items:
        item.build()
    with django_assert_num_queries(1):
        update_rows(items, ["state", "reply", "fence"])
    assert BatchItem.objects.filter(state="built").count() == 700
    assert [item.pk for item in items] == list(
        BatchItem.objects.order_by("number").values_list("pk", flat=True)
    )


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("reply", "NUL \0 in it", DataError),
        ("input_tokens", 2**63, DataError),
        ("reply", "half a character \ud800", UnicodeError),
    ],
)
def test_what_no_column_holds_is_refused_and_nothing_is_written(run, field, value, error):
    items = items_of(run, ["good", "bad"])
    setattr(items[1], field, value)
    with pytest.raises(error), transaction.atomic():
        insert_rows(items)
    assert not BatchItem.objects.exists()
    setattr(items[1], field, getattr(items[0], field))
    insert_rows(items)
    setattr(items[1], field, value)
    with pytest.raises(error), transaction.atomic():
        update_rows(items, [field])
    assert BatchItem.objects.filter(input_tokens=0, reply__in=["good", "bad"]).count() == 2


def test_no_rows_are_no_statement(django_assert_num_queries):
    with django_assert_num_queries(0):
        insert_rows([])
        update_rows([], ["reply"])


def test_rows_made_of_other_rows_have_the_defaults_of_what_is_not_named(run):
    job = job_of(run)
    job.save()
    insert_rows(items_of(run, ["a", "b", "c"]))
    insert_from(
        ResultFile,
        BatchItem.objects.exclude(reply="b").order_by("number"),
        job=job,
        number=F("number"),
        name=F("reply"),
        sha256="0",
        bytes=7,
    )
    made = ResultFile.objects.order_by("pk")
    assert [(row.job, row.number, row.name) for row in made] == [(job, 1, "a"), (job, 3, "c")]
    assert {(row.bytes, row.position, row.unreadable_lines) for row in made} == {(7, 0, 0)}
    assert all(row.kept_at is not None for row in made)


def test_a_field_that_is_not_there_is_a_mistake():
    with pytest.raises(TypeError, match="nmae"):
        insert_from(Subject, Subject.objects.all(), nmae="Biology")
