"""A local model's server that fails: what each fault becomes, for one request and for all."""

from __future__ import annotations

import json
import socket
import threading
from typing import ClassVar

import pytest
from jsonschema import Draft202012Validator

from batching.providers import local
from batching.providers.base import ProviderBusy, ProviderRefused, Usage
from batching.providers.local import LocalProvider
from batching.reply import InvalidReply, read_reply
from tests.batching.local_steps import REQUEST, SCHEMA, make_provider, read_image
from tests.emulators.base import Reset
from tests.emulators.local import LocalEmulator

pytestmark = pytest.mark.usefixtures("_no_long_pauses")

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
        assert make_provider(server).answer(REQUEST, read_image).usage == counted


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
    answer = make_provider(mortal).answer(REQUEST, read_image)
    assert (answer.finish, answer.retryable) == ("error", True)
    with pytest.raises(ProviderBusy):
        make_provider(mortal).answer(REQUEST, read_image)


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
