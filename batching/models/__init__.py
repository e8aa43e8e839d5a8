"""The rows of the batch engine."""

from batching.models.accounts import Budget, ProviderAccount
from batching.models.items import COUNTED_ITEM_STATES, LIVE_ITEM_STATES, BatchItem, ItemState
from batching.models.pulses import Pulse
from batching.models.results import ResultFile
from batching.models.runs import (
    FINAL_JOB_STATES,
    LIVE_JOB_STATES,
    OPEN_JOB_STATES,
    BatchJob,
    BatchRun,
    JobState,
)

__all__ = [
    "COUNTED_ITEM_STATES",
    "FINAL_JOB_STATES",
    "LIVE_ITEM_STATES",
    "LIVE_JOB_STATES",
    "OPEN_JOB_STATES",
    "BatchItem",
    "BatchJob",
    "BatchRun",
    "Budget",
    "ItemState",
    "JobState",
    "ProviderAccount",
    "Pulse",
    "ResultFile",
]
