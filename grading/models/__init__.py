"""Assessments, marks, what a review leaves behind besides them, and what students object to."""

from grading.models.appeals import Appeal, AppealState
from grading.models.assessments import Assessment, GradingRun, Part, Source
from grading.models.marks import Look, Mark
from grading.models.reviewing import Accepted, Comment, Flag, Reveal

__all__ = [
    "Accepted",
    "Appeal",
    "AppealState",
    "Assessment",
    "Comment",
    "Flag",
    "GradingRun",
    "Look",
    "Mark",
    "Part",
    "Reveal",
    "Source",
]
