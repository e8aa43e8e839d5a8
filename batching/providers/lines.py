"""A line of a job's file, put together around its pictures, and the hash that it is known by.

A line holds megabytes of base64, so it is not passed through a JSON writer, and no byte of it is
hashed twice: its hash is the sha256 of the line with each picture's own sha256 (hex), between
two line ends, in the place of its base64. Whoever has a line can work it out (`hash_of_line`).
"""

from __future__ import annotations

import binascii
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pybase64

from batching.providers.base import Line, Picture, Usage

# A whole JSON string that is a JPEG or a PNG, bare or as a data URL. Texts never are: a quotation
# mark within them is escaped.
PICTURE = re.compile(
    rb'"(?:data:image/(?:jpeg|png);base64,)?((?:/9j/|iVBORw0KGgo)[A-Za-z0-9+/]+={0,2})"'
)

# A JSON string may hold them as they are, and some readers of lines take them for line ends.
LINE_ENDS = ("\u0085", "\u2028", "\u2029")


def dumps(value: Any) -> bytes:
    """JSON in the order of the value's keys, the same bytes every time and always one line.

    NaN and Infinity are refused.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for end in LINE_ENDS:
        text = text.replace(end, f"\\u{ord(end):04x}")
    return text.encode()


@dataclass(slots=True)
class Pieces:
    """What a line, or its beginning, is put together from: as it is sent and as it is hashed."""

    sent: list[bytes | Picture] = field(default_factory=list)
    hashed: list[bytes] = field(default_factory=list)

    def add(self, *frame: bytes) -> None:
        """Append bytes without a picture."""
        self.sent += frame
        self.hashed += frame

    def add_picture(self, picture: Picture) -> None:
        """Append a picture; its base64 needs no escapes."""
        self.sent.append(picture)
        self.hashed.append(_in_place_of(picture.sha256))

    def add_all(self, pieces: Pieces) -> None:
        """Append everything of others."""
        self.sent += pieces.sent
        self.hashed += pieces.hashed

    def joined(self) -> Pieces:
        """The same as one piece, its pictures encoded."""
        return Pieces([self.line(Usage()).content], [b"".join(self.hashed)])

    def line(self, estimate: Usage) -> Line:
        """The finished line."""
        digest = hashlib.sha256(b"".join(self.hashed)).hexdigest()
        return Line(tuple(self.sent), digest, estimate)


def hash_of_line(line: bytes) -> str:
    """The hash (sha256, hex) of a line as `Pieces.line` made it; any other line has another."""
    digest, end = hashlib.sha256(), 0
    for match in PICTURE.finditer(line):
        try:
            content = pybase64.b64decode(match[1], validate=True)
        except binascii.Error:
            continue
        if pybase64.b64encode(content) != match[1]:
            continue  # other bits behind the last byte: not what was written
        digest.update(line[end : match.start(1)])
        digest.update(_in_place_of(hashlib.sha256(content).hexdigest()))
        end = match.end(1)
    digest.update(line[end:])
    return digest.hexdigest()


def _in_place_of(sha256: str) -> bytes:
    # A line end stands in no line: no other line can be hashed as this one is.
    return b"\n%b\n" % sha256.encode()
