"""Tesseract as a child process: an image goes in, its text or orientation comes out.

One thread and a time limit per call; the picture travels through a pipe, not through a file.
"""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

SECONDS = 60


class TesseractFailed(Exception):
    """Tesseract did not answer, or broke on this picture."""


class TesseractSlow(TesseractFailed):
    """Tesseract did not answer in time."""


class TesseractMissing(TesseractFailed):
    """Tesseract is not installed: no picture can be read."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word that was read: its text, confidence (0 to 100), and the line it stands in."""

    text: str
    confidence: float
    line: tuple[int, int, int]


def read_text(image: Image.Image, *, layout: int, dpi: int = 150, seconds: float = SECONDS) -> str:
    """The text of a picture; `layout` is tesseract's page segmentation mode."""
    return _run(image, "--psm", str(layout), "--dpi", str(dpi), seconds=seconds)


def read_words(image: Image.Image, *, layout: int, dpi: int = 150) -> list[Word]:
    """The words of a picture with their confidences."""
    table = _run(image, "--psm", str(layout), "--dpi", str(dpi), "tsv")
    return list(_words(table))


def _words(table: str) -> Iterator[Word]:
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        if (row.get("text") or "").strip():
            line = (int(row["block_num"]), int(row["par_num"]), int(row["line_num"]))
            yield Word(row["text"].strip(), float(row["conf"]), line)


def detect_orientation(image: Image.Image, *, dpi: int = 150) -> tuple[int, float]:
    """(clockwise turn that makes it upright, confidence); (0, 0.0) when there is too little."""
    report = _run(image, "--psm", "0", "--dpi", str(dpi), may_fail=True)
    turn = re.search(r"^Rotate: (\d+)", report, re.MULTILINE)
    confidence = re.search(r"^Orientation confidence: ([\d.]+)", report, re.MULTILINE)
    return (int(turn[1]), float(confidence[1])) if turn and confidence else (0, 0.0)


def _run(
    image: Image.Image, *options: str, may_fail: bool = False, seconds: float = SECONDS
) -> str:
    picture = io.BytesIO()
    image.convert("L").save(picture, "PPM")
    try:
        done = subprocess.run(  # noqa: S603
            ["tesseract", "stdin", "stdout", *options],  # noqa: S607
            input=picture.getvalue(),
            capture_output=True,
            timeout=seconds,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            check=False,
        )
    except FileNotFoundError as error:
        raise TesseractMissing("tesseract is missing: apt-get install tesseract-ocr") from error
    except subprocess.TimeoutExpired as error:
        raise TesseractSlow(f"tesseract did not answer within {seconds:.0f} seconds") from error
    if done.returncode and not may_fail:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise TesseractFailed(words[-1] if words else f"tesseract ended with {done.returncode}")
    return done.stdout.decode("utf-8", errors="replace")
