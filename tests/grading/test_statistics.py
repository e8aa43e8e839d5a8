"""The spread of an exam's totals and the mean of every criterion."""

from decimal import Decimal

from grading.statistics import criterion_means, distribution
from tests import factories


def pairs(*totals, out_of=10):
    return [(Decimal(str(total)), Decimal(out_of)) for total in totals]


def test_no_results_have_no_distribution():
    assert distribution([]) is None


def test_totals_fall_into_tenths_and_full_marks_into_the_last():
    spread = distribution(pairs(0, 0.5, 5, 9.5, 10))
    assert [bin.count for bin in spread.bins] == [2, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    assert (spread.bins[0].low, spread.bins[-1].high) == (0, 100)
    assert spread.bins[5].share == 0.5


def test_mean_median_lowest_and_highest():
    spread = distribution(pairs(1, 2, 9))
    assert (spread.mean, spread.median, spread.lowest, spread.highest) == (4, 2, 1, 9)


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
