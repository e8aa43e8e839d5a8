"""Assessments, marks, and what a review leaves behind besides them."""

from grading.models.assessments import Assessment, GradingRun, Part, Source
from grading.models.marks import Look, Mark
from grading.models.reviewing import Accepted, Comment, Flag, Reveal

__all__ = [
    "Accepted",
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
