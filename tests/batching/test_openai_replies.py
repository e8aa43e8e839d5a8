"""Every shape of a line in OpenAI's result files, read as what it is."""

from __future__ import annotations

import json

import pytest

from batching.providers.base import Usage
from batching.providers.openai_replies import read_line


def chat(content="{}", finish="stop", **message):
    return {"choices": [{"message": {"content": content, **message}, "finish_reason": finish}]}


def response(*parts, status="completed", **more):
    message = {"type": "message", "content": list(parts)}
    return {"object": "response", "status": status, "output": [message], **more}


def said(text):
    return {"type": "output_text", "text": text}


def ok(body):
    return {"response": {"status_code": 200, "body": body}, "error": None}


def http(status, **error):
    return {"response": {"status_code": status, "body": {"error": error}}, "error": None}


@pytest.mark.parametrize(
    ("line", "finish", "text", "retryable"),
    [
        (ok(chat('{"a": 1}')), "complete", '{"a": 1}', False),
        (ok(chat([{"type": "text", "text": "a"}, {"text": "b"}])), "complete", "ab", False),
        (ok(chat("{}", reasoning_content="hm")), "complete", "{}", False),
        (ok(chat(None)), "complete", "", False),
        (ok(chat(None, refusal="I can't.")), "refused", "", False),
        (ok(chat([{"type": "refusal", "refusal": "No."}])), "refused", "", False),
        (ok(chat("", "content_filter")), "refused", "", False),
        (ok(chat('{"a', "length")), "truncated", '{"a', True),
        (ok({"choices": []}), "error", "", True),
        (ok({"choices": [None]}), "error", "", True),
        (ok(response(said("a"), said("b"))), "complete", "ab", False),
        (ok(response({"type": "refusal", "refusal": "No."})), "refused", "", False),
        (
            ok(
                response(
                    said('{"a'),
                    status="incomplete",
                    incomplete_details={"reason": "max_output_tokens"},
                )
            ),
            "truncated",
            '{"a',
            True,
        ),
        (
            ok(response(status="incomplete", incomplete_details={"reason": "content_filter"})),
            "refused",
            "",
            False,
        ),
        (ok(response(status="failed", error={"code": "server_error"})), "error", "", True),
        (ok(response(status="failed", error={"code": "invalid_image"})), "error", "", False),
        (ok(response(said("{}"), status="in_progress")), "error", "", True),
        (ok({"object": "response", "status": "completed"}), "complete", "", False),
        (ok({}), "error", "", True),
        (ok(None), "error", "", True),
        (ok({"error": {"message": "Bad.", "code": "bad"}}), "error", "", False),
        (http(400, message="Bad image.", code="invalid_image"), "error", "", False),
        (http(400, message="No.", code="content_policy_violation"), "refused", "", False),
        (ok(response(status="failed", error={"code": "bio_policy"})), "refused", "", False),
        (http(429, message="Slow."), "error", "", True),
        (http(503), "error", "", True),
        (http(0), "error", "", True),
        ({"response": None, "error": {"code": "batch_expired"}}, "unanswered", "", True),
        ({"response": None, "error": {"code": "batch_cancelled"}}, "unanswered", "", True),
        ({"response": None, "error": {"code": "500", "message": "x"}}, "error", "", True),
        ({"response": None, "error": {"code": "unsupported"}}, "error", "", False),
        ({"response": None, "error": "broken"}, "error", "", False),
        ({"response": None, "error": None}, "error", "", True),
        ({}, "error", "", True),
    ],
)
def test_every_shape_of_a_line_is_read_as_what_it_is(line, finish, text, retryable):
    answer = read_line(json.dumps({"custom_id": "a", **line}).encode() + b"\n")
    assert answer.custom_id == "a"
    assert (answer.finish, answer.text, answer.retryable) == (finish, text, retryable)
    assert bool(answer.problem) == (finish != "complete")


def test_what_the_model_thought_aloud_is_no_part_of_its_reply():
    body = response(said('{"item_id": "a"}'))
    thought = {"type": "message", "phase": "commentary", "content": [said("Let me see.")]}
    body["output"] = [{"type": "reasoning", "summary": [said("Hm.")]}, thought, *body["output"]]
    line = json.dumps({"custom_id": "a", **ok(body)}).encode()
    assert read_line(line).text == '{"item_id": "a"}'


@pytest.mark.parametrize(
    "usage",
    [
        {
            "prompt_tokens": 900,
            "completion_tokens": 70,
            "prompt_tokens_details": {"cached_tokens": 512},
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
        {
            "input_tokens": 900,
            "output_tokens": 70,
            "input_tokens_details": {"cached_tokens": 512},
            "output_tokens_details": {"reasoning_tokens": 20},
        },
    ],
)
def test_tokens_are_counted_by_either_endpoints_names(usage):
    body = {**chat(), "usage": usage, "model": "gpt-4.1-mini-2025-04-14"}
    answer = read_line(json.dumps({"custom_id": "a", **ok(body)}).encode())
    counted = answer.usage
    assert (counted.input_tokens, counted.output_tokens, counted.cached_tokens) == (900, 70, 512)
    assert answer.model == "gpt-4.1-mini-2025-04-14"


def test_no_more_tokens_can_come_from_the_cache_than_were_read():
    """Their price would be taken off twice, and a cost could be less than nothing."""
    usage = {"input_tokens": 5, "input_tokens_details": {"cached_tokens": 900}}
    line = json.dumps({"custom_id": "a", **ok({**chat(), "usage": usage})}).encode()
    assert read_line(line).usage == Usage(5, 0, 5)


def test_tokens_that_are_no_numbers_are_not_counted():
    usage = {"prompt_tokens": -4, "completion_tokens": 10**30, "prompt_tokens_details": 3}
    line = json.dumps({"custom_id": "a", **ok({**chat(), "usage": usage})}).encode()
    assert read_line(line).usage == Usage()
