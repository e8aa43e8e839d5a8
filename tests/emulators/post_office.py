"""Providers for tests of the engine that need no vendor: one of each kind, with a ledger.

Both keep what they received in a folder, so that workers in other processes share it, and
both take faults from it: a file named after a fault makes it happen once.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from batching.jsonl import decode_request, encode_request
from batching.providers.base import (
    Answer,
    Limits,
    Line,
    Price,
    ProviderBusy,
    ProviderRefused,
    ReadImage,
    Rendition,
    Status,
    UnreadableLine,
    Usage,
)
from batching.providers.lines import hash_of_line
from batching.requests import Request, Text

PRICE = Price(input=Decimal(1000), output=Decimal(2000))
USED = Usage(10, 5)


def reply_to(request: Request) -> str:
    """Counts the words of the request's first text: the 'assessment' of these providers."""
    words = next(len(part.text.split()) for part in request.parts if isinstance(part, Text))
    return json.dumps({"item_id": request.custom_id, "words": words})


class Office:
    """What both kinds share: the folder, the ledger and the faults."""

    title = "Post office"
    notice = ""
    model = "post-office-1"
    assessor = "ai_batch"
    needs_answer_key = False
    missing = ""
    account = "post-office"
    price = PRICE
    price_known = True
    rendition = Rendition()

    def __init__(self, options: dict[str, Any]) -> None:
        self.folder = Path(options["folder"])
        self.limits = Limits(
            lines=options.get("lines"), bytes=options.get("bytes"), tokens=options.get("tokens")
        )
        self.enqueued_tokens = options.get("enqueued_tokens")
        self.concurrency = options.get("concurrency", 2)
        self.seconds = options.get("seconds", 0)

    def estimate(self, request: Request, read_image: ReadImage) -> Usage:
        return USED

    def image_note(self, width: int, height: int) -> str:
        return ""

    def fault(self, name: str) -> bool:
        """Whether the fault is set; it happens once."""
        try:
            (self.folder / f"fault-{name}").unlink()
        except FileNotFoundError:
            return False
        return True

    def note(self, line: str) -> None:
        with (self.folder / "ledger").open("a") as ledger:
            ledger.write(line + "\n")

    def set_fault(self, name: str) -> None:
        (self.folder / f"fault-{name}").touch()

    def ledger(self) -> list[str]:
        path = self.folder / "ledger"
        return path.read_text().splitlines() if path.exists() else []


class DirectOffice(Office):
    """Answers one request at a time."""

    kind = "direct"

    def take(self, request: Request) -> None:
        """Write a request down, unless a fault is set that refuses it."""
        if self.fault("busy"):
            raise ProviderBusy("come back later", retry_after=1)
        if self.fault("refuse"):
            raise ProviderRefused("the key is wrong")
        self.note(request.custom_id)

    def answer(self, request: Request, read_image: ReadImage) -> Answer:
        self.take(request)
        time.sleep(self.seconds)
        text = "no json" if self.fault("prose") else reply_to(request)
        return Answer(request.custom_id, text, raw=text, model=self.model, usage=USED)


class BatchOffice(Office):
    """Takes files of lines and hands out replies when asked."""

    kind = "batch"

    def encode(self, request: Request, read_image: ReadImage) -> Line:
        line = encode_request(request)
        return Line((line,), hash_of_line(line), USED)

    def submit(self, lines: Path, token: str) -> str:
        if self.fault("refuse"):
            raise ProviderRefused("the file is not acceptable")
        (self.folder / f"batch-{token}.jsonl").write_bytes(lines.read_bytes())
        self.note(f"submit {token}")
        if self.fault("lost-reply"):
            raise ProviderBusy("connection reset", retry_after=1)
        return f"remote-{token}"

    def find(self, token: str, since: datetime) -> str | None:
        return f"remote-{token}" if (self.folder / f"batch-{token}.jsonl").exists() else None

    def status(self, remote_id: str) -> Status:
        if self.fault("unknown"):
            return Status("unknown", "MOON_PHASE")
        if self.fault("full"):
            return Status("full", "failed", problem="Enqueued token limit reached.")
        if self.fault("expired-empty"):
            return Status("ended", "expired")
        if self.fault("status-busy"):
            raise ProviderBusy("too many requests", retry_after=100)
        if (self.folder / "stuck").exists():
            return Status("running", "in_progress")
        if (self.folder / "cancelled").exists():
            return Status("cancelled", "cancelled", has_results=True)
        if self.fault("refused-later"):
            return Status("refused", "failed", problem="line 1 is not acceptable")
        return Status("ended", "completed", has_results=True)

    def download(self, remote_id: str, folder: Path) -> list[Path]:
        path = self.folder / f"batch-{remote_id.removeprefix('remote-')}.jsonl"
        if self.fault("no-results"):
            return []
        requests = [decode_request(line) for line in path.read_bytes().splitlines()]
        if self.fault("reset"):
            raise ProviderBusy("connection reset", retry_after=1)
        if self.fault("shuffled"):
            requests.reverse()
        if self.fault("missing"):
            requests = requests[1:]
        if self.fault("doubled"):
            requests.append(requests[0])
        swapped = self.fault("swapped")
        lines = ["no line at all"] if self.fault("garbage") else []
        if self.fault("stranger"):
            lines.append(json.dumps({"id": "nobody-knows", "text": "{}"}))
        for number, request in enumerate(requests):
            text = reply_to(requests[(number + 1) % len(requests)] if swapped else request)
            line = {"id": request.custom_id, "text": text, "finish": "complete"}
            for finish in ("refused", "truncated", "unanswered", "error"):
                if self.fault(finish):
                    line |= {"finish": finish, "text": ""}
            if self.fault("prose"):
                line["text"] = "no json"
            lines.append(json.dumps(line))
        results = folder / "results.jsonl"
        results.write_text("".join(f"{line}\n" for line in lines))
        return [results]

    def read_line(self, line: bytes) -> Answer:
        try:
            value = json.loads(line)
        except ValueError as error:
            raise UnreadableLine(str(error)) from error
        finish = value.get("finish", "complete")
        unanswered = finish == "unanswered"
        return Answer(
            value["id"],
            value["text"],
            raw=value["text"],
            finish=finish,
            problem="" if finish == "complete" else f"It was {finish}.",
            retryable=finish == "error",
            model=self.model,
            usage=Usage() if unanswered else USED,
        )

    def cancel(self, remote_id: str) -> None:
        self.note(f"cancel {remote_id}")
        (self.folder / "stuck").unlink(missing_ok=True)
        (self.folder / "cancelled").touch()
