"""How OpenAI's models count an image: the sums of its guide, and the size a page is sent in."""

from __future__ import annotations

from decimal import Decimal

import pytest

from batching.providers.openai_tokens import (
    Patches,
    Tiles,
    describe,
    family,
    image_tokens,
    is_older,
    likely_thoughts,
    rule_for,
    useful_long_side,
)
from batching.providers.options import BadOption

DPI_150, DPI_200, DPI_300, STRIP = (1240, 1754), (1654, 2339), (2480, 3508), (1600, 400)


def count(model: str, size: tuple[int, int], detail: str = "high") -> int:
    return image_tokens(rule_for(model, detail, {}), *size)


@pytest.mark.parametrize(
    ("model", "detail", "tokens"),
    [
        ("gpt-4.1-mini", "high", (3475, 4770, 4770, 1053)),
        ("gpt-5.4", "high", (2574, 2974, 2974, 780)),
        ("gpt-5.4", "original", (2574, 4618, 10296, 780)),
        ("gpt-5", "high", (910, 910, 910, 630)),
        ("gpt-5.1", "high", (910, 910, 910, 630)),
        ("gpt-4.1", "high", (1105, 1105, 1105, 765)),
    ],
)
def test_scans_count_as_openai_counts_them(model, detail, tokens):
    sizes = (DPI_150, DPI_200, DPI_300, STRIP)
    assert tuple(count(model, size, detail) for size in sizes) == tokens


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("gpt-4.1-2025-04-14", "gpt-4.1"),
        ("gpt-4o-mini", "gpt-4o-mini"),
        ("gpt-5.4-mini-2026-03-17", "gpt-5.4"),
        ("gpt-5-mini", "gpt-5-mini"),
        ("gpt-5-2025-08-07", "gpt-5"),
        ("ft:gpt-4o-mini-2024-07-18:school::abc", "gpt-4o-mini"),
        ("gpt-5.7", ""),
        ("gpt-50", ""),
        ("mistral-large", ""),
    ],
)
def test_a_dated_or_tuned_model_goes_by_its_family(model, name):
    assert family(model) == name


def test_a_model_that_is_newer_than_the_table_counts_as_the_newest_in_it():
    assert rule_for("gpt-6", "original", {}) == rule_for("gpt-5.6", "original", {})
    assert count("gpt-6", DPI_300, "original") == 10296


def test_a_configuration_may_bring_its_own_rule():
    assert rule_for("gpt-4.1-mini", "high", {"factor": 2, "side": 1024, "patches": 900}) == Patches(
        Decimal(2), 1024, 900
    )
    assert rule_for("gpt-9", "low", {"base": 50, "tile": 100}) == Tiles(50, 100, low=True)


@pytest.mark.parametrize("given", [{"factor": "much"}, {"tiles": 3}, {"base": 1, "factor": 2}])
def test_a_rule_that_is_none_is_named(given):
    with pytest.raises(BadOption, match="image_rule"):
        rule_for("gpt-4.1", "high", given)


def test_low_detail_is_the_base_alone_where_it_is_counted_in_tiles():
    assert count("gpt-4.1", DPI_300, "low") == 85


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-4.1", "gpt-5", "gpt-5.4", "gpt-5.6", "x"])
@pytest.mark.parametrize("detail", ["high", "auto"])
def test_a_page_is_sent_no_larger_than_helps_and_no_smaller_than_legible(model, detail):
    rule = rule_for(model, detail, {})
    long_side = useful_long_side(rule)
    size = (round(long_side / 2**0.5), long_side)
    assert image_tokens(rule, *size) <= image_tokens(rule, *DPI_150)
    # Tiles are seen with 768 pixels of the short side, whatever is sent.
    assert size[0] >= (1000 if isinstance(rule, Patches) else 767)


def test_a_tiled_page_at_its_useful_size_loses_nothing():
    rule = rule_for("gpt-4.1", "high", {})
    assert image_tokens(rule, 768, useful_long_side(rule)) == count("gpt-4.1", DPI_300)


def test_a_model_that_looks_at_512_pixels_is_sent_no_more():
    assert useful_long_side(rule_for("gpt-5.6", "low", {})) == 512


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (33, 5000), (9000, 9000)])
@pytest.mark.parametrize("model", ["gpt-4.1-mini", "gpt-4.1", "gpt-5.4"])
def test_any_size_counts_within_the_budget(model, size):
    rule = rule_for(model, "high", {})
    assert 0 < image_tokens(rule, *size) <= 6144 * 2


def test_a_strip_that_no_shrinking_brings_into_the_budget_counts_as_the_budget():
    assert image_tokens(Patches(Decimal(1), budget=100), 1, 20_000) == 100


def test_whole_patches_are_not_counted_as_one_more():
    assert image_tokens(Patches(Decimal("1.2")), 32 * 5, 32 * 7) == 42
    # Shrunk to 768 by 1536 pixels and a trillionth.
    assert count("gpt-4.1", (1092, 2184)) == 85 + 170 * 6


def test_the_generations_are_told_apart():
    assert all(map(is_older, ["gpt-4.1-mini", "gpt-4o", "ft:gpt-4o:x", "gpt-3.5-turbo"]))
    assert not any(map(is_older, ["gpt-5", "gpt-5.4-mini", "o4-mini", "gpt-6", "some-model"]))


def test_only_models_that_think_are_given_room_for_it():
    assert likely_thoughts("gpt-4.1-mini", "") == 0
    assert likely_thoughts("gpt-5.4", "none") == 0
    efforts = ["minimal", "low", "medium", "high", "xhigh"]
    guesses = [likely_thoughts("gpt-5.4", effort) for effort in efforts]
    assert guesses == sorted(guesses)
    assert likely_thoughts("gpt-5.4", "") == likely_thoughts("gpt-5.4", "medium") > 0


def test_a_rule_is_told_in_words():
    assert (
        describe(rule_for("gpt-4.1-mini", "high", {})) == "patches of 32 pixels, each 1.62 tokens"
    )
    assert describe(rule_for("gpt-4.1", "high", {})) == "85 and 170 for each tile of 512 pixels"
