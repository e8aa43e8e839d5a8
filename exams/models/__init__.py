"""Exams, rubrics, and what was handed in."""

from exams.models.exams import Exam
from exams.models.keys import OPEN_KEY_STATES, KeyProposal, KeyState
from exams.models.rubrics import Criterion, CriterionKind, Rubric
from exams.models.sheets import (
    DONE_STATES,
    GRADED_STATES,
    MARKED_STATES,
    REVIEWED_STATES,
    MemberOutcome,
    Page,
    SampleSheet,
    Sheet,
    SheetState,
    Upload,
    UploadMember,
    UploadState,
)

__all__ = [
    "DONE_STATES",
    "GRADED_STATES",
    "MARKED_STATES",
    "OPEN_KEY_STATES",
    "REVIEWED_STATES",
    "Criterion",
    "CriterionKind",
    "Exam",
    "KeyProposal",
    "KeyState",
    "MemberOutcome",
    "Page",
    "Rubric",
    "SampleSheet",
    "Sheet",
    "SheetState",
    "Upload",
    "UploadMember",
    "UploadState",
]
