"""A grading request as a provider gets it, and the steps of a batch, one after the other."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image as Pixels
from PIL import ImageDraw, ImageFont

from batching.providers.base import Answer, BatchProvider, Picture
from batching.requests import Data, Image, Request, Text

RIVERS = {
    "code": "Q1",
    "description": "What happens to a river on its way to the sea?",
    "guidance": "",
    "answer": "It becomes wider. Tributaries join it and bring more water.",
    "kind": "base",
    "min": 0,
    "max": 3,
    "step": 0.5,
}
GLACIERS = {
    "code": "Q2",
    "description": "How does a glacier shape a valley?",
    "guidance": "",
    "answer": "Ice freezes onto rock and plucks it away.",
    "kind": "base",
    "min": 0,
    "max": 2,
    "step": 0.5,
}
RUBRIC = {"exam": "Rivers", "instructions": "", "criteria": [RIVERS, GLACIERS]}
WRITING = ("Q1.", "The river becomes wider.", "Tributaries bring more water.", "Q2.", "Ice plucks.")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def closed(**properties: Any) -> dict[str, Any]:
    """The schema of an object with these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def schema(criteria: Sequence[dict[str, Any]] = (RIVERS, GLACIERS)) -> dict[str, Any]:
    """The schema of a reply as exams/result_schema.py makes it."""
    parts = {}
    for criterion in criteria:
        steps = round((criterion["max"] - criterion["min"]) / criterion["step"])
        marks = [criterion["min"] + criterion["step"] * step for step in range(steps + 1)]
        parts[criterion["code"]] = closed(
            page={"type": ["integer", "null"], "minimum": 1, "maximum": 10_000},
            transcription={"type": "string", "maxLength": 20_000},
            reasoning={"type": "string", "maxLength": 4000},
            feedback={"type": "string", "maxLength": 2000},
            awarded={"type": "number", "enum": marks},
            confidence={"type": "number", "minimum": 0, "maximum": 1},
        )
    return closed(item_id={"type": "string", "maxLength": 100}, parts=closed(**parts))


def paper(lines: Sequence[str], size: tuple[int, int] = (1024, 1448)) -> bytes:
    """A page with these lines as JPEG bytes."""
    page = Pixels.new("L", size, 250)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=30)
    for number, line in enumerate(lines):
        draw.text((70, 120 + 60 * number), line, font=font, fill=30)
    out = io.BytesIO()
    page.save(out, "JPEG", quality=80)
    return out.getvalue()


PAGES = {"written": paper(WRITING), "empty": paper(())}


def read_image(image: Image) -> Picture:
    """The picture of an image, by its name in PAGES."""
    return Picture.of(PAGES[image.name], "image/jpeg", 1024, 1448)


def make_request(custom_id: str, pages: Sequence[str] = ("written",)) -> Request:
    """A grading request with a sample page, as grading/requests.py makes it."""
    fixed = (
        Data("rubric", RUBRIC),
        Text("The JSON Schema of your reply."),
        Data("schema", schema()),
        Text("Sample sheet 'good': a real sheet with the marks that the teacher gave it."),
        Image("empty", "e" * 64, "sample", 1, "Sample page 1"),
        Data("sample_marks", {"Q1": 0, "Q2": 0}),
    )
    images = [Image(name, "a" * 64, "sheet", n, f"Page {n}") for n, name in enumerate(pages, 1)]
    told = Text(f"The answer sheet to be assessed. Its item id is {custom_id}. Its pages follow.")
    return Request(
        custom_id, "You assess one sheet.", (*fixed, told, *images), schema(),
        max_output_tokens=4096, likely_output_tokens=200, fixed_parts=len(fixed),
    )  # fmt: skip


def write_lines(provider: BatchProvider, path: Path, requests: Sequence[Request]) -> Path:
    """A file with the line of each request."""
    with path.open("wb") as file:
        for request in requests:
            file.write(provider.encode(request, read_image).content + b"\n")
    return path


def hand_in(provider: BatchProvider, folder: Path, *custom_ids: str, token: str = "token-1") -> str:
    """Submit one request for each id; gives the remote id."""
    requests = [make_request(custom_id) for custom_id in custom_ids]
    return provider.submit(write_lines(provider, folder / f"{token}.jsonl", requests), token)


def wait_for(provider: BatchProvider, remote_id: str, *states: str) -> Any:
    """The status once the batch is in one of these states."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        status = provider.status(remote_id)
        if status.state in states:
            return status
        time.sleep(0.05)
    raise AssertionError(f"The batch is still {status}.")


def collect(provider: BatchProvider, remote_id: str, folder: Path) -> list[Answer]:
    """Every answer of an ended batch, in the order of the files."""
    folder.mkdir(exist_ok=True)
    return [
        provider.read_line(line)
        for path in provider.download(remote_id, folder)
        for line in path.read_bytes().splitlines()
    ]
