"""What an emulated model answers when it is asked to read an answer key from its pages.

Comes in: a request as the vendor's service got it (texts, and the bytes of the pages). Goes out:
the criteria that tesseract can read on them, worked out from the pages alone. A page is read
line by line: "Q1 [2 marks] What is …?" or "1. What is …? (2)" begins a criterion, "Answer: …" or
what follows its question mark the answer, "Step 0.5" its step; other lines go on with what was
begun.

`base.assess`, which the emulators of all vendors call, knows such a request by its words and
hands it over to `propose_key`.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from tests.emulators.base import find_rubric

ASKED = "The answer key to be read."
HEAD = re.compile(
    r"^\W{0,2}(?P<code>Q?\s?\d{1,2}(?:\s?\(?[a-z]{1,3}\))?[a-z]?)\s*[.:]?\s*"
    r"[\[({]\s*(?P<marks>\d+(?:\.\d+)?)\s*marks?\s*[\])}]\s*(?P<text>.*)$",
    re.IGNORECASE,
)
# As most keys are written: a number with a full stop, and the marks (if any) behind the question.
PLAIN = re.compile(
    r"^\W{0,2}(?P<code>(?:Q|Question\s)?\s?\d{1,2}(?:\s?\(?[a-z]\))?)\s*[.:)]\s+(?P<text>\S.*?)"
    r"(?:\s*[\[({]\s*(?P<marks>\d+(?:\.\d+)?)\s*(?:marks?|points?|pts?\.?)?\s*[\])}])?\s*$",
    re.IGNORECASE,
)
ANSWER = re.compile(
    r"^\W{0,2}(?:model |expected |sample )?(?:answer|ans|a)\s*[:;.]\s*(?P<text>.*)$", re.IGNORECASE
)
STEP = re.compile(r"^\W{0,2}step\s*[:;]?\s*(?P<step>\d+(?:\.\d+)?)\W*$", re.IGNORECASE)

_read: dict[str, list[str]] = {}
_reading = threading.Lock()


def asks_for_key(texts: Iterable[str]) -> bool:
    """Whether a request asks for an answer key to be read, by the fixed words of its texts."""
    return any(ASKED in text for text in texts)


def propose_key(item_id: str, texts: Iterable[str], pictures: Sequence[bytes]) -> dict[str, Any]:
    """The criteria that stand on the pages, under the codes that the exam has for them.

    `texts` are the text parts of the request (the exam's own criteria are found in them as
    JSON with a "criteria" list), `pictures` the bytes of its pages, in order.
    """
    codes = {_squeezed(c["code"]): c["code"] for c in find_rubric(texts)["criteria"]}
    criteria: list[dict[str, Any]] = []
    field = ""
    for page, picture in enumerate(pictures, start=1):
        for line in read_lines(picture):
            if head := HEAD.match(line) or PLAIN.match(line):
                code = re.sub(r"[\s()]|question", "", head["code"], flags=re.IGNORECASE)
                known = codes.get(_squeezed(code)) or codes.get(f"q{_squeezed(code)}")
                criteria.append(_begun(known or code, head, page))
                field = "answer" if head["text"].rstrip().endswith("?") else "description"
            elif not criteria:
                continue
            elif answer := ANSWER.match(line):
                criteria[-1]["answer"] = answer["text"]
                field = "answer"
            elif step := STEP.match(line):
                criteria[-1]["step"] = float(step["step"])
            else:
                criteria[-1][field] = f"{criteria[-1][field]}\n{line}".strip()
    return {"item_id": item_id, "criteria": criteria}


def read_lines(picture: bytes) -> list[str]:
    """What tesseract reads on a page, without empty lines; the same picture is read once."""
    key = hashlib.sha256(picture).hexdigest()
    with _reading:
        if key not in _read:
            done = subprocess.run(
                ["tesseract", "stdin", "stdout", "--psm", "4", "--dpi", "150"],
                input=picture,
                capture_output=True,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
                check=True,
                timeout=60,
            )
            lines = done.stdout.decode("utf-8", "replace").replace("\f", "\n").splitlines()
            _read[key] = [line.strip() for line in lines if line.strip()]
    return list(_read[key])


def _begun(code: str, head: re.Match[str], page: int) -> dict[str, Any]:
    return {
        "code": code,
        "description": head["text"],
        "max_marks": float(head["marks"]) if head["marks"] else None,
        "step": None,
        "answer": "",
        "page": page,
        "confidence": 0.8,
    }


def _squeezed(code: str) -> str:
    return re.sub(r"\W|_", "", code).casefold()
