"""The post office's providers as assessors: they give every criterion its highest mark.

For tests of grading that need no vendor: the same faults and ledger, replies that fit the schema
of the request (an assessment, or the text of a sample), prices, and pages of a known size.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from batching.jsonl import decode_request
from batching.providers.base import Answer, ReadImage
from batching.requests import Image, Request
from tests.emulators.post_office import BatchOffice, DirectOffice

NOTE = "A page is sent with 724 × 1024 pixels and counts as 700 tokens."


def reply_to(request: Request) -> str:
    """Full marks for every criterion, or a line of text for every page."""
    properties = request.schema["properties"]
    reply: dict[str, Any] = {"item_id": request.custom_id}
    if "pages" in properties:
        pages = [part.page for part in request.parts if isinstance(part, Image)]
        reply["pages"] = [{"page": page, "text": f"Written on page {page}"} for page in pages]
    else:
        parts = properties["parts"]["properties"]
        reply["parts"] = {code: full_marks(schema) for code, schema in parts.items()}
    return json.dumps(reply)


def full_marks(schema: dict[str, Any]) -> dict[str, Any]:
    awarded = schema["properties"]["awarded"]
    return {
        "page": 1,
        "transcription": "What the student wrote",
        "reasoning": "For staff",
        "feedback": "For the student",
        "awarded": max(awarded["enum"]) if "enum" in awarded else awarded["maximum"],
        "confidence": 0.9,
    }


class MarkingDirectOffice(DirectOffice):
    def answer(self, request: Request, read_image: ReadImage) -> Answer:
        answer = super().answer(request, read_image)
        if answer.text == "no json":
            return answer
        text = reply_to(request)
        return replace(answer, text=text, raw=text)

    def image_note(self, width: int, height: int) -> str:
        return NOTE


class MarkingBatchOffice(BatchOffice):
    def download(self, remote_id: str, folder: Path) -> list[Path]:
        files = super().download(remote_id, folder)
        sent = self.folder / f"batch-{remote_id.removeprefix('remote-')}.jsonl"
        requests = [decode_request(line) for line in sent.read_bytes().splitlines()]
        replies = {request.custom_id: reply_to(request) for request in requests}
        for file in files:
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            for line in lines:
                if line["finish"] == "complete" and line["text"] != "no json":
                    line["text"] = replies[line["id"]]
            file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        return files

    def image_note(self, width: int, height: int) -> str:
        return NOTE


def configuration(folder: Path, **options: Any) -> dict[str, dict[str, Any]]:
    """Settings for a provider of each kind, "direct" and "batch", that share a folder."""
    folder.mkdir(exist_ok=True)
    return {
        kind: {
            "driver": f"tests.emulators.marking_office:Marking{kind.title()}Office",
            "folder": str(folder),
            **options,
        }
        for kind in ("direct", "batch")
    }
