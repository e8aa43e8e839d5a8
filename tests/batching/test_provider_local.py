"""A local model's server, asked over a socket: what comes back, and what each fault becomes."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
import socket
import threading
from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest
from jsonschema import Draft202012Validator
from PIL import Image as Pixels
from PIL import ImageDraw, ImageFont

from batching.providers import local
from batching.providers.base import (
    DirectProvider,
    Picture,
    ProviderBusy,
    ProviderRefused,
    Rendition,
    Usage,
)
from batching.providers.local import LocalProvider
from batching.providers.options import BadOption
from batching.reply import InvalidReply, read_reply
from batching.requests import Data, Image, Request, Text
from tests.emulators.base import Reset
from tests.emulators.local import LocalEmulator

RIVERS = {
    "code": "Q1",
    "description": "What happens to a river on its way to the sea?",
    "guidance": "",
    "answer": "It becomes wider. Tributaries join it. It drops its sediment.",
    "kind": "base",
    "min": 0,
    "max": 3,
    "step": 0.5,
}
ANSWER = ("Q1.", "The river becomes wider. Tributaries", "join it. It drops its sediment.")


def closed(**properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


PART = closed(
    page={"type": ["integer", "null"]},
    transcription={"type": "string"},
    reasoning={"type": "string"},
    feedback={"type": "string"},
    awarded={"type": "number", "enum": [0, 0.5, 1, 1.5, 2, 2.5, 3]},
    confidence={"type": "number", "minimum": 0, "maximum": 1},
)
SCHEMA = closed(item_id={"type": "string"}, parts=closed(Q1=PART))
REQUEST = Request(
    "item-7",
    "You assess sheets.",
    (
        Data("rubric", {"exam": "Rivers", "criteria": [RIVERS]}),
        Text("A sample sheet."),
        Image("sample", "", "sample", 1, "Sample page 1"),
        Text("The answer sheet to be assessed. Its item id is item-7. Its pages follow."),
        Image("page", "", "sheet", 1, "Page 1"),
    ),
    SCHEMA,
    max_output_tokens=2048,
    likely_output_tokens=300,
)


@cache
def paper(lines: tuple[str, ...]) -> bytes:
    page = Pixels.new("L", (800, 500), 250)
    font = ImageFont.load_default(size=30)
    for number, line in enumerate(lines):
        ImageDraw.Draw(page).text((60, 60 + 60 * number), line, font=font, fill=30)
    out = io.BytesIO()
    page.save(out, "JPEG", quality=80)
    return out.getvalue()


def read_image(image: Image) -> Picture:
    lines = ANSWER if image.role == "sheet" else ("Q1.", "")
    return Picture.of(paper(lines), "image/jpeg", 800, 500)


@pytest.fixture
def server(tmp_path: Path):
    with LocalEmulator(tmp_path / "local") as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch):
    monkeypatch.setattr(local, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def ask(server):
    def _ask(request: Request = REQUEST, **options):
        return provider(server, **options).answer(request, read_image)

    return _ask


def provider(server: LocalEmulator, **options) -> LocalProvider:
    address = {"base_url": f"{server.url}/v1", "model": "tiny-vision", "timeout": 20}
    return LocalProvider(address | options)


def received(server: LocalEmulator) -> list[dict]:
    paths = sorted((server.folder / "received").iterdir())
    return [json.loads(path.read_text()) for path in paths]


# -- one request and its answer -----------------------------------------------------------


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


# -- what goes wrong with one request ------------------------------------------------------


@pytest.mark.parametrize("fault", ["500", "null-content", "empty", "no-json", "no-choices"])
def test_a_single_failure_is_asked_again_and_costs_no_sheet(server, ask, fault):
    server.faults.add("chat", fault)
    assert ask().finish == "complete"
    assert len(server.ledger.entries("chat")) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("500", "answered 500: The model produced output"),
        ("null-content", "without any content"),
        ("no-json", "no JSON"),
        ("no-choices", "without any content"),
    ],
)
def test_a_request_that_fails_every_time_is_marked_and_stops_nothing(server, ask, fault, reason):
    server.faults.add("chat", fault, times=9)
    answer = ask(retries=2)
    assert (answer.finish, answer.retryable) == ("error", False)
    assert reason in answer.problem
    assert len(server.ledger.entries("chat")) == 3


def test_all_tokens_that_the_attempts_took_are_counted(server, ask):
    server.faults.add("chat", "null-content")
    answer = ask()
    answered = server.ledger.entries("billed")
    assert len(answered) == 2
    assert answer.usage == Usage(
        sum(entry["input_tokens"] for entry in answered),
        sum(entry["output_tokens"] for entry in answered),
    )


class Boaster(LocalEmulator):
    """Counts tokens as no database can keep them."""

    told: ClassVar[dict] = {}

    def _completion(self, *asked):
        return {**super()._completion(*asked), "usage": self.told}


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({"prompt_tokens": -5, "completion_tokens": 10**30}, Usage()),
        ({"prompt_tokens": True, "completion_tokens": 1.5}, Usage()),
        (
            {"prompt_tokens": 8, "prompt_tokens_details": {"cached_tokens": 9}},
            Usage(8, 0, 8),
        ),
        (
            {"prompt_tokens": 2**31 - 1, "completion_tokens": 2**31 - 1},
            Usage(2**31 - 1, 2**31 - 1),
        ),
    ],
)
def test_tokens_are_counted_as_a_database_can_keep_them(tmp_path, told, counted):
    with Boaster(tmp_path / "boaster") as server:
        server.told = told
        if counted.output_tokens:
            server.faults.add("chat", "null-content")  # two attempts, added up
        assert provider(server).answer(REQUEST, read_image).usage == counted


def test_an_answer_that_takes_too_long_is_asked_for_again(server, ask):
    server.slow_seconds = 1.5
    server.faults.add("chat", "slow")
    assert ask(timeout=1.0, retries=1).finish == "complete"
    server.faults.add("chat", "slow", times=2)
    answer = ask(timeout=1.0, retries=1)
    assert (answer.finish, answer.retryable) == ("error", False)
    assert "did not answer within 1 seconds" in answer.problem


def test_no_attempt_begins_that_could_outlast_the_task(server, ask, monkeypatch):
    monkeypatch.setattr(local, "ANSWER_SECONDS", 1.5)
    server.slow_seconds = 1.5
    server.faults.add("chat", "slow", times=9)
    answer = ask(timeout=1.0, retries=5)
    assert (answer.finish, answer.retryable) == ("error", True)
    assert len(server.ledger.entries("call")) == 1


def test_a_connection_that_breaks_is_tried_again(server, ask):
    server.faults.add("chat", "reset")
    assert ask().finish == "complete"


class Mortal(LocalEmulator):
    """Dies of the first request that it gets."""

    def respond(self, call):
        threading.Thread(target=self.stop).start()
        raise Reset


def test_a_server_that_dies_of_a_request_is_not_asked_without_end(server, ask):
    """It would kill the server again and again, were it only called busy."""
    server.faults.add("chat", "reset", times=2)
    answer = ask(retries=1)
    assert (answer.finish, answer.retryable) == ("error", True)
    assert "connection broke" in answer.problem


def test_a_server_that_stays_dead_after_a_request_fails_that_request(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "FIRST_PAUSE_SECONDS", 1.5)
    mortal = Mortal(tmp_path / "mortal")
    mortal.start()
    answer = provider(mortal).answer(REQUEST, read_image)
    assert (answer.finish, answer.retryable) == ("error", True)
    with pytest.raises(ProviderBusy):
        provider(mortal).answer(REQUEST, read_image)


def test_a_prompt_that_is_too_large_is_not_asked_again(server, ask):
    server.faults.add("chat", "no-room")
    answer = ask()
    assert (answer.finish, answer.retryable) == ("error", False)
    assert "exceeds the available context size" in answer.problem
    assert len(server.ledger.entries("chat")) == 1


def test_a_reply_that_was_cut_off_is_never_taken(server, ask):
    server.faults.add("chat", "cut")
    answer = ask()
    assert (answer.finish, answer.retryable, answer.text) == ("truncated", True, "")
    assert json.loads(answer.raw)["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("fault", "reason"), [("refusal", "I cannot help"), ("blocked", "content filter")]
)
def test_a_refusal_goes_to_a_person(server, ask, fault, reason):
    server.faults.add("chat", fault)
    answer = ask()
    assert (answer.finish, answer.retryable) == ("refused", False)
    assert reason in answer.problem
    assert len(server.ledger.entries("chat")) == 1


def test_one_fence_is_taken_off(server, ask):
    server.faults.add("chat", "fenced")
    reply = read_reply(ask(), "item-7", Draft202012Validator(SCHEMA))
    assert reply["parts"]["Q1"]["awarded"] == 3


@pytest.mark.parametrize(
    "fault", ["prose", "thoughts", "nan", "above-maximum", "wrong-id", "broken-json", "all-null"]
)
def test_what_the_model_wrote_wrongly_is_handed_on_and_gives_no_mark(server, ask, fault):
    server.faults.add("chat", fault)
    answer = ask()
    assert answer.finish == "complete"
    with pytest.raises(InvalidReply):
        read_reply(answer, "item-7", Draft202012Validator(SCHEMA))


# -- what concerns all requests -----------------------------------------------------------


@pytest.mark.parametrize("fault", ["503", "429-retry-after"])
def test_a_busy_server_says_when_to_come_back(server, ask, fault):
    server.faults.add("chat", fault)
    with pytest.raises(ProviderBusy) as busy:
        ask()
    assert busy.value.retry_after == 7
    assert len(server.ledger.entries("chat")) == 1


def test_a_server_that_is_not_running_is_tried_later():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    away = LocalProvider({"base_url": f"http://127.0.0.1:{port}/v1", "model": "tiny-vision"})
    with pytest.raises(ProviderBusy, match="No server answers"):
        away.answer(REQUEST, read_image)


@pytest.mark.parametrize("fault", ["401", "403"])
def test_a_key_that_is_refused_stops_the_job_and_is_not_shown(server, ask, fault):
    server.faults.add("chat", fault)
    with pytest.raises(ProviderRefused, match="Check the key in LAB_KEY") as refusal:
        ask(api_key="a-secret-key", api_key_env="LAB_KEY")
    assert "a-secret-key" not in str(refusal.value)


def test_a_model_that_the_server_does_not_have_stops_the_job(server, ask):
    with pytest.raises(ProviderRefused, match="whether the server has the model 'no-such-model'"):
        ask(model="no-such-model")


def test_an_address_without_v1_stops_the_job(server, ask):
    with pytest.raises(ProviderRefused, match="mostly ends in /v1"):
        ask(base_url=server.url)


def test_a_server_that_does_not_know_the_form_stops_the_job(server, ask):
    server.faults.add("chat", "no-form")
    with pytest.raises(ProviderRefused, match="Set form"):
        ask()


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
