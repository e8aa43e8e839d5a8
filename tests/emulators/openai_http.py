"""HTTP as OpenAI speaks it: its errors, and the form in which a file is uploaded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.emulators.base import Call, Response
from tests.emulators.openai_judge import Refused

FAILURES = {
    "500": (500, "The server had an error while processing your request.", "server_error", {}),
    "429-retry-after": (429, "Rate limit reached.", "rate_limit_exceeded", {"Retry-After": "2"}),
    "download-502": (502, "Bad gateway.", "server_error", {}),
}


def found(value: Any, missing: str) -> Response:
    """The value, or 404 with a message."""
    return failure(404, missing) if value is None else Response(value)


def failure_of(kind: str) -> Response:
    """The answer that belongs to a kind of fault."""
    status, message, code, headers = FAILURES[kind]
    return failure(status, message, kind=code, headers=headers)


def failure(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error as OpenAI words it."""
    error = Refused(message, param, code).error | {"type": kind}
    return Response({"error": error}, status, headers or {})


def form(call: Call) -> tuple[dict[str, str], str, bytes | None]:
    """The fields of a multipart form, and the name and bytes of its file."""
    match = re.search(r'boundary="?([^";]+)"?', call.headers.get("content-type", ""))
    fields: dict[str, str] = {}
    name, content = "", None
    mark = b"--" + (match.group(1) if match else "-").encode()
    body = b"\r\n" + call.body
    at = body.find(b"\r\n" + mark)
    while at >= 0:
        start = at + len(mark) + 4
        at = body.find(b"\r\n" + mark, start)
        head, _, value = body[start : at if at >= 0 else None].partition(b"\r\n\r\n")
        field = re.search(rb'name="([^"]*)"', head)
        file = re.search(rb'filename="([^"]*)"', head)
        if file:
            name, content = file.group(1).decode(), value
        elif field:
            fields[field.group(1).decode()] = value.decode()
    return fields, name, content
