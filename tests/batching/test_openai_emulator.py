"""The emulated OpenAI refuses what OpenAI refuses: else it would prove nothing about our calls."""

from __future__ import annotations

import copy
import json
from urllib.error import HTTPError
from urllib.request import urlopen

import openai
import pytest
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from batching.providers.openai import OpenAIProvider
from tests.batching.provider_steps import make_request, read_image
from tests.emulators.openai import OpenAIEmulator
from tests.emulators.openai_judge import Refused, check_body

CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"


@pytest.fixture
def emulator(tmp_path):
    with OpenAIEmulator(tmp_path / "openai") as emulator:
        yield emulator


@pytest.fixture
def client(emulator):
    with openai.OpenAI(api_key="sk-a", base_url=emulator.base_url, max_retries=0) as client:
        yield client


def line(model: str = "gpt-4.1-mini", custom_id: str = "a") -> dict:
    provider = OpenAIProvider({"api_key": "k", "model": model})
    return json.loads(provider.encode(make_request(custom_id), read_image).content)


def upload(client, *lines, name="lines.jsonl", purpose="batch", **more):
    content = b"".join(json.dumps(one).encode() + b"\n" for one in lines)
    return client.files.create(file=(name, content), purpose=purpose, **more).id


def create(client, file_id, **changes):
    asked = {"endpoint": CHAT, "completion_window": "24h", "metadata": {"a": "b"}, **changes}
    return client.batches.create(input_file_id=file_id, **asked)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "lines.json"},
        {"purpose": "grading"},
        {"expires_after": {"anchor": "created_at", "seconds": 60}},
        {"expires_after": {"anchor": "last_used_at", "seconds": 7200}},
    ],
)
def test_an_upload_that_openai_refuses_is_refused(client, wrong):
    with pytest.raises(openai.BadRequestError):
        upload(client, line(), **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"completion_window": "48h"},
        {"endpoint": "/v1/chat"},
        {"metadata": {"a": 1}},
        {"metadata": {"a": "b" * 513}},
        {"metadata": {str(n): "b" for n in range(17)}},
    ],
)
def test_a_batch_that_openai_refuses_is_refused(client, wrong):
    file_id = upload(client, line())
    with pytest.raises(openai.BadRequestError):
        create(client, file_id, **wrong)
    assert create(client, file_id).status == "validating"


def test_a_batch_needs_a_file_for_batches(client):
    with pytest.raises(openai.BadRequestError, match="Cannot find file"):
        create(client, "file-1")
    with pytest.raises(openai.BadRequestError, match="purpose"):
        create(client, upload(client, line(), purpose="user_data"))


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "empty_file"),
        (["words"], "invalid_json_line"),
        ([line(), line()], "duplicate_custom_id"),
        ([line("gpt-5.4")], "url_mismatch"),
        ([line(), line("gpt-4.1", "b")], "model_mismatch"),
        ([line("llama-3")], "model_not_found"),
        ([{**line(), "method": "GET"}], "invalid_method"),
        ([{"custom_id": "a"}], "missing_required_parameter"),
    ],
)
def test_a_file_that_openai_refuses_fails_its_batch(client, lines, code):
    batch = client.batches.retrieve(create(client, upload(client, *lines)).id)
    assert batch.status == "failed"
    assert code in [error.code for error in batch.errors.data]


def spoil(body, path, value):
    """The body with the value at a path of keys changed; None takes it away."""
    body = copy.deepcopy(body)
    at = body
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return body


IN_CHAT = ("messages", 1, "content", 5)
IN_RESPONSES = ("input", 0, "content", 5)
SCHEMA = ("response_format", "json_schema", "schema")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("stream",), True),
        (("messages",), []),
        (("reasoning_effort",), "low"),
        (("max_completion_tokens",), "many"),
        ((*IN_CHAT, "image_url"), "data:image/png;base64,AAAA"),
        ((*IN_CHAT, "image_url", "url"), "data:image/png;base64,AAAA"),
        ((*IN_CHAT, "image_url", "url"), "https://example.org/a.png"),
        ((*IN_CHAT, "image_url", "detail"), "sharp"),
        ((*IN_CHAT, "type"), "input_image"),
        (("response_format", "json_schema", "name"), "a reply"),
        (("response_format", "json_schema"), None),
        ((*SCHEMA, "type"), "array"),
        ((*SCHEMA, "additionalProperties"), None),
        ((*SCHEMA, "required"), ["item_id"]),
        ((*SCHEMA, "properties", "item_id", "maxLength"), 5),
        ((*SCHEMA, "properties", "item_id", "type"), None),
    ],
)
def test_a_chat_body_that_openai_refuses_is_refused(path, value):
    body = line()["body"]
    check_body(body, CHAT)
    with pytest.raises(Refused):
        check_body(spoil(body, path, value), CHAT)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("temperature",), 0),
        (("input",), []),
        (("max_completion_tokens",), 100),
        (("reasoning",), {"effort": "huge"}),
        ((*IN_RESPONSES, "detail"), None),
        ((*IN_RESPONSES, "image_url"), {"url": "data:"}),
        ((*IN_RESPONSES, "type"), "image_url"),
        (("text", "format", "name"), None),
        (("text", "format", "schema", "properties", "parts", "additionalProperties"), True),
    ],
)
def test_a_responses_body_that_openai_refuses_is_refused(path, value):
    body = line("gpt-5.4")["body"]
    check_body(body, RESPONSES)
    with pytest.raises(Refused):
        check_body(spoil(body, path, value), RESPONSES)


@pytest.mark.parametrize(
    ("model", "endpoint", "kind"),
    [("gpt-4.1-mini", CHAT, ChatCompletion), ("gpt-5-mini", RESPONSES, Response)],
)
def test_a_reply_has_every_field_that_openai_promises(client, model, endpoint, kind):
    batch = create(client, upload(client, line(model)), endpoint=endpoint)
    file_id = client.batches.retrieve(batch.id).output_file_id
    answered = json.loads(client.files.content(file_id).text)["response"]["body"]
    promised = {name for name, field in kind.model_fields.items() if field.is_required()}
    assert promised <= set(answered)
    kind.model_validate(answered, strict=True)


def test_a_call_without_a_key_is_refused(emulator):
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{emulator.base_url}/batches")
    assert refused.value.code == 401


def test_an_emulator_that_is_started_again_goes_on(tmp_path, emulator, client):
    batch = create(client, upload(client, line()))
    with OpenAIEmulator(emulator.folder) as again:
        other = openai.OpenAI(api_key="sk-a", base_url=again.base_url, max_retries=0)
        assert other.batches.retrieve(batch.id).status == "completed"
    assert client.batches.retrieve(batch.id).status == "completed"
    assert len(emulator.ledger.entries("billed")) == 1
