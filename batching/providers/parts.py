"""The parts of a request as a language model is told them, the same for every vendor.

Pure: parts in, texts and tokens out. Each vendor puts them into its own shape.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from batching.requests import Data, Image, Part, Request, Text

# English has some 4 characters a token, JSON and other languages fewer. On the safe side.
BYTES_PER_TOKEN = 3.3


def text_of(part: Text | Data) -> str:
    """The words of a part; data is JSON under its name, always in the same bytes."""
    if isinstance(part, Text):
        return part.text
    value = json.dumps(part.value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"{part.name}:\n{value}"


def with_labels(parts: Iterable[Part]) -> list[str | Image]:
    """The parts in order, each image after a text that says what it is."""
    told: list[str | Image] = []
    for part in parts:
        if isinstance(part, Image):
            told += [f"{part.label}:", part]
        else:
            told.append(text_of(part))
    return told


def text_tokens(text: str) -> int:
    """About how many tokens a text takes: by its UTF-8 bytes, rather too many than too few."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)


def request_text_tokens(request: Request) -> int:
    """About how many tokens all words of a request take, the system prompt included."""
    told = [one for one in with_labels(request.parts) if isinstance(one, str)]
    return text_tokens(request.system) + sum(text_tokens(one) + 4 for one in told)
