"""Orientation: how far a page must be turned to be upright.

Comes in: the image of a page. Goes out: 0, 90, 180 or 270 degrees clockwise, how sure, and why.
Tesseract's orientation detection proposes; before a page is turned, and where the detection is
unsure, the words that can be read one way and the other decide. In doubt a page stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from exams import tesseract

SURE = 3.0
LONG_SIDE = 1800
# Readable letters: a turn needs so many, and so many times and more than any other way gives.
ENOUGH = 12.0
MARGIN = 1.5
AHEAD = 8.0


@dataclass(frozen=True, slots=True)
class Turn:
    """Degrees clockwise that make a page upright; confidence from 0 to 1; why."""

    degrees: int
    confidence: float
    why: str


def turn_needed(image: Image.Image) -> Turn:
    """The turn that makes a page upright; 0 when in doubt. Raises TesseractFailed."""
    small = _small(image)
    proposed, confidence = tesseract.detect_orientation(small)
    if proposed == 0 and confidence >= SURE:
        return Turn(0, 1.0, f"orientation detected (confidence {confidence:.1f})")
    candidates = (0, proposed) if confidence >= SURE else (0, 180, 90, 270)
    scores: dict[int, float] = {}
    for degrees in candidates:
        scores[degrees] = readable(turned(small, degrees))
        if degrees == 180 and max(scores.values()) > max(2 * ENOUGH, 3 * min(scores.values())):
            break  # It reads well along this axis: the other one cannot do better.
    best = max(scores, key=lambda degrees: (scores[degrees], degrees == 0))
    others = max((score for degrees, score in scores.items() if degrees != best), default=0.0)
    why = ", ".join(f"{degrees}°: {score:.0f}" for degrees, score in sorted(scores.items()))
    if best and scores[best] >= max(ENOUGH, MARGIN * others + AHEAD):
        return Turn(best, 1 - others / scores[best], f"words readable ({why})")
    return Turn(0, 1 - others / scores[0] if best == 0 and scores[0] else 0.0, f"kept ({why})")


def readable(image: Image.Image) -> float:
    """How much can be read: letters of confidently read words, weighed by confidence."""
    words = tesseract.read_words(image, layout=6)
    return sum(
        len(word.text) * word.confidence / 100
        for word in words
        if word.confidence >= 60 and len(word.text) >= 3 and word.text.strip(".,:;()").isalnum()
    )


def turned(image: Image.Image, degrees: int) -> Image.Image:
    """The image turned clockwise by right angles."""
    return image.rotate(-degrees, expand=True) if degrees else image


def _small(image: Image.Image) -> Image.Image:
    gray = image.convert("L")
    scale = LONG_SIDE / max(gray.size)
    if scale < 1:
        size = (round(gray.width * scale), round(gray.height * scale))
        gray = gray.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    return gray
