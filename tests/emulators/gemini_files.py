"""Gemini's Files API: resumable uploads, files that live two days, result files to download.

Also the errors in Google's shape, and the faults that every place of the service has.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.emulators.base import Call, Emulator, Reset, Response

VERSION = "v1beta"
UPLOAD = f"/upload/{VERSION}/files"
KEY_HEADER = "x-goog-api-key"
KINDS = ("jsonl", "application/jsonl", "text/plain")
LONGEST_NAME = 40
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}
EXHAUSTED = "Resource has been exhausted (e.g. check quota)."


class Refused(Exception):
    """What is answered in place of what was asked for."""

    def __init__(self, status: int, word: str, message: str, **more: Any) -> None:
        super().__init__(message)
        error = {"code": status, "message": message, "status": word, **more}
        self.response = Response({"error": error}, status)


class NotFound(Refused):
    def __init__(self) -> None:
        super().__init__(404, "NOT_FOUND", "Requested entity was not found.")


class Files(Emulator):
    """Keeps files; the folder `bytes` holds what is in them.

    With `reject_keys` every key is refused; `keys` are those that were seen. Without `takes_in`
    a file that is being taken in stays so.
    """

    def __init__(self, folder: Path, *, port: int = 0, seconds: float = 0.0) -> None:
        super().__init__(folder, port=port, seconds=seconds)
        self.reject_keys = False
        self.takes_in = True
        self.keys: set[str] = set()
        (folder / "bytes").mkdir(exist_ok=True)

    def before_body(self, method: str, path: str) -> None:
        """An upload that breaks is one of its content, not of its announcement."""
        announced = method == "POST" and path == UPLOAD and self.load("announced", "last")
        if announced and self.faults.peek("upload") == "reset-mid":
            self.faults.take("upload")
            self.save("announced", "last", None)
            raise Reset

    def check_key(self, call: Call) -> None:
        key = call.headers.get(KEY_HEADER, "")
        self.keys.add(key)
        if not key:
            words = "API key not valid. Please pass a valid API key."
            raise Refused(400, "INVALID_ARGUMENT", words)
        if self.reject_keys:
            words = f"Permission denied: Consumer 'api_key:{key}' has been suspended."
            raise Refused(403, "PERMISSION_DENIED", words)

    def fail(self, fault: str, call: Call) -> None:
        """Let a fault happen that every place may have; another one is the place's own."""
        match fault:
            case "reset":
                raise Reset
            case "429-retry-after":
                refused = Refused(429, "RESOURCE_EXHAUSTED", EXHAUSTED)
                refused.response = Response(refused.response.value, 429, {"Retry-After": "2"})
                raise refused
            case "429-retry-info":
                raise Refused(429, "RESOURCE_EXHAUSTED", EXHAUSTED, details=[RETRY_INFO])
            case "500":
                raise Refused(500, "INTERNAL", "An internal error has occurred.")
            case "503":
                raise Refused(503, "UNAVAILABLE", "The service is currently unavailable.")
            case "409":
                raise Refused(409, "ABORTED", "The operation was aborted.")
            case "403":
                raise Refused(403, "PERMISSION_DENIED", "The caller does not have permission")
            case "no-json":
                refused = Refused(200, "OK", "")
                page = b"<html><body>Welcome</body></html>"
                refused.response = Response(content=page, content_type="text/html")
                raise refused

    # -- what comes in --------------------------------------------------------------------

    def upload(self, call: Call) -> Response:
        """The announcement of a file, or a piece of one."""
        command = call.headers.get("x-goog-upload-command", "")
        if "upload_id" in call.query:
            return self._piece(call, call.query["upload_id"], command)
        if command != "start" or call.headers.get("x-goog-upload-protocol") != "resumable":
            raise Refused(400, "INVALID_ARGUMENT", "Only resumable uploads are emulated.")
        self.check_key(call)
        fault = "" if self.faults.peek("upload") == "reset-mid" else self.faults.take("upload")
        self.fail(fault, call)
        told = fields(call.json(), {"file"}, "the body").get("file", {})
        told = fields(told, {"displayName", "mimeType", "sizeBytes", "name"}, "file")
        kind = call.headers.get("x-goog-upload-header-content-type", "")
        if kind not in KINDS:
            raise Refused(400, "INVALID_ARGUMENT", f"Unsupported MIME type: {kind}")
        upload = uuid.uuid4().hex
        size = int(call.headers["x-goog-upload-header-content-length"])
        file_name = call.headers.get("x-goog-upload-file-name", "")
        started = {"file": told, "size": size, "fault": fault, "kind": kind, "file_name": file_name}
        self.save("upload", upload, started)
        self.save("announced", "last", upload)
        self.path_of(upload).touch()
        where = f"{self.url}{UPLOAD}?upload_id={upload}&upload_protocol=resumable"
        return Response({}, headers={"X-Goog-Upload-URL": where, "X-Goog-Upload-Status": "active"})

    def _piece(self, call: Call, upload: str, command: str) -> Response:
        started, path = self.load("upload", upload), self.path_of(upload)
        if started is None:
            raise NotFound
        if int(call.headers.get("x-goog-upload-offset", "-1")) != path.stat().st_size:
            raise Refused(400, "INVALID_ARGUMENT", "Invalid upload offset.")
        with path.open("ab") as file:
            file.write(call.body)
        if "finalize" not in command:
            return Response({}, headers={"X-Goog-Upload-Status": "active"})
        content = path.read_bytes()
        if len(content) != started["size"]:
            raise Refused(400, "INVALID_ARGUMENT", "The upload is shorter than announced.")
        value = self._take_in(upload, started, content)
        return Response({"file": value}, headers={"X-Goog-Upload-Status": "final"})

    def _take_in(self, upload: str, started: Mapping[str, Any], content: bytes) -> dict[str, Any]:
        name, now = f"files/{uuid.uuid4().hex[:12]}", datetime.now(UTC)
        state = {"processing": "PROCESSING", "unusable": "FAILED"}.get(started["fault"], "ACTIVE")
        value = {
            "name": name,
            "displayName": started["file"].get("displayName", ""),
            "mimeType": started["kind"],
            "sizeBytes": str(len(content)),
            "createTime": told_time(now),
            "updateTime": told_time(now),
            "expirationTime": told_time(now + timedelta(hours=48)),
            "sha256Hash": base64.b64encode(hashlib.sha256(content).digest()).decode(),
            "uri": f"{self.url}/{VERSION}/{name}",
            "state": state,
            "source": "UPLOADED",
        }
        self.save("file", name, {"shown": value, "bytes": upload})
        told = {"token": value["displayName"], "file_name": started["file_name"]}
        self.ledger.note("upload", file=name, bytes=len(content), **told)
        return value

    def file(self, name: str) -> dict[str, Any]:
        """An uploaded file. One that is being taken in is ready when it is asked for again."""
        if len(name.removeprefix("files/")) > LONGEST_NAME:
            words = f"Invalid file name '{name}': the ID cannot be more than 40 characters"
            raise Refused(400, "INVALID_ARGUMENT", words)
        kept = self.load("file", name)
        if kept is None:
            words = f"You do not have permission to access the File {name} or it may not exist."
            raise Refused(403, "PERMISSION_DENIED", words)
        shown: dict[str, Any] = kept["shown"]
        if shown["state"] == "PROCESSING" and self.takes_in:
            self.save("file", name, {**kept, "shown": {**shown, "state": "ACTIVE"}})
        return shown

    def lines_of(self, name: str) -> list[bytes]:
        """The lines of an uploaded file."""
        content = self.path_of(self.load("file", name)["bytes"]).read_bytes()
        return [line for line in content.split(b"\n") if line.strip()]

    def path_of(self, key: str) -> Path:
        return self.folder / "bytes" / key

    def delete(self, kind: str, name: str) -> Response:
        """Forget a file or a batch."""
        if self.load(kind, name) is None:
            raise NotFound
        self.save(kind, name, None)
        return Response({})

    # -- what goes out --------------------------------------------------------------------

    def give_out(self, key: str, fault: str) -> str:
        """The name of a new result file with the bytes of this key."""
        name = f"files/batch-{uuid.uuid4().hex}{uuid.uuid4().hex[:8]}"
        self.save("result", name, {"bytes": key, "fault": fault})
        return name

    def download(self, call: Call, name: str) -> Response:
        """The bytes of a result file; an uploaded one is not given back."""
        self.fail(self.faults.take("download"), call)
        kept = self.load("result", name)
        if kept is None or kept["fault"] == "output-gone":
            raise NotFound
        self.ledger.note("download", file=name)
        content = self.path_of(kept["bytes"]).read_bytes()
        self.save("result", name, {**kept, "fault": ""})
        match kept["fault"]:
            case "download-late":
                raise NotFound
            case "download-502":
                raise Refused(502, "UNAVAILABLE", "Bad gateway.")
            case "download-short":
                return Response(content=content, cut_after=len(content) // 2)
            case "download-torn":
                # All that is promised comes, and it is half of what there is.
                content = content[: -(len(content.splitlines()[-1]) // 2)]
        return Response(content=content, content_type="application/octet-stream")


def fields(value: Any, known: set[str], where: str) -> dict[str, Any]:
    """An object by its camelCase names, which must be known."""
    named = value if isinstance(value, dict) else {"?": None}
    told = {re.sub("_([a-z])", lambda m: m[1].upper(), name): one for name, one in named.items()}
    for name in told:
        if name not in known:
            words = f'Invalid JSON payload received. Unknown name "{name}" at {where}'
            raise Refused(400, "INVALID_ARGUMENT", words)
    return told


def told_time(time: datetime) -> str:
    """A time as Google writes it."""
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")
