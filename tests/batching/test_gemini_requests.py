"""What a configuration for Gemini says, and what a line for it holds."""

import base64
import hashlib
import json
import tracemalloc
from dataclasses import replace
from decimal import Decimal

import pytest

from batching.providers.base import Picture, Price, ProviderRefused
from batching.providers.flat_schema import FORM, flat_json_schema
from batching.providers.gemini import GeminiProvider
from batching.providers.options import BadOption
from batching.requests import Data, Image, Text
from tests.batching.provider_steps import (
    PAGES,
    hand_in,
    make_request,
    read_image,
    schema,
)

KEY = "AIzaSyEmulated0123456789abcdefghijklmno"


@pytest.fixture
def provider():
    return make_provider()


def make_provider(**options):
    return GeminiProvider({"api_key": KEY, **options})


# -- what a configuration says ---------------------------------------------------------------


def test_a_missing_key_is_a_hint_and_stops_what_would_be_sent(tmp_path):
    provider = GeminiProvider({"model": "gemini-2.5-flash"})
    assert provider.missing.startswith("GEMINI_API_KEY is not set: ")
    named = GeminiProvider({"api_key_env": "LAB_KEY"})
    assert named.missing.startswith("LAB_KEY is not set: ")
    assert provider.encode(make_request("a"), read_image).content
    with pytest.raises(ProviderRefused, match="GEMINI_API_KEY"):
        hand_in(provider, tmp_path, "a")
    with pytest.raises(ProviderRefused, match="GEMINI_API_KEY"):
        provider.status("batches/1")


@pytest.mark.parametrize("key", ["AIza two parts", "AIza\nbroken", "schlüssel"])
def test_what_cannot_be_a_key_is_told_before_it_is_sent_and_is_not_repeated(key):
    provider = GeminiProvider({"api_key": key})
    assert provider.missing.startswith("GEMINI_API_KEY is no key")
    assert key not in provider.missing


def test_configurations_with_one_key_at_one_address_share_their_limits_and_show_no_key():
    options = {"api_key": KEY, "base_url": "http://localhost:1"}
    one = GeminiProvider({**options, "model": "gemini-2.5-flash"})
    other = GeminiProvider({**options, "model": "gemini-2.5-pro", "api_key": f" {KEY}\n"})
    digest = hashlib.sha256(f"{KEY}\nhttp://localhost:1".encode()).hexdigest()[:12]
    assert one.account == other.account == f"gemini:{digest}"
    assert GeminiProvider({**options, "base_url": ""}).account != one.account
    assert GeminiProvider({**options, "api_key": "other"}).account != one.account


def test_an_emulator_is_called_one_wherever_its_marks_are_shown():
    assert GeminiProvider({"api_key": "k"}).notice == ""
    provider = GeminiProvider({"api_key": "k", "emulated": True})
    assert "emulator on this machine, not Gemini" in provider.notice
    assert "offline reader" in provider.notice
    assert "(emulator)" in provider.title


def test_a_price_that_nobody_named_is_said_to_be_unknown():
    assert not GeminiProvider({"api_key": "k"}).price_known
    prices = {"input": 0.15, "output": "1.25", "cached": 0.0375, "currency": "EUR"}
    provider = GeminiProvider({"api_key": "k", "price": prices})
    assert provider.price_known
    assert provider.price == Price(Decimal("0.15"), Decimal("1.25"), Decimal("0.0375"), "EUR")


@pytest.mark.parametrize(
    "options",
    [
        {"thinking_budget": 0, "thinking_level": "LOW"},
        {"thinking_level": "low"},
        {"media_resolution": "ULTRA_HIGH"},
        {"image_rule": "patches"},
        {"base_url": "localhost:8123"},
        {"modell": "gemini-2.5-flash"},
        {"lines": 0},
    ],
)
def test_an_option_that_is_wrong_is_named(options):
    with pytest.raises(BadOption, match=next(reversed(options))):
        GeminiProvider({"api_key": "k", **options})


def test_a_job_holds_a_few_hundred_lines_and_less_than_the_file_limit():
    provider = GeminiProvider({"api_key": "k"})
    assert (provider.limits.lines, provider.limits.bytes) == (300, 190_000_000)
    assert provider.enqueued_tokens is None
    asked = {"lines": 20, "megabytes": 1.5, "tokens": 1000, "enqueued_tokens": 3000}
    provider = GeminiProvider({"api_key": "k", **asked})
    assert (provider.limits.lines, provider.limits.bytes) == (20, 1_500_000)
    assert (provider.limits.tokens, provider.enqueued_tokens) == (1000, 3000)


def test_a_page_is_sent_as_large_as_the_model_looks_at_it_and_a_person_is_told():
    provider = GeminiProvider({"api_key": "k", "model": "gemini-2.5-flash"})
    assert provider.image_note(2480, 3508) == (
        "A page is sent with 1154 × 1632 pixels and counts as 1,548 tokens."
    )
    newer = GeminiProvider({"api_key": "k", "model": "gemini-3.8-flash", "long_side": 1200})
    assert newer.image_note(620, 877) == (
        "A page is sent with 620 × 877 pixels and counts as 1,120 tokens."
    )
    assert newer.image_note(2480, 3508).startswith("A page is sent with 848 × 1200 pixels")
    fixed = GeminiProvider({"api_key": "k", "image_tokens": 99, "quality": 60, "gray": True})
    assert "99 tokens" in fixed.image_note(100, 100)
    assert (fixed.rendition.quality, fixed.rendition.gray) == (60, True)
    ruled = GeminiProvider({"api_key": "k", "model": "gemini-9", "image_rule": "tiles"})
    assert "1,548 tokens" in ruled.image_note(1240, 1754)


# -- what is sent ----------------------------------------------------------------------------


def test_a_line_has_the_shape_of_googles_rest_messages_with_the_fixed_part_first(provider):
    request = make_request("item-1")
    value = json.loads(provider.encode(request, read_image).content)
    assert list(value) == ["key", "request"]
    assert value["key"] == "item-1"
    asked = value["request"]
    assert set(asked) == {"system_instruction", "generation_config", "contents"}
    assert asked["system_instruction"] == {"parts": [{"text": request.system}]}
    (content,) = asked["contents"]
    assert content["role"] == "user"
    sample, page = (part["inline_data"] for part in content["parts"] if "inline_data" in part)
    assert sample == {
        "mime_type": "image/jpeg",
        "data": base64.b64encode(PAGES["empty"]).decode(),
    }
    assert base64.b64decode(page["data"], validate=True) == PAGES["written"]
    other = json.loads(provider.encode(make_request("item-2"), read_image).content)
    same = [
        one == two
        for one, two in zip(content["parts"], other["request"]["contents"][0]["parts"], strict=True)
    ]
    assert same == [*[True] * (len(same) - 3), False, True, True]
    assert "The answer sheet to be assessed" in content["parts"][-3]["text"]


def test_the_prompt_speaks_of_one_form_only_the_flat_one(provider):
    content = provider.encode(make_request("item-1"), read_image).content
    parts = json.loads(content)["request"]["contents"][0]["parts"]
    texts = [part["text"] for part in parts if "text" in part]
    (shown,) = [text for text in texts if text.startswith("schema:\n")]
    assert json.loads(shown.removeprefix("schema:\n")) == flat_json_schema(schema())
    # The last words of the fixed part: after the samples, before the sheet.
    assert texts.index(FORM) == len(texts) - 3
    assert "Q1" in texts[0]


def test_a_schema_that_the_prompt_does_not_show_is_shown_with_its_form(provider):
    request = make_request("item-1")
    bare = replace(request, parts=(Text("Read."),), fixed_parts=1)
    parts = json.loads(provider.encode(bare, read_image).content)["request"]["contents"][0]["parts"]
    assert [part["text"].split(":")[0] for part in parts] == ["Read.", "schema", FORM.split(":")[0]]
    late = replace(request, fixed_parts=0)
    parts = json.loads(provider.encode(late, read_image).content)["request"]["contents"][0]["parts"]
    assert parts[0] == {"text": FORM}
    assert sum("prefixItems" in part.get("text", "") for part in parts) == 1


def test_a_schema_that_is_flat_already_is_told_as_it_is(provider):
    flat = {
        "type": "object",
        "properties": {"item_id": {"type": "string"}, "criteria": {"type": "array", "items": {
            "type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"],
        }}},
        "required": ["item_id", "criteria"],
    }  # fmt: skip
    request = replace(make_request("a"), schema=flat, parts=(Data("schema", flat),), fixed_parts=1)
    asked = json.loads(provider.encode(request, read_image).content)["request"]
    assert asked["contents"][0]["parts"] == [
        {"text": f"schema:\n{json.dumps(flat, separators=(',', ':'))}"}
    ]
    assert "criteria" in asked["generation_config"]["response_schema"]["properties"]


def test_a_schema_without_a_flat_form_is_refused(provider):
    request = replace(make_request("a"), schema={"type": "object", "properties": {"a": {}}})
    with pytest.raises(ProviderRefused, match="schema of the reply"):
        provider.encode(request, read_image)


@pytest.mark.parametrize(
    ("options", "config", "room"),
    [
        ({}, {}, 16_384),
        ({"thinking_budget": 0}, {"thinking_config": {"thinking_budget": 0}}, 0),
        ({"thinking_budget": 3000}, {"thinking_config": {"thinking_budget": 3000}}, 3000),
        (
            {"model": "gemini-3.8-flash", "thinking_level": "LOW", "media_resolution": "LOW"},
            {
                "thinking_config": {"thinking_level": "LOW"},
                "media_resolution": "MEDIA_RESOLUTION_LOW",
            },
            8192,
        ),
        ({"model": "models/gemini-2.0-flash", "temperature": 0}, {"temperature": 0}, 0),
    ],
)
def test_thoughts_have_room_beside_the_reply(options, config, room):
    provider = make_provider(**options)
    value = json.loads(provider.encode(make_request("a"), read_image).content)
    told = value["request"]["generation_config"]
    assert told.pop("max_output_tokens") == 4096 + room
    assert told.pop("response_mime_type") == "application/json"
    assert "parts_by_code" in told.pop("response_schema")["properties"]
    assert told == config


def test_more_room_is_asked_for_after_a_cut_and_never_more_than_the_model_has(provider):
    for factor, most in ((1, 4096 + 16_384), (2, 8192 + 16_384), (100, 65_536)):
        request = replace(make_request("a"), max_output_tokens=4096 * factor)
        value = json.loads(provider.encode(request, read_image).content)
        assert value["request"]["generation_config"]["max_output_tokens"] == most


def test_the_pictures_of_the_fixed_part_are_read_once_for_requests_in_a_row(provider):
    read = []

    def read_and_note(image):
        read.append(image.name)
        return read_image(image)

    for custom_id in ("a", "b", "c"):
        provider.encode(make_request(custom_id), read_and_note)
    assert read == ["empty", "written", "written", "written"]


def test_a_line_is_put_together_without_copies_of_its_pictures(provider):
    megabytes = 20
    content = b"\xff\xd8\xff" + bytes(megabytes * 1_000_000)
    request = replace(make_request("a"), parts=(Image("x", "", "sheet", 1, "Page 1"),))
    request = replace(request, fixed_parts=0)
    tracemalloc.start()
    line = provider.encode(request, lambda _: Picture.of(content, "image/jpeg", 1024, 1448))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The base64 of the picture and the line itself.
    assert peak < 2.2 * len(line.content)
