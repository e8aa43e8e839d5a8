"""OpenAI's Files and Batches over HTTP, as far as the batch API goes, with faults on demand.

OpenAI's own SDK talks to it under `base_url`. A batch ends when its seconds are over; then its
lines are worked on (tests/emulators/openai_worker.py), each one billed in the ledger once.

The ledger: `upload` (file, name, bytes, lines), `create` (batch, token, custom_ids), `billed`
(batch, custom_id, input_tokens, cached_tokens, output_tokens), `cancel` (batch), `download`
(file) and `list` (after).

| place | kind | what happens |
| --- | --- | --- |
| upload | 500, 429-retry-after | the upload is answered so |
| upload | reset-mid | the connection breaks while the file is sent |
| create | 500, 429-retry-after | nothing is created |
| create | reset-after-accept, 500-after-accept | created, and the answer is lost |
| create | cannot-find-file | 400, as right after an upload |
| list | 500, 429-retry-after | the list is answered so |
| status | 500, 429-retry-after | the look is answered so |
| status | stuck | in_progress until a test takes this fault away (`faults.take("status")`) |
| status | unknown-state | a state that nobody knows, once |
| status | gone | 404 from now on |
| status | token-limit | failed with token_limit_exceeded; nothing ran |
| status | refused | failed with an error of line 1; nothing ran |
| end | expired, cancelled-in-console | half of the lines ran, the others are in the error file |
| end | only-error-file | every line ended with 400; there is no output file |
| end | empty-string-ids | "" for the file that there is none of, instead of null |
| end | output-gone | the output file is 404, and so is its content |
| end | download-502, download-short, download-late | the first download of the output: 502, cut
  in the middle, 404 although the file is there |
| line | the kinds of mangle.py | what the model wrote |
| line | refusal, blocked | the model refuses; the filter takes the reply |
| line | missing, doubled, unknown-id | ran and billed; no line, two lines, a line of nobody |
| line | shuffled | all lines of the batch come in reverse order |
| line | status-zero, http-500, http-429 | not run, not billed |
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.emulators.base import Call, Reset, Response
from tests.emulators.openai_files import DAY, Files
from tests.emulators.openai_http import FAILURES, failure, failure_of, found
from tests.emulators.openai_judge import ENDPOINTS, input_errors, requests_of
from tests.emulators.openai_worker import Desk, Done

# How long a look waits for work that has begun, so that small batches end at the first look.
PATIENCE = 20.0
ENDS = ("failed", "completed", "expired", "cancelled")
SHUFFLED = "shuffled"
STUCK = "stuck"
TOKEN_LIMIT = {
    "code": "token_limit_exceeded",
    "line": None,
    "message": "Enqueued token limit reached. Please try again once some batches have completed.",
    "param": None,
}
BROKEN_LINE = {
    "code": "invalid_json_line",
    "line": 1,
    "message": "This line is not parseable as valid JSON.",
    "param": None,
}
BAD_REQUEST = {
    "message": "The request is invalid.",
    "type": "invalid_request_error",
    "param": None,
    "code": None,
}


class OpenAIEmulator(Files):
    """The service on a loopback port; its state lies in `folder`."""

    name = "openai"

    def __init__(self, folder: Path, *, port: int = 0, seconds: float = 0.0) -> None:
        super().__init__(folder, port=port, seconds=seconds)
        self.reject_keys = False
        self._workers: dict[str, threading.Thread] = {}

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL is to be."""
        return f"{self.url}/v1"

    def respond(self, call: Call) -> Response:
        key = call.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if self.reject_keys or not key:
            # As OpenAI words it, with a part of the key.
            shown = f"{key[:8]}{'*' * 12}{key[-4:]}"
            return failure(401, f"Incorrect API key provided: {shown}.", code="invalid_api_key")
        match [call.method, *call.path.removeprefix("/v1").strip("/").split("/")]:
            case ["POST", "files"]:
                return self.upload(call)
            case ["GET", "files", file_id]:
                return found(self.load("file", file_id), f"No such File object: {file_id}")
            case ["GET", "files", file_id, "content"]:
                return self.content(file_id)
            case ["DELETE", "files", file_id]:
                return self.delete(file_id)
            case ["POST", "batches"]:
                return self._create(call)
            case ["GET", "batches"]:
                return self._list(call)
            case ["GET", "batches", batch_id]:
                return self._status(batch_id)
            case ["POST", "batches", batch_id, "cancel"]:
                return self._cancel(batch_id)
        return failure(404, f"Invalid URL ({call.method} {call.path})")

    # -- batches --------------------------------------------------------------------------

    def _create(self, call: Call) -> Response:
        fault = self.faults.take("create")
        if fault in FAILURES:
            return failure_of(fault)
        asked = call.json()
        file_id = asked.get("input_file_id")
        file = self.load("file", str(file_id))
        if file is None or fault == "cannot-find-file":
            return failure(400, f"Cannot find file {file_id}, or organization has no access.")
        if file["purpose"] != "batch":
            return failure(400, "The purpose of the file must be 'batch'.", param="input_file_id")
        if asked.get("endpoint") not in ENDPOINTS:
            return failure(400, "Invalid value: 'endpoint'.", param="endpoint")
        if asked.get("completion_window") != "24h":
            return failure(400, "Invalid value: 'completion_window'.", param="completion_window")
        if problem := _metadata_problem(asked.get("metadata") or {}):
            return failure(400, problem, param="metadata")
        batch = self._new_batch(asked)
        ids = [_custom_id(line) for line in requests_of(self.stored(str(file_id)))]
        token = (asked.get("metadata") or {}).get("sheaf")
        self.ledger.note("create", batch=batch["id"], token=token, custom_ids=ids)
        if fault == "reset-after-accept":
            raise Reset
        return failure_of("500") if fault == "500-after-accept" else Response(_shown(batch))

    def _new_batch(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        now = time.time()
        batch = {
            "id": f"batch_{uuid.uuid4().hex[:24]}",
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": None,
            "input_file_id": asked["input_file_id"],
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": int(now),
            "expires_at": int(now) + DAY,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked.get("metadata") or {},
            "_created": now,
        }
        self.save("batch", batch["id"], batch)
        return batch

    def _list(self, call: Call) -> Response:
        if fault := self.faults.take("list"):
            return failure_of(fault)
        limit = call.query.get("limit", "20")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100:
            return failure(400, "Invalid 'limit': expected 1 to 100.", param="limit")
        batches = [batch for batch in self.all("batch") if not batch.get("_gone")]
        batches.sort(key=lambda batch: batch["_created"], reverse=True)
        ids = [batch["id"] for batch in batches]
        after = call.query.get("after")
        if after is not None and after not in ids:
            return failure(404, f"No batch found with id '{after}'.")
        self.ledger.note("list", after=after)
        start = ids.index(after) + 1 if after else 0
        page = [_shown(self._advance(one)) for one in ids[start : start + int(limit)]]
        return Response(
            {
                "object": "list",
                "data": page,
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
                "has_more": start + len(page) < len(ids),
            }
        )

    def _status(self, batch_id: str) -> Response:
        batch = self.load("batch", batch_id)
        fault = self.faults.peek("status")
        if fault and fault != STUCK:
            fault = self.faults.take("status")
        if fault in FAILURES:
            return failure_of(fault)
        if batch is None or batch.get("_gone") or fault == "gone":
            if batch is not None:
                self.save("batch", batch_id, {**batch, "_gone": True})
            return failure(404, f"No batch found with id '{batch_id}'.")
        if fault == STUCK:
            return Response(_shown({**batch, "status": "in_progress"}))
        if fault == "unknown-state":
            return Response(_shown({**batch, "status": "waiting_for_review"}))
        if fault in ("token-limit", "refused"):
            self._fail(batch, [TOKEN_LIMIT if fault == "token-limit" else BROKEN_LINE])
        return Response(_shown(self._advance(batch_id)))

    def _cancel(self, batch_id: str) -> Response:
        with self.lock:
            batch = self.load("batch", batch_id)
            if batch is None or batch.get("_gone"):
                return failure(404, f"No batch found with id '{batch_id}'.")
            if batch["status"] in ENDS:
                return failure(409, f"Cannot cancel a batch with status '{batch['status']}'.")
            batch |= {"status": "cancelling", "cancelling_at": int(time.time())}
            self.save("batch", batch_id, batch)
        self.ledger.note("cancel", batch=batch_id)
        return Response(_shown(batch))

    # -- work -----------------------------------------------------------------------------

    def _advance(self, batch_id: str) -> dict[str, Any]:
        """The batch as it is by now, its work done or going on in a thread of its own."""
        with self.lock:
            batch: dict[str, Any] = self.load("batch", batch_id)
            if batch["status"] == "validating":
                if errors := input_errors(self.stored(batch["input_file_id"]), batch["endpoint"]):
                    return self._fail(batch, errors)
                total = sum(1 for _ in requests_of(self.stored(batch["input_file_id"])))
                batch["request_counts"]["total"] = total
                batch |= {"status": "in_progress", "in_progress_at": int(time.time())}
                self.save("batch", batch_id, batch)
            early = batch["status"] == "in_progress" and time.time() < self._end_of(batch)
            if batch["status"] in ENDS or early:
                return batch
            worker = self._workers.get(batch_id)
            if worker is None or not worker.is_alive():
                worker = threading.Thread(target=self._work, args=(batch_id,), daemon=True)
                self._workers[batch_id] = worker
                worker.start()
        worker.join(PATIENCE)
        ended: dict[str, Any] = self.load("batch", batch_id)
        return ended

    def _end_of(self, batch: Mapping[str, Any]) -> float:
        return float(batch["_created"]) + self.seconds

    def _fail(self, batch: dict[str, Any], errors: list[dict[str, Any]]) -> dict[str, Any]:
        batch |= {
            "status": "failed",
            "failed_at": int(time.time()),
            "errors": {"object": "list", "data": errors},
        }
        self.save("batch", batch["id"], batch)
        return batch

    def _work(self, batch_id: str) -> None:
        """Run all lines of a batch, then end it with its files."""
        batch = self.load("batch", batch_id)
        lines = list(requests_of(self.stored(batch["input_file_id"])))
        end = self.faults.take("end")
        stop = {"expired": "batch_expired", "cancelled-in-console": "batch_cancelled"}.get(end)
        reached = (len(lines) + 1) // 2 if stop else len(lines)
        desk, done, shuffled = Desk(batch_id, batch["endpoint"]), [], False
        billed = {e["custom_id"] for e in self.ledger.entries("billed") if e["batch"] == batch_id}
        for number, line in enumerate(lines):
            if stop is None and self.load("batch", batch_id)["status"] == "cancelling":
                stop, reached = "batch_cancelled", number
            if stop is not None and number >= reached:
                done.append(desk.skip(line, stop))
                continue
            if end == "only-error-file":
                done.append(desk.refuse(_custom_id(line), BAD_REQUEST))
                continue
            fault = self.faults.take("line", number)
            shuffled = shuffled or fault == SHUFFLED
            one = desk.run(line, fault)
            done.append(one)
            if one.usage is not None and _custom_id(line) not in billed:
                self._bill(batch_id, _custom_id(line), one.usage)
        status = {"batch_expired": "expired", "batch_cancelled": "cancelled"}.get(stop or "")
        self._finish(batch_id, done, status or "completed", end, backwards=shuffled)

    def _bill(self, batch_id: str, custom_id: str, usage: Mapping[str, int]) -> None:
        tokens = {f"{name}_tokens": number for name, number in usage.items()}
        self.ledger.note("billed", batch=batch_id, custom_id=custom_id, **tokens)

    def _finish(
        self, batch_id: str, done: list[Done], status: str, end: str, *, backwards: bool
    ) -> None:
        ids: dict[str, str | None] = {}
        for kind, failed in (("output", False), ("error", True)):
            lines = [line for one in done if one.failed == failed for line in one.lines]
            content = "".join(json.dumps(line) + "\n" for line in lines[:: -1 if backwards else 1])
            name = f"{batch_id}_{kind}.jsonl"
            file = self.keep(name, "batch_output", content.encode(), 30 * DAY) if lines else None
            none = "" if end == "empty-string-ids" else None
            ids[f"{kind}_file_id"] = file["id"] if file else none
        output = ids["output_file_id"]
        if output and end == "output-gone":
            self.delete(output)
        if output and end.startswith("download-"):
            self.save("download", output, end)
        failed = sum(one.failed for one in done)
        with self.lock:
            batch = self.load("batch", batch_id)
            batch |= {
                **ids,
                "status": status,
                f"{status}_at": int(time.time()),
                "request_counts": {
                    "total": len(done),
                    "completed": len(done) - failed,
                    "failed": failed,
                },
                "usage": _usage([one.usage for one in done if one.usage is not None]),
            }
            self.save("batch", batch_id, batch)


def _usage(used: list[dict[str, int]]) -> dict[str, Any]:
    totals = {name: sum(one[name] for one in used) for name in ("input", "cached", "output")}
    return {
        "input_tokens": totals["input"],
        "input_tokens_details": {"cached_tokens": totals["cached"]},
        "output_tokens": totals["output"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": totals["input"] + totals["output"],
    }


def _shown(batch: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in batch.items() if not name.startswith("_")}


def _metadata_problem(metadata: Any) -> str:
    if not isinstance(metadata, dict) or len(metadata) > 16:
        return "Invalid 'metadata': expected at most 16 pairs."
    for name, value in metadata.items():
        if not isinstance(value, str):
            return f"Invalid type for 'metadata.{name}': expected a string."
        if len(name) > 64 or len(value) > 512:
            return f"Invalid 'metadata.{name}': too long."
    return ""


def _custom_id(line: bytes) -> str:
    try:
        return str(json.loads(line)["custom_id"])
    except (ValueError, TypeError, KeyError):
        return ""
