"""Assessments and marks."""

from grading.models.assessments import Assessment, GradingRun, Part, Source
from grading.models.marks import Look, Mark

__all__ = ["Assessment", "GradingRun", "Look", "Mark", "Part", "Source"]
