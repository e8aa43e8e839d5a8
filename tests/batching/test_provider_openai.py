"""OpenAI's batch API through OpenAI's own SDK, against an emulator on a socket."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from batching.providers.base import ProviderBusy, ProviderRefused
from batching.providers.openai import OpenAIProvider
from batching.requests import Text
from tests.batching.provider_contract import (
    LONG_AGO,
    BatchContract,
    collect,
    hand_in,
    make_request,
    wait_for,
    write_lines,
)
from tests.emulators.mangle import OBEYED
from tests.emulators.openai import OpenAIEmulator

KEY = "sk-proj-Secret0123456789abcdefQRST"


@pytest.fixture
def emulator(tmp_path):
    with OpenAIEmulator(tmp_path / "openai") as emulator:
        yield emulator


@pytest.fixture
def make(emulator):
    def _make(**options):
        given = {"api_key": KEY, "base_url": emulator.base_url, "file_seconds": 0}
        return OpenAIProvider({**given, "model": "gpt-4.1-mini", **options})

    return _make


@pytest.fixture
def provider(make):
    return make()


class TestChatCompletions(BatchContract):
    key = KEY


class TestResponses(BatchContract):
    key = KEY

    @pytest.fixture
    def provider(self, make):
        return make(model="gpt-5.4-mini")


# -- handing in and finding ---------------------------------------------------------------


def test_without_a_key_it_says_so_and_sends_nothing(make, emulator, tmp_path):
    provider = make(api_key="")
    assert provider.missing.startswith("OPENAI_API_KEY is not set:")
    assert make(api_key="", api_key_env="LAB_KEY").missing.startswith("LAB_KEY is not set:")
    with pytest.raises(ProviderRefused, match="put the key of an OpenAI project there"):
        hand_in(provider, tmp_path, "a")
    assert emulator.ledger.entries() == []


def test_what_is_uploaded_expires_and_carries_our_token_alone(provider, emulator, tmp_path):
    remote_id = hand_in(provider, tmp_path, "a", token="f00d")
    batch = emulator.load("batch", remote_id)
    assert batch["metadata"] == {"sheaf": "f00d"}
    assert batch["endpoint"] == "/v1/chat/completions"
    file = emulator.load("file", batch["input_file_id"])
    assert (file["filename"], file["purpose"]) == ("f00d.jsonl", "batch")
    assert file["expires_at"] - file["created_at"] == 7 * 24 * 3600


def test_a_file_that_is_not_found_yet_is_waited_for_and_not_sent_twice(make, emulator, tmp_path):
    emulator.faults.add("create", "cannot-find-file")
    remote_id = hand_in(make(file_seconds=5), tmp_path, "a")
    assert len(emulator.ledger.entries("upload")) == 1
    assert [entry["batch"] for entry in emulator.ledger.entries("create")] == [remote_id]
    emulator.faults.add("create", "cannot-find-file")
    with pytest.raises(ProviderBusy, match="does not find the file"):
        hand_in(make(file_seconds=0), tmp_path, "b", token="token-2")


def copies(emulator, remote_id: str, number: int, **changes):
    """More batches like this one, each a second older than the one before."""
    batch = emulator.load("batch", remote_id)
    for n in range(1, number + 1):
        at = batch["_created"] - n
        emulator.save(
            "batch",
            f"batch_{n}",
            {**batch, "id": f"batch_{n}", "_created": at, "created_at": int(at), **changes},
        )


def test_a_batch_is_found_on_the_last_page_of_a_long_list(provider, emulator, tmp_path):
    remote_id = hand_in(provider, tmp_path, "a")
    wait_for(provider, remote_id, "ended")
    batch = emulator.load("batch", remote_id)
    copies(emulator, remote_id, 250, metadata={"sheaf": "other"})
    old = batch["_created"] - 1000
    emulator.save("batch", remote_id, {**batch, "_created": old, "created_at": int(old)})
    # By a clock that is ahead, everything in the list is older than our first try.
    since = datetime.now(UTC) + timedelta(minutes=20)
    assert provider.find("token-1", since) == remote_id
    assert len(emulator.ledger.entries("list")) == 3
    assert provider.find("token-9", since) is None


def test_the_list_is_not_read_beyond_the_time_of_the_first_try(provider, emulator, tmp_path):
    remote_id = hand_in(provider, tmp_path, "a")
    wait_for(provider, remote_id, "ended")
    copies(emulator, remote_id, 250, metadata={"sheaf": "other"}, created_at=1000)
    assert provider.find("token-9", datetime.now(UTC) - timedelta(days=2)) is None
    assert len(emulator.ledger.entries("list")) == 2


def test_of_several_batches_with_one_token_the_oldest_that_ran_is_ours(
    provider, emulator, tmp_path, caplog
):
    remote_id = hand_in(provider, tmp_path, "a")
    wait_for(provider, remote_id, "ended")
    copies(emulator, remote_id, 2)
    assert provider.find("token-1", LONG_AGO) == "batch_2"
    assert "batch_2, batch_1" in caplog.text
    oldest = emulator.load("batch", "batch_2")
    emulator.save("batch", "batch_2", {**oldest, "status": "failed"})
    assert provider.find("token-1", LONG_AGO) == "batch_1"


def test_no_log_holds_the_key_or_what_is_sent(provider, emulator, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    remote_id = hand_in(provider, tmp_path, "a")
    wait_for(provider, remote_id, "ended")
    collect(provider, remote_id, tmp_path / "results")
    assert KEY not in caplog.text
    assert "/9j/" not in caplog.text


# -- states -------------------------------------------------------------------------------


def test_a_batch_for_which_there_was_no_room_is_full(provider, emulator, tmp_path):
    emulator.faults.add("status", "token-limit")
    status = provider.status(hand_in(provider, tmp_path, "a"))
    assert (status.state, status.raw, status.has_results) == ("full", "failed", False)
    assert "Enqueued token limit" in status.problem
    assert emulator.ledger.entries("billed") == []


def test_a_batch_that_was_refused_says_which_lines_were_wrong(provider, tmp_path):
    lines = write_lines(provider, tmp_path / "l.jsonl", [make_request("a"), make_request("a")])
    with lines.open("ab") as file:
        file.write(b'{"custom_id": "b"}\n{"custom_id"\n')
    status = provider.status(provider.submit(lines, "token-1"))
    assert (status.state, status.has_results) == ("refused", False)
    assert "Line 2: The custom_id for this request is a duplicate." in status.problem
    assert "Line 3: Missing required parameter: 'method'." in status.problem
    assert "Line 4: This line is not parseable" in status.problem


@pytest.mark.parametrize(
    ("end", "state", "raw"),
    [("expired", "ended", "expired"), ("cancelled-in-console", "cancelled", "cancelled")],
)
def test_what_was_done_before_the_end_is_collected_and_the_rest_is_unanswered(
    provider, emulator, tmp_path, end, state, raw
):
    emulator.faults.add("end", end)
    remote_id = hand_in(provider, tmp_path, *"abcd")
    status = wait_for(provider, remote_id, "ended", "cancelled")
    assert (status.state, status.raw, status.has_results) == (state, raw, True)
    assert (status.done, status.failed, status.total) == (2, 2, 4)
    answers = collect(provider, remote_id, tmp_path / "results")
    assert [(one.custom_id, one.finish) for one in answers] == [
        ("a", "complete"), ("b", "complete"), ("c", "unanswered"), ("d", "unanswered"),
    ]  # fmt: skip
    assert all(one.retryable and one.problem for one in answers[2:])
    assert len(emulator.ledger.entries("billed")) == 2


def test_a_batch_with_nothing_but_errors_has_results_too(provider, emulator, tmp_path):
    emulator.faults.add("end", "only-error-file")
    remote_id = hand_in(provider, tmp_path, "a", "b")
    status = wait_for(provider, remote_id, "ended")
    assert (status.has_results, status.done, status.failed) == (True, 0, 2)
    answers = collect(provider, remote_id, tmp_path / "results")
    assert [one.finish for one in answers] == ["error", "error"]
    assert not any(one.retryable for one in answers)
    assert answers[0].problem == "OpenAI answered 400: The request is invalid."


def test_an_empty_id_is_no_file(provider, emulator, tmp_path):
    emulator.faults.add("end", "empty-string-ids")
    remote_id = hand_in(provider, tmp_path, "a")
    assert wait_for(provider, remote_id, "ended").has_results
    assert emulator.load("batch", remote_id)["error_file_id"] == ""
    assert [one.finish for one in collect(provider, remote_id, tmp_path / "r")] == ["complete"]
    batch = emulator.load("batch", remote_id)
    emulator.save("batch", remote_id, {**batch, "output_file_id": ""})
    assert not provider.status(remote_id).has_results
    assert provider.download(remote_id, tmp_path) == []


def test_results_that_are_gone_are_not_invented(provider, emulator, tmp_path):
    emulator.faults.add("end", "output-gone")
    remote_id = hand_in(provider, tmp_path, "a")
    assert wait_for(provider, remote_id, "ended").has_results
    folder = tmp_path / "results"
    folder.mkdir()
    assert provider.download(remote_id, folder) == []
    assert not [path for path in folder.iterdir() if path.suffix == ".jsonl"]


@pytest.mark.parametrize("end", ["download-502", "download-late"])
def test_results_that_are_not_given_now_are_fetched_later(provider, emulator, tmp_path, end):
    emulator.faults.add("end", end)
    remote_id = hand_in(provider, tmp_path, "a")
    wait_for(provider, remote_id, "ended")
    with pytest.raises(ProviderBusy):
        provider.download(remote_id, tmp_path)
    assert len(collect(provider, remote_id, tmp_path / "results")) == 1


def test_a_wrong_address_is_not_taken_for_a_batch_that_is_gone(make, emulator, tmp_path):
    remote_id = hand_in(make(), tmp_path, "a")
    lost = make(base_url=f"{emulator.url}/wrong")
    with pytest.raises(ProviderRefused, match="404"):
        lost.status(remote_id)
    with pytest.raises(ProviderRefused, match="404"):
        lost.download(remote_id, tmp_path)


def test_a_batch_that_has_ended_is_not_cancelled(provider, emulator, tmp_path):
    remote_id = hand_in(provider, tmp_path, "a")
    wait_for(provider, remote_id, "ended")
    with pytest.raises(ProviderRefused, match="did not cancel"):
        provider.cancel(remote_id)
    assert provider.status(remote_id).state == "ended"


# -- lines with faults --------------------------------------------------------------------


def test_lines_come_in_any_order_twice_not_at_all_or_for_nobody(provider, emulator, tmp_path):
    for nth, kind in enumerate(["shuffled", "doubled", "missing", "unknown-id"]):
        emulator.faults.add("line", kind, nth=nth)
    remote_id = hand_in(provider, tmp_path, *"abcd")
    wait_for(provider, remote_id, "ended")
    ids = [one.custom_id for one in collect(provider, remote_id, tmp_path / "results")]
    assert ids == ["nobody-d", "b", "b", "a"]
    assert [one["custom_id"] for one in emulator.ledger.entries("billed")] == ["a", "b", "c", "d"]


def test_what_did_not_run_is_asked_again_and_not_billed(provider, emulator, tmp_path):
    for nth, kind in enumerate(["status-zero", "http-500", "http-429"]):
        emulator.faults.add("line", kind, nth=nth)
    remote_id = hand_in(provider, tmp_path, "a", "b", "c")
    wait_for(provider, remote_id, "ended")
    answers = collect(provider, remote_id, tmp_path / "results")
    assert [(one.finish, one.retryable) for one in answers] == [("error", True)] * 3
    assert emulator.ledger.entries("billed") == []


def test_an_obeyed_injection_is_a_reply_like_any_other(provider, emulator, tmp_path):
    emulator.faults.add("line", "obeyed-injection")
    remote_id = hand_in(provider, tmp_path, "a")
    wait_for(provider, remote_id, "ended")
    (answer,) = collect(provider, remote_id, tmp_path / "results")
    parts = json.loads(answer.text)["parts"]
    assert [part["awarded"] for part in parts.values()] == [3, 2]
    assert OBEYED in parts["Q1"]["reasoning"]


def test_what_the_cache_saved_is_counted(provider, emulator, tmp_path):
    remote_id = hand_in(provider, tmp_path, "a", "b")
    wait_for(provider, remote_id, "ended")
    first, second = collect(provider, remote_id, tmp_path / "results")
    assert first.usage.cached_tokens == 0
    assert 1024 < second.usage.cached_tokens < second.usage.input_tokens


def test_a_request_that_is_no_grading_is_refused_and_nothing_is_made_up(provider, tmp_path):
    request = replace(make_request("a"), parts=(Text("Write a poem."),), fixed_parts=0)
    remote_id = provider.submit(write_lines(provider, tmp_path / "l.jsonl", [request]), "t")
    wait_for(provider, remote_id, "ended")
    (answer,) = collect(provider, remote_id, tmp_path / "results")
    assert (answer.finish, answer.retryable, answer.text) == ("error", False, "")
