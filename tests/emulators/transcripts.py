"""What an emulated model answers when it is asked to copy out a sample sheet.

Comes in: a request as the vendor's service got it. Goes out: the lines that tesseract reads on
each page, under the number that the request gives the page. `base.assess` hands it over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.emulators.keys import read_lines

ASKED = "The sheet to be copied."
LABEL = re.compile(r"\APage (\d+):\Z")


def asks_for_copy(texts: Sequence[str]) -> bool:
    """Whether a request asks for a sheet to be copied, by the fixed words of its texts."""
    return any(ASKED in text for text in texts)


def copy_out(item_id: str, texts: Sequence[str], pictures: Sequence[bytes]) -> dict[str, Any]:
    """The text of every page; the pictures come in the order of their labels."""
    numbers = [int(match[1]) for text in texts if (match := LABEL.match(text))]
    return {
        "item_id": item_id,
        "pages": [
            {"page": number, "text": "\n".join(read_lines(picture))}
            for number, picture in zip(numbers, pictures, strict=True)
        ],
    }
