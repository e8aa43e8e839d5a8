"""How OpenAI's models count images, and how large a page is worth sending to them.

Comes in: a model's name, the detail asked for, sizes in pixels. Goes out: tokens, and the
useful size of a page. The numbers stand in OpenAI's guide to images; a configuration may
bring its own rule (`image_rule`) when a model is newer than this table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from batching.providers import said
from batching.providers.options import BadOption, Options

PATCH = 32
TILE = 512
A4 = 2**0.5
# An A4 page of 1024 by 1448 pixels (124 dots an inch): handwriting is legible, and both sides
# come to whole patches or nearly so.
LEGIBLE_LONG_SIDE = 1448


@dataclass(frozen=True, slots=True)
class Patches:
    """Patches of 32 pixels times a factor: the image fits into `side` pixels, then into a
    `budget` of patches (None: no limit).
    """

    factor: Decimal
    side: int | None = None
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class Tiles:
    """A base and so much for each tile of 512 pixels, once the short side is down to 768.

    `low` asks for the base alone.
    """

    base: int
    tile: int
    low: bool = False


ImageRule = Patches | Tiles

FACTORS = {
    "gpt-4.1-mini": "1.62",
    "gpt-4.1-nano": "2.46",
    "o4-mini": "1.72",
    "gpt-5-mini": "1.2",
    "gpt-5-nano": "1.5",
    "gpt-5.2": "1.2",
    "gpt-5.4": "1.2",
    "gpt-5.5": "1.2",
    "gpt-5.6": "1.2",
}
TILES = {
    "gpt-4o": (85, 170),
    "gpt-4o-mini": (2833, 5667),
    "gpt-4.1": (85, 170),
    "gpt-5": (70, 140),
    "gpt-5.1": (70, 140),
}
# By detail: the most pixels of the long side, and the most patches.
_HIGH = (2048, 2500)
_FULL = (6000, 10_000)
EVERY_DETAIL = (2048, 6144)
DETAILS: dict[str, dict[str, tuple[int | None, int | None]]] = {
    # "low" is no misprint: with these models it can cost more than "high". What "auto" comes
    # to is not said; the dearest is assumed.
    "gpt-5.4": {"low": (2048, 6144), "high": _HIGH, "original": _FULL, "auto": _FULL},
    "gpt-5.5": {"low": (512, None), "high": _HIGH, "original": _FULL, "auto": _FULL},
    "gpt-5.6": {"low": (512, None), "high": _HIGH, "original": (None, None), "auto": (None, None)},
}
# What a model that is not in the tables is taken for.
NEWEST = "gpt-5.6"
# The most tokens that a request may ask for; more is refused line by line.
OUTPUT_LIMITS = {
    "gpt-4o": 16_384,
    "gpt-4o-mini": 16_384,
    "gpt-4.1": 32_768,
    "gpt-4.1-mini": 32_768,
    "gpt-4.1-nano": 32_768,
    "gpt-5": 128_000,
    "gpt-5-mini": 128_000,
    "gpt-5-nano": 128_000,
    "gpt-5.1": 128_000,
    "o4-mini": 100_000,
}
# Tokens that a model is likely to think before it answers, by reasoning effort; "" is the
# model's own choice. A guess on the safe side, for estimates.
LIKELY_THOUGHTS = {"none": 0, "minimal": 100, "low": 500, "medium": 2000, "high": 6000}
MOST_LIKELY_THOUGHTS = 12_000


def family(model: str) -> str:
    """The name in the tables that a model goes by ("gpt-5.4" for "gpt-5.4-mini-2026-03-17"),
    or "" for one that is not in them.
    """
    bare = model.removeprefix("ft:")
    known = [
        name
        for name in {*FACTORS, *TILES, *OUTPUT_LIMITS}
        if bare == name or bare.startswith((f"{name}-", f"{name}:"))
    ]
    return max(known, key=len, default="")


def is_older(model: str) -> bool:
    """Whether it is of the generation that answers at once and speaks chat completions."""
    return re.match(r"(ft:)?(gpt-3|gpt-4|chatgpt-4)", model) is not None


def rule_for(model: str, detail: str, given: Mapping[str, Any]) -> ImageRule:
    """How the model counts an image. Raises BadOption when the `given` rule is none.

    `given` is {"factor": 1.2, "side": 2048, "patches": 2500} or {"base": 85, "tile": 170}, or
    empty for the built-in rule.
    """
    if given:
        return _given_rule(given, detail)
    name = family(model) or NEWEST
    if name in TILES:
        return Tiles(*TILES[name], low=detail == "low")
    side, budget = DETAILS.get(name, {}).get(detail, EVERY_DETAIL)
    return Patches(Decimal(FACTORS[name]), side, budget)


def image_tokens(rule: ImageRule, width: int, height: int) -> int:
    """What an image of this size in pixels counts as."""
    if isinstance(rule, Tiles):
        return rule.base + (0 if rule.low else rule.tile * _tiles(width, height))
    return math.ceil(rule.factor * _patches(rule, width, height))


def useful_long_side(rule: ImageRule) -> int:
    """Pixels of an A4 page's long side: legible, and never more than the model will look at."""
    if isinstance(rule, Tiles):
        return TILE if rule.low else int(768 * A4)
    seen = min(rule.side or LEGIBLE_LONG_SIDE, LEGIBLE_LONG_SIDE)
    if rule.budget is None:
        return seen
    return min(seen, int(PATCH * math.sqrt(rule.budget * A4)))


def describe(rule: ImageRule) -> str:
    """The rule for a person."""
    if isinstance(rule, Tiles):
        return said.TILES.format(base=rule.base, tile=rule.tile, pixels=TILE)
    return said.PATCHES.format(pixels=PATCH, factor=f"{rule.factor.normalize():f}")


def likely_thoughts(model: str, effort: str) -> int:
    """How many tokens the model is likely to think before it answers."""
    if is_older(model):
        return 0
    return LIKELY_THOUGHTS.get(effort or "medium", MOST_LIKELY_THOUGHTS)


def _given_rule(given: Mapping[str, Any], detail: str) -> ImageRule:
    options = Options(given)
    rule: ImageRule
    try:
        if "base" in given or "tile" in given:
            rule = Tiles(options.count("base", 0), options.count("tile", 0), detail == "low")
        else:
            factor = Decimal(str(options.number("factor", 1)))
            side, budget = options.optional_count("side"), options.optional_count("patches")
            rule = Patches(factor, side, budget)
        options.refuse_others()
    except BadOption as error:
        raise BadOption(f"image_rule: {error}") from error
    return rule


def _tiles(width: int, height: int) -> int:
    scale = min(1.0, 2048 / max(width, height))
    scale = min(scale, 768 / min(width, height))
    return _pieces(width * scale, TILE) * _pieces(height * scale, TILE)


def _patches(rule: Patches, width: int, height: int) -> int:
    scale = min(1.0, rule.side / max(width, height)) if rule.side else 1.0
    wide, high = width * scale, height * scale
    count = _pieces(wide, PATCH) * _pieces(high, PATCH)
    if rule.budget is None or count <= rule.budget:
        return count
    shrink = math.sqrt(PATCH * PATCH * rule.budget / (wide * high))
    across, down = wide * shrink / PATCH, high * shrink / PATCH
    # So that one side comes to whole patches.
    shrink *= min(max(1, math.floor(across)) / across, max(1, math.floor(down)) / down, 1)
    count = _pieces(wide * shrink, PATCH) * _pieces(high * shrink, PATCH)
    return min(count, rule.budget)


def _pieces(length: float, size: int) -> int:
    # The smallest excess is an error of binary numbers and no further piece.
    return max(1, math.ceil(length / size - 1e-9))
