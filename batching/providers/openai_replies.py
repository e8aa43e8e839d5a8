"""One line of OpenAI's result files: what became of one request.

Comes in: the bytes of a line of an output or an error file, of either endpoint. Goes out: an
Answer, in one order: error of the line, HTTP status, refusal, finish, text. Every field may be
missing or of another type than it should be; no line is ever guessed into an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from batching.providers import said
from batching.providers.base import Answer, Usage
from batching.providers.counts import usage_of
from batching.providers.outcomes import CANCELLED, NOTHING, TRUNCATED, Outcome, parse_line
from batching.providers.said import gettext_noop
from batching.providers.vendor_words import NO_REASON, as_mapping, as_text, clean

# What was never run, and therefore is not paid.
NOT_RUN = {
    "batch_expired": gettext_noop("The batch expired before this request was run."),
    "batch_cancelled": CANCELLED,
}
RETRYABLE_STATUSES = (0, 408, 409, 429)
RETRYABLE_CODES = frozenset(
    "rate_limit_exceeded server_error internal_error timeout overloaded service_unavailable".split()
)
BLOCKED_CODES = frozenset(
    "bio_policy content_filter content_policy_violation image_content_policy_violation"
    " invalid_prompt misalignment_policy_violation moderation_blocked".split()
)
BLOCKED = gettext_noop("OpenAI blocked the request or the reply: its filter found something in it.")


def read_line(line: bytes) -> Answer:
    """What one line says. Raises UnreadableLine."""
    raw, custom_id, value = parse_line(line, "custom_id")
    body = as_mapping(as_mapping(value.get("response")).get("body"))
    usage = _usage(as_mapping(body.get("usage")))
    return _outcome(value, body).answer(custom_id, raw, as_text(body.get("model")), usage)


def _outcome(value: Mapping[str, Any], body: Mapping[str, Any]) -> Outcome:
    if value.get("error"):
        return _error(value["error"], said.OPENAI_NOT_RUN)
    response = value.get("response")
    if not isinstance(response, Mapping):
        return Outcome(finish="error", problem=NOTHING, retryable=True)
    status = response.get("status_code")
    status = status if isinstance(status, int) else 0
    if status != 200:
        return _error(body.get("error"), said.ANSWERED, status)
    if isinstance(body.get("choices"), list):
        return _chat(body)
    if isinstance(body.get("output"), list) or body.get("object") == "response":
        return _response(body)
    if body.get("error"):
        return _error(body["error"], said.OPENAI_ERROR)
    return Outcome(finish="error", problem=NOTHING, retryable=True)


def _error(error: Any, shape: str, status: int | None = None) -> Outcome:
    """An error of a line, of the HTTP answer in it (`status`) or of the model's reply."""
    told = as_mapping(error)
    code = as_text(told.get("code")) or as_text(told.get("type"))
    if code in NOT_RUN:
        return Outcome(finish="unanswered", problem=NOT_RUN[code], retryable=True)
    if code in BLOCKED_CODES:
        return Outcome(finish="refused", problem=BLOCKED)
    words = clean(as_text(told.get("message")) or as_text(error) or code or NO_REASON)
    judged = int(code) if status is None and code.isdecimal() and len(code) == 3 else status
    again = code in RETRYABLE_CODES or (
        judged is not None and (judged in RETRYABLE_STATUSES or judged >= 500)
    )
    problem = shape.format(vendor="OpenAI", status=status, why=words)
    return Outcome(finish="error", problem=problem, retryable=again)


def _chat(body: Mapping[str, Any]) -> Outcome:
    """A body of chat completions; the first choice is the only one asked for."""
    choices = body["choices"]
    choice = as_mapping(choices[0]) if choices else {}
    message = as_mapping(choice.get("message"))
    if not message:
        return Outcome(finish="error", problem=NOTHING, retryable=True)
    finish = choice.get("finish_reason")
    content = message.get("content")
    refusals, texts = [message.get("refusal")], [content]
    if isinstance(content, list):
        parts = [as_mapping(part) for part in content]
        texts = [part.get("text") for part in parts]
        refusals += [part.get("refusal") for part in parts]
    return _finished(
        refusal=_joined(refusals),
        blocked=finish == "content_filter",
        truncated=finish == "length",
        text=_joined(texts),
    )


def _response(body: Mapping[str, Any]) -> Outcome:
    """A body of responses: messages among thoughts, of which the final ones count."""
    state = body.get("status")
    if state == "failed" or body.get("error"):
        return _error(body.get("error"), said.MODEL_FAILED)
    if state in ("cancelled", "queued", "in_progress"):
        return Outcome(finish="error", problem=said.REPLY_STATE.format(state=state), retryable=True)
    parts = [
        part
        for item in map(as_mapping, _list(body.get("output")))
        if item.get("type") == "message" and item.get("phase") != "commentary"
        for part in map(as_mapping, _list(item.get("content")))
    ]
    reason = as_mapping(body.get("incomplete_details")).get("reason")
    return _finished(
        refusal=_joined(part.get("refusal") for part in parts if part.get("type") == "refusal"),
        blocked=reason == "content_filter",
        truncated=state == "incomplete",
        text=_joined(part.get("text") for part in parts if part.get("type") == "output_text"),
    )


def _finished(*, refusal: str, blocked: bool, truncated: bool, text: str) -> Outcome:
    if refusal:
        return Outcome(finish="refused", problem=said.REFUSED.format(words=clean(refusal)))
    if blocked:
        return Outcome(finish="refused", problem=BLOCKED)
    if truncated:
        return Outcome(text, "truncated", TRUNCATED, retryable=True)
    return Outcome(text)


def _usage(told: Mapping[str, Any]) -> Usage:
    """Tokens by either endpoint's names; thoughts are part of the output in both."""
    details = told.get("input_tokens_details") or told.get("prompt_tokens_details")
    return usage_of(
        told.get("input_tokens") or told.get("prompt_tokens"),
        told.get("output_tokens") or told.get("completion_tokens"),
        as_mapping(details).get("cached_tokens"),
    )


def _joined(values: Iterable[Any]) -> str:
    return "".join(value for value in values if isinstance(value, str))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
