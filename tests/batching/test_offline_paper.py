"""The paper below the writing: what is blank, and what is cleaned away before reading."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from batching.providers.offline import paper
from batching.providers.offline.reading import NotAPicture, open_page, read_page


def sheet(text: str = "", ink: int = 30, rule: int = 0, shade: int = 0) -> Picture.Image:
    """A page with three lines of text, ruled lines of a darkness, and a shade to one side."""
    page = Picture.new("L", (1240, 1754), 245)
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=36)
    for n in range(30):
        if rule:
            draw.line((60, 244 + 46 * n, 1180, 250 + 46 * n), fill=rule, width=2)
    for n in range(3 if text else 0):
        draw.text((90, 214 + 138 * n), text, font=font, fill=ink)
    slope = np.linspace(0, shade, page.width).astype(np.int16)
    return Picture.fromarray(
        (np.asarray(page, dtype=np.int16) - slope).clip(0, 255).astype("uint8")
    )


def read(page: Picture.Image) -> list[str]:
    out = io.BytesIO()
    page.save(out, "PNG")
    seen = read_page(out.getvalue(), 1, timeout=60, tesseract="tesseract")
    return [" ".join(line.text for line in reading.lines) for reading in seen.readings]


@pytest.mark.parametrize("page", [sheet(), sheet(rule=215), sheet(shade=25)])
def test_paper_with_rules_or_a_slight_shade_is_blank(page):
    assert paper.is_blank(page)


@pytest.mark.parametrize("ink", [30, 110, 160])
def test_a_page_with_writing_is_not_blank_even_in_pencil(ink):
    assert not paper.is_blank(sheet("Rivers carry sand", ink=ink))


def test_a_clean_page_is_left_as_it_is():
    page = sheet("Rivers carry sand")
    assert paper.evened(page) is page


def test_dark_rules_and_shade_go_and_the_writing_stays():
    page = paper.evened(sheet("Rivers carry sand", ink=40, rule=120, shade=70))
    pixels = np.asarray(page)
    assert pixels[700:1400, 100:1140].min() > 200
    assert np.median(pixels[:, :80]) == pytest.approx(np.median(pixels[:, -80:]), abs=6)
    assert (pixels < 120).sum() > 3000


def test_writing_on_dark_rules_is_read():
    seen = read(sheet("Rivers carry sand", ink=40, rule=120, shade=70))
    assert any(text.count("Rivers carry sand") == 3 for text in seen)


def test_lines_come_from_top_to_bottom_and_carry_their_page():
    out = io.BytesIO()
    page = Picture.new("L", (1240, 1754), 245)
    font = ImageFont.load_default(size=36)
    for n, word in enumerate(["alpha", "bravo", "charlie"]):
        ImageDraw.Draw(page).text((90, 300 + 200 * n), f"{word} is here", font=font, fill=30)
    page.rotate(1.0, fillcolor=245).save(out, "PNG")
    seen = read_page(out.getvalue(), 4, timeout=60, tesseract="tesseract")
    for reading in seen.readings:
        assert [line.text.split()[0] for line in reading.lines] == ["alpha", "bravo", "charlie"]
        assert {line.page for line in reading.lines} == {4}
        assert all(0 <= word.confidence <= 1 for line in reading.lines for word in line.words)


def test_on_a_crooked_scan_a_short_line_stands_as_high_as_a_long_one():
    page = Picture.new("L", (1240, 1754), 245)
    font = ImageFont.load_default(size=36)
    for n, text in enumerate(["one", "a long line of words that goes far to the right", "two"]):
        ImageDraw.Draw(page).text((90, 500 + 120 * n), text, font=font, fill=30)
    out = io.BytesIO()
    page.rotate(2.0, fillcolor=245).save(out, "PNG")
    seen = read_page(out.getvalue(), 1, timeout=60, tesseract="tesseract")
    one, long, two = (line.level for line in seen.readings[0].lines)
    assert long - one == pytest.approx(two - long, abs=0.004)


def test_bytes_that_are_no_picture_are_named_as_such():
    with pytest.raises(NotAPicture):
        open_page(b"%PDF-1.4")
