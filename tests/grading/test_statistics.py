"""The spread of totals, and every figure against a hand-worked or independent computation."""

from collections import Counter
from decimal import Decimal

import numpy as np
import pytest
from scipy import stats

from grading.statistics import (
    agreement,
    correlation,
    criterion_means,
    cronbach_alpha,
    discriminations,
    distribution,
    spread,
    weighted_kappa,
)
from tests import factories


def pairs(*totals, out_of=10):
    return [(Decimal(str(total)), Decimal(out_of)) for total in totals]


def test_no_results_have_no_distribution():
    assert distribution([]) is None


def test_totals_fall_into_tenths_and_full_marks_into_the_last():
    shape = distribution(pairs(0, 0.5, 5, 9.5, 10))
    assert [bin.count for bin in shape.bins] == [2, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert (shape.bins[0].low, shape.bins[-1].high) == (0, 100)
    assert shape.bins[5].share == 0.5


def test_mean_median_lowest_and_highest():
    shape = distribution(pairs(1, 2, 9))
    assert (shape.mean, shape.median, shape.lowest, shape.highest) == (4, 2, 1, 9)


def test_a_bonus_above_full_marks_and_an_exam_of_bonus_only_still_count():
    assert distribution(pairs(11)).bins[-1].count == 1
    assert distribution([(Decimal(2), Decimal(0))]).bins[0].count == 1


def test_the_mean_of_a_penalty_is_a_share_of_its_own_range(x_b, alice):
    items = [
        {"id": "Q1", "description": "One", "max_marks": 4, "step": 1},
        {"id": "P", "description": "Late", "max_marks": 2, "step": 1, "kind": "penalty"},
    ]
    exam = factories.make_exam(x_b, items=items, by=alice)
    sheet = factories.make_sheet(exam, state="mapped")
    factories.make_marks(sheet, factories.make_assessment(sheet, awarded=Decimal(0)))
    first, penalty = criterion_means(exam)
    assert (first.code, first.mean, first.share) == ("Q1", 0, 0)
    assert (penalty.code, penalty.mean, penalty.share) == ("P", 0, 1)


# Five sheets, four criteria, worked by hand below.
MARKS = [[2, 1, 1, 3], [1, 0, 1, 2], [2, 2, 0, 3], [0, 0, 1, 0], [1, 1, 0, 2]]


def test_the_standard_deviation_is_that_of_these_sheets():
    assert distribution(pairs(1, 2, 9)).deviation == pytest.approx((38 / 3) ** 0.5)


def test_a_criterions_spread_counts_no_marks_and_full_marks():
    found = spread([0, 0.5, 2, 2], floor=0, ceiling=2)
    assert (found.mean, found.share, found.lowest, found.highest) == (1.125, 0.5625, 1, 2)
    late = spread([-2, 0], floor=-2, ceiling=0)
    assert (late.share, late.lowest, late.highest) == (0.5, 1, 1)
    with pytest.raises(ValueError, match="without marks"):
        spread([], floor=0, ceiling=1)


def test_correlation_is_pearsons_and_undefined_without_variance():
    ours, theirs = [1, 2, 3, 5], [2, 1, 4, 7]
    # By hand: deviations -1.75 -.75 .25 2.25 and -1.5 -2.5 .5 3.5; 12.5 / sqrt(8.75 * 21)
    assert correlation(ours, theirs) == pytest.approx(12.5 / (8.75 * 21) ** 0.5)
    assert correlation(ours, theirs) == pytest.approx(stats.pearsonr(ours, theirs).statistic)
    assert correlation([1, 1, 1], [1, 2, 3]) is None
    assert correlation([1, 2, 3], [4, 4, 4]) is None
    assert correlation([1], [2]) is None


def test_alpha_by_hand_and_by_the_mean_covariance():
    # Variances .7 .7 .3 1.5 add up to 3.2; totals 7 4 7 1 4 have 6.3: 4/3 (1 - 3.2/6.3)
    assert cronbach_alpha(MARKS) == pytest.approx(4 / 3 * (1 - 3.2 / 6.3))
    table = np.cov(np.asarray(MARKS, dtype=float).T)
    variance = np.trace(table) / 4
    covariance = (table.sum() - np.trace(table)) / 12
    assert cronbach_alpha(MARKS) == pytest.approx(4 * covariance / (variance + 3 * covariance))


def test_alpha_of_criteria_that_say_the_same_is_one():
    assert cronbach_alpha([[0, 0], [1, 1], [3, 3]]) == pytest.approx(1)


@pytest.mark.parametrize(
    "table", [[], [[1, 2]], [[1], [2]], [[1, 2], [2, 1]], [[0.1, 0.2], [0.3, 0]]]
)
def test_alpha_is_undefined_for_too_little_or_totals_that_never_vary(table):
    assert cronbach_alpha(table) is None


def test_discrimination_leaves_the_criterion_out_of_the_total():
    found = discriminations(MARKS)
    for column in range(4):
        own = [row[column] for row in MARKS]
        rest = [sum(row) - row[column] for row in MARKS]
        assert found[column] == pytest.approx(stats.pearsonr(own, rest).statistic)
    # The third by hand: 1 1 0 1 0 against 6 3 7 0 4; deviations give -3 / sqrt(1.2 * 30)
    assert found[2] == pytest.approx(-3 / (1.2 * 30) ** 0.5)


def test_discrimination_is_undefined_where_nothing_varies():
    assert discriminations([[1, 0], [1, 1], [1, 2]]) == [None, None]
    assert discriminations([[1], [2]]) == [None]
    assert discriminations([]) == []
    # 0.1 + 0.2 is not 0.3 in a computer, and still no variance.
    assert discriminations([[0, 0.1, 0.2], [1, 0.3, 0]])[0] is None


def kappa_by_tables(ours, theirs, steps):
    """The textbook way: observed and expected tables with quadratic weights."""
    observed, expected = Counter(zip(ours, theirs, strict=True)), {}
    a, b, n = Counter(ours), Counter(theirs), len(ours)
    expected = {(i, j): a[i] * b[j] / n for i in range(steps) for j in range(steps)}
    weight = {(i, j): (i - j) ** 2 / (steps - 1) ** 2 for i, j in expected}
    above = sum(weight[pair] * observed[pair] for pair in expected)
    return 1 - above / sum(weight[pair] * expected[pair] for pair in expected)


def test_weighted_kappa_is_that_of_the_textbook():
    ours, theirs = [0, 1, 2, 2, 4, 3, 1], [0, 2, 2, 1, 4, 4, 1]
    assert weighted_kappa(ours, theirs) == pytest.approx(kappa_by_tables(ours, theirs, 5))
    # Halves of a mark are the same scale with other names.
    half = [mark / 2 for mark in ours], [mark / 2 for mark in theirs]
    assert weighted_kappa(*half) == pytest.approx(weighted_kappa(ours, theirs))
    assert weighted_kappa([1, 2], [1, 2]) == 1
    assert weighted_kappa([0, 1], [1, 0]) == -1
    assert weighted_kappa([2, 2], [2, 2]) is None
    assert weighted_kappa([], []) is None


def test_agreement_exact_within_a_step_shift_and_distance():
    found = agreement([1, 2, 0, 3], [1, 2.5, 2, 2], [0.5, 0.5, 0.5, 1])
    assert (found.count, found.exact, found.near) == (4, 0.25, 0.75)
    assert (found.shift, found.distance) == (pytest.approx(0.375), pytest.approx(0.875))
    assert agreement([], [], []) is None


def test_a_step_of_a_tenth_is_one_step():
    assert agreement([0.1], [0.3], [0.2]).near == 1
