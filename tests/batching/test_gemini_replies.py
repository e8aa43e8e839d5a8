"""What comes back from Gemini: files of results, and the replies in them."""

import json

import pytest

from batching.providers.base import ProviderBusy, Usage
from batching.providers.gemini import GeminiProvider
from batching.providers.gemini_replies import read_line, read_status
from batching.reply import InvalidReply, read_reply, validator_for
from tests.batching.provider_steps import (
    collect,
    hand_in,
    schema,
    wait_for,
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


def answer_with(emulator, provider, folder, fault):
    """The answer to the one request of a batch, whose line has this fault."""
    emulator.faults.add("line", fault, nth=0)
    remote_id = hand_in(provider, folder, "item-a")
    wait_for(provider, remote_id, "ended")
    (answer,) = collect(provider, remote_id, folder / "results")
    return answer


# -- results ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["in-response", "as-address", "shuffled"])
def test_results_are_found_wherever_google_names_them_and_in_any_order(
    provider, emulator, tmp_path, fault
):
    emulator.faults.add("end", fault)
    remote_id = hand_in(provider, tmp_path, *"abcde")
    assert wait_for(provider, remote_id, "ended").has_results
    answers = collect(provider, remote_id, tmp_path / "results")
    assert sorted(answer.custom_id for answer in answers) == list("abcde")
    for answer in answers:
        assert json.loads(answer.text)["item_id"] == answer.custom_id


@pytest.mark.parametrize("fault", ["download-late", "download-502", "download-torn"])
def test_results_that_do_not_come_whole_are_fetched_again(provider, emulator, tmp_path, fault):
    emulator.faults.add("end", fault)
    remote_id = hand_in(provider, tmp_path, "a", "b")
    wait_for(provider, remote_id, "ended")
    folder = tmp_path / "results"
    folder.mkdir()
    with pytest.raises(ProviderBusy, match="Downloading the results"):
        provider.download(remote_id, folder)
    assert not list(folder.glob("*.jsonl"))
    assert len(collect(provider, remote_id, folder)) == 2


def test_results_that_stay_away_for_long_are_gone(emulator, tmp_path):
    emulator.faults.add("end", "output-gone")
    patient = make_provider(emulator, results_seconds=3600)
    remote_id = hand_in(patient, tmp_path, "a")
    wait_for(patient, remote_id, "ended")
    with pytest.raises(ProviderBusy, match="not there yet"):
        patient.download(remote_id, tmp_path)
    assert make_provider(emulator, results_seconds=0).download(remote_id, tmp_path) == []


def test_an_empty_file_is_no_result_where_requests_were_answered(provider, emulator, tmp_path):
    emulator.faults.add("line", "missing", nth=0)
    remote_id = hand_in(provider, tmp_path, "a")
    assert wait_for(provider, remote_id, "ended").done == 1
    with pytest.raises(ProviderBusy, match="came short"):
        provider.download(remote_id, tmp_path)


# -- replies ---------------------------------------------------------------------------------


def test_a_reply_among_thoughts_and_in_pieces_is_put_together(provider, emulator, tmp_path):
    answer = answer_with(emulator, provider, tmp_path, "thought-parts")
    assert answer.finish == "complete"
    assert "Let me look" not in answer.text
    assert read_reply(answer, "item-a", validator_for(schema()))["item_id"] == "item-a"


def test_a_reply_in_the_nested_form_is_taken_too(provider, emulator, tmp_path):
    answer = answer_with(emulator, provider, tmp_path, "nested")
    assert read_reply(answer, "item-a", validator_for(schema()))


def test_what_the_model_thought_is_part_of_the_output_that_is_paid(provider, emulator, tmp_path):
    answer = answer_with(emulator, provider, tmp_path, "")
    told = json.loads(answer.raw)["response"]["usageMetadata"]
    assert told["thoughtsTokenCount"] > 0
    assert answer.usage.output_tokens == told["candidatesTokenCount"] + told["thoughtsTokenCount"]
    assert answer.usage.input_tokens == told["promptTokenCount"]
    assert answer.model == "gemini-2.5-flash"


def test_counts_that_cannot_be_are_no_tokens_and_together_fit_into_a_column():
    most = 2**31 - 1
    told = {"promptTokenCount": -7, "candidatesTokenCount": most, "thoughtsTokenCount": str(most)}
    line = json.dumps({"key": "a", "response": {"usageMetadata": told}}).encode()
    assert read_line(line).usage == Usage(0, most)


@pytest.mark.parametrize(
    ("fault", "finish", "retryable", "problem"),
    [
        ("cut", "truncated", True, "token limit"),
        ("cut-thoughts", "truncated", True, "token limit"),
        ("all-null", "error", True, "is empty"),
        ("empty", "error", True, "no text"),
        ("null-response", "error", True, "no reply"),
        ("no-response", "error", True, "no reply"),
        ("blocked", "refused", False, "PROHIBITED_CONTENT"),
        ("finish-SAFETY", "refused", False, "SAFETY"),
        ("finish-RECITATION", "refused", False, "RECITATION"),
        ("finish-PROHIBITED_CONTENT", "refused", False, "PROHIBITED_CONTENT"),
        ("finish-SPII", "refused", False, "SPII"),
        ("finish-BLOCKLIST", "refused", False, "BLOCKLIST"),
        ("finish-OTHER", "refused", False, "OTHER"),
        ("finish-MALFORMED_RESPONSE", "error", True, "MALFORMED_RESPONSE"),
        ("finish-NOBODY_KNOWS", "error", True, "NOBODY_KNOWS"),
        ("error-3", "error", False, "(3)"),
        ("error-400", "error", False, "(400)"),
        ("error-8", "error", True, "(8)"),
        ("error-13", "error", True, "(13)"),
        ("error-14", "error", True, "(14)"),
        ("error-429", "error", True, "(429)"),
        ("error-503", "error", True, "(503)"),
        ("error-1", "unanswered", True, "cancelled"),
    ],
)
def test_a_reply_that_is_none_is_told_as_what_it_is(
    provider, emulator, tmp_path, fault, finish, retryable, problem
):
    answer = answer_with(emulator, provider, tmp_path, fault)
    assert (answer.finish, answer.retryable) == (finish, retryable)
    assert problem in answer.problem
    with pytest.raises(InvalidReply):
        read_reply(answer, "item-a", validator_for(schema()))


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("repeated-code", "a key stands twice"),
        ("repeated-key", "a key stands twice"),
        ("above-maximum", "parts/Q1/awarded"),
        ("nan", "NaN is not a JSON number"),
        ("wrong-id", "the id of another request"),
        ("broken-json", "not valid JSON"),
        ("prose", "not valid JSON"),
        ("thoughts", "not valid JSON"),
    ],
)
def test_a_reply_that_is_wrong_gives_no_marks(provider, emulator, tmp_path, fault, problem):
    answer = answer_with(emulator, provider, tmp_path, fault)
    with pytest.raises(InvalidReply, match=problem):
        read_reply(answer, "item-a", validator_for(schema()))


def test_marks_that_the_sheet_ordered_are_legal_and_remain_a_persons_to_see(
    provider, emulator, tmp_path
):
    answer = answer_with(emulator, provider, tmp_path, "obeyed-injection")
    reply = read_reply(answer, "item-a", validator_for(schema()))
    assert [part["awarded"] for part in reply["parts"].values()] == [3, 2]


@pytest.mark.parametrize(
    ("fault", "ids"),
    [
        ("missing", ["b"]),
        ("doubled", ["a", "a", "b"]),
        ("unknown-id", ["b", "nobody-knows-this-key"]),
    ],
)
def test_lines_are_known_by_their_keys_alone(provider, emulator, tmp_path, fault, ids):
    emulator.faults.add("line", fault, nth=0)
    remote_id = hand_in(provider, tmp_path, "a", "b")
    wait_for(provider, remote_id, "ended")
    answers = collect(provider, remote_id, tmp_path / "results")
    assert sorted(answer.custom_id for answer in answers) == ids
    assert len(emulator.ledger.entries("billed")) == 2


def test_an_emulator_that_was_stopped_goes_on_after_the_last_line(provider, emulator, tmp_path):
    remote_id = hand_in(provider, tmp_path, *"abc")
    batch = emulator.load("batch", remote_id)
    emulator.save("batch", remote_id, {**batch, "state": "RUNNING", "fault": ""})
    emulator._run(remote_id, 0, emulator.lines_of(batch["file"])[0])
    emulator.stop()
    with GeminiEmulator(emulator.folder) as again:
        provider = make_provider(again)
        wait_for(provider, remote_id, "ended")
        answers = collect(provider, remote_id, tmp_path / "results")
        assert [answer.custom_id for answer in answers] == list("abc")
        assert [one["custom_id"] for one in again.ledger.entries("billed")] == list("abc")


# -- operations, as they are seen on the wire ------------------------------------------------


def operation(state=None, **more):
    metadata = {} if state is None else {"state": state}
    return {"name": "batches/1", "metadata": {**metadata, **more.pop("metadata", {})}, **more}


FILE = {"responsesFile": "files/batch-1"}


@pytest.mark.parametrize(
    ("told", "state", "has_results"),
    [
        (operation("BATCH_STATE_PENDING"), "waiting", False),
        (operation("JOB_STATE_QUEUED"), "waiting", False),
        (operation("BATCH_STATE_RUNNING"), "running", False),
        (operation("JOB_STATE_CANCELLING"), "running", False),
        (operation("BATCH_STATE_SUCCEEDED", response=FILE), "ended", True),
        (operation("JOB_STATE_SUCCEEDED", metadata={"output": FILE}), "ended", True),
        (operation("BATCH_STATE_PARTIALLY_SUCCEEDED", response=FILE), "ended", True),
        (operation("BATCH_STATE_EXPIRED", metadata={"output": FILE}), "ended", True),
        (operation("BATCH_STATE_CANCELLED", error={"code": 1}), "cancelled", False),
        (operation("BATCH_STATE_FAILED", error={"code": 3, "message": "no"}), "refused", False),
        (operation("BATCH_STATE_FAILED", error={"code": 8}), "full", False),
        (operation("BATCH_STATE_FAILED", error={"code": 8}, response=FILE), "refused", True),
        (operation("BATCH_STATE_PAUSED", done=True, response=FILE), "unknown", True),
        (operation(done=True, response=FILE), "ended", True),
        (operation("BATCH_STATE_UNSPECIFIED", done=True, error={"code": 1}), "cancelled", False),
        (operation(done=True, error={"code": 13}), "refused", False),
        (operation(done=True), "unknown", False),
        (operation(response=FILE), "unknown", True),
        ({"name": "batches/1", "metadata": None, "error": "?", "response": []}, "unknown", False),
    ],
)
def test_a_state_is_told_by_its_name_and_only_without_one_by_what_else_is_there(
    told, state, has_results
):
    status = read_status(told)
    assert (status.state, status.has_results) == (state, has_results)
    assert status.raw
    assert bool(status.problem) == (state in ("refused", "full"))


def test_counts_are_texts_in_which_zeros_are_left_out():
    stats = {"requestCount": "12", "successfulRequestCount": "9", "pendingRequestCount": "3"}
    status = read_status(operation("BATCH_STATE_RUNNING", metadata={"batchStats": stats}))
    assert (status.done, status.failed, status.total) == (9, 0, 12)
    for nothing in ({}, {"requestCount": "many"}, {"requestCount": -1}, "none"):
        status = read_status(operation("BATCH_STATE_RUNNING", metadata={"batchStats": nothing}))
        assert (status.done, status.failed, status.total) == (None, None, None)
