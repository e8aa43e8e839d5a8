"""The neutral request: what is asked of a model, before any provider's own wording.

Pure values without Django. A domain app makes them, batching/jsonl.py freezes them as lines,
a provider encodes or answers them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Text:
    """Prose for the model."""

    text: str


@dataclass(frozen=True, slots=True)
class Data:
    """A named JSON value, such as the rubric with its answer key.

    Language models read it as JSON text; the offline provider reads the value itself.
    """

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Image:
    """A stored image by its storage name; `sha256` is of its bytes, `width` and `height` are
    in pixels (0: not known).

    `role` says whether it is a page of the sheet to be assessed or of a sample sheet, `page`
    is its number in that sheet from 1, `label` is what the model is told about it. `masks`
    are the regions to be painted over before the image leaves (x, y, w, h as shares of the
    width and height): names and roll numbers.
    """

    name: str
    sha256: str
    role: Literal["sheet", "sample"]
    page: int
    label: str
    masks: tuple[tuple[float, float, float, float], ...] = ()
    width: int = 0
    height: int = 0


Part = Text | Data | Image


@dataclass(frozen=True, slots=True)
class Request:
    """One request for one reply.

    `system` and the parts go to the model in this order; what is the same for all requests of
    a run comes first; `fixed_parts` of the parts are that beginning. `schema` is the JSON
    Schema that the reply must satisfy; its property `item_id` must repeat `custom_id`.
    `likely_output_tokens` is what a reply is expected to take, for the estimate of its cost.
    """

    custom_id: str
    system: str
    parts: tuple[Part, ...]
    schema: dict[str, Any]
    max_output_tokens: int = 8192
    likely_output_tokens: int = 1000
    fixed_parts: int = 0
