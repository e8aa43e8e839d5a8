"""How the emulated OpenAI runs one request of a batch: a good line, or one with a fault.

Comes in: lines of batch input and the fault that is to happen. Goes out: lines for the output
or the error file, and what the request is billed for. The marks are the offline reader's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batching.providers.openai_tokens import image_tokens, rule_for
from batching.providers.parts import text_tokens
from tests.emulators.base import assess, find_rubric
from tests.emulators.mangle import OBEYED_INJECTION, TEXT_KINDS, TRUNCATED, mangle
from tests.emulators.openai_judge import CHAT, Picture, Refused, check_body

ANSWERED_AT = 1_790_000_000
ITEM_ID = re.compile(r"Its item id is ([^\s]+?)\.(?:\s|$)")
CACHED_FROM, CACHED_STEP = 1024, 128

MISSING = "missing"
DOUBLED = "doubled"
UNKNOWN_ID = "unknown-id"
REFUSAL = "refusal"
BLOCKED = "blocked"
STATUS_ZERO = "status-zero"
HTTP_500 = "http-500"
HTTP_429 = "http-429"
# What was not run is not billed.
NOT_RUN = {STATUS_ZERO: 0, HTTP_500: 500, HTTP_429: 429}


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a request: its lines, whether they are errors, and its usage.

    `usage` is None for a request that did not run.
    """

    lines: list[dict[str, Any]]
    failed: bool = False
    usage: dict[str, int] | None = None


@dataclass(slots=True)
class Desk:
    """Works on the lines of one batch; `before` is the last prompt, for the prompt cache."""

    batch_id: str
    endpoint: str
    before: list[tuple[int, int]] = field(default_factory=list)

    def run(self, line: bytes, fault: str = "") -> Done:
        """Run one line of batch input."""
        value = json.loads(line)
        custom_id, body = value["custom_id"], value["body"]
        if fault in NOT_RUN:
            return self._not_run(custom_id, NOT_RUN[fault])
        try:
            told = check_body(body, self.endpoint)
            reply = _assess(told)
        except Refused as refused:
            return self.refuse(custom_id, refused.error)
        texts = [part for part in told if isinstance(part, str)]
        obeys = fault == OBEYED_INJECTION and "parts" in reply
        rubric = find_rubric(texts) if obeys else None
        text = mangle(fault if fault in TEXT_KINDS else "", reply, rubric)
        usage = self._usage(body, told, text)
        answered = self._answered(body, text, fault, usage)
        sent_id = f"nobody-{custom_id}" if fault == UNKNOWN_ID else custom_id
        lines = [self._line(sent_id, 200, answered)] * (2 if fault == DOUBLED else 1)
        return Done([] if fault == MISSING else lines, usage=usage)

    def refuse(self, custom_id: str, error: Mapping[str, Any], status: int = 400) -> Done:
        """A request that is answered with an error and did not run."""
        return Done([self._line(custom_id, status, {"error": dict(error)})], failed=True)

    def skip(self, line: bytes, code: str) -> Done:
        """A request that was not reached before the batch ended."""
        custom_id = json.loads(line)["custom_id"]
        message = f"This request could not be executed ({code})."
        error = {"code": code, "message": message}
        return Done([{**self._line(custom_id, 0, {}), "response": None, "error": error}], True)

    def _not_run(self, custom_id: str, status: int) -> Done:
        if status == 0:
            # As seen: counted as completed, in the output file, with nothing in it.
            return Done([self._line(custom_id, 0, {})])
        kind = "server_error" if status == 500 else "rate_limit_exceeded"
        error = {"message": "Try again later.", "type": kind, "param": None, "code": kind}
        return self.refuse(custom_id, error, status)

    def _line(self, custom_id: str, status: int, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"batch_req_{custom_id[:24]}",
            "custom_id": custom_id,
            "response": {"status_code": status, "request_id": "req_emulated", "body": body},
            "error": None,
        }

    def _usage(
        self, body: Mapping[str, Any], told: Sequence[str | Picture], text: str
    ) -> dict[str, int]:
        model = body["model"]
        prompt = [(hash(part), _tokens(model, part)) for part in told]
        cached = 0
        for now, before in zip(prompt, self.before, strict=False):
            if now != before:
                break
            cached += now[1]
        self.before = prompt
        return {
            "input": sum(tokens for _, tokens in prompt),
            "cached": cached // CACHED_STEP * CACHED_STEP if cached >= CACHED_FROM else 0,
            "output": text_tokens(text),
        }

    def _answered(
        self, body: Mapping[str, Any], text: str, fault: str, usage: Mapping[str, int]
    ) -> dict[str, Any]:
        shape = _completion if self.endpoint == CHAT else _response
        return {"model": body["model"], **shape(text, fault, usage)}


def _assess(told: Sequence[str | Picture]) -> dict[str, Any]:
    """The reply to a request. Raises Refused where the offline reader has none."""
    texts = [part for part in told if isinstance(part, str)]
    at = next((n for n, one in enumerate(told) if isinstance(one, str) and ITEM_ID.search(one)), -1)
    if at < 0:
        raise Refused("This emulator finds no item id in the request.")
    named = ITEM_ID.search(str(told[at]))
    pictures = [part.content for part in told[at:] if isinstance(part, Picture)]
    try:
        return assess(named.group(1) if named else "", texts, pictures)
    except LookupError:
        raise Refused("This emulator answers only what the offline reader can.") from None


def _tokens(model: str, part: str | Picture) -> int:
    if isinstance(part, str):
        return text_tokens(part)
    return image_tokens(rule_for(model, part.detail, {}), part.width, part.height)


def _completion(text: str, fault: str, usage: Mapping[str, int]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    finish = {TRUNCATED: "length", BLOCKED: "content_filter"}.get(fault, "stop")
    if fault == REFUSAL:
        message |= {"content": None, "refusal": "I'm sorry, I can't assist with that."}
    if fault == BLOCKED:
        message["content"] = ""
    return {
        "id": "chatcmpl-emulated",
        "object": "chat.completion",
        "created": ANSWERED_AT,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": usage["input"],
            "completion_tokens": usage["output"],
            "total_tokens": usage["input"] + usage["output"],
            "prompt_tokens_details": {"cached_tokens": usage["cached"], "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def _response(text: str, fault: str, usage: Mapping[str, int]) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    if fault == REFUSAL:
        part = {"type": "refusal", "refusal": "I'm sorry, I can't assist with that."}
    reason = {TRUNCATED: "max_output_tokens", BLOCKED: "content_filter"}.get(fault)
    state = "incomplete" if reason else "completed"
    message = {
        "id": "msg_emulated",
        "type": "message",
        "status": state,
        "role": "assistant",
        "content": [] if fault == BLOCKED else [part],
    }
    return {
        "id": "resp_emulated",
        "object": "response",
        "created_at": ANSWERED_AT,
        "status": state,
        "error": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "access_programs": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": [{"id": "rs_emulated", "type": "reasoning", "summary": []}, message],
        "usage": {
            "input_tokens": usage["input"],
            "input_tokens_details": {"cached_tokens": usage["cached"], "cache_write_tokens": 0},
            "output_tokens": usage["output"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage["input"] + usage["output"],
        },
    }
