"""A provider for tests of answer keys that needs no vendor: it reads the pages, or says what it
was told to.

Beside the faults of post_office.py: a file `criteria.json` in its folder is what it answers in
place of what it reads, and `KeyOffice.meanwhile` is called while it "thinks".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

from batching.jsonl import encode_request
from batching.providers.base import Answer, ReadImage
from batching.providers.parts import with_labels
from batching.requests import Image, Request
from tests.emulators.keys import propose_key
from tests.emulators.post_office import USED, DirectOffice


class KeyOffice(DirectOffice):
    """Answers requests for answer keys, one at a time."""

    assessor = "local_model"
    model = "key-office-1"
    title = "Key office"
    meanwhile: ClassVar[Callable[[], None] | None] = None

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.missing = options.get("missing", "")

    def answer(self, request: Request, read_image: ReadImage) -> Answer:
        self.take(request)
        (self.folder / "received").write_bytes(encode_request(request))
        told = with_labels(request.parts)
        texts = [one for one in told if isinstance(one, str)]
        pages = [read_image(one).content for one in told if isinstance(one, Image)]
        if KeyOffice.meanwhile is not None:
            KeyOffice.meanwhile()
        said = self.folder / "criteria.json"
        if self.fault("prose"):
            text = "Here is your answer key."
        elif said.exists():
            criteria = json.loads(said.read_text())
            text = json.dumps({"item_id": request.custom_id, "criteria": criteria})
        else:
            text = json.dumps(propose_key(request.custom_id, texts, pages))
        return Answer(request.custom_id, text, raw=text, model=self.model, usage=USED)
