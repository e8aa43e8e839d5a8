"""What OpenAI, or something in its place, may answer to a call, and what the engine is told."""

from __future__ import annotations

import time

import pytest

from batching.providers.base import ProviderBusy, ProviderRefused
from batching.providers.openai import OpenAIProvider
from tests.batching.provider_steps import LONG_AGO, make_request, write_lines
from tests.emulators.base import Call, Emulator, Response

# As gateways that stand in front of OpenAI give them out.
KEY = "gateway-Secret0123456789"


class Canned(Emulator):
    """Answers every call with one response."""

    answer = Response({})

    def respond(self, call: Call) -> Response:
        self.ledger.note("call", method=call.method, path=call.path)
        return self.answer


@pytest.fixture
def canned(tmp_path):
    with Canned(tmp_path / "canned") as emulator:
        yield emulator


@pytest.fixture
def odd(canned):
    """A provider whose every call gets this answer."""

    def _odd(*args, **values):
        canned.answer = Response(*args, **values)
        return OpenAIProvider({"api_key": KEY, "base_url": f"{canned.url}/v1"})

    return _odd


@pytest.mark.parametrize(
    "answer",
    [
        {"value": {"error": {"message": "x"}}},
        {"value": []},
        {"value": None},
        {"content": b"<html>", "content_type": "text/html"},
        {"content": b"{", "content_type": "application/json"},
        {"value": {"id": "batch_other", "status": "completed"}},
    ],
)
def test_an_answer_that_is_not_the_batch_says_nothing_about_it(odd, tmp_path, answer):
    provider = odd(**answer)
    with pytest.raises(ProviderBusy):
        provider.status("batch_1")
    with pytest.raises(ProviderBusy):
        provider.download("batch_1", tmp_path)


def test_a_batch_may_lack_everything_but_its_id(odd):
    status = odd({"id": "batch_1"}).status("batch_1")
    assert (status.state, status.raw, status.has_results) == ("unknown", "", False)
    status = odd({"id": "batch_1", "status": "failed", "errors": None}).status("batch_1")
    assert (status.state, status.done, status.total) == ("refused", None, None)
    assert status.problem == "OpenAI refused the batch and gave no reason."
    counts = {"total": "3", "completed": None, "failed": 1}
    status = odd({"id": "batch_1", "status": "completed", "request_counts": counts})
    assert status.status("batch_1").failed == 1
    counts = {"total": 10**30, "completed": -1, "failed": 7}
    told = odd({"id": "batch_1", "status": "completed", "request_counts": counts}).status("batch_1")
    assert (told.total, told.done, told.failed) == (None, None, 7)


def test_a_failed_batch_with_results_is_collected(odd):
    errors = {"data": [{"code": "token_limit_exceeded"}]}
    batch = {"id": "batch_1", "status": "failed", "errors": errors, "output_file_id": "file-1"}
    status = odd(batch).status("batch_1")
    assert (status.state, status.has_results) == ("refused", True)
    batch["output_file_id"] = ""
    assert odd(batch).status("batch_1").state == "full"


def test_an_upload_without_an_id_is_tried_later(odd, tmp_path, canned):
    provider = odd({})
    lines = write_lines(provider, tmp_path / "l.jsonl", [make_request("a")])
    with pytest.raises(ProviderBusy):
        provider.submit(lines, "t")
    assert [entry["path"] for entry in canned.ledger.entries("call")] == ["/v1/files"]


def test_a_list_that_never_ends_is_not_read_for_ever(odd, canned):
    page = {"data": [{"id": "batch_1", "created_at": 2**31}], "has_more": True}
    with pytest.raises(ProviderBusy, match="again and again"):
        odd(page).find("t", LONG_AGO)
    assert len(canned.ledger.entries("call")) == 2
    assert odd({"data": None}).find("t", LONG_AGO) is None


def test_a_list_that_changes_while_it_is_read_says_nothing_about_a_batch(tmp_path):
    class Moving(Emulator):
        """The batch that ends the first page is gone when the second one is asked for."""

        def respond(self, call: Call) -> Response:
            if "after" in call.query:
                return Response({"error": {"message": "No batch found."}}, status=404)
            newest = {"id": "batch_1", "created_at": 2**31}
            return Response({"data": [newest], "has_more": True})

    with Moving(tmp_path / "moving") as moving:
        provider = OpenAIProvider({"api_key": KEY, "base_url": f"{moving.url}/v1"})
        with pytest.raises(ProviderBusy, match="changed while it was read"):
            provider.find("t", LONG_AGO)


def error(message="m", **more):
    return {"error": {"message": message, "type": "t", "code": None, **more}}


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "7", "retry-after-ms": "1500"}, 1.5, 1.5),
        ({"Retry-After": "-3"}, 0, 0),
        ({"Retry-After": "9e99"}, 86_400, 86_400),
        (
            {"Retry-After": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(4e9))},
            86_400,
            86_400,
        ),
    ],
)
def test_the_time_that_openai_names_is_waited(odd, headers, low, high):
    with pytest.raises(ProviderBusy) as busy:
        odd(error(), 429, headers).status("batch_1")
    assert low <= busy.value.retry_after <= high


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}, {"Retry-After": "nan"}])
def test_without_a_time_there_is_none(odd, headers):
    with pytest.raises(ProviderBusy) as busy:
        odd(error(), 503, headers).status("batch_1")
    assert busy.value.retry_after is None


def test_an_account_without_credit_is_asked_again_in_an_hour(odd):
    with pytest.raises(ProviderBusy, match="quota") as busy:
        odd(error("You exceeded your quota.", code="insufficient_quota"), 429).status("batch_1")
    assert busy.value.retry_after == 3600


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_what_may_pass_is_tried_later_and_only_once(odd, canned, status):
    with pytest.raises(ProviderBusy, match=str(status)):
        odd(error(), status).status("batch_1")
    assert len(canned.ledger.entries("call")) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422])
def test_what_will_not_pass_is_refused(odd, status):
    with pytest.raises(ProviderRefused, match=f"{status}: The reason"):
        odd(error("The reason"), status).status("batch_1")


def test_the_key_is_in_no_message_whatever_openai_quotes(odd):
    said = f"Bad key {KEY} or sk-abc-1234 or wxyz*****1234."
    for status, kind in ((400, ProviderRefused), (500, ProviderBusy)):
        with pytest.raises(kind) as told:
            odd(error(said), status).status("batch_1")
        assert not any(part in str(told.value) for part in (KEY, "sk-", "wxyz", "Secret"))
    batch = {"id": "b", "status": "failed", "errors": {"data": [{"message": said}]}}
    assert "sk-" not in odd(batch).status("b").problem
