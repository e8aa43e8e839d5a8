"""A local model's server, asked over a socket: what is sent, what comes back, what it takes."""

from __future__ import annotations

import base64
import json
import logging
import re

import pytest
from jsonschema import Draft202012Validator

from batching.providers.base import DirectProvider, ProviderBusy, ProviderRefused, Rendition, Usage
from batching.providers.local import LocalProvider
from batching.providers.options import BadOption
from batching.reply import read_reply
from batching.requests import Image, Request
from tests.batching.local_steps import REQUEST, SCHEMA, read_image, received

pytestmark = pytest.mark.usefixtures("_no_long_pauses")

# -- one request and its answer-----------------------------------------------------------


def test_a_sheet_gets_the_marks_that_the_model_gives_it(server, ask):
    answer = ask()
    assert answer.finish == "complete"
    reply = read_reply(answer, "item-7", Draft202012Validator(SCHEMA))
    assert reply["parts"]["Q1"]["awarded"] == 3
    assert answer.model == "tiny-vision"
    assert json.loads(answer.raw)["choices"][0]["message"]["content"] == answer.text
    assert answer.usage.input_tokens > 2400
    assert answer.usage.output_tokens > 0
    assert len(server.ledger.entries("chat")) == 1


def test_the_pages_are_assessed_and_not_the_sample(server, ask):
    swapped = tuple(
        Image(part.name, "", "sample" if part.role == "sheet" else "sheet", 1, part.label)
        if isinstance(part, Image)
        else part
        for part in REQUEST.parts
    )
    request = Request("item-7", "", swapped, SCHEMA)
    assert json.loads(ask(request).text)["parts"]["Q1"]["awarded"] == 0


def test_everything_of_the_request_is_sent_in_its_order(server, ask):
    ask(reasoning_effort="low", temperature=0.2, extra={"top_k": 1})
    body = received(server)[0]
    system, user = body["messages"]
    assert system == {"role": "system", "content": "You assess sheets."}
    kinds = [part["type"] for part in user["content"]]
    assert kinds == ["text", "text", "text", "image_url", "text", "text", "image_url"]
    assert user["content"][5] == {"type": "text", "text": "Page 1:"}
    assert user["content"][6]["image_url"]["url"].startswith("data:image/jpeg;base64,/9j/")
    assert body["model"] == "tiny-vision"
    assert (body["max_tokens"], body["temperature"]) == (2048, 0.2)
    assert (body["reasoning_effort"], body["top_k"]) == ("low", 1)
    assert "stream" not in body


def test_a_model_that_thinks_may_be_given_more_room(server, ask):
    ask(max_output_tokens=9000)
    body = received(server)[0]
    assert body["max_tokens"] == 9000
    assert "reasoning_effort" not in body


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (
            "json_schema",
            {
                "type": "json_schema",
                "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA},
            },
        ),
        (
            "ollama",
            {
                "type": "json_schema",
                "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA},
            },
        ),
        ("json_object_schema", {"type": "json_object", "schema": SCHEMA}),
        ("prompt", None),
    ],
)
def test_each_server_is_given_the_schema_in_its_own_form(server, ask, form, expected):
    assert ask(form=form, context_tokens=32_000).finish == "complete"
    assert received(server)[0].get("response_format") == expected


def test_nothing_that_is_meant_for_openai_goes_to_a_local_server(server, ask, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-openai-only")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-for-openai-only")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-for-openai-only")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer custom-for-openai-only")
    ask()
    ask(api_key="key-of-the-lab")
    first, second = (entry["headers"] for entry in server.ledger.entries("chat"))
    assert "for-openai-only" not in json.dumps([first, second])
    assert second["authorization"] == "Bearer key-of-the-lab"


def test_neither_what_is_sent_nor_what_comes_back_is_logged(server, ask, caplog):
    caplog.set_level(logging.DEBUG)
    for fault in ("", "500", "null-content"):
        server.faults.add("chat", fault)
        ask(api_key="a-secret-key", retries=0)
    logged = caplog.text
    logging.getLogger("batching").debug("a-secret-key")
    assert "a-secret-key" in caplog.text  # the search finds what is there
    for secret in ("a-secret-key", "river", "You assess", "base64", "item-7", "peg-native"):
        assert secret not in logged


# -- size -----------------------------------------------------------------------------------


def test_what_a_request_takes_is_estimated_without_opening_an_image():
    estimate = LocalProvider({"image_tokens": 1000}).estimate(
        REQUEST, lambda image: pytest.fail("opened")
    )
    text = LocalProvider({"image_tokens": 0}).estimate(REQUEST, read_image).input_tokens
    assert estimate == Usage(text + 2000, 300)
    assert text > 100


def test_what_does_not_fit_into_the_context_is_not_sent(server, ask):
    answer = ask(form="ollama", image_tokens=3000)
    assert (answer.finish, answer.retryable) == ("error", False)
    assert "4,096" in answer.problem
    assert "context_tokens" in answer.problem
    assert server.ledger.entries("call") == []
    assert ask(form="ollama", image_tokens=3000, context_tokens=8192).finish == "complete"


def test_prompt_and_answer_together_fit_into_the_context(server, ask):
    ask(context_tokens=4000, image_tokens=1000)
    text = LocalProvider({"image_tokens": 0}).estimate(REQUEST, read_image).input_tokens
    assert received(server)[0]["max_tokens"] == 4000 - 2000 - text


def test_pages_are_shrunk_to_what_the_configuration_says():
    assert LocalProvider({}).rendition == Rendition(1448, 80, False)
    small = LocalProvider({"long_side": 1000, "gray": True, "quality": 60, "image_tokens": 900})
    assert small.rendition == Rendition(1000, 60, True)
    assert "707 × 1000 pixels and counts as 900 tokens" in small.image_note(1240, 1754)


# -- the configuration ----------------------------------------------------------------------


def test_without_an_address_or_a_model_it_says_what_to_set():
    assert "Set LOCAL_BASE_URL" in LocalProvider({}).missing
    without_model = LocalProvider({"base_url": "http://127.0.0.1:1/v1"})
    assert "Set LOCAL_MODEL" in without_model.missing
    with pytest.raises(ProviderRefused, match="Set LOCAL_MODEL"):
        without_model.answer(REQUEST, read_image)
    assert LocalProvider({"base_url": "http://127.0.0.1:1/v1", "model": "m"}).missing == ""


def test_it_says_what_it_is_and_whether_it_is_real():
    ready = LocalProvider({"base_url": "http://gpu:8000/v1/", "model": "tiny", "concurrency": 5})
    assert isinstance(ready, DirectProvider)
    assert (ready.title, ready.assessor, ready.concurrency) == (
        "Local model tiny",
        "local_model",
        5,
    )
    assert ready.notice == ""
    stand_in = LocalProvider({"model": "tiny", "emulated": True})
    assert stand_in.title == "Local model tiny (emulator)"
    assert "not a model" in stand_in.notice
    assert LocalProvider({}).concurrency == 3


def test_configurations_of_one_server_pause_together():
    def account(**options):
        return LocalProvider({"base_url": "http://gpu:8000/v1"} | options).account

    assert account(model="a") == account(model="b", base_url="http://gpu:8000/v1/")
    assert account() != account(base_url="http://other:8000/v1")


def test_the_account_is_short_and_tells_nobody_the_address():
    long = LocalProvider({"base_url": f"http://gpu.{'school.' * 30}example/v1"})
    assert re.fullmatch("local:[0-9a-f]{12}", long.account)


def test_user_and_password_of_an_address_are_sent_and_stand_in_no_text(server, caplog):
    caplog.set_level(logging.DEBUG)
    place = f"{server.url.removeprefix('http://')}/v1"
    options = {"base_url": f"http://lab:se%40cret@{place}", "model": "tiny-vision", "retries": 0}
    with_password = LocalProvider(options)
    assert with_password.account == LocalProvider({"base_url": f"http://{place}"}).account
    assert with_password.answer(REQUEST, read_image).finish == "complete"
    (call,) = server.ledger.entries("chat")
    sent = call["headers"]["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"lab:se@cret"
    told = [with_password.account, LocalProvider({**options, "model": ""}).missing]
    for fault, error in (("401", ProviderRefused), ("404", ProviderRefused), ("503", ProviderBusy)):
        server.faults.add("chat", fault)
        with pytest.raises(error) as refusal:
            with_password.answer(REQUEST, read_image)
        told.append(str(refusal.value))
    server.faults.add("chat", "500")
    told.append(with_password.answer(REQUEST, read_image).problem)
    away = LocalProvider({**options, "base_url": "http://lab:se%40cret@127.0.0.1:1/v1"})
    with pytest.raises(ProviderBusy) as nobody:
        away.answer(REQUEST, read_image)
    told += [str(nobody.value), caplog.text]
    assert all(place in one for one in told[1:6])
    assert not [one for one in told if "se%40cret" in one or "se@cret" in one or "lab" in one]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"modell": "x"}, "no option modell"),
        ({"concurrency": 0}, "concurrency must be at least 1"),
        ({"concurrency": "three"}, "concurrency must be a number"),
        ({"timeout": 600}, "timeout must be at least 0.1 and at most 280"),
        ({"form": "yaml"}, "form must be one of json_schema"),
        ({"base_url": "gpu:8000"}, "base_url must be an address"),
        ({"gray": "yes"}, "gray must be true or false"),
        ({"retries": 1.5}, "retries must be a whole number"),
        ({"price": {"input": 1}}, "price: output is missing"),
        ({"price": {"input": 1, "output": "dear"}}, "price: output must be a number"),
        ({"extra": [1]}, "extra must be an object"),
    ],
)
def test_an_option_that_cannot_be_is_named(options, reason):
    with pytest.raises(BadOption, match=reason):
        LocalProvider(options)
