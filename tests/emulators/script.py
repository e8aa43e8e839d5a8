"""A script of mixed faults for a drill: the same for the same seed.

Only faults that a run gets over by itself, with every sheet accounted for.
"""

from __future__ import annotations

import random

from tests.emulators.base import Emulator

OF_TEXTS = (
    "fenced", "prose", "thoughts", "truncated", "broken-json", "repeated-key", "nan",
    "above-maximum", "wrong-id", "all-null", "empty",
)  # fmt: skip
MIXED: dict[str, dict[str, tuple[str, ...]]] = {
    "openai": {
        "upload": ("500", "429-retry-after", "reset-mid"),
        "create": ("500", "reset-after-accept", "500-after-accept", "cannot-find-file"),
        "status": ("500", "429-retry-after", "unknown-state"),
        "end": (
            "expired", "cancelled-in-console", "empty-string-ids", "download-502",
            "download-short", "download-late",
        ),
        "line": (*OF_TEXTS, "refusal", "blocked", "missing", "doubled", "unknown-id", "shuffled",
                 "status-zero", "http-500", "http-429"),
    },
    "gemini": {
        "upload": ("500", "429-retry-after", "reset-mid", "processing"),
        "create": ("503", "429-retry-info", "reset", "reset-after-accept", "500-after-accept"),
        "status": ("500", "429-retry-after", "unknown-state", "no-state"),
        "end": ("expired", "cancelled-in-console", "partial", "in-response", "download-502",
                "download-short", "download-late", "shuffled"),
        "line": (*OF_TEXTS, "cut", "cut-thoughts", "thought-parts", "finish-SAFETY", "blocked",
                 "null-response", "no-response", "error-8", "error-13", "missing", "doubled",
                 "unknown-id", "broken-line"),
    },
    "local": {
        "chat": (*OF_TEXTS, "500", "503", "429-retry-after", "reset", "refusal", "blocked",
                 "cut", "null-content", "no-json", "no-choices"),
    },
}  # fmt: skip
"""By emulator and place. What its place's table says of each kind stands in its own module."""

LINES = 20


def mixed_faults(vendor: str, seed: int, count: int = 12) -> list[tuple[str, str, int | None]]:
    """(place, kind, number of the line or None) of `count` faults, most of them in lines.

    Every place gets one at least, so that `count` is exceeded when it is small.
    """
    chance = random.Random(f"{vendor} {seed}")
    places = MIXED[vendor]
    in_bulk = "line" if "line" in places else "chat"
    script: list[tuple[str, str, int | None]] = [
        (place, chance.choice(kinds), None) for place, kinds in places.items() if place != in_bulk
    ]
    kinds = list(places[in_bulk])
    for _ in range(max(1, count - len(script))):
        nth = chance.randrange(LINES) if in_bulk == "line" else None
        script.append((in_bulk, chance.choice(kinds), nth))
    return script


def add_faults(emulator: Emulator, seed: int, count: int = 12) -> None:
    """Let these faults happen at the emulator."""
    for place, kind, nth in mixed_faults(emulator.name, seed, count):
        emulator.faults.add(place, kind, nth=nth)
