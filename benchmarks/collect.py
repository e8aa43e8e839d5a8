"""Collecting and assessing 5,000 replies, against a bare COPY of the rows that come of them.

    python benchmarks/collect.py [sheets] [sqlite|postgresql]

A job of 5,000 sheets (10 criteria, 1 to 4 pages) has ended at OpenAI; its result file is kept.
Collecting reads and validates every line, ends every item, and writes assessments, parts,
marks, sheets and the history of both. The limit writes the new rows alone, which lie ready in
memory, into the same tables in one transaction: by COPY on PostgreSQL, by executemany on
SQLite. Both run in alternation, three rounds, medians of CPU seconds, those of PostgreSQL's
own process for this connection included. The demands: the database part (all but reading and
validating) at most 6 times the limit, all of it at most 8 times, at most 20 statements for each
500 sheets; reading the same file again takes at most 1.5 times as long and changes nothing.
Without a second argument both databases are measured. Exits 1 when a demand is not met.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measure import (
    DATABASES,
    ROUNDS,
    Demands,
    cpu_seconds,
    fresh_folder,
    on_each_database,
    start_django,
)

CRITERIA = 10
STATEMENTS_PER_500 = 20
WORDS = "the light energy of plants makes glucose from water and carbon dioxide in the leaf".split()


def measure(count: int) -> None:
    from benchmarks.school import make_exam, make_sent_job

    exam = make_exam(sheets=count, criteria=CRITERIA, state="in_batch", pages=(1, 2, 3, 4))
    job = make_sent_job(exam, "openai")
    file = keep_results(job)
    rounds = Rounds(job, file)
    collected = rounds.collect()
    statements = rounds.statements
    rounds.collect_again()
    assert rounds.counts() == collected, "collecting again changed something"
    ways: dict[str, Callable[[], object]] = {
        "limit": rounds.limit,
        "collect": rounds.collect,
        "again": rounds.collect_again,
        "read": rounds.read,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            if name != "again":
                rounds.reset()
            before = cpu_seconds() + server_seconds()
            run()
            seconds[name].append(cpu_seconds() + server_seconds() - before)
            if name in ("collect", "again"):
                assert rounds.counts() == collected, f"{name} counted otherwise"
    took = {name: statistics.median(values) for name, values in seconds.items()}
    report(count, took, statements, rounds)


def growth(statements: list[str]) -> float:
    """How many statements 500 more sheets add: what is done once for a job left out."""
    from batching.collect import LINES_AT_ONCE

    ends = [n for n, sql in enumerate(statements) if sql.startswith('UPDATE "batching_resultfile"')]
    assert len(ends) > 1, f"take more than {LINES_AT_ONCE} sheets"
    return (ends[-1] - ends[0]) / (len(ends) - 1) * 500 / LINES_AT_ONCE


def report(count: int, took: dict[str, float], statements: list[str], rounds: Rounds) -> None:
    from django.db import connection

    database = took["collect"] - took["read"]
    name = {"postgresql": "PostgreSQL, COPY", "sqlite": "SQLite, executemany"}[connection.vendor]
    rows = sum(len(one) for _, _, one in rounds.rows)
    print(f"{name} of {rows} rows: {took['limit']:.2f} s CPU")
    print(
        f"collect_job of {count} sheets: {took['collect']:.2f} s CPU, of which reading and"
        f" validating {took['read']:.2f}, the rest {database:.2f}; again {took['again']:.2f}"
    )
    demands = Demands()
    demands.at_most("database part / limit", database / took["limit"], 6)
    demands.at_most("collect / limit", took["collect"] / took["limit"], 8)
    print(f"{len(statements)} statements for the whole job")
    demands.at_most("statements for 500 more sheets", growth(statements), STATEMENTS_PER_500)
    demands.at_most("collecting again / collecting", took["again"] / took["collect"], 1.5)
    demands.exit()


def server_seconds() -> float:
    """CPU seconds of the database's own process for this connection; 0 for SQLite."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0.0
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def keep_results(job: Any, *, broken: int = 0) -> Any:
    """The job's result file, in storage, with a line of OpenAI's for every item.

    `broken` of the replies break off in the middle.
    """
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    from batching.models import ResultFile
    from exams.rubrics import leaves

    chance = random.Random(1)
    ids = list(job.items.values_list("custom_id", flat=True))
    chance.shuffle(ids)
    criteria = len(leaves(job.run.grading_run.rubric))
    content = b"".join(
        result_line(custom_id, chance, criteria, broken=number < broken)
        for number, custom_id in enumerate(ids)
    )
    name = default_storage.save(f"results/{job.pk}.jsonl", ContentFile(content))
    return ResultFile.objects.create(
        job=job, number=1, name=name, sha256="0" * 64, bytes=len(content)
    )


def result_line(
    custom_id: str, chance: random.Random, criteria: int = CRITERIA, *, broken: bool = False
) -> bytes:
    def words(count: int) -> str:
        return " ".join(chance.choices(WORDS, k=count))

    reply = {
        "item_id": custom_id,
        "parts": {
            f"Q{n}": {
                "page": 1,
                "transcription": words(30),
                "reasoning": words(25),
                "feedback": words(15),
                "awarded": chance.randrange(9) / 2,
                "confidence": chance.randrange(50, 101) / 100,
            }
            for n in range(1, criteria + 1)
        },
    }
    content = json.dumps(reply)
    if broken:
        content = content[: len(content) // 2]
    message = {"role": "assistant", "content": content, "refusal": None}
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-mini-2025-04-14",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9000, "completion_tokens": 1500, "total_tokens": 10500},
    }
    line = {
        "id": "batch_req_1",
        "custom_id": custom_id,
        "response": {"status_code": 200, "request_id": "1", "body": body},
        "error": None,
    }
    return json.dumps(line).encode() + b"\n"


class Rounds:
    """One job, collected over and over; the rows that came of it, for the limit."""

    def __init__(self, job: Any, file: Any) -> None:
        from exams.models import Sheet
        from grading.models import Assessment, Mark, Part

        self.job, self.file = job, file
        self.models = [Assessment, Part, Mark, Mark.history.model, Sheet.history.model]
        self.rows: list[tuple[str, list[str], list[tuple[Any, ...]]]] = []
        self.statements: list[str] = []

    def collect(self) -> dict[str, Any]:
        """Collect the job; gives what was made of it, the rows are kept for the limit."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from batching.collect import collect_job

        if self.statements:
            assert not collect_job(self.job.pk)
            return self.counts()
        with CaptureQueriesContext(connection) as ran:
            assert not collect_job(self.job.pk)
        self.statements = [query["sql"] for query in ran.captured_queries]
        with connection.cursor() as cursor:
            for model in self.models:
                columns = [field.column for field in model._meta.concrete_fields]
                table = model._meta.db_table
                cursor.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1")
                self.rows.append((table, columns, cursor.fetchall()))
        return self.counts()

    def collect_again(self) -> None:
        """As after a worker that died without having noted how far it came."""
        from batching.collect import collect_job

        self.open_job()
        assert not collect_job(self.job.pk)

    def read(self) -> None:
        """Only read, parse and validate the lines, as collecting does."""
        from django.core.files.storage import default_storage

        from batching import providers
        from batching.collect import chunks_of, read_lines
        from batching.reply import read_reply, validator_for
        from exams.result_schema import result_schema

        provider = providers.get_batch("openai")
        validator = validator_for(result_schema(self.job.run.grading_run.rubric))
        with default_storage.open(self.file.name, "rb") as lines:
            for chunk, _ in chunks_of(lines, 0):
                answers, unreadable = read_lines(chunk, provider)
                assert not unreadable
                for answer in answers:
                    read_reply(answer, answer.custom_id, validator)

    def limit(self) -> None:
        """The new rows alone, by the fastest way that the database has."""
        from django.db import connection, transaction

        with transaction.atomic(), connection.cursor() as cursor:
            for table, columns, rows in self.rows:
                names = ", ".join(columns)
                if connection.vendor == "postgresql":
                    with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                        for row in rows:
                            copy.write_row(row)
                else:
                    places = ", ".join(["%s"] * len(columns))
                    cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)

    def reset(self) -> None:
        """As before the first collecting."""
        from django.db import connection, transaction

        tables = [model._meta.db_table for model in reversed(self.models)]
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"TRUNCATE {', '.join(tables)}")
            else:
                for table in tables:
                    cursor.execute(f"DELETE FROM {table}")
            cursor.execute("DELETE FROM accounts_notification")
            cursor.execute("UPDATE exams_sheet SET state = 'in_batch'")
            cursor.execute(
                "UPDATE batching_batchitem SET state = 'sent', reply = '', model = '',"
                " input_tokens = 0, output_tokens = 0, ended_at = NULL"
            )
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")
        self.open_job()

    def open_job(self) -> None:
        """The job waits to be collected, from the beginning of its file."""
        from batching.models import BatchJob, ResultFile

        BatchJob.objects.filter(pk=self.job.pk).update(state="in_progress", ended_at=None)
        ResultFile.objects.filter(pk=self.file.pk).update(position=0)

    def counts(self) -> dict[str, Any]:
        """How many rows there are, and the states and sums of what was collected."""
        from django.db.models import Count, Sum

        from batching.models import BatchItem
        from exams.models import Sheet
        from grading.models import Mark

        def states(model: Any) -> list[tuple[str, int]]:
            return list(
                model.objects.order_by("state").values_list("state").annotate(number=Count("pk"))
            )

        return {
            **{model.__name__: model.objects.count() for model in self.models},
            "items": states(BatchItem),
            "sheets": states(Sheet),
            "job": list(type(self.job).objects.values_list("state", flat=True)),
            "marks": Mark.objects.aggregate(total=Sum("awarded"))["total"],
        }


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == ["--on"]:
        # A line of log for each time that a job is collected again would stand among the figures.
        os.environ["SHEAF_LOG_LEVEL"] = "ERROR"
        os.environ["OPENAI_API_KEY"] = "nothing-is-sent"
        with fresh_folder() as folder:
            start_django(folder, given[1])
            measure(int(given[2]))
    else:
        count = next((one for one in given if one.isdigit()), "5000")
        on_each_database(__file__, [one for one in given if one in DATABASES], count)
