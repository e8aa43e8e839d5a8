"""The files of the emulated OpenAI: uploads, and the results that its batches leave."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

from tests.emulators.base import Call, Emulator, Reset, Response
from tests.emulators.openai_http import failure, failure_of, form

MOST_BYTES = 200_000_000
DAY = 24 * 3600
PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")


class Files(Emulator):
    """The part of the service that keeps files."""

    def before_body(self, method: str, path: str) -> None:
        uploads = method == "POST" and path == "/v1/files"
        if uploads and self.faults.peek("upload") == "reset-mid":
            self.faults.take("upload")
            raise Reset

    def upload(self, call: Call) -> Response:
        """Take in a file, judged as OpenAI judges it at once."""
        if fault := self.faults.take("upload"):
            return failure_of(fault)
        fields, name, content = form(call)
        purpose = fields.get("purpose", "")
        if purpose not in PURPOSES:
            return failure(400, f"'{purpose}' is not one of {list(PURPOSES)}", param="purpose")
        if content is None:
            return failure(400, "Missing required parameter: 'file'.", param="file")
        if purpose == "batch" and not name.endswith(".jsonl"):
            return failure(400, "Invalid file format for Batch API. Must be .jsonl")
        if purpose == "batch" and len(content) > MOST_BYTES:
            return failure(400, "File is too large. Maximum size is 200 MB.")
        seconds = fields.get("expires_after[seconds]", str(30 * DAY))
        if not seconds.isdecimal() or not 3600 <= int(seconds) <= 30 * DAY:
            return failure(400, "Invalid 'expires_after'.", param="expires_after")
        if fields.get("expires_after[anchor]", "created_at") != "created_at":
            return failure(400, "Invalid 'expires_after'.", param="expires_after")
        file = self.keep(name, purpose, content, int(seconds))
        lines = content.count(b"\n")
        self.ledger.note("upload", file=file["id"], name=name, bytes=len(content), lines=lines)
        return Response(file)

    def keep(self, name: str, purpose: str, content: bytes, seconds: int) -> dict[str, Any]:
        """Keep bytes as a file of this name; gives what is told about it."""
        file_id = f"file-{uuid.uuid4().hex[:24]}"
        self.stored(file_id).write_bytes(content)
        file = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "expires_at": int(time.time()) + seconds,
            "filename": name,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }
        self.save("file", file_id, file)
        return file

    def content(self, file_id: str) -> Response:
        """The bytes of a file, or what goes wrong with its first download."""
        if self.load("file", file_id) is None:
            return failure(404, f"No such File object: {file_id}")
        self.ledger.note("download", file=file_id)
        content = self.stored(file_id).read_bytes()
        fault = self.load("download", file_id)
        if fault:
            self.save("download", file_id, None)
        if fault == "download-short":
            return Response(content=content, cut_after=len(content) // 2)
        if fault == "download-late":
            return failure(404, f"No content for {file_id} yet")
        if fault:
            return failure_of(fault)
        return Response(content=content, content_type="application/octet-stream")

    def delete(self, file_id: str) -> Response:
        """Forget a file and its bytes."""
        if self.load("file", file_id) is None:
            return failure(404, f"No such File object: {file_id}")
        self.save("file", file_id, None)
        self.stored(file_id).unlink()
        return Response({"id": file_id, "object": "file", "deleted": True})

    def stored(self, file_id: str) -> Path:
        """Where the bytes of a file lie."""
        (self.folder / "content").mkdir(exist_ok=True)
        return self.folder / "content" / file_id
