"""What becomes of marks, counted where an exam stands: appeals that wait, flags that are up.

The words and the next thing to do are those of exams/standing.py, which knows no table of this
app. It is told here, when Django starts, how they are counted.
"""

from __future__ import annotations

from django.db.models import Count, OuterRef

from exams.json_rows import of_group
from exams.standing import count_also
from grading.appeals import waiting_in
from grading.review_flags import FLAGGED, up_in


def register() -> None:
    """Let the standing of an exam count them."""
    exam = OuterRef("pk")
    count_also(
        appeals=of_group(waiting_in(exam), "sheet__exam", Count("pk")),
        flagged=of_group(up_in(exam), "sheet__exam", FLAGGED),
    )
