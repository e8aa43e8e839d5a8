"""Gemini's Files and Batch API (v1beta) as Google's SDK sees it, with faults on demand.

Batches are long-running operations whose result files have names that `files.get` refuses. When
its seconds are over a batch is worked on, line by line (tests/emulators/gemini_model.py), each
line billed in the ledger once; a restarted emulator goes on after the last line.

The ledger: `call` (method, path), `upload` (file, bytes, token, file_name), `create` (batch, token,
custom_ids), `billed` (batch, custom_id, input_tokens, cached_tokens, output_tokens), `cancel`
and `download` (file).

| place | kind | what happens |
| --- | --- | --- |
| upload, create, list, status, cancel, download | 500, 503, 409, 429-retry-after, 429-retry-info, reset | nothing is done |
| the same | 403, no-json | refused; a page of HTML |
| upload | reset-mid | the connection breaks while the content is sent |
| upload | processing, unusable | the file is taken in a moment later; never |
| create | reset-after-accept, 500-after-accept | created, and the answer is lost |
| list | endless | its pages go round until a test takes this fault away |
| status | stuck | running until a test takes this fault away (`faults.take("status")`) |
| status | unknown-state, no-state | a state that nobody knows, or none, once |
| status | gone | 404 from now on |
| status | token-limit, refused | failed for want of room, or for line 1; nothing ran |
| end | expired | nothing ran, and there are no results |
| end | cancelled-in-console, cancelled-early | half of the lines ran, or none |
| end | failed, partial | failed with half of the lines; PARTIALLY_SUCCEEDED |
| end | no-output, in-response, as-address | the result file is named nowhere; in `response`
  alone; by its address |
| end | output-gone | the result file is named and not there |
| end | download-late, download-502, download-short, download-torn | the first download: 404, 502,
  cut off, complete but half |
| end | shuffled | the lines come in another order |
| line | see tests/emulators/gemini_model.py | |
"""  # noqa: E501

from __future__ import annotations

import random
import re
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.emulators.base import Call, Reset, Response
from tests.emulators.gemini_files import (
    UPLOAD,
    VERSION,
    Files,
    NotFound,
    Refused,
    fields,
    told_time,
)
from tests.emulators.gemini_model import BadLine, answer, key_of, read_line

TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch"
FINAL = ("SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED")
MODELS = re.compile(r"gemini-[\w.-]+")
# How long a look waits for work that has begun, so that small batches end at the first look.
PATIENCE = 20.0
STUCK = "stuck"
# By fault: the state in which a batch ends, and its error.
ENDS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "expired": ("EXPIRED", {"code": 4, "message": "The batch was not finished within 48 hours."}),
    "cancelled-in-console": ("CANCELLED", {"code": 1, "message": "Cancelled."}),
    "cancelled-early": ("CANCELLED", {"code": 1, "message": "Cancelled."}),
    "failed": ("FAILED", {"code": 13, "message": "Internal error encountered."}),
    "partial": ("PARTIALLY_SUCCEEDED", None),
}
STATUS_ENDS: dict[str, tuple[str, dict[str, Any]]] = {
    "token-limit": ("FAILED", {"code": 8, "message": "Too many enqueued tokens for this model."}),
    "refused": ("FAILED", {"code": 3, "message": "Failed to parse line 1 of the input file."}),
}


class GeminiEmulator(Files):
    """Takes every model called gemini-…; `page_size` is the longest page of its list."""

    name = "gemini"
    page_size = 100

    def __init__(self, folder: Path, *, port: int = 0, seconds: float = 0.0) -> None:
        super().__init__(folder, port=port, seconds=seconds)
        self._workers: dict[str, threading.Thread] = {}
        self._stopping = threading.Event()

    @property
    def base_url(self) -> str:
        """What GOOGLE_GEMINI_BASE_URL is to be."""
        return self.url

    def stop(self) -> None:
        self._stopping.set()
        super().stop()
        for worker in self._workers.values():
            worker.join(PATIENCE)

    def respond(self, call: Call) -> Response:
        self.ledger.note("call", method=call.method, path=call.path)
        try:
            if call.path == UPLOAD:
                return self.upload(call)
            if not call.path.startswith(f"/{VERSION}/"):
                raise NotFound
            self.check_key(call)
            return self._route(call, *call.path.removeprefix(f"/{VERSION}/").split("/"))
        except Refused as refused:
            return refused.response

    def _route(self, call: Call, kind: str, *rest: str) -> Response:
        name, _, action = "".join(rest).partition(":")
        match (call.method, kind, action):
            case ("POST", "models", "batchGenerateContent"):
                return self._create(call, name)
            case ("GET", "batches", "") if not name:
                return self._list(call)
            case ("GET", "batches", ""):
                return self._status(call, f"batches/{name}")
            case ("POST", "batches", "cancel"):
                return self._cancel(call, f"batches/{name}")
            case ("DELETE", "batches", ""):
                return self.delete("batch", f"batches/{name}")
            case ("GET", "files", "download"):
                return self.download(call, f"files/{name}")
            case ("GET", "files", ""):
                return Response(self.file(f"files/{name}"))
            case ("DELETE", "files", ""):
                return self.delete("file", f"files/{name}")
        raise NotFound

    # -- batches --------------------------------------------------------------------------

    def _create(self, call: Call, model: str) -> Response:
        fault = self.faults.take("create")
        self.fail(fault, call)
        if not MODELS.fullmatch(model):
            words = f"models/{model} is not found for API version {VERSION}"
            raise Refused(404, "NOT_FOUND", words)
        told = fields(call.json(), {"batch"}, "the body").get("batch", {})
        fields(told, {"displayName", "inputConfig", "webhookConfig", "priority"}, "batch")
        source = fields(told.get("inputConfig"), {"fileName"}, "batch.input_config")
        file = self.file(str(source.get("fileName")))
        if file["state"] != "ACTIVE":
            words = f"The File {file['name']} is not in an ACTIVE state."
            raise Refused(400, "FAILED_PRECONDITION", words)
        lines = self.lines_of(file["name"])
        batch = {
            "name": f"batches/{uuid.uuid4().hex[:24]}",
            "model": model,
            "token": told.get("displayName", ""),
            "file": file["name"],
            "state": "PENDING",
            "created": time.time(),
            "lines": len(lines),
            "good": 0,
            "bad": 0,
        }
        self.save("batch", batch["name"], batch)
        keys = [key_of(line) for line in lines]
        told_of = {"token": batch["token"], "model": model, "custom_ids": keys}
        self.ledger.note("create", batch=batch["name"], **told_of)
        if fault == "reset-after-accept":
            raise Reset
        if fault == "500-after-accept":
            self.fail("500", call)
        return Response(_operation(batch))

    def _list(self, call: Call) -> Response:
        fault = self.faults.peek("list")
        self.fail(fault if fault == "endless" else self.faults.take("list"), call)
        batches = [one for one in self.all("batch") if one is not None]
        batches.sort(key=lambda one: (-one["created"], one["name"]))
        begin = int(call.query.get("pageToken", "0"))
        end = begin + min(int(call.query.get("pageSize", "50")), self.page_size)
        page: dict[str, Any] = {"operations": [_operation(one) for one in batches[begin:end]]}
        if end < len(batches) or fault == "endless":
            page["nextPageToken"] = str(end % len(batches))
        return Response(page)

    def _status(self, call: Call, name: str) -> Response:
        fault = self.faults.peek("status")
        if fault and fault != STUCK:
            fault = self.faults.take("status")
        self.fail(fault, call)
        if fault == "gone":
            self.save("batch", name, None)
        batch = self._batch(name)
        if fault in STATUS_ENDS and not batch["good"] + batch["bad"]:
            state, error = STATUS_ENDS[fault]
            self._set(name, state=state, error=error, ended=time.time(), output="", fault="")
        elif batch["state"] not in FINAL and fault == STUCK:
            return Response(_operation({**batch, "state": "RUNNING"}))
        elif batch["state"] not in FINAL:
            self._advance(batch)
        operation = _operation(self._batch(name))
        if fault == "unknown-state":
            operation["metadata"]["state"] = "BATCH_STATE_WAXING_MOON"
        if fault == "no-state":
            del operation["metadata"]["state"]
        return Response(operation)

    def _cancel(self, call: Call, name: str) -> Response:
        self.fail(self.faults.take("cancel"), call)
        with self.lock:
            if self._batch(name)["state"] in FINAL:
                raise Refused(400, "FAILED_PRECONDITION", "The batch has ended already.")
            self._set(name, cancel=True)
        self.ledger.note("cancel", batch=name)
        return Response({})

    def _batch(self, name: str) -> dict[str, Any]:
        value: dict[str, Any] | None = self.load("batch", name)
        if value is None:
            raise NotFound
        return value

    def _set(self, name: str, **values: Any) -> None:
        with self.lock:
            self.save("batch", name, {**self._batch(name), **values})

    # -- work -----------------------------------------------------------------------------

    def _advance(self, batch: dict[str, Any]) -> None:
        """Begin or go on with the work of a batch whose time is over, or that shall stop."""
        if batch.get("cancel") or time.time() >= batch["created"] + self.seconds:
            self._work_on(batch["name"]).join(PATIENCE)
        else:
            self._set(batch["name"], state="RUNNING")

    def _work_on(self, name: str) -> threading.Thread:
        """The thread that works on a batch, begun or begun again."""
        with self.lock:
            worker = self._workers.get(name)
            if worker is None or not worker.is_alive():
                worker = threading.Thread(target=self._work, args=(name,), daemon=True)
                self._workers[name] = worker
                worker.start()
        return worker

    def _work(self, name: str) -> None:
        batch = self._batch(name)
        lines = self.lines_of(batch["file"])
        fault = batch.get("fault")
        if fault is None:
            fault = self.faults.take("end")
            self._set(name, state="RUNNING", fault=fault)
        if problem := _problem(lines):
            self._end(name, "FAILED", {"code": 3, "message": problem})
            return
        half = len(lines) // 2
        ran = {"expired": 0, "cancelled-early": 0, "cancelled-in-console": half, "failed": half}
        most = ran.get(fault, len(lines))
        for number in range(batch["good"] + batch["bad"], most):
            if self._stopping.is_set() or self._batch(name).get("cancel"):
                break
            self._run(name, number, lines[number])
        if self._stopping.is_set():
            return
        batch = self._batch(name)
        stopped = batch.get("cancel") and batch["good"] + batch["bad"] < len(lines)
        state, error = ENDS.get("cancelled-early" if stopped else fault, ("SUCCEEDED", None))
        self._end(name, state, error)

    def _run(self, name: str, number: int, line: bytes) -> None:
        """Run one line: its results are kept and counted, and it is billed."""
        asked, model = read_line(line), self._batch(name)["model"]
        fault = self.faults.take("line", number)
        try:
            made, usage = answer(asked, model, fault)
        except LookupError:  # there is nothing that the emulated model could do with it
            made, usage = answer(asked, model, "error-3")
        with self.lock:
            with self.path_of(_key(name)).open("ab") as file:
                file.writelines(one + b"\n" for one in made)
            batch = self._batch(name)
            self._set(name, good=batch["good"] + bool(usage), bad=batch["bad"] + (not usage))
        if usage:
            self.ledger.note(
                "billed",
                batch=name,
                custom_id=asked.key,
                input_tokens=usage["promptTokenCount"],
                cached_tokens=usage.get("cachedContentTokenCount", 0),
                output_tokens=usage["candidatesTokenCount"] + usage["thoughtsTokenCount"],
            )

    def _end(self, name: str, state: str, error: dict[str, Any] | None) -> None:
        fault, path, output = self._batch(name)["fault"], self.path_of(_key(name)), ""
        if path.exists() and state != "EXPIRED" and fault != "no-output":
            if fault == "shuffled":
                lines = path.read_bytes().splitlines(keepends=True)
                random.Random(1).shuffle(lines)
                path.write_bytes(b"".join(lines))
            output = self.give_out(_key(name), fault)
        self._set(name, state=state, error=error, ended=time.time(), output=output)


def _operation(batch: dict[str, Any]) -> dict[str, Any]:
    """A batch as it goes over the wire: zeros are left out, numbers are texts."""
    stats = {
        "requestCount": batch["lines"],
        "successfulRequestCount": batch["good"],
        "failedRequestCount": batch["bad"],
        "pendingRequestCount": batch["lines"] - batch["good"] - batch["bad"],
    }
    metadata = {
        "@type": TYPE,
        "model": f"models/{batch['model']}",
        "displayName": batch["token"],
        "createTime": told_time(datetime.fromtimestamp(batch["created"], UTC)),
        "batchStats": {word: str(number) for word, number in stats.items() if number},
        "state": f"BATCH_STATE_{batch['state']}",
        "name": batch["name"],
    }
    operation: dict[str, Any] = {"name": batch["name"], "metadata": metadata}
    if batch["state"] not in FINAL:
        return operation
    operation["done"] = True
    metadata["endTime"] = told_time(datetime.fromtimestamp(batch["ended"], UTC))
    if batch["error"]:
        operation["error"] = batch["error"]
    if batch["output"]:
        where, fault = batch["output"], batch["fault"]
        if fault == "as-address":
            where = (
                f"https://generativelanguage.googleapis.com/{VERSION}/{where}:download?alt=media"
            )
        if fault != "in-response":
            metadata["output"] = {"responsesFile": where}
        if not batch["error"]:
            operation["response"] = {"@type": f"{TYPE}Output", "responsesFile": where}
    return operation


def _problem(lines: list[bytes]) -> str:
    """What is wrong with the first line that the service does not take, or ""."""
    for number, line in enumerate(lines, start=1):
        try:
            read_line(line)
        except BadLine as bad:
            return f"Failed to parse line {number} of the input file: {bad}"
    return "" if lines else "The input file is empty."


def _key(name: str) -> str:
    """Under which the results of a batch are kept."""
    return f"ran-{name.removeprefix('batches/')}"
