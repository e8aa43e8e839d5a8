"""A request to a local model's server, and what tests of that read and set."""

from __future__ import annotations

import json
from functools import cache

from batching.providers.base import Picture
from batching.providers.local import LocalProvider
from batching.requests import Data, Image, Request, Text
from tests.batching import provider_steps
from tests.batching.provider_steps import paper, schema
from tests.emulators.local import LocalEmulator

RIVERS = provider_steps.RIVERS | {
    "answer": "It becomes wider. Tributaries join it. It drops its sediment."
}
ANSWER = ("Q1.", "The river becomes wider. Tributaries", "join it. It drops its sediment.")
SCHEMA = schema([RIVERS])
REQUEST = Request(
    "item-7",
    "You assess sheets.",
    (
        Data("rubric", {"exam": "Rivers", "criteria": [RIVERS]}),
        Text("A sample sheet."),
        Image("sample", "", "sample", 1, "Sample page 1"),
        Text("The answer sheet to be assessed. Its item id is item-7. Its pages follow."),
        Image("page", "", "sheet", 1, "Page 1"),
    ),
    SCHEMA,
    max_output_tokens=2048,
    likely_output_tokens=300,
)


def read_image(image: Image) -> Picture:
    """The picture of an image: written upon on the sheet, empty on the sample."""
    return Picture.of(_page(image.role), "image/jpeg", 800, 500)


@cache
def _page(role: str) -> bytes:
    return paper(ANSWER if role == "sheet" else ("Q1.", ""), (800, 500))


def make_provider(server: LocalEmulator, **options) -> LocalProvider:
    address = {"base_url": f"{server.url}/v1", "model": "tiny-vision", "timeout": 20}
    return LocalProvider(address | options)


def received(server: LocalEmulator) -> list[dict]:
    """The bodies of all requests, oldest first."""
    paths = sorted((server.folder / "received").iterdir())
    return [json.loads(path.read_text()) for path in paths]
