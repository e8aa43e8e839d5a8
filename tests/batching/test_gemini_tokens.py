"""What pages and thoughts cost at Gemini, by the numbers of its own pages."""

import pytest

from batching.providers.gemini_tokens import (
    image_rule,
    image_tokens,
    most_output_tokens,
    thoughts,
    useful_long_side,
)


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        ((1240, 1754), 1548),
        ((1654, 2339), 1548),
        ((2480, 3508), 1548),
        ((1024, 1448), 1548),
        ((1600, 400), 3612),
        ((384, 384), 258),
        ((385, 200), 258 * 6),
        ((1, 1), 258),
    ],
)
def test_a_page_counts_by_its_shape_and_not_by_its_size_in_the_second_generation(size, tokens):
    assert image_rule("gemini-2.5-flash") == "tiles"
    assert image_tokens("tiles", "", *size) == tokens


@pytest.mark.parametrize(
    ("model", "resolution", "tokens"),
    [
        ("gemini-2.5-pro", "LOW", 64),
        ("gemini-2.5-flash", "MEDIUM", 256),
        ("gemini-2.5-flash", "HIGH", 2048),
        ("gemini-3.1-pro-preview", "", 1120),
        ("gemini-3.8-flash", "HIGH", 1120),
        ("gemini-3-flash-preview", "MEDIUM", 560),
        ("gemini-4-argon", "LOW", 280),
        ("gemini-flash-latest", "", 1120),
    ],
)
def test_a_page_counts_by_the_media_resolution_where_there_is_one(model, resolution, tokens):
    assert image_tokens(image_rule(model, resolution), resolution, 1240, 1754) == tokens


def test_a_page_is_never_sent_larger_than_the_model_looks_at_it():
    assert useful_long_side("tiles", "") == 1632
    # 1.5 tiles of 768 pixels on the short side of A4.
    assert abs(1632 / 2**0.5 - 1.5 * 768) < 5
    sides = [useful_long_side("levels-3", level) for level in ("LOW", "MEDIUM", "HIGH")]
    assert sides == sorted(sides)
    assert useful_long_side("levels-3", "") == sides[-1]


def test_what_the_model_thinks_has_room_beside_the_reply_and_is_part_of_the_estimate():
    assert thoughts("gemini-2.5-flash", 0, "") == (0, 0)
    assert thoughts("gemini-2.5-flash", 1000, "") == (1000, 1000)
    for model, budget, level in (
        ("gemini-2.5-flash", None, ""),
        ("gemini-2.5-flash-lite", -1, ""),
        ("gemini-3.8-flash", None, "HIGH"),
        ("gemini-4-argon", None, ""),
    ):
        expected, room = thoughts(model, budget, level)
        assert 0 < expected < room


def test_models_that_do_not_think_by_themselves_need_no_room():
    assert thoughts("gemini-2.5-flash-lite", None, "") == (0, 0)
    assert thoughts("gemini-2.0-flash", None, "") == (0, 0)


def test_no_model_is_asked_for_more_than_it_can_write():
    assert most_output_tokens("gemini-2.0-flash") == 8192
    assert most_output_tokens("gemini-2.5-flash") == 65_536
    assert most_output_tokens("gemini-flash-latest") == 65_536
