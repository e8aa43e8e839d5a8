"""What Gemini says, read: a line of a result file, and where a batch is.

Comes in: the bytes of a line, or the raw operation (the SDK drops its error and its counts).
Goes out: an Answer or a Status. Every field may be missing, null or of another type than it
should be; no line is ever guessed into an answer, and an unknown state is never guessed at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from batching.providers import said
from batching.providers.base import Answer, RemoteState, Status, Usage
from batching.providers.counts import count_of, usage_of
from batching.providers.flat_schema import KEY, nested_text
from batching.providers.outcomes import CANCELLED, NOTHING, TRUNCATED, Outcome, parse_line
from batching.providers.said import gettext_noop
from batching.providers.vendor_words import NO_REASON, as_mapping, as_text, clean

NO_TEXT = gettext_noop("The model wrote no text.")
ALL_NULL = gettext_noop("The reply has the right form, but every value in it is empty.")

# google.rpc.Code: of a whole operation, and of a line of its results.
CODE_CANCELLED = 1
CODE_EXHAUSTED = 8
# Unknown, deadline exceeded, exhausted, aborted, internal, unavailable.
RETRYABLE_CODES = frozenset((2, 4, CODE_EXHAUSTED, 10, 13, 14))
RETRYABLE_STATUSES = (408, 409, 429)
# What a finish says that is for a person; the others of the vendor's list can be tried again.
REFUSALS = frozenset(
    "SAFETY RECITATION PROHIBITED_CONTENT SPII BLOCKLIST OTHER LANGUAGE IMAGE_SAFETY"
    " IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION IMAGE_OTHER MODEL_ARMOR".split()
)
STATES: Mapping[str, RemoteState] = {
    "PENDING": "waiting",
    "QUEUED": "waiting",
    "RUNNING": "running",
    "UPDATING": "running",
    "CANCELLING": "running",
    "SUCCEEDED": "ended",
    "PARTIALLY_SUCCEEDED": "ended",
    "EXPIRED": "ended",
    "CANCELLED": "cancelled",
    "FAILED": "refused",
}
PREFIX = re.compile(r"\A(BATCH|JOB)_STATE_")
EXPIRED = gettext_noop("The batch expired at the provider, which gives no results then.")
NO_FILE = gettext_noop("The provider says that the batch has ended, and names no results.")


def read_line(line: bytes) -> Answer:
    """What one line says. Raises UnreadableLine."""
    raw, key, value = parse_line(line, "key")
    response = as_mapping(value.get("response"))
    outcome = _error(value["error"]) if value.get("error") else _outcome(response)
    usage = _usage(as_mapping(response.get("usageMetadata")))
    return outcome.answer(key, raw, as_text(response.get("modelVersion")), usage)


def read_status(operation: Mapping[str, Any]) -> Status:
    """Where a batch is, from its raw operation."""
    metadata, error = as_mapping(operation.get("metadata")), as_mapping(operation.get("error"))
    raw = as_text(metadata.get("state"))
    state = STATES.get(PREFIX.sub("", raw), "unknown")
    if not raw or raw.endswith("_UNSPECIFIED"):
        state = _without_state(operation, error)
    has_results = bool(output_of(operation))
    raw = raw or "no state"
    told = clean(as_text(error.get("message")))
    if state == "refused" and error.get("code") == CODE_EXHAUSTED and not has_results:
        # Nothing of it ran: there was no room for its tokens.
        state = "full"
    problem = ""
    if state in ("refused", "full"):
        problem = told or gettext_noop("The provider gives no reason.")
    elif raw.endswith("_EXPIRED") and not has_results:
        problem = EXPIRED
    elif state == "ended":
        problem = told or ("" if has_results else NO_FILE)
    done, failed, total = _counts(as_mapping(metadata.get("batchStats")))
    return Status(state, raw, has_results, done, failed, total, problem)


def output_of(operation: Mapping[str, Any]) -> str:
    """The name of the file with the results ("files/…"), or "" when there is none.

    It stands in `metadata.output` or in `response`, sometimes as an address.
    """
    places = (
        as_mapping(as_mapping(operation.get("metadata")).get("output")),
        as_mapping(operation.get("response")),
        as_mapping(as_mapping(operation.get("response")).get("output")),
    )
    for place in places:
        found = re.search(r"files/[\w.-]+", as_text(place.get("responsesFile")))
        if found:
            return found.group()
    return ""


def _without_state(operation: Mapping[str, Any], error: Mapping[str, Any]) -> RemoteState:
    if operation.get("done") is not True:
        return "unknown"
    if error:
        return "cancelled" if error.get("code") == CODE_CANCELLED else "refused"
    return "ended" if output_of(operation) else "unknown"


def _counts(stats: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Answered, failed and all requests. Numbers come as texts, and zeros are left out."""
    total = count_of(stats.get("requestCount"))
    if not total:
        return None, None, None
    return (
        count_of(stats.get("successfulRequestCount")),
        count_of(stats.get("failedRequestCount")),
        total,
    )


def _outcome(response: Mapping[str, Any]) -> Outcome:
    candidates = response.get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates else None
    candidate = as_mapping(first)
    blocked = as_text(as_mapping(response.get("promptFeedback")).get("blockReason"))
    if not candidate:
        if blocked:
            return Outcome(finish="refused", problem=said.GEMINI_BLOCKED.format(name=blocked))
        return Outcome(finish="error", problem=NOTHING, retryable=True)
    text = _text_of(as_mapping(candidate.get("content")))
    finish = as_text(candidate.get("finishReason"))
    if finish in REFUSALS:
        words = clean(as_text(candidate.get("finishMessage")))
        shape = said.GEMINI_STOPPED_SAYING if words else said.GEMINI_STOPPED
        problem = shape.format(name=finish, words=words)
        return Outcome(finish="refused", problem=problem)
    if finish == "MAX_TOKENS":
        return Outcome(text, "truncated", TRUNCATED, retryable=True)
    if finish not in ("STOP", "", "FINISH_REASON_UNSPECIFIED"):
        problem = said.GEMINI_ENDED.format(name=finish[:60])
        return Outcome(text, "error", problem, retryable=True)
    if not text.strip():
        return Outcome(finish="error", problem=NO_TEXT, retryable=True)
    nested = nested_text(text)
    if _is_all_null(nested):
        return Outcome(nested, "error", ALL_NULL, retryable=True)
    return Outcome(nested)


def _error(error: Any) -> Outcome:
    """An error in place of a response: a google.rpc.Status, or an HTTP status in its words."""
    told = as_mapping(error)
    code = told.get("code")
    code = code if isinstance(code, int) else count_of(code)
    if code == CODE_CANCELLED:
        return Outcome(finish="unanswered", problem=CANCELLED, retryable=True)
    words = clean(as_text(told.get("message"))) or clean(as_text(error))
    problem = said.GEMINI_NOT_RUN.format(code=code, why=words or NO_REASON)
    again = code in RETRYABLE_CODES or code in RETRYABLE_STATUSES or code >= 500
    return Outcome(finish="error", problem=problem, retryable=again)


def _text_of(content: Mapping[str, Any]) -> str:
    """The words of the model without what it thought."""
    parts = content.get("parts")
    told = [as_mapping(part) for part in parts] if isinstance(parts, list) else []
    return "".join(as_text(part.get("text")) for part in told if not part.get("thought"))


def _is_all_null(text: str) -> bool:
    """Has a reply values, and are all of them null? Its ids do not count."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    seen = False
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            stack.extend(inner for name, inner in one.items() if name not in ("item_id", KEY))
        elif isinstance(one, list):
            stack.extend(one)
        elif one is not None:
            return False
        else:
            seen = True
    return seen


def _usage(told: Mapping[str, Any]) -> Usage:
    return usage_of(
        told.get("promptTokenCount"),
        told.get("candidatesTokenCount"),
        told.get("cachedContentTokenCount"),
        thoughts=told.get("thoughtsTokenCount"),
    )
