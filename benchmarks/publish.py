"""How long publishing 5,000 reviewed sheets takes, against one UPDATE and one INSERT..SELECT.

    python benchmarks/publish.py [sheets]

Both run in alternation on the same rows, three rounds, medians of CPU seconds. The demand: at
most 15 times the limit, and at most 10 + 4 x chunks statements (a chunk is 500 sheets).
Exits 1 when it is not met. Everything lies in a temporary data folder.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.measure import ROUNDS, Demands, fresh_folder, in_alternation, start_django

MARKS = 10
CHUNK = 500


def measure(count: int) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from benchmarks.school import make_exam_with_marks
    from grading.publish import publication_state, publish_exam

    exam = make_exam_with_marks(sheets=count, marks=MARKS, state="reviewed")
    shown = publication_state(exam).fingerprint

    def ours(_: int = 0) -> None:
        assert publish_exam(exam, fingerprint=shown, by=exam.created_by) == count

    def reset() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE exams_sheet SET state = 'reviewed', published_at = NULL")
            cursor.execute("DELETE FROM exams_historicalsheet")
            cursor.execute("DELETE FROM accounts_notification")

    with CaptureQueriesContext(connection) as ran:
        ours()
    ways = {"limit": limit_of(exam), "ours": ours}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            reset()
            seconds[name].append(in_alternation({name: run}, rounds=1)[name])
    limit, took = (statistics.median(seconds[name]) for name in ways)
    print(f"one UPDATE + one INSERT..SELECT of {count} sheets: {limit * 1000:.1f} ms CPU")
    print(f"publish_exam, with its checks, locks and notifications: {took * 1000:.1f} ms CPU")
    demands = Demands()
    demands.at_most("publish / limit", took / limit, 15)
    demands.at_most("statements", len(ran), 10 + 4 * -(-count // CHUNK))
    demands.exit()


def limit_of(exam):  # type: ignore[no-untyped-def]
    """The same rows in the database's own words, in one transaction."""
    from django.db import connection, transaction

    from exams.models import Sheet

    columns = [field.column for field in Sheet.history.model.tracked_fields]
    names = ", ".join(columns)
    moved = ", ".join({"state": "'published'"}.get(name, name) for name in columns)

    def run(_: int) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE exams_sheet SET state = 'published', published_at = CURRENT_TIMESTAMP"
                " WHERE exam_id = %s AND state IN ('reviewed', 'overridden')",
                [exam.pk],
            )
            cursor.execute(
                f"INSERT INTO exams_historicalsheet ({names}, history_date, history_type,"
                " history_change_reason, history_user_id)"
                f" SELECT {moved}, CURRENT_TIMESTAMP, '~', 'Published.', %s"
                " FROM exams_sheet WHERE exam_id = %s AND state = 'published'",
                [exam.created_by_id, exam.pk],
            )

    return run


if __name__ == "__main__":
    with fresh_folder() as folder:
        start_django(folder)
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
