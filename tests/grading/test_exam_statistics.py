"""Which sheets and marks count in an exam's statistics, and what the page says of them."""

from decimal import Decimal

import pytest
from django.urls import reverse

from exams.models import Sheet
from grading import review
from grading.exam_statistics import class_distribution, class_marks, exam_statistics
from grading.exports import marks_csv
from grading.models import Mark
from tests import factories

PENALTY = [
    {"id": "Q1", "description": "One", "max_marks": 4, "step": 1},
    {"id": "Q2", "description": "Two", "max_marks": 2, "step": 1},
    {"id": "X", "description": "Extra", "max_marks": 1, "step": 1, "kind": "bonus"},
    {"id": "P", "description": "Late", "max_marks": 2, "step": 1, "kind": "penalty"},
]


def proposed(exam, *marks, state="reviewed", source="ai_batch", **assessment):
    """A sheet whose marks were proposed by a model, in the order of the rubric."""
    sheet = factories.make_sheet(exam, state="mapped", pages=0)
    made = factories.make_assessment(sheet, source=source, **assessment)
    for part, awarded in zip(made.parts.all(), marks, strict=True):
        part.awarded = Decimal(str(awarded))
        part.save()
    factories.make_marks(sheet, made)
    Sheet.objects.filter(pk=sheet.pk).update(state="graded")
    if state != "graded":
        now = {"reviewed_by": exam.created_by, "reviewed_at": sheet.created_at}
        Sheet.objects.filter(pk=sheet.pk).update(state=state, **now)
    return sheet


def finally_(sheet, code, awarded):
    """A person gives other points than proposed."""
    mark = Mark.objects.get(sheet=sheet, criterion__code=code)
    review.change_mark(
        mark.pk,
        awarded=Decimal(str(awarded)),
        feedback=mark.feedback,
        reason="Looked again.",
        version=mark.version,
        by=sheet.exam.created_by,
    )


@pytest.fixture
def marked(x_b, alice):
    """Five sheets of an exam with a bonus and a penalty: 6 marks."""
    exam = factories.make_exam(x_b, items=PENALTY, by=alice)
    for marks in ([4, 2, 1, 0], [3, 1, 0, 0], [2, 2, 0, -1], [0, 0, 0, 0], [1, 1, 0, -2]):
        proposed(exam, *marks, model="m-1")
    return exam


def test_totals_count_bonus_and_penalty_and_never_fall_below_nothing(marked):
    now = exam_statistics(marked)
    assert (now.spread.count, now.out_of) == (5, 6)
    # 7 4 3 0 0
    assert (now.spread.mean, now.spread.median) == (pytest.approx(2.8), 3)
    assert (now.spread.lowest, now.spread.highest) == (0, 7)


def test_each_criterion_has_its_mean_share_and_its_ends(marked):
    first, second, extra, late = exam_statistics(marked).criteria
    assert [one.code for one in (first, second, extra, late)] == ["Q1", "Q2", "X", "P"]
    assert (first.spread.mean, first.spread.share) == (2, 0.5)
    assert (first.spread.lowest, first.spread.highest) == (1, 1)
    assert (late.spread.share, late.spread.lowest, late.spread.highest) == (0.7, 1, 3)
    assert late.best == -2


def test_only_base_criteria_go_together(marked):
    now = exam_statistics(marked)
    assert (now.reliability.criteria, now.reliability.sheets) == (2, 5)
    # Variances 2.5 and .7; totals 6 4 4 0 2 have 5.2: 2 (1 - 3.2/5.2)
    assert now.reliability.alpha == pytest.approx(2 * (1 - 3.2 / 5.2))
    assert now.criteria[0].discrimination == pytest.approx(1 / (2.5 * 0.7) ** 0.5)
    assert [one.discrimination for one in now.criteria[2:]] == [None, None]


def test_no_exam_without_marks_has_statistics(exam):
    assert exam_statistics(exam).spread is None


def test_proposals_are_compared_on_reviewed_sheets_only(marked):
    sheets = list(marked.sheets.order_by("pk"))
    finally_(sheets[0], "Q1", 2)
    finally_(sheets[1], "Q1", 4)
    unreviewed = proposed(marked, 4, 2, 1, 0, state="graded", model="m-1")
    finally_(unreviewed, "Q1", 0)
    now = exam_statistics(marked)
    assert (now.unreviewed, now.spread.count) == (1, 6)
    against = now.criteria[0].against
    assert (against.count, against.exact, against.near) == (5, 0.6, 0.8)
    assert (against.shift, now.criteria[0].overridden) == (pytest.approx(-0.2), 0.4)
    (assessor,) = now.assessors
    assert (assessor.source, assessor.name, assessor.sheets) == ("AI batch", "m-1", 5)
    assert (assessor.marks.count, assessor.marks.exact) == (20, 0.9)
    assert assessor.totals.shift == pytest.approx(-0.2)
    assert assessor.overridden == 0.1


def test_only_the_assessments_that_the_marks_came_from_count(marked):
    sheet = marked.sheets.first()
    factories.make_assessment(sheet, source="local_model", awarded=Decimal(0), model="other")
    assert [one.name for one in exam_statistics(marked).assessors] == ["m-1"]


def test_sheets_graded_by_hand_had_no_proposal(exam):
    for _ in range(2):
        factories.make_sheet(exam, state="reviewed", pages=0)
    now = exam_statistics(exam)
    assert (now.by_hand, now.assessors) == (2, ())
    assert [one.against for one in now.criteria] == [None, None]


def test_each_assessor_stands_for_itself(marked):
    proposed(marked, 4, 2, 1, 0, source="local_model", model="m-2", provider="local")
    found = {one.name: one for one in exam_statistics(marked).assessors}
    assert set(found) == {"m-1", "m-2"}
    assert found["m-2"].is_few
    assert not found["m-1"].is_few


def test_nobody_is_named_twice_who_proposed(marked, teacher):
    proposed(marked, 4, 2, 1, 0, source="offline", model="offline-1", provider="offline")
    proposed(marked, 4, 2, 1, 0, source="local_model", model="m-2", provider="lab")
    found = {f"{one.source}: {one.name}" for one in exam_statistics(marked).assessors}
    assert found == {"AI batch: m-1", "offline baseline: offline-1", "local model: lab m-2"}
    rows = "".join(marks_csv(marked))
    assert "offline baseline offline-1," in rows
    assert "local model lab m-2," in rows


def test_the_column_says_that_a_high_difficulty_is_an_easy_question(marked, teacher):
    text = teacher.get(reverse("grading:statistics", args=[marked.pk])).text
    head = text[text.index("Difficulty") :]
    assert head[: head.index("</th>")].count("high is easy") == 1
    assert "73 % of the marks were reached" in text


def test_a_criterion_of_two_versions_is_one_while_its_range_is_the_same(marked, alice):
    items = [PENALTY[0] | {"description": "One, again"}, PENALTY[1] | {"max_marks": 3}]
    factories.make_rubric(marked, items=items, by=alice)
    for marks in ([4, 3], [0, 0]):
        proposed(marked, *marks)
    now = exam_statistics(marked)
    assert [(one.code, one.best, one.spread.count) for one in now.criteria] == [
        ("Q1", 4, 7),
        ("Q2", 3, 2),
        ("Q2", 2, 5),
        ("X", 1, 5),
        ("P", -2, 5),
    ]
    assert now.criteria[0].description == "One, again"
    # The larger group of sheets with the same questions, not all of them.
    assert (now.reliability.sheets, now.reliability.criteria) == (5, 2)


def test_a_class_sees_no_distribution_of_four(exam):
    def spread():
        sheet = Sheet.objects.annotate(rows=class_marks(("published",))).first()
        return class_distribution(sheet.rows)

    for _ in range(4):
        factories.make_sheet(exam, state="published", pages=0)
    factories.make_sheet(state="published", pages=0)  # of another exam
    assert spread() is None
    factories.make_sheet(exam, state="reviewed", pages=0)
    assert spread() is None
    factories.make_sheet(exam, state="published", pages=0)
    assert (spread().count, spread().bins[4].count) == (5, 5)


def test_a_classs_totals_are_exact_whatever_the_steps_are():
    tenths = [(sheet, 0.1, 0.1) for sheet in range(5) for _ in range(10)]
    bonus = [(0, 0.3, 0.0), (1, -9.0, 0.0)]
    spread = class_distribution(tenths + bonus)
    assert (spread.highest, spread.lowest, spread.median) == (1.3, 0.0, 1.0)
    assert [one.count for one in spread.bins] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 4]


def test_few_sheets_are_shown_with_a_warning(exam, alice, sign_in):
    proposed(exam, 1, 2)
    text = sign_in(alice).get(reverse("grading:statistics", args=[exam.pk])).text
    assert text.count("Only 1 sheet: these figures say little.") == 4


def test_the_page_says_what_is_not_defined(marked, alice, sign_in):
    browser, page = sign_in(alice), reverse("grading:statistics", args=[marked.pk])
    text = browser.get(page).text
    assert "say little" not in text
    assert "Cronbach" in text
    assert text.count("not defined") >= 2  # bonus and penalty
    assert 'data-value="0.5"' in text  # what the chart is drawn from
    assert "m-1" in text


def test_without_results_the_page_is_calm(exam, alice, sign_in):
    text = sign_in(alice).get(reverse("grading:statistics", args=[exam.pk])).text
    assert "No results yet" in text
    assert "chart.umd" not in text
