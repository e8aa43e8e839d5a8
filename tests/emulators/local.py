"""A local model's server (vLLM, llama-server, Ollama) as the openai SDK sees it, with faults.

`/v1/chat/completions` and `/v1/models`. Its marks are the offline reader's; nothing is by
chance. Every body that it received lies in the folder "received".

The ledger: `call` (method, path), `chat` (custom_id, status, fault, file, headers) and `billed`
(custom_id, fault, input_tokens, cached_tokens, output_tokens) for what the model worked on.

Faults are at "chat": those of the text (tests/emulators/mangle.py), and

| kind | what happens |
| --- | --- |
| 500 | 500, as for text that does not parse |
| 503, 429-retry-after | busy, with Retry-After: 7 |
| reset | the connection is cut without an answer |
| slow | the answer comes `slow_seconds` late |
| 401, 403 | the key is refused |
| 404 | 404, the model is not there |
| no-form | 400, the form of the schema is not known |
| no-room | 400, the prompt is larger than the context |
| refusal | the model refuses, its content is null |
| blocked | finish reason content_filter |
| cut | finish reason length, half of a reply |
| null-content | content null, everything in the reasoning |
| no-json | 200 with a page of HTML |
| no-choices | 200 with an error inside |
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
import uuid
from pathlib import Path
from typing import Any

from tests.emulators.base import Call, Emulator, Reset, Response, assess, find_rubric
from tests.emulators.mangle import EMPTY, OBEYED_INJECTION, TEXT_KINDS, mangle

ITEM_ID = re.compile(r"Its item id is (\S+?)\.(?:\s|$)")
DATA_URL = re.compile(r"data:(image/(?:jpeg|png));base64,(.*)", re.DOTALL)
BEGINNINGS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
FORMATS = ("text", "json_object", "json_schema")
REASONING = "Let me look at the pages one after the other."
TOKENS_PER_IMAGE = 1200


class Refused(Exception):
    """A request that no server takes."""

    def __init__(self, message: str, status: int = 400, kind: str = "invalid_request_error"):
        super().__init__(message)
        self.response = Response(error(message, kind, status), status)


class LocalEmulator(Emulator):
    """Knows every model but those of `unknown_models`; its answers may come `slow_seconds` late."""

    name = "local"
    unknown_models: tuple[str, ...] = ("no-such-model",)
    slow_seconds = 2.0

    def __init__(self, folder: Path, *, port: int = 0, seconds: float = 0.0) -> None:
        super().__init__(folder, port=port, seconds=seconds)
        (folder / "received").mkdir(exist_ok=True)

    def respond(self, call: Call) -> Response:
        self.ledger.note("call", method=call.method, path=call.path)
        if (call.method, call.path) == ("GET", "/v1/models"):
            model = {"id": "emulated", "object": "model", "created": 0, "owned_by": "sheaf"}
            return Response({"object": "list", "data": [model]})
        if (call.method, call.path) == ("POST", "/v1/chat/completions"):
            return self._chat(call)
        return Response({"detail": "Not Found"}, 404)

    def _chat(self, call: Call) -> Response:
        name = f"{time.time_ns()}-{uuid.uuid4().hex[:6]}.json"
        (self.folder / "received" / name).write_bytes(call.body)
        fault = self.faults.take("chat")
        headers = {key: call.headers[key] for key in sorted(call.headers) if key != "host"}
        item_id, status = "", 200
        try:
            body = read_body(call.body)
            if body["model"] in self.unknown_models:
                raise Refused(f"The model {body['model']} does not exist.", 404, "NotFoundError")
            texts, pictures = read_messages(body["messages"])
            item_id = item_id_of(texts)
            response = self._answer(fault, body, item_id, texts, pictures)
            status = response.status
            return response
        except Refused as refusal:
            status = refusal.response.status
            return refusal.response
        except Reset:
            status = 0
            raise
        finally:
            self.ledger.note(
                "chat", custom_id=item_id, status=status, fault=fault, file=name, headers=headers
            )

    def _answer(
        self,
        fault: str,
        body: dict[str, Any],
        item_id: str,
        texts: list[str],
        pictures: list[tuple[int, bytes]],
    ) -> Response:
        match fault:
            case "reset":
                raise Reset
            case "500":
                words = (
                    "The model produced output that does not match the expected peg-native format"
                )
                raise Refused(words, 500, "server_error")
            case "503" | "429-retry-after":
                status = int(fault[:3])
                busy = error("server busy, please try again", "overloaded", status)
                return Response(busy, status, {"Retry-After": "7"})
            case "401" | "403":
                raise Refused("Invalid API Key", int(fault), "authentication_error")
            case "404":
                raise Refused("model not found, try pulling it first", 404, "not_found_error")
            case "no-form":
                raise Refused("Invalid value of response_format.type")
            case "no-room":
                raise Refused("the request exceeds the available context size", 400)
            case "no-json":
                page = b"<html><body>Welcome</body></html>"
                return Response(content=page, content_type="text/html")
            case "no-choices":
                return Response(error("the model runner has stopped", "api_error", 200))
            case "slow":
                time.sleep(self.slow_seconds)
        time.sleep(self.seconds)
        return Response(self._completion(fault, body, item_id, texts, pictures))

    def _completion(
        self,
        fault: str,
        body: dict[str, Any],
        item_id: str,
        texts: list[str],
        pictures: list[tuple[int, bytes]],
    ) -> dict[str, Any]:
        # The pages of the sheet come after the words that name it; those before are samples.
        begin = max((at for at, text in enumerate(texts) if ITEM_ID.search(text)), default=0)
        own = [content for at, content in pictures if at > begin]
        try:
            reply = assess(item_id, texts, own)
        except LookupError as unknown:
            raise Refused(f"This emulator knows no such request. {unknown}") from unknown
        ended, message = "stop", {"role": "assistant", "reasoning": REASONING}
        if fault in ("cut", "truncated"):
            ended, message["content"] = "length", mangle("truncated", reply)
        elif fault == "refusal":
            message |= {"content": None, "refusal": "I cannot help with that."}
        elif fault == "blocked":
            ended, message["content"] = "content_filter", ""
        elif fault == "null-content":
            message |= {"content": None, "reasoning": mangle("", reply)}
        elif fault in TEXT_KINDS:
            obeys = fault == OBEYED_INJECTION and "parts" in reply
            rubric = find_rubric(texts) if obeys else None
            message["content"] = mangle(fault, reply, rubric)
        else:
            message["content"] = mangle("", reply)
        written = len(str(message["content"] or "")) // 4
        read = sum(map(len, texts)) // 4 + TOKENS_PER_IMAGE * len(pictures)
        self.ledger.note(
            "billed",
            custom_id=item_id,
            fault=fault,
            input_tokens=read,
            cached_tokens=0,
            output_tokens=written,
        )
        usage = {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
        }
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": ended, "logprobs": None}],
            "usage": usage,
        }


FAULTS = tuple(
    sorted(
        {
            *(TEXT_KINDS - {EMPTY}), "500", "503", "429-retry-after", "reset", "refusal",
            "blocked", "cut", "null-content", "no-json", "no-choices",
        }
    )
)  # fmt: skip
"""The kinds at "chat" that concern one request and that a run gets over."""


def read_body(content: bytes) -> dict[str, Any]:
    """The fields of a request, as strictly as a strict server takes them. Raises Refused."""
    try:
        body = json.loads(content)
    except ValueError as bad:
        raise Refused(f"The body is not valid JSON: {bad}") from bad
    for name, kind in (("model", str), ("messages", list)):
        if not isinstance(body.get(name), kind):
            raise Refused(f"{name} is missing, or of a wrong type.")
    limit = body.get("max_tokens", 1)
    if not isinstance(limit, int) or limit < 1:
        raise Refused("max_tokens must be at least 1.")
    form = body.get("response_format", {"type": "text"})
    if form.get("type") not in FORMATS:
        raise Refused("Invalid value of response_format.type")
    if form["type"] == "json_schema" and not isinstance(
        form.get("json_schema", {}).get("schema"), dict
    ):
        raise Refused("response_format.json_schema.schema is missing.")
    return dict(body)


def read_messages(messages: list[Any]) -> tuple[list[str], list[tuple[int, bytes]]]:
    """All texts in order, and each image with the index of the text before it. Raises Refused."""
    texts: list[str] = []
    pictures: list[tuple[int, bytes]] = []
    for message in messages:
        if message.get("role") not in ("system", "user", "assistant"):
            raise Refused("Unexpected role.")
        content = message.get("content")
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part.get("type") == "text" and isinstance(part.get("text"), str):
                texts.append(part["text"])
            elif part.get("type") == "image_url":
                pictures.append((len(texts), read_image(part.get("image_url"))))
            else:
                raise Refused("Unexpected content part.")
    return texts, pictures


def read_image(value: Any) -> bytes:
    """The bytes of a data URL that holds what it says. Raises Refused."""
    url = value.get("url") if isinstance(value, dict) else None
    match = DATA_URL.fullmatch(url) if isinstance(url, str) else None
    if match is None:
        raise Refused("image_url must be an object with a data URL of a JPEG or PNG.")
    try:
        content = base64.b64decode(match[2], validate=True)
    except binascii.Error as bad:
        raise Refused("The image is not valid base64.") from bad
    if not content.startswith(BEGINNINGS[match[1]]):
        raise Refused(f"The image is no {match[1]}.")
    return content


def item_id_of(texts: list[str]) -> str:
    """The id that the request says its item has, or "" """
    found = [match[1] for text in texts if (match := ITEM_ID.search(text))]
    return found[-1] if found else ""


def error(message: str, kind: str, status: int) -> dict[str, Any]:
    """An error in OpenAI's shape, as vLLM and llama-server give it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}
