"""A request as a line of OpenAI's batch input, and what pages show of a configuration."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter, ValidationError

from batching.providers.base import ProviderRefused
from batching.providers.openai import EMULATED, OpenAIProvider
from batching.providers.options import BadOption
from batching.requests import Text
from tests.batching.provider_steps import (
    PAGES,
    make_request,
    read_image,
    schema,
)

KEY = "sk-proj-Secret0123456789abcdefQRST"


@pytest.fixture
def make():
    def _make(**options):
        return OpenAIProvider({"api_key": KEY, "model": "gpt-4.1-mini", **options})

    return _make


@pytest.fixture
def provider(make):
    return make()


def body_of(provider, request=None):
    line = provider.encode(request or make_request("item-1"), read_image).content
    return json.loads(line)


def test_a_chat_line_has_the_shape_that_openai_documents(make):
    line = body_of(make(temperature=0))
    assert list(line) == ["custom_id", "method", "url", "body"]
    assert (line["custom_id"], line["method"]) == ("item-1", "POST")
    assert line["url"] == "/v1/chat/completions"
    body = line["body"]
    assert body["model"] == "gpt-4.1-mini"
    system, user = body["messages"]
    assert system == {"role": "system", "content": "You assess one sheet."}
    kinds = [part["type"] for part in user["content"]]
    assert kinds == ["text"] * 5 + ["image_url"] + ["text"] * 3 + ["image_url"]
    image = user["content"][-1]["image_url"]
    assert image["url"].startswith("data:image/jpeg;base64,/9j/")
    assert image["detail"] == "high"
    assert [part["text"] for part in user["content"][-3:-1]] == [
        "The answer sheet to be assessed. Its item id is item-1. Its pages follow.",
        "Page 1:",
    ]
    form = body["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    assert list(form["json_schema"]["schema"]["properties"]) == ["item_id", "parts"]
    assert body["max_completion_tokens"] == 4096
    assert body["temperature"] == 0
    assert set(body) == {
        "model", "messages", "response_format", "max_completion_tokens", "temperature",
    }  # fmt: skip


def test_a_model_that_thinks_is_told_its_task_by_the_developer(make):
    def author(model):
        line = body_of(make(model=model, endpoint="/v1/chat/completions"))
        return line["body"]["messages"][0]["role"]

    assert (author("gpt-4.1-mini"), author("gpt-5-mini")) == ("system", "developer")


def test_a_line_is_one_line_to_every_reader(provider):
    request = make_request("a")
    text = Text("before\u2028after\u2029and\u0085last\n")
    line = provider.encode(replace(request, parts=(*request.parts, text)), read_image).content
    assert len(line.decode().splitlines()) == 1
    message = json.loads(line)["body"]["messages"][1]
    assert message["content"][-1]["text"] == text.text


def test_a_responses_line_has_the_shape_that_openai_documents(make):
    line = body_of(make(model="gpt-5.4", reasoning_effort="low", detail="original"))
    assert line["url"] == "/v1/responses"
    body = line["body"]
    assert body["instructions"] == "You assess one sheet."
    (message,) = body["input"]
    assert message["role"] == "user"
    kinds = [part["type"] for part in message["content"]]
    assert kinds == ["input_text"] * 5 + ["input_image"] + ["input_text"] * 3 + ["input_image"]
    image = message["content"][-1]
    assert image["image_url"].startswith("data:image/jpeg;base64,/9j/")
    assert image["detail"] == "original"
    form = body["text"]["format"]
    assert (form["type"], form["name"], form["strict"]) == ("json_schema", "reply", True)
    assert body["reasoning"] == {"effort": "low"}
    assert body["store"] is False
    assert set(body) == {
        "model", "instructions", "input", "text", "max_output_tokens", "reasoning", "store",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "endpoint"),
    [
        ("gpt-4o", "/v1/chat/completions"),
        ("gpt-4.1-mini", "/v1/chat/completions"),
        ("gpt-5", "/v1/responses"),
        ("gpt-5.6-mini", "/v1/responses"),
        ("o4-mini", "/v1/responses"),
        ("gpt-6-astra", "/v1/responses"),
    ],
)
def test_the_endpoint_goes_by_the_model_unless_it_is_set(make, model, endpoint):
    assert body_of(make(model=model))["url"] == endpoint
    for named in ("/v1/chat/completions", "/v1/responses"):
        assert body_of(make(model=model, endpoint=named))["url"] == named


def test_a_model_that_thinks_is_given_room_and_one_that_does_not_is_not(make):
    room = body_of(make(model="gpt-5.4"))["body"]["max_output_tokens"]
    assert room > 4096 + 10_000
    assert body_of(make(model="gpt-5.4", reasoning_effort="none"))["body"]["max_output_tokens"] == (
        4096
    )
    thinking = make(model="gpt-5.4").encode(make_request("a"), read_image).estimate
    plain = make().encode(make_request("a"), read_image).estimate
    assert thinking.output_tokens > plain.output_tokens == 200


def test_no_more_output_is_asked_for_than_the_model_can_give(make):
    request = replace(make_request("a"), max_output_tokens=100_000)
    assert body_of(make(), request)["body"]["max_completion_tokens"] == 32_768
    assert body_of(make(output_limit=9000), request)["body"]["max_completion_tokens"] == 9000


def test_pages_of_samples_are_read_and_encoded_once_for_a_run(provider):
    read = []

    def counting(image):
        read.append(image.name)
        return read_image(image)

    lines = [provider.encode(make_request(f"item-{n}"), counting).content for n in range(20)]
    assert read.count("empty") == 1
    assert read.count("written") == 20
    assert len(set(lines)) == 20


def test_another_run_does_not_get_the_samples_of_the_last_one(provider):
    request = make_request("a")
    provider.encode(request, read_image)
    sample = replace(request.parts[4], name="written", sha256="f" * 64)
    other = replace(request, parts=(*request.parts[:4], sample, *request.parts[5:]))
    body = body_of(provider, other)["body"]
    first, second = [p for p in body["messages"][1]["content"] if p["type"] == "image_url"]
    assert first == second
    fewer = replace(request, fixed_parts=2)
    assert body_of(provider, fewer) == body_of(provider, request)


def test_a_request_may_have_no_fixed_part_and_something_after_its_pages(provider):
    request = make_request("a")
    told = replace(request, fixed_parts=0, parts=(*request.parts, Text("Assess afresh.")))
    body = body_of(provider, told)["body"]
    assert body["messages"][1]["content"][-1] == {"type": "text", "text": "Assess afresh."}
    everything = replace(told, fixed_parts=len(told.parts))
    assert body_of(provider, everything)["body"] == body


def test_a_schema_that_openai_cannot_take_is_refused_before_anything_is_sent(provider):
    request = replace(make_request("a"), schema={"type": "array"})
    for call in (provider.encode, provider.estimate):
        with pytest.raises(ProviderRefused, match="root of the schema"):
            call(request, read_image)


# -- what pages show ----------------------------------------------------------------------


def test_a_price_that_is_not_set_is_not_taken_for_free(make):
    unknown = make()
    assert not unknown.price_known
    known = make(price={"input": "0.20", "output": 0.8, "cached": 0.05})
    assert known.price_known
    assert (known.price.input, known.price.output) == (Decimal("0.20"), Decimal("0.8"))


def test_an_emulator_is_shown_as_one(make):
    assert make().notice == ""
    provider = make(emulated=True, title="Ours")
    assert provider.notice == EMULATED
    assert provider.title == "Ours (emulator)"


def test_the_size_and_the_tokens_of_a_page_are_told(make):
    assert make().image_note(2480, 3508) == (
        "A page is sent with 1024 × 1448 pixels and counts as 2,385 tokens"
        " (patches of 32 pixels, each 1.62 tokens)."
    )
    assert "1,105 tokens" in make(model="gpt-4.1").image_note(2480, 3508)
    assert "a like model" in make(model="gpt-7").image_note(2480, 3508)
    assert make(long_side=2000).rendition.long_side == 2000


def test_configurations_with_one_key_share_an_account_and_others_do_not(make):
    assert make().account == make(model="gpt-5").account
    assert make().account != make(api_key="sk-other").account
    assert KEY not in make().account


def test_a_job_is_never_larger_than_what_may_wait_at_the_provider(make):
    limits = make(enqueued_tokens=90_000).limits
    assert (limits.lines, limits.bytes, limits.tokens) == (2000, 190_000_000, 90_000)
    assert make(enqueued_tokens=90_000, tokens=5000).limits.tokens == 5000
    assert make(megabytes=1).limits.bytes == 1_000_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"modle": "gpt-4o"},
        {"endpoint": "/v1/embeddings"},
        {"detail": "sharp"},
        {"temperature": 3},
        {"lines": 0},
        {"megabytes": 500},
        {"price": {"input": 1}},
        {"reasoning_effort": "High"},
        {"output_limit": 15},
    ],
)
def test_an_option_that_is_wrong_is_named(make, wrong):
    with pytest.raises(BadOption, match=next(iter(wrong))):
        make(**wrong)


def test_the_pages_of_the_tests_are_what_the_rendition_would_send(make):
    # Else the estimates above speak of other pictures than those that leave.
    assert make().rendition.fit(1024, 1448) == (1024, 1448)
    assert all(len(page) > 1000 for page in PAGES.values())
    assert schema()["required"] == ["item_id", "parts"]


def drained(value):
    """The value with everything read that pydantic checks only when it is read."""
    if isinstance(value, dict):
        return {name: drained(part) for name, part in value.items()}
    if isinstance(value, str | int | float | None):
        return value
    return [drained(part) for part in value]


@pytest.mark.parametrize(
    ("model", "params"),
    [
        ("gpt-4.1-mini", CompletionCreateParamsNonStreaming),
        ("gpt-5.4", ResponseCreateParamsNonStreaming),
    ],
)
def test_a_body_is_what_the_types_of_openais_own_sdk_ask_for(make, model, params):
    options = {"temperature": 0.5} if model == "gpt-4.1-mini" else {"reasoning_effort": "low"}
    body = body_of(make(model=model, **options))["body"]
    judge = TypeAdapter(params)
    assert drained(judge.validate_python(body)) == body
    assert set(body) <= set(params.__annotations__)
    told = body["messages"][1] if "messages" in body else body["input"][0]
    for part in told["content"]:
        part.pop("detail" if "detail" in part else "image_url", None)
    with pytest.raises(ValidationError, match="Field required"):
        drained(judge.validate_python(body))
