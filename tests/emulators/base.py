"""What the emulators of all vendors share: a server on a socket, a ledger, a script of faults.

An emulator speaks a vendor's protocol to the vendor's own SDK. Everything it was told lies in
one folder (files, batches, ledger, faults), so that a restarted emulator goes on and a test in
another process reads along. Its marks are worked out from the request by the offline reader,
never by chance.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

from batching.providers.base import Picture
from batching.providers.offline import OfflineProvider
from batching.requests import Data, Image, Request


class Reset(Exception):
    """The connection is cut without an answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the emulator. `body` is read wholly; `query` has the last value of each."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """What the emulator answers: a JSON value, or bytes with their type.

    With `cut_after` only so many bytes of the promised length are sent before it hangs up.
    """

    value: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = "application/json"
    cut_after: int | None = None


class Ledger:
    """Everything that was received and billed, as lines of JSON in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def note(self, what: str, **values: Any) -> None:
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "at": time.time(), **values}) + "\n")

    def entries(self, what: str = "") -> list[dict[str, Any]]:
        """All entries, or those of one kind, oldest first."""
        if not self._path.exists():
            return []
        found = [json.loads(line) for line in self._path.read_text("utf-8").splitlines()]
        return [entry for entry in found if not what or entry["what"] == what]


class Faults:
    """Faults that are to happen: each a file in a folder, taken away when it happens.

    `at` is a place of the emulator ("create", "upload", "line", …), `kind` what goes wrong
    there. A fault at a line may be for the n-th line of a batch (`nth`, from 0).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, at: str, kind: str, *, times: int = 1, nth: int | None = None) -> None:
        for _ in range(times):
            name = f"{at}.{time.time_ns():020d}-{uuid.uuid4().hex[:6]}.json"
            (self._folder / name).write_text(json.dumps({"kind": kind, "nth": nth}))

    def take(self, at: str, nth: int | None = None) -> str:
        """The kind of the next fault here, which then has happened; "" for none."""
        for path in sorted(self._folder.glob(f"{at}.*.json")):
            try:
                fault = json.loads(path.read_text())
                if fault["nth"] is not None and fault["nth"] != nth:
                    continue
                path.unlink()
            except FileNotFoundError:  # another thread took it
                continue
            return str(fault["kind"])
        return ""

    def peek(self, at: str) -> str:
        """The kind of the next fault here, which has not happened by that; "" for none."""
        for path in sorted(self._folder.glob(f"{at}.*.json")):
            try:
                return str(json.loads(path.read_text())["kind"])
            except FileNotFoundError:
                continue
        return ""

    def waiting(self) -> int:
        """How many have not happened yet."""
        return len(list(self._folder.glob("*.json")))


class Emulator(ABC):
    """A vendor's service on a loopback port. Subclasses answer `respond(call)`.

    `seconds` is how long a batch takes from its creation to its end. With `keep_bodies` every
    byte that comes in is kept in the folder "bodies", a file for each call.
    """

    name = "emulator"
    keep_bodies = False

    def __init__(self, folder: Path, *, port: int = 0, seconds: float = 0.0) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.seconds = seconds
        self.ledger = Ledger(folder / "ledger.jsonl")
        self.faults = Faults(folder / "faults")
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def url(self) -> str:
        """The address without a path, such as http://127.0.0.1:8123."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @abstractmethod
    def respond(self, call: Call) -> Response:
        """Answer one call. Raises Reset to cut the connection."""

    def before_body(self, method: str, path: str) -> None:
        """Called before a call's body is read. Raises Reset to cut an upload in the middle."""

    def keep_body(self, head: str, body: bytes) -> None:
        """Keep what was received: a call's address and headers, and its body."""
        folder = self.folder / "bodies"
        folder.mkdir(exist_ok=True)
        (folder / f"{time.time_ns()}-{uuid.uuid4().hex[:6]}").write_bytes(head.encode() + body)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve_forever(self) -> None:
        """Serve in this thread until interrupted (for a command)."""
        self._server.serve_forever()

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def save(self, kind: str, key: str, value: Any) -> None:
        """Keep a JSON value under a kind ("batch", "file") and key; whole or not at all."""
        path = self._path(kind, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{uuid.uuid4().hex}")
        aside.write_text(json.dumps(value))
        aside.replace(path)

    def load(self, kind: str, key: str) -> Any:
        """The value kept under a kind and key, or None."""
        path = self._path(kind, key)
        return json.loads(path.read_text()) if path.exists() else None

    def all(self, kind: str) -> list[Any]:
        """All values of a kind, in no order."""
        folder = self.folder / kind
        return [json.loads(p.read_text()) for p in folder.glob("*.json")] if folder.exists() else []

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / kind / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.json"


_assessed: dict[str, str] = {}
_assessing = threading.Lock()


def assess(item_id: str, texts: Iterable[str], pictures: Sequence[bytes]) -> dict[str, Any]:
    """The reply to a grading request, as the offline reader finds it.

    `texts` are the text parts of the request as the vendor's service got them (the rubric is
    found in them as JSON with a "criteria" list), `pictures` the bytes of the pages of the
    sheet to be assessed, in order. The same request is read once. A request that asks for an
    answer key to be read gets the criteria that stand on its pages, one for a copy the text.
    """
    from tests.emulators import keys, transcripts  # they find the criteria with find_rubric

    texts = list(texts)
    if keys.asks_for_key(texts):
        return keys.propose_key(item_id, texts, pictures)
    if transcripts.asks_for_copy(texts):
        return transcripts.copy_out(item_id, texts, pictures)
    rubric = find_rubric(texts)
    key = hashlib.sha256(json.dumps(rubric, sort_keys=True).encode())
    for picture in pictures:
        key.update(hashlib.sha256(picture).digest())
    with _assessing:
        if key.hexdigest() not in _assessed:
            _assessed[key.hexdigest()] = _read(rubric, pictures)
    return {**json.loads(_assessed[key.hexdigest()]), "item_id": item_id}


def find_rubric(texts: Iterable[str]) -> dict[str, Any]:
    """The first JSON object with a list of criteria that stands in one of the texts."""
    decoder = json.JSONDecoder()
    for text in texts:
        at = text.find("{")
        while at >= 0:
            try:
                value, _ = decoder.raw_decode(text, at)
            except ValueError:
                value = None
            if isinstance(value, dict) and isinstance(value.get("criteria"), list):
                return value
            at = text.find("{", at + 1)
    raise LookupError("The request holds no rubric.")


def _read(rubric: dict[str, Any], pictures: Sequence[bytes]) -> str:
    images = [
        Image(name=str(number), sha256="", role="sheet", page=number, label="")
        for number in range(1, len(pictures) + 1)
    ]
    request = Request("emulated", "", (Data("rubric", rubric), *images), {})

    def read_image(image: Image) -> Picture:
        return Picture.of(pictures[image.page - 1], "image/jpeg", 0, 0)

    answer = OfflineProvider().answer(request, read_image)
    if answer.finish != "complete":
        # Nothing legible: every criterion gets its lowest mark, with no confidence.
        return json.dumps({"parts": {c["code"]: _nothing(c) for c in rubric["criteria"]}})
    return answer.text


def _nothing(criterion: dict[str, Any]) -> dict[str, Any]:
    lowest = criterion["min"] if criterion["kind"] != "penalty" else 0
    return {
        "page": None,
        "transcription": "",
        "reasoning": "Nothing legible was found.",
        "feedback": "No answer could be read.",
        "awarded": lowest,
        "confidence": 0,
    }


def _handler(emulator: Emulator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            url = urlsplit(self.path)
            try:
                emulator.before_body(self.command, url.path)
            except Reset:
                # What the client still sends is not read, so that it sees a broken connection.
                self.close_connection = True
                self.connection.close()
                return
            call = Call(
                method=self.command,
                path=url.path,
                query={name: values[-1] for name, values in parse_qs(url.query).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=_read_body(self.rfile, self.headers),
            )
            if emulator.keep_bodies:
                head = f"{self.command} {self.path}\n{self.headers}"
                emulator.keep_body(head, call.body)
            try:
                response = emulator.respond(call)
            except Reset:
                self.close_connection = True
                self.connection.close()
                return
            content = response.content
            if content is None:
                content = json.dumps(response.value).encode()
            self.send_response(response.status)
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(content)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if response.cut_after is not None:
                self.close_connection = True
                content = content[: response.cut_after]
            try:
                self.wfile.write(content)
            except ConnectionError:  # the client did not wait for so long
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the ledger tells what was received."""

    return Handler


def _read_body(stream: BinaryIO, headers: Any) -> bytes:
    if "chunked" in (headers.get("Transfer-Encoding") or ""):
        body = b""
        while size := int(stream.readline().split(b";")[0], 16):
            body += stream.read(size)
            stream.readline()
        stream.readline()
        return body
    return stream.read(int(headers.get("Content-Length") or 0))
