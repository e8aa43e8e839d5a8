"""Gemini through Google's own SDK, talking to the emulator over a socket: the batches."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from batching.providers import gemini
from batching.providers.base import ProviderBusy, ProviderRefused
from batching.providers.gemini import GeminiProvider
from batching.providers.options import BadOption
from tests.batching.provider_contract import (
    LONG_AGO,
    BatchContract,
    collect,
    hand_in,
    make_request,
    read_image,
    wait_for,
    write_lines,
)
from tests.emulators.gemini import GeminiEmulator

KEY = "AIzaSyEmulated0123456789abcdefghijklmno"


@pytest.fixture
def emulator(tmp_path):
    with GeminiEmulator(tmp_path / "gemini") as emulator:
        yield emulator


@pytest.fixture
def provider(emulator):
    return make_provider(emulator)


def make_provider(emulator, **options):
    return GeminiProvider({"api_key": KEY, "base_url": emulator.base_url, **options})


class TestContract(BatchContract):
    key = KEY
    faults = {"refusal": ("line", "finish-SAFETY"), "http-500": ("line", "error-13")}


def calls(emulator, ending):
    """How often an address with this ending was called."""
    return sum(entry["path"].endswith(ending) for entry in emulator.ledger.entries("call"))


def test_nothing_but_our_token_and_the_lines_is_told_about_a_file(provider, emulator, tmp_path):
    path = write_lines(provider, tmp_path / "class-7-C.jsonl", [make_request("a")])
    provider.submit(path, "token-7")
    (upload,) = emulator.ledger.entries("upload")
    assert (upload["token"], upload["file_name"]) == ("token-7", "")
    assert upload["bytes"] == path.stat().st_size
    (create,) = emulator.ledger.entries("create")
    assert (create["token"], create["custom_ids"]) == ("token-7", ["a"])


def test_our_key_and_version_are_used_whatever_the_environment_says(
    emulator, tmp_path, monkeypatch
):
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "somebody-else")
    monkeypatch.setenv("GOOGLE_API_KEY", "another-key")
    monkeypatch.setenv("GOOGLE_GENAI_API_VERSION", "v1")
    provider = make_provider(emulator)
    wait_for(provider, hand_in(provider, tmp_path, "a"), "ended")
    assert emulator.keys == {KEY}


# -- handing in ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["500", "503", "409", "reset", "no-json", "500-after-accept"])
def test_a_batch_is_never_asked_for_twice_by_one_submission(provider, emulator, tmp_path, fault):
    emulator.faults.add("create", fault)
    with pytest.raises(ProviderBusy, match="Creating the batch"):
        hand_in(provider, tmp_path, "a")
    assert calls(emulator, ":batchGenerateContent") == 1


def test_the_wait_that_google_names_is_kept_in_either_of_its_two_forms(
    provider, emulator, tmp_path
):
    for fault, seconds in (("429-retry-after", 2), ("429-retry-info", 3), ("503", None)):
        emulator.faults.add("create", fault)
        with pytest.raises(ProviderBusy) as busy:
            hand_in(provider, tmp_path, "a")
        assert busy.value.retry_after == seconds


def test_a_refusal_says_which_call_was_refused_and_in_googles_words(emulator, tmp_path):
    provider = make_provider(emulator, model="flash-of-genius")
    with pytest.raises(ProviderRefused, match=r"Creating the batch: .* 404: .*flash-of-genius"):
        hand_in(provider, tmp_path, "a")
    emulator.faults.add("upload", "403")
    with pytest.raises(ProviderRefused, match=r"Uploading the requests: .* 403: The caller"):
        hand_in(provider, tmp_path, "a")


def test_a_key_of_any_form_is_in_no_message(emulator, tmp_path):
    provider = make_provider(emulator, api_key="lab-42-key")
    emulator.reject_keys = True
    with pytest.raises(ProviderRefused, match="has been suspended") as refused:
        hand_in(provider, tmp_path, "a")
    assert "lab-42-key" not in str(refused.value)
    assert emulator.keys == {"lab-42-key"}


def test_a_file_that_google_is_still_taking_in_is_waited_for(provider, emulator, tmp_path):
    emulator.faults.add("upload", "processing")
    assert hand_in(provider, tmp_path, "a").startswith("batches/")


def test_whoever_hands_in_is_held_up_by_a_file_for_a_minute_at_most(
    provider, emulator, tmp_path, monkeypatch
):
    emulator.faults.add("upload", "processing", times=2)
    emulator.takes_in = False
    naps: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(naps), sleep=naps.append)
    monkeypatch.setattr(gemini, "time", clock)
    with pytest.raises(ProviderBusy, match="still taking the file in"):
        hand_in(provider, tmp_path, "a")
    assert 30 < sum(naps) <= 60
    emulator.takes_in = True
    assert hand_in(provider, tmp_path, "a").startswith("batches/")


def test_nobody_can_have_a_file_waited_for_until_the_task_is_killed():
    with pytest.raises(BadOption, match="file_seconds must be at least 0 and at most 120"):
        GeminiProvider({"file_seconds": 600})


def test_the_model_of_the_configuration_is_the_one_that_is_asked_for(emulator, tmp_path):
    provider = make_provider(emulator, model="models/gemini-2.5-pro")
    wait_for(provider, hand_in(provider, tmp_path, "a"), "ended")
    (create,) = emulator.ledger.entries("create")
    assert create["model"] == provider.model == "gemini-2.5-pro"


def test_a_file_that_google_cannot_take_in_is_refused(provider, emulator, tmp_path):
    emulator.faults.add("upload", "unusable")
    with pytest.raises(ProviderRefused, match="could not take the file in"):
        hand_in(provider, tmp_path, "a")
    assert not emulator.ledger.entries("create")


def test_a_large_file_goes_up_in_pieces_and_comes_whole(provider, emulator, tmp_path):
    requests = [make_request(f"item-{n}") for n in range(140)]
    path = write_lines(provider, tmp_path / "lines.jsonl", requests)
    assert path.stat().st_size > 8 * 1024 * 1024  # the SDK's pieces
    provider.submit(path, "token-1")
    (create,) = emulator.ledger.entries("create")
    assert create["custom_ids"] == [request.custom_id for request in requests]


# -- finding ---------------------------------------------------------------------------------


def test_a_batch_is_found_on_any_page_of_the_list(provider, emulator, tmp_path):
    emulator.page_size = 2
    names = [hand_in(provider, tmp_path, "a", token=f"token-{n}") for n in range(7)]
    for number, name in enumerate(names):
        assert provider.find(f"token-{number}", datetime.now(UTC)) == name


def test_of_two_batches_with_one_token_the_older_is_ours_unless_it_failed(
    provider, emulator, tmp_path
):
    first, second = (hand_in(provider, tmp_path, "a") for _ in range(2))
    assert provider.find("token-1", LONG_AGO) == first
    emulator.faults.add("status", "refused")
    assert provider.status(first).state == "refused"
    assert provider.find("token-1", LONG_AGO) == second
    emulator.faults.add("status", "refused")
    assert provider.status(second).state == "refused"
    assert provider.find("token-1", LONG_AGO) == first


def test_a_list_without_end_is_not_taken_for_a_no(provider, emulator, tmp_path):
    hand_in(provider, tmp_path, "a")
    emulator.faults.add("list", "endless")
    with pytest.raises(ProviderBusy, match="does not end"):
        provider.find("token-9", LONG_AGO)


# -- states ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "state", "has_results", "problem", "billed"),
    [
        ("expired", "ended", False, "expired", 0),
        ("cancelled-in-console", "cancelled", True, "", 2),
        ("cancelled-early", "cancelled", False, "", 0),
        ("failed", "refused", True, "Internal error", 2),
        ("partial", "ended", True, "", 4),
        ("no-output", "ended", False, "names no results", 4),
    ],
)
def test_every_end_is_told_as_it_is_with_what_can_be_collected(
    provider, emulator, tmp_path, fault, state, has_results, problem, billed
):
    emulator.faults.add("end", fault)
    remote_id = hand_in(provider, tmp_path, "a", "b", "c", "d")
    status = wait_for(provider, remote_id, "ended", "cancelled", "refused")
    assert (status.state, status.has_results) == (state, has_results)
    assert problem in status.problem
    assert bool(problem) == bool(status.problem)
    assert (status.done, status.failed, status.total) == (billed, 0, 4)
    answers = collect(provider, remote_id, tmp_path / "results")
    assert len(answers) == (billed if has_results else 0)
    assert len(emulator.ledger.entries("billed")) == billed


def test_a_job_for_which_there_was_no_room_can_be_handed_in_again(provider, emulator, tmp_path):
    emulator.faults.add("status", "token-limit")
    status = provider.status(hand_in(provider, tmp_path, "a"))
    assert (status.state, status.has_results) == ("full", False)
    assert "Too many enqueued tokens" in status.problem


def test_a_batch_that_shows_no_state_is_not_guessed_at(provider, emulator, tmp_path):
    remote_id = hand_in(provider, tmp_path, "a")
    emulator.seconds = 3600
    emulator.faults.add("status", "no-state")
    assert provider.status(remote_id).state == "unknown"


def test_a_page_of_some_proxy_is_no_proof_that_a_batch_is_gone(provider, emulator, tmp_path):
    remote_id = hand_in(provider, tmp_path, "a")
    emulator.faults.add("status", "no-json")
    with pytest.raises(ProviderBusy):
        provider.status(remote_id)
    stranger = make_provider(emulator, base_url=f"{emulator.base_url}/proxy")
    assert stranger.status(remote_id).state == "gone"  # in Google's own words
    emulator.faults.add("status", "403")
    with pytest.raises(ProviderRefused):
        provider.status(remote_id)


def test_a_line_that_google_does_not_know_fails_the_job_and_is_named(provider, emulator, tmp_path):
    for wrong in (
        lambda line: line.replace(b'{"key":', b'{"custom_id":'),
        lambda line: line.replace(b'"generation_config"', b'"config"'),
        lambda line: line.replace(b'"maximum"', b'"exclusiveMaximum"', 1),
        lambda line: line.replace(b"/9j/", b"====", 1),
        lambda line: line[:-1],
    ):
        lines = [provider.encode(make_request(one), read_image).content for one in "ab"]
        path = tmp_path / "lines.jsonl"
        path.write_bytes(lines[0] + b"\n" + wrong(lines[1]) + b"\n")
        status = wait_for(provider, provider.submit(path, "token"), "refused")
        assert "line 2" in status.problem
        assert not status.has_results
    assert not emulator.ledger.entries("billed")


def test_a_batch_that_has_ended_cannot_be_cancelled_any_more(provider, tmp_path):
    remote_id = hand_in(provider, tmp_path, "a")
    wait_for(provider, remote_id, "ended")
    with pytest.raises(ProviderRefused, match=r"Cancelling the batch: .*ended already"):
        provider.cancel(remote_id)
