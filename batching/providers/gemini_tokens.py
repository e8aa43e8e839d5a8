"""What images and thoughts cost at Gemini, in tokens: sums for estimates and for page sizes.

Pure numbers. Sources: ai.google.dev/gemini-api/docs on image understanding, media resolution
and thinking. Where Google names no number the guess is ours, on the safe side, and says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal

ImageRule = Literal["tiles", "levels-2", "levels-3"]
IMAGE_RULES: tuple[ImageRule, ...] = ("tiles", "levels-2", "levels-3")
MEDIA_RESOLUTIONS = ("LOW", "MEDIUM", "HIGH")
THINKING_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")

TILE_TOKENS = 258
SMALL_IMAGE = 384
# A tile is enlarged or shrunk to this many pixels a side; more pixels show the model nothing.
TILE_PIXELS = 768
# Tokens of an image by media resolution, "" for none: at most so many in generation 3 and on.
LEVELS: Mapping[ImageRule, Mapping[str, int]] = {
    "levels-2": {"LOW": 64, "MEDIUM": 256, "HIGH": 2048, "": 2048},
    "levels-3": {"LOW": 280, "MEDIUM": 560, "HIGH": 1120, "": 1120},
}
# Long sides in pixels. The tiles of an A4 page are 1.5 tiles high and wide on its short side;
# for generation 3 Google names no size: half the tokens, half the area.
LONG_SIDES: Mapping[ImageRule, Mapping[str, int]] = {
    "tiles": {"": 1632},
    "levels-2": {"LOW": TILE_PIXELS, "MEDIUM": TILE_PIXELS, "HIGH": 1632, "": 1632},
    "levels-3": {"LOW": 724, "MEDIUM": 1024, "HIGH": 1448, "": 1448},
}

# Thoughts by level: how many are expected and for how many there is room. Ours.
THOUGHTS: Mapping[str, tuple[int, int]] = {
    "MINIMAL": (256, 2048),
    "LOW": (1024, 8192),
    "MEDIUM": (2048, 16_384),
    "HIGH": (4096, 24_576),
    "XHIGH": (8192, 32_768),
}
BY_ITSELF = THOUGHTS["MEDIUM"]


def image_rule(model: str, media_resolution: str = "") -> ImageRule:
    """How this model counts images. A name without a generation is one of the newest."""
    generation = _generation(model)
    if generation is None or generation[0] >= 3:
        return "levels-3"
    return "levels-2" if media_resolution else "tiles"


def image_tokens(rule: ImageRule, media_resolution: str, width: int, height: int) -> int:
    """The tokens of one image of so many pixels; with levels, the most that it can take."""
    if rule != "tiles":
        return LEVELS[rule][media_resolution]
    if max(width, height) <= SMALL_IMAGE:
        return TILE_TOKENS
    unit = max(1, math.floor(min(width, height) / 1.5))
    return TILE_TOKENS * math.ceil(width / unit) * math.ceil(height / unit)


def useful_long_side(rule: ImageRule, media_resolution: str) -> int:
    """The long side in pixels above which a page costs bytes and shows the model nothing more."""
    return LONG_SIDES[rule].get(media_resolution, LONG_SIDES[rule][""])


def thoughts(model: str, budget: int | None, level: str) -> tuple[int, int]:
    """How many tokens the model is expected to think, and how many `max_output_tokens` must
    have room for: thoughts are paid as output and eat from it.

    `budget` is a number of tokens, 0 for none and -1 for as many as the model likes.
    """
    if level:
        return THOUGHTS[level]
    if budget is not None and budget >= 0:
        return budget, budget
    generation = _generation(model)
    off = generation is not None and (
        generation < (2, 5) or (generation == (2, 5) and "lite" in model)
    )
    return (0, 0) if off and budget is None else BY_ITSELF


def most_output_tokens(model: str) -> int:
    """The highest `max_output_tokens` that the model takes; a higher one is an error."""
    generation = _generation(model)
    return 8192 if generation is not None and generation < (2, 5) else 65_536


def _generation(model: str) -> tuple[int, int] | None:
    named = re.search(r"gemini-(\d+)(?:\.(\d+))?", model)
    return None if named is None else (int(named.group(1)), int(named.group(2) or 0))
