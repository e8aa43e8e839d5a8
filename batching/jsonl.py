"""One request as one line of JSON, and back: the frozen form of what is asked.

Canonical (fixed key order, no spaces, UTF-8), so that building the same request again gives
the same bytes and the same hash.
"""

from __future__ import annotations

import json
from typing import Any

from batching.providers.lines import dumps
from batching.requests import Data, Image, Part, Request, Text


def encode_request(request: Request) -> bytes:
    """The line of a request, without its line end."""
    return dumps(
        {
            "custom_id": request.custom_id,
            "system": request.system,
            "parts": [_encode_part(part) for part in request.parts],
            "schema": request.schema,
            "max_output_tokens": request.max_output_tokens,
            "likely_output_tokens": request.likely_output_tokens,
            "fixed_parts": request.fixed_parts,
        }
    )


def decode_request(line: bytes) -> Request:
    """The request of a line that `encode_request` made."""
    value = json.loads(line)
    return Request(
        custom_id=value["custom_id"],
        system=value["system"],
        parts=tuple(_decode_part(part) for part in value["parts"]),
        schema=value["schema"],
        max_output_tokens=value["max_output_tokens"],
        likely_output_tokens=value["likely_output_tokens"],
        fixed_parts=value["fixed_parts"],
    )


def _encode_part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"text": text}
        case Data(name, value):
            return {"data": name, "value": value}
        case Image():
            return {
                "image": part.name,
                "sha256": part.sha256,
                "role": part.role,
                "page": part.page,
                "label": part.label,
                "masks": [list(mask) for mask in part.masks],
                "size": [part.width, part.height],
            }


def _decode_part(value: dict[str, Any]) -> Part:
    if "text" in value:
        return Text(value["text"])
    if "data" in value:
        return Data(value["data"], value["value"])
    return Image(
        name=value["image"],
        sha256=value["sha256"],
        role=value["role"],
        page=value["page"],
        label=value["label"],
        masks=tuple((m[0], m[1], m[2], m[3]) for m in value["masks"]),
        # Lines of drafts that were made before sizes were kept have none.
        width=value.get("size", (0, 0))[0],
        height=value.get("size", (0, 0))[1],
    )
