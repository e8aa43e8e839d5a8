"""The page "Where names stand": places of a page in numbers, saved by whoever has seen the last."""

import pytest
from django.urls import reverse

from batching.build import build_run
from exams.models import Exam
from exams.regions import save_regions
from grading.runs import draft_run
from tests.factories import make_page, make_sheet

HEAD = {"page": 1, "x": 0.05, "y": 0.03, "w": 0.9, "h": 0.07, "holds": ["name"]}
TYPED = {"row": ["r0"], "page-r0": "1", "holds-r0": ["name", "roll_number"]}
TYPED |= {"x-r0": "5", "y-r0": "3,5", "w-r0": "60", "h-r0": "7.25"}


@pytest.fixture
def url(exam) -> str:
    return reverse("exams:regions", args=[exam.pk])


@pytest.fixture
def save(browser, url):
    """Posts the form with what the page carried along, as it was just loaded or as given."""

    def _save(fields, seen=None):
        seen = browser.get(url).context["seen"] if seen is None else seen
        return browser.post(url, {**fields, "seen": seen, "act": "save"})

    return _save


def stored(exam):
    return Exam.objects.get(pk=exam.pk).regions


def test_a_place_that_was_typed_in_percent_is_saved_as_an_exam_file_has_it(
    save, exam, url, browser
):
    assert save(TYPED)["Location"] == url
    assert stored(exam) == [
        {"page": 1, "x": 0.05, "y": 0.035, "w": 0.6, "h": 0.0725, "holds": ["name", "roll_number"]}
    ]
    text = browser.get(url).content.decode()
    assert "Saved: 1 place is covered from now on." in text
    assert 'value="7.25"' in text
    assert '<rect class="region-box" x="5%" y="3.5%" width="60%" height="7.25%">' in text


def test_the_history_says_who_saved_which_places(save, exam, alice, browser):
    save(TYPED)
    assert exam.history.latest().history_user == alice
    text = browser.get(reverse("grading:exam_history", args=[exam.pk])).content.decode()
    for word in ("Names on the pages", "60", "wide", "Roll"):
        assert word in text


def test_a_second_click_on_save_is_no_conflict_and_writes_nothing(save, exam, browser, url):
    assert save(TYPED, seen="anything old").status_code == 409
    assert save(TYPED).status_code == 302
    count = exam.history.count()
    assert save(TYPED, seen="anything old").status_code == 302
    assert exam.history.count() == count
    assert "Nothing was changed." in browser.get(url).content.decode()


def test_numbers_of_a_file_keep_all_their_digits(save, exam, browser, url):
    exam.regions = [HEAD | {"x": 0.03333333333333333, "w": 1 / 3, "holds": ["other", "signature"]}]
    exam.save()
    row = browser.get(url).context["rows"][0][0]
    fields = {"row": row.key, f"holds-{row.key}": row.holds}
    fields |= {f"{name}-{row.key}": getattr(row, name) for name in ("page", "x", "y", "w", "h")}
    save(fields)
    assert stored(exam)[0]["w"] == 1 / 3
    assert stored(exam)[0]["x"] == 0.03333333333333333
    assert stored(exam)[0]["holds"] == ["signature", "other"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"x-r0": ""}, "Left: give a number from 0 to 100."),
        ({"x-r0": "-1"}, "Left: give a number from 0 to 100."),
        ({"y-r0": "ten"}, "Top: give a number from 0 to 100."),
        ({"h-r0": "0"}, "Height: give a number above 0, at most 100."),
        ({"w-r0": "101"}, "Width: give a number above 0, at most 100."),
        ({"x-r0": "50.5"}, "Left and width are 110.5 % together: it leaves the page."),
        ({"y-r0": "99"}, "Top and height are 106.25 % together: it leaves the page."),
        ({"page-r0": "0"}, "Page: give a whole number, from 1."),
        ({"page-r0": "1.5"}, "Page: give a whole number, from 1."),
        ({"holds-r0": []}, "Tick what stands here."),
        ({"holds-r0": ["face"]}, "Tick what stands here."),
    ],
)
def test_a_place_that_cannot_be_is_422_with_its_reason_and_keeps_the_rest(save, exam, wrong, told):
    answer = save(TYPED | wrong)
    assert answer.status_code == 422
    assert f"<li>Place 1: {told}</li>" in answer.content.decode()
    assert answer.context["rows"][0][0].y == wrong.get("y-r0", "3,5")
    assert stored(exam) == []


def test_what_is_wrong_with_a_place_is_told_in_the_order_of_its_fields(save):
    wrong = {"page-r0": "0", "x-r0": "-1", "y-r0": "x", "w-r0": "0", "h-r0": "0", "holds-r0": []}
    text = save(TYPED | wrong).content.decode()
    words = ("Page:", "Left:", "Top:", "Width:", "Height:", "Tick what")
    told = [text.index(f"<li>Place 1: {word}") for word in words]
    assert told == sorted(told)


def test_more_places_than_an_exam_file_may_have_are_422(save, exam):
    many = {"row": [f"s{number}" for number in range(51)]}
    for key in many["row"].copy():
        many |= {f"{name[:-3]}-{key}": value for name, value in TYPED.items() if name != "row"}
    answer = save(many)
    assert answer.status_code == 422
    assert "At most 50 places are kept." in answer.content.decode()
    assert stored(exam) == []


def test_whoever_was_slower_sees_both_and_saves_again(save, exam, admin, browser, url):
    seen = browser.get(url).context["seen"]
    save_regions(exam, [HEAD], by=admin, seen=seen)
    exam.title = "Another title"
    exam.save()  # and somebody else changed something else
    answer = save(TYPED, seen=seen)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Admin saved where names stand on" in text
    assert "page 1, 5 % from the left, 3 % from the top, 90 % wide, 7 % high: Name" in text
    assert '<rect class="region-theirs" x="5%" y="3%" width="90%" height="7%">' in text
    assert 'value="3,5"' in text
    assert stored(exam) == [HEAD]
    assert save(TYPED, seen=answer.context["seen"]).status_code == 302
    assert stored(exam)[0]["w"] == 0.6


def test_correcting_what_is_wrong_is_no_way_around_a_conflict(save, exam, admin, browser, url):
    seen = browser.get(url).context["seen"]
    save_regions(exam, [HEAD], by=admin, seen=seen)
    answer = save(TYPED | {"x-r0": "200"}, seen=seen)
    assert (answer.status_code, answer.context["seen"]) == (422, seen)


def test_without_script_the_buttons_add_delete_and_turn_pages_and_save_nothing(browser, exam, url):
    make_sheet(exam, pages=2)
    added = browser.post(url, {**TYPED, "act": "add", "page": "2", "sheet": "1"})
    assert added.status_code == 200
    assert [row.page for row, _errors in added.context["rows"]] == ["1", "2"]
    turned = browser.post(url, {**TYPED, "act": "show-1-2", "page": "1"})
    assert turned.context["view"]["page"] == 2
    assert 'value="3,5"' in turned.content.decode()
    gone = browser.post(url, {**TYPED, "act": "delete-r0"})
    assert gone.context["rows"] == []
    assert "No place yet" in gone.content.decode()
    assert exam.history.count() == 1


def test_taking_all_places_away_says_that_nothing_is_covered(save, exam, browser, url):
    save(TYPED)
    save({})
    assert stored(exam) == []
    assert "Saved: nothing is covered from now on." in browser.get(url).content.decode()


# -- the sheets under the boxes ------------------------------------------------------------------


def test_a_few_sheets_can_be_flipped_through_page_by_page(browser, exam, url):
    sheets = [make_sheet(exam, pages=2, name=f"{number}.pdf") for number in range(8)]
    dropped = make_sheet(exam, pages=0, name="0.pdf")
    make_page(dropped, dropped_at=dropped.created_at)
    first = browser.get(url).context["view"]
    assert (first["sheets"], first["numbers"]) == (6, [1, 2])
    assert first["image"].sheet == sheets[0]
    other = browser.get(url, {"sheet": "3", "page": "2"}).context["view"]
    assert (other["image"].sheet, other["image"].number) == (sheets[2], 2)
    for odd in ("0", "99", "x", "-1", "9" * 50):
        assert browser.get(url, {"sheet": odd, "page": odd}).status_code == 200


def test_a_sheet_that_lacks_the_page_says_so(browser, exam, url):
    make_sheet(exam, pages=1, name="1.pdf")
    make_sheet(exam, pages=2, name="2.pdf")
    assert "This sheet has no page 2." in browser.get(url, {"page": "2"}).content.decode()


def test_without_sheets_numbers_can_still_be_typed(browser, save, exam, url):
    assert "No sheets yet" in browser.get(url).content.decode()
    assert save(TYPED).status_code == 302


def test_another_sheet_comes_alone_to_htmx(browser, exam, url):
    make_sheet(exam, pages=2)
    answer = browser.get(url, {"page": "2"}, headers={"HX-Request": "true"})
    assert b"regions-view" in answer.content
    assert b"<html" not in answer.content


def test_the_page_costs_six_queries_however_many_sheets_there_are(
    browser, exam, url, django_assert_max_num_queries
):
    for _ in range(9):
        make_sheet(exam, pages=3)
    exam.regions = [HEAD] * 20
    exam.save()
    # Session, user and the bell; the exam, its first sheets, its drafts.
    with django_assert_max_num_queries(6):
        assert browser.get(url).status_code == 200


# -- what a change means -------------------------------------------------------------------------


@pytest.fixture
def drafted(exam, alice):
    make_sheet(exam, state="mapped")
    run = draft_run(exam, provider="offline", by=alice)
    build_run(run.pk)
    return run


def test_a_draft_that_was_built_before_is_named_on_the_page_and_after_saving(
    drafted, save, browser, url
):
    assert "One draft waits to be sent" in browser.get(url).content.decode()
    save(TYPED)
    page = browser.get(url).content.decode()
    assert "1 draft was built before and cannot be sent any more" in page


def test_a_built_draft_keeps_its_masks_and_its_hash(drafted, save):
    job = drafted.batch_run.jobs.get()
    before = job.lines_file, job.items.get().request_hash
    save(TYPED)
    job = drafted.batch_run.jobs.get()
    assert (job.lines_file, job.items.get().request_hash) == before
    assert job.items.get().fence["regions"] == 0


def test_the_way_to_the_page_is_on_the_exam_and_its_edit_page(browser, exam, url):
    for name in ("exam_detail", "exam_edit"):
        answer = browser.get(reverse(f"exams:{name}", args=[exam.pk]))
        assert f'href="{url}"' in answer.content.decode()
