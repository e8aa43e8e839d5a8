"""What needs a teacher's eyes: reasons on a sheet, the lists made of them, and their order."""

from decimal import Decimal

import pytest
from django.urls import reverse

from batching.models import BatchItem, ItemState
from exams.models import Page, Sheet
from grading import review, review_eyes, review_flags
from grading.models import Assessment, Mark, Part
from grading.review_blind import sheet_code
from tests import factories
from tests.grading.steps import marks_of, queries_of, url


def quiet_sheet(exam, **fields):
    """A graded sheet that nothing is wrong with."""
    return factories.make_sheet(exam, state="graded", **fields)


def parts_of(sheet):
    return Part.objects.filter(assessment__sheet=sheet)


def make_unsure(sheet, marks=1):
    pks = list(parts_of(sheet).values_list("pk", flat=True)[:marks])
    Part.objects.filter(pk__in=pks).update(confidence=0.2)


def make_repaired(sheet):
    run = factories.make_batch_run(sheet.exam)
    item = BatchItem.objects.create(
        run=run,
        purpose=run.purpose,
        provider=run.provider,
        subject_id=sheet.pk,
        number=1,
        round=1,
        custom_id=f"item-{sheet.pk}",
        state=ItemState.ACCEPTED,
    )
    Assessment.objects.filter(sheet=sheet).update(item=item)


def make_extreme(sheet, points="0"):
    Mark.objects.filter(sheet=sheet).update(awarded=Decimal(points))


def make_pale(sheet):
    Page.objects.filter(sheet=sheet).update(is_faint=True)


def make_read_from_a_blank_page(sheet):
    Page.objects.filter(sheet=sheet).update(is_blank=True)


def make_unplaced(sheet):
    parts_of(sheet).update(page_number=None)


def make_flagged(sheet):
    review_flags.raise_flag(marks_of(sheet)[0], note="Look", by=sheet.exam.created_by)


def make_appealed(sheet):
    factories.make_appeal(marks_of(sheet)[0])


def listed(teacher, exam, show):
    page = teacher.get(f"{url('review_list', exam)}?show={show}")
    return [row["sheet_code"] for row in page.context["rows"]]


REASONS = [
    (make_unsure, "unsure", "1 unsure"),
    (make_repaired, "check", "reply was repaired"),
    (make_pale, "check", "faint or blank page"),
    (make_read_from_a_blank_page, "check", "faint or blank page"),
    (make_unplaced, "check", "page not named"),
    (make_extreme, "extreme", "no points"),
    (make_flagged, "flagged", "flagged"),
    (make_appealed, "appealed", "1 appealed"),
]


@pytest.mark.parametrize(
    ("spoil", "show", "words"), REASONS, ids=[one[0].__name__ for one in REASONS]
)
def test_each_doubt_puts_a_sheet_on_its_list_and_says_why(exam, teacher, spoil, show, words):
    sheet, calm = quiet_sheet(exam), quiet_sheet(exam)
    spoil(sheet)
    for name in (show, "eyes"):
        assert listed(teacher, exam, name) == [sheet_code(sheet.pk)]
    text = teacher.get(f"{url('review_list', exam)}?show={show}").content.decode()
    assert words in text
    for name in {"unsure", "check", "extreme", "flagged", "appealed"} - {show}:
        assert listed(teacher, exam, name) == []
    assert sheet_code(calm.pk) in listed(teacher, exam, "graded")
    counts = review_eyes.counts(exam)
    assert (counts[show], counts["eyes"]) == (1, 1)


def test_an_empty_back_of_a_sheet_is_no_reason(exam, teacher):
    sheet = quiet_sheet(exam, pages=2)
    Page.objects.filter(sheet=sheet, number=2).update(is_blank=True)
    assert listed(teacher, exam, "eyes") == []


def test_what_needs_eyes_most_stands_first(exam, teacher):
    made = [quiet_sheet(exam) for _ in range(7)]
    extreme, repaired, flagged, unsure, both, appealed, _calm = made
    make_extreme(extreme)
    make_repaired(repaired)
    make_flagged(flagged)
    make_appealed(appealed)
    make_unsure(unsure)
    make_unsure(both)
    make_pale(both)
    first = (appealed, both, unsure, flagged, repaired, extreme)
    expected = [sheet_code(one.pk) for one in first]
    assert listed(teacher, exam, "eyes") == expected
    # The same way from sheet to sheet, and after the last one back to the list.
    address = teacher.get(f"{url('review_list', exam)}?show=eyes").context["first"]
    walked = []
    while "/sheets/" in address:
        page = teacher.get(address)
        walked.append(page.context["sheet_code"])
        form = {"marks_version": page.context["marks_version"], "show": "eyes"}
        address = teacher.post(url("sheet_approve", page.context["sheet"]), form).url
    assert walked == expected
    assert address == f"{url('review_list', exam)}?show=eyes"
    text = teacher.get(address).content.decode()
    assert "Nothing here needs your eyes first" in text


def test_changed_sheets_have_a_list_in_every_state(exam, teacher, alice):
    sheet = quiet_sheet(exam)
    mark = marks_of(sheet)[0]
    review.change_mark(mark.pk, awarded=Decimal(2), feedback="", reason="x", version=1, by=alice)
    assert listed(teacher, exam, "changed") == [sheet_code(sheet.pk)]
    Sheet.objects.filter(pk=sheet.pk).update(state="published")
    make_appealed(sheet)
    assert listed(teacher, exam, "changed") == [sheet_code(sheet.pk)]
    assert listed(teacher, exam, "eyes") == []
    counts = review_eyes.counts(exam)
    assert (counts["changed"], counts["appealed"], counts["eyes"]) == (1, 1, 0)


def test_a_list_that_nobody_knows_is_the_usual_one(exam, sheet, teacher):
    assert len(listed(teacher, exam, "nonsense")) == 1
    assert teacher.get(url("review_sheet", sheet) + "?show=nonsense").status_code == 200


def test_no_page_asks_more_for_many_sheets_than_for_few(exam, teacher, alice):
    sheets = [quiet_sheet(exam, pages=0) for _ in range(3)]
    for sheet in sheets:
        make_unsure(sheet)
    review_flags.raise_flag(marks_of(sheets[0])[0], note="Look", by=alice)
    lists = [f"{url('review_list', exam)}?show={show}" for show in ("graded", "eyes", "changed")]
    addresses = [
        *lists,
        url("review_counts", exam),
        url("review_sheet", sheets[0]),
        f"{url('review_sheet', sheets[0])}?show=eyes",
        url("review_questions", exam),
        reverse("grading:review_question", args=[exam.pk, "Q1"]),
        url("reveal_log", exam),
    ]
    few = [queries_of(teacher, address) for address in addresses]
    for _ in range(57):
        make_unsure(quiet_sheet(exam, pages=0))
    many = [queries_of(teacher, address) for address in addresses]
    assert many == few
    assert few[0] <= 5
    assert few[3] <= 4
    assert max(few) <= 16
