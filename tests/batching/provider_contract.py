"""What the engine relies on in every batch provider, whoever the vendor is.

A test module makes a subclass of BatchContract whose name starts with Test, and gives it two
fixtures: `emulator` (started) and `provider` (talks to it). Where a vendor's emulator calls a
fault otherwise, the subclass says so in `faults`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from jsonschema import Draft202012Validator

from batching.providers.base import BatchProvider, ProviderBusy, ProviderRefused, UnreadableLine
from batching.requests import Data, Request
from tests.batching.provider_steps import (
    GLACIERS,
    LONG_AGO,
    RIVERS,
    RUBRIC,
    collect,
    hand_in,
    make_request,
    read_image,
    schema,
    wait_for,
    write_lines,
)


def spoilt(value: Any) -> Iterator[Any]:
    """The JSON value with each of its parts in turn taken away or of another type."""
    if isinstance(value, dict):
        for name, part in value.items():
            rest = {key: other for key, other in value.items() if key != name}
            yield rest
            for other in spoilt(part):
                yield {**value, name: other}
    elif isinstance(value, list):
        for number, part in enumerate(value):
            for other in spoilt(part):
                yield [*value[:number], other, *value[number + 1 :]]
    yield from (None, True, -5, 1.5, "", "text", [], [None], {}, {"a": 1})


class BatchContract:
    """The tests; see the module's first lines."""

    faults: ClassVar[dict[str, tuple[str, str]]] = {}
    """By our name: the place and the kind of the vendor's emulator, where they differ."""

    key: ClassVar[str] = ""
    """The key that the fixture gives the provider. With `emulator.reject_keys` set, the emulator
    refuses every call as the vendor refuses a wrong key, in the vendor's words.
    """

    retry_after: ClassVar[float] = 2.0
    """Seconds in the emulator's Retry-After."""

    def add(self, emulator: Any, at: str, kind: str, **more: Any) -> None:
        at, kind = self.faults.get(kind, (at, kind))
        emulator.faults.add(at, kind, **more)

    def test_it_is_a_batch_provider_with_all_that_pages_show(self, provider):
        assert isinstance(provider, BatchProvider)
        assert provider.kind == "batch"
        assert provider.missing == ""
        assert provider.model in provider.title
        assert provider.limits.lines
        assert provider.limits.bytes

    def test_a_request_is_one_line_of_json_and_the_same_bytes_every_time(self, provider):
        lines = {provider.encode(make_request("item-1"), read_image).content for _ in range(3)}
        (line,) = lines
        assert b"\n" not in line
        assert json.loads(line)
        other = provider.encode(make_request("item-2"), read_image).content
        assert other == line.replace(b"item-1", b"item-2")

    def test_what_is_equal_and_yet_written_otherwise_is_not_taken_from_the_last_request(
        self, provider
    ):
        request = make_request("one")
        first = provider.encode(request, read_image).content
        rubric = {**RUBRIC, "criteria": [{**RIVERS, "max": 3.0}, GLACIERS]}
        again = Request(
            "one", request.system, (Data("rubric", rubric), *request.parts[1:]), request.schema,
            4096, 200, request.fixed_parts,
        )  # fmt: skip
        assert again == request
        assert b'\\"max\\":3.0' in provider.encode(again, read_image).content
        assert provider.encode(request, read_image).content == first

    def test_every_request_of_a_batch_gets_its_own_answer(self, provider, emulator, tmp_path):
        remote_id = hand_in(provider, tmp_path, "item-a", "item-b", "item-c")
        status = wait_for(provider, remote_id, "ended")
        assert status.has_results
        assert (status.done, status.failed, status.total) in [(3, 0, 3), (None, None, None)]
        answers = collect(provider, remote_id, tmp_path / "results")
        assert {answer.custom_id for answer in answers} == {"item-a", "item-b", "item-c"}
        for answer in answers:
            assert answer.finish == "complete", answer.problem
            reply = json.loads(answer.text)
            assert reply["item_id"] == answer.custom_id
            assert not list(Draft202012Validator(schema()).iter_errors(reply))
            assert reply["parts"]["Q1"]["awarded"] > 0
            assert provider.model in answer.model
            assert answer.usage.output_tokens > 0
        billed = [entry["custom_id"] for entry in emulator.ledger.entries("billed")]
        assert sorted(billed) == ["item-a", "item-b", "item-c"]

    def test_an_estimate_is_near_what_is_billed_and_rather_above_it(
        self, provider, emulator, tmp_path
    ):
        request = make_request("item-a", ["written", "empty"])
        line = provider.encode(request, read_image)
        assert line.estimate == provider.estimate(request, read_image)
        remote_id = provider.submit(write_lines(provider, tmp_path / "l.jsonl", [request]), "t")
        wait_for(provider, remote_id, "ended")
        (answer,) = collect(provider, remote_id, tmp_path)
        billed = answer.usage.input_tokens
        assert billed <= line.estimate.input_tokens <= billed * 1.5
        assert line.estimate.output_tokens >= request.likely_output_tokens

    def test_a_batch_is_found_by_its_token(self, provider, tmp_path):
        since = datetime.now(UTC)
        assert provider.find("token-1", since) is None
        first = hand_in(provider, tmp_path, "a", token="token-1")
        second = hand_in(provider, tmp_path, "b", token="token-2")
        assert provider.find("token-1", since) == first
        assert provider.find("token-2", since) == second
        assert provider.find("token-3", since) is None

    def test_a_clock_that_is_a_little_ahead_hides_no_batch(self, provider, tmp_path):
        remote_id = hand_in(provider, tmp_path, "a")
        assert provider.find("token-1", datetime.now(UTC) + timedelta(minutes=20)) == remote_id

    @pytest.mark.parametrize("kind", ["reset-after-accept", "500-after-accept"])
    def test_a_batch_whose_answer_was_lost_was_created_once_and_is_found(
        self, provider, emulator, tmp_path, kind
    ):
        self.add(emulator, "create", kind)
        with pytest.raises(ProviderBusy):
            hand_in(provider, tmp_path, "a", "b")
        assert len(emulator.ledger.entries("create")) == 1
        remote_id = provider.find("token-1", LONG_AGO)
        wait_for(provider, remote_id, "ended")
        assert len(collect(provider, remote_id, tmp_path / "results")) == 2
        assert len(emulator.ledger.entries("billed")) == 2

    @pytest.mark.parametrize(
        ("at", "kind"),
        [
            ("upload", "500"),
            ("upload", "429-retry-after"),
            ("upload", "reset-mid"),
            ("create", "500"),
            ("create", "429-retry-after"),
        ],
    )
    def test_what_fails_before_a_batch_is_there_is_tried_later_and_leaves_none(
        self, provider, emulator, tmp_path, at, kind
    ):
        self.add(emulator, at, kind)
        with pytest.raises(ProviderBusy) as busy:
            hand_in(provider, tmp_path, "a")
        if kind == "429-retry-after":
            assert busy.value.retry_after == self.retry_after
        assert emulator.ledger.entries("create") == []
        assert emulator.faults.waiting() == 0
        assert provider.find("token-1", LONG_AGO) is None
        assert hand_in(provider, tmp_path, "a")

    def test_nobody_at_the_other_end_is_tried_later(self, provider, emulator, tmp_path):
        lines = write_lines(provider, tmp_path / "l.jsonl", [make_request("a")])
        emulator.stop()
        for call in (
            lambda: provider.submit(lines, "token-1"),
            lambda: provider.find("token-1", LONG_AGO),
            lambda: provider.status("batch_1"),
            lambda: provider.download("batch_1", tmp_path),
            lambda: provider.cancel("batch_1"),
        ):
            with pytest.raises(ProviderBusy):
                call()

    def test_a_state_that_nobody_knows_waits(self, provider, emulator, tmp_path):
        remote_id = hand_in(provider, tmp_path, "a")
        self.add(emulator, "status", "unknown-state")
        status = provider.status(remote_id)
        assert status.state == "unknown"
        assert status.raw
        wait_for(provider, remote_id, "ended")

    def test_a_batch_that_is_stuck_runs_until_it_goes_on(self, provider, emulator, tmp_path):
        remote_id = hand_in(provider, tmp_path, "a")
        self.add(emulator, "status", "stuck")
        assert [provider.status(remote_id).state for _ in range(3)] == ["running"] * 3
        emulator.faults.take("status")
        wait_for(provider, remote_id, "ended")

    def test_a_batch_that_is_gone_has_nothing_to_collect(self, provider, emulator, tmp_path):
        remote_id = hand_in(provider, tmp_path, "a")
        self.add(emulator, "status", "gone")
        status = provider.status(remote_id)
        assert status.state == "gone"
        assert not status.has_results
        assert status.problem
        assert provider.download(remote_id, tmp_path) == []

    def test_a_look_that_fails_says_nothing_about_the_batch(self, provider, emulator, tmp_path):
        remote_id = hand_in(provider, tmp_path, "a")
        self.add(emulator, "status", "500")
        with pytest.raises(ProviderBusy):
            provider.status(remote_id)
        self.add(emulator, "list", "500")
        with pytest.raises(ProviderBusy):
            provider.find("token-1", LONG_AGO)

    def test_a_cancelled_batch_ends(self, provider, emulator, tmp_path):
        emulator.seconds = 3600
        remote_id = hand_in(provider, tmp_path, "a")
        assert provider.status(remote_id).state in ("waiting", "running")
        provider.cancel(remote_id)
        wait_for(provider, remote_id, "cancelled")
        assert {answer.finish for answer in collect(provider, remote_id, tmp_path)} <= {
            "unanswered"
        }
        assert emulator.ledger.entries("billed") == []

    @pytest.mark.parametrize(
        ("kind", "finish"),
        [
            ("truncated", "truncated"),
            ("refusal", "refused"),
            ("blocked", "refused"),
            ("fenced", "complete"),
            ("prose", "complete"),
            ("nan", "complete"),
            ("wrong-id", "complete"),
            ("http-500", "error"),
        ],
    )
    def test_a_bad_reply_is_told_as_what_it_is_and_spoils_no_other(
        self, provider, emulator, tmp_path, kind, finish
    ):
        self.add(emulator, "line", kind, nth=0)
        remote_id = hand_in(provider, tmp_path, "a", "b")
        wait_for(provider, remote_id, "ended")
        answers = {one.custom_id: one for one in collect(provider, remote_id, tmp_path)}
        assert answers["b"].finish == "complete"
        assert answers["a"].finish == finish
        assert answers["a"].raw
        if finish != "complete":
            assert answers["a"].problem
        if kind == "http-500":
            assert answers["a"].retryable

    def test_a_line_may_be_of_any_shape_and_is_never_more_than_unreadable(self, provider, tmp_path):
        remote_id = hand_in(provider, tmp_path, "item-a")
        wait_for(provider, remote_id, "ended")
        (path,) = provider.download(remote_id, tmp_path / "")
        good = json.loads(path.read_bytes())
        read = 0
        for value in spoilt(good):
            try:
                answer = provider.read_line(json.dumps(value).encode())
            except UnreadableLine:
                continue
            read += 1
            assert answer.custom_id in ("item-a", "text")
            assert answer.finish in (
                "complete", "truncated", "refused", "error", "unanswered",
            )  # fmt: skip
            assert all(isinstance(one, str) for one in (answer.text, answer.problem, answer.model))
            assert answer.finish == "complete" or answer.problem
        assert read > 100
        for line in (b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000):
            with pytest.raises(UnreadableLine):
                provider.read_line(line)

    def test_what_is_no_answer_is_never_read_as_one(self, provider, emulator, tmp_path):
        self.add(emulator, "line", "http-500", nth=0)
        remote_id = hand_in(provider, tmp_path, "a")
        wait_for(provider, remote_id, "ended")
        (answer,) = collect(provider, remote_id, tmp_path)
        assert answer.text == ""
        assert answer.finish != "complete"

    def test_a_short_file_is_downloaded_again_and_never_taken(self, provider, emulator, tmp_path):
        self.add(emulator, "end", "download-short")
        remote_id = hand_in(provider, tmp_path, "a", "b")
        wait_for(provider, remote_id, "ended")
        folder = tmp_path / "results"
        folder.mkdir()
        with pytest.raises(ProviderBusy):
            provider.download(remote_id, folder)
        assert len(collect(provider, remote_id, folder)) == 2

    def test_a_key_that_is_refused_is_in_no_message(self, provider, emulator, tmp_path):
        emulator.reject_keys = True
        lines = write_lines(provider, tmp_path / "l.jsonl", [make_request("a")])
        for call in (
            lambda: provider.submit(lines, "token-1"),
            lambda: provider.find("token-1", LONG_AGO),
            lambda: provider.status("batch_1"),
        ):
            with pytest.raises(ProviderRefused) as refused:
                call()
            assert self.key[:10] not in str(refused.value)
            assert self.key[-4:] not in str(refused.value)
        assert self.key not in provider.account
