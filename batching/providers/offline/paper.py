"""The paper below the writing: its blankness, its shade, its ruled lines, its grain.

Comes in: a page in grey. Goes out: the page on even, white paper without rules, so that tesseract
sees writing only. Clean pages stay as they are: cleaning costs a little of the writing too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

Grey = NDArray[np.uint8]
Mask = NDArray[np.bool_]

# Tesseract reads best near this width of an A4 page (150 DPI).
PAGE_WIDTH = 1240
# A page whose dark share is below this holds no writing, only paper and its ruled lines.
BLANK_INK = 0.0004
# What is lighter than this share of the paper's own brightness is paper.
PAPER = 0.84
# Dark runs of so many pixels (at 150 DPI) are ruled lines; no stroke of a pen is as straight.
RULE_RUN = 48
# On paper evened to 245: what may be a line, and how much darker than a line ink is.
DARK, INK_DARKER = 220, 25
# Below this share of ruled pixels, and above this evenness, a page is left as it is.
RULED, EVEN = 0.002, 0.9


def at_size(picture: Picture.Image, scale: float) -> Picture.Image:
    """The page at a share of 150 DPI, whatever size it was scanned in."""
    factor = scale * PAGE_WIDTH / picture.width
    if abs(factor - 1) <= 0.02:
        return picture
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Picture.Resampling.LANCZOS)


def cleared(
    picture: Picture.Image, masks: Sequence[tuple[float, float, float, float]]
) -> Picture.Image:
    """The page with masked regions in the colour of the paper: a dark block spoils the reading
    of the rest.
    """
    if not masks:
        return picture
    result = picture.copy()
    paper = int(np.median(np.asarray(picture)))
    for x, y, w, h in masks:
        # A little more than the mask: JPEG blurs its edge.
        left, top = int(x * picture.width) - 3, int(y * picture.height) - 3
        right, bottom = int((x + w) * picture.width) + 4, int((y + h) * picture.height) + 4
        result.paste(paper, (max(0, left), max(0, top), right, bottom))
    return result


def is_blank(picture: Picture.Image) -> bool:
    """Is there nothing darker than ruled lines, shadows and noise on the page?"""
    grey = np.asarray(picture, dtype=np.int16)
    paper = int(np.median(grey))
    # The rim is left out: scanners leave a dark edge there.
    rim_y, rim_x = grey.shape[0] // 40, grey.shape[1] // 40
    inner = grey[rim_y : grey.shape[0] - rim_y or None, rim_x : grey.shape[1] - rim_x or None]
    return float((inner < paper - max(45, paper * 0.22)).mean()) < BLANK_INK


def evened(picture: Picture.Image) -> Picture.Image:
    """The page without shade and ruled lines, where it has any."""
    grey = np.asarray(picture)
    paper = _paper(picture)
    level = np.clip(grey / np.maximum(paper, 1) * 245, 0, 255)
    rules = _rules(level)
    uneven = float(np.quantile(paper, 0.05)) < EVEN * float(np.quantile(paper, 0.95))
    if not uneven and float(rules.mean()) < RULED:
        return picture
    level[rules] = 245
    return Picture.fromarray(level.astype(np.uint8))


def whitened(picture: Picture.Image) -> Picture.Image:
    """The page without the grain of the paper, which on a page with little writing is taken for
    letters.
    """
    grey = np.asarray(picture)
    paper = float(np.median(grey))
    return Picture.fromarray(np.where(grey > paper * PAPER, paper, grey).astype(np.uint8))


def _paper(picture: Picture.Image) -> NDArray[np.float64]:
    """How bright the paper is at every place, writing ignored."""
    small = picture.resize(
        (max(1, picture.width // 8), max(1, picture.height // 8)), Picture.Resampling.BOX
    )
    bright = ndimage.percentile_filter(np.asarray(small, dtype=np.float64), 80, size=9)
    smooth = ndimage.uniform_filter(bright, 9)
    again = Picture.fromarray(smooth.astype(np.float32)).resize(
        picture.size, Picture.Resampling.BILINEAR
    )
    return np.asarray(again, dtype=np.float64)


def _rules(level: NDArray[np.float64]) -> Mask:
    """The pixels of long straight lines, except where a stroke of the pen lies on them."""
    dark = level < DARK
    across, down = _runs(dark, RULE_RUN, axis=1), _runs(dark, RULE_RUN * 2, axis=0)
    # Ink that is no darker than the line is known by going on beyond it.
    crossed = np.zeros_like(dark)
    crossed[4:-4] = dark[:-8] & dark[8:] & ~across[:-8] & ~across[8:]
    lines = _line(level, across, spread=(5, 3)) & ~crossed
    return lines | _line(level, down, spread=(3, 5))


def _line(level: NDArray[np.float64], run: Mask, spread: tuple[int, int]) -> Mask:
    """A run with its soft edges, without what is darker: that is ink."""
    if not run.any():
        return run
    near = ndimage.maximum_filter(run.astype(np.uint8), spread) > 0
    result: Mask = near & (level > float(np.median(level[run])) - INK_DARKER)
    return result


def _runs(dark: Mask, length: int, axis: int) -> Mask:
    """The pixels that lie in an unbroken dark run of at least this length."""
    eroded = ndimage.minimum_filter1d(dark.astype(np.uint8), length, axis=axis)
    # An even window lies half a pixel off; the way back has to lie off the other way.
    back = ndimage.maximum_filter1d(eroded, length, axis=axis, origin=-1 if length % 2 == 0 else 0)
    result: Mask = (back > 0) & dark
    return result
