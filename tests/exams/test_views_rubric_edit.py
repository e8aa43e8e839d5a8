"""The rubric's editor: one form whose buttons work without script, and that loses no words."""

import pytest
from django.urls import reverse

from exams.rubric_rows import LISTS, rows_of
from exams.rubrics import current_rubric, items_of, leaves, save_rubric, use_rubric
from tests.exams.clicks import HTMX
from tests.exams.test_rubrics import TREE
from tests.factories import BIOLOGY


@pytest.fixture
def url(exam) -> str:
    return reverse("exams:rubric_edit", args=[exam.pk])


def form_of(exam, act="save", **changes):
    """What the editor posts for the current rubric; `changes` by list: {number: text}."""
    rubric = current_rubric(exam)
    return posted(rows_of(items_of(rubric)), rubric.content_hash, act, **changes)


def posted(rows, seen, act, **changes):
    lists = {
        name: [str(getattr(row, "key" if name == "row" else name)) for row in rows]
        for name in LISTS
    }
    for name, texts in changes.items():
        for number, text in texts.items():
            lists[name][number] = text
    return lists | {"act": act, "seen": seen}


def codes(page):
    return [("." * row.depth) + row.code for row in page.context["rows"]]


def test_every_criterion_is_a_row_with_its_texts(browser, exam, alice, url):
    save_rubric(exam, TREE, by=alice)
    page = browser.get(url)
    assert codes(page) == ["Q1", "Q2", ".Q2a", ".Q2b", "B", "P"]
    assert page.context["total"] == 6
    assert page.text.count('name="description"') == 6 + 1  # and the blank one for the script


def test_the_first_rubric_begins_with_an_empty_row(browser, bare, url):
    assert codes(browser.get(url)) == ["Q1"]
    lists = posted(rows_of(()), "", "add")
    assert codes(browser.post(url, lists)) == ["Q1"]


def test_a_button_changes_the_form_alone_and_what_was_typed_is_in_the_answer(browser, exam, url):
    answer = browser.post(url, form_of(exam, "down:r0", description={0: "Typed a moment ago"}))
    assert answer.status_code == 200
    assert codes(answer) == ["Q2", "Q1"]
    assert "Typed a moment ago" in answer.text
    assert leaves(current_rubric(exam))[0].description == "What is photosynthesis?"


def test_saving_an_unused_rubric_writes_over_it_and_a_used_one_makes_the_next(browser, exam, url):
    browser.post(url, form_of(exam, description={0: "What is respiration?"}))
    assert current_rubric(exam).version == 1
    assert leaves(current_rubric(exam))[0].description == "What is respiration?"
    use_rubric(current_rubric(exam))
    answer = browser.post(url, form_of(exam, marks={0: "4"}), follow=True)
    assert current_rubric(exam).version == 2
    assert leaves(current_rubric(exam))[0].max_marks == 4
    assert "Other marks are possible now" in answer.text
    use_rubric(current_rubric(exam))
    answer = browser.post(url, form_of(exam, answer={0: "Another answer"}), follow=True)
    assert "The wording changed" in answer.text


def test_saving_twice_changes_nothing_the_second_time(browser, exam, url):
    use_rubric(current_rubric(exam))
    browser.post(url, form_of(exam, marks={0: "4"}))
    answer = browser.post(url, form_of(exam), follow=True)
    assert "Nothing was changed" in answer.text
    assert exam.rubrics.count() == 2


def test_a_mistake_is_422_at_its_row_and_field_and_keeps_every_word(browser, exam, url):
    answer = browser.post(url, form_of(exam, marks={0: "two"}, guidance={1: "Typed just now"}))
    assert answer.status_code == 422
    assert "“two” is no number" in answer.text
    assert 'id="marks-r0-error"' in answer.text
    assert "Typed just now" in answer.text
    assert 'value="two"' in answer.text
    assert leaves(current_rubric(exam))[0].max_marks == 2


def test_no_row_left_is_422_with_a_way_to_go_on(browser, exam, url):
    answer = browser.post(url, posted([], current_rubric(exam).content_hash, "save"))
    assert answer.status_code == 422
    assert "Write at least one criterion" in answer.text
    assert exam.rubrics.count() == 1


def test_the_slower_of_two_teachers_sees_the_other_version_and_loses_no_words(
    browser, exam, url, admin
):
    mine = form_of(exam, description={0: "What is respiration?"})
    save_rubric(exam, [BIOLOGY[1]], by=admin)
    answer = browser.post(url, mine)
    assert answer.status_code == 409
    assert "Admin saved version 1" in answer.text
    assert "What is respiration?" in answer.text
    assert [change.what for change in answer.context["conflict"]["diff"].changes] == ["added"]
    assert [leaf.code for leaf in leaves(current_rubric(exam))] == ["Q2"]
    assert browser.post(url, mine | {"seen": answer.context["seen"]}).status_code == 302
    assert len(leaves(current_rubric(exam))) == 2


def test_a_move_does_not_hide_what_somebody_else_saved(browser, exam, url, admin):
    mine = form_of(exam, "down:r0")
    save_rubric(exam, [BIOLOGY[1]], by=admin)
    page = browser.post(url, mine)
    assert (
        browser.post(url, mine | {"act": "save", "seen": page.context["seen"]}).status_code == 409
    )


def test_a_torn_form_saves_nothing_and_says_so(browser, exam, url):
    answer = browser.post(url, form_of(exam) | {"marks": ["2"]}, follow=True)
    assert "incomplete" in answer.text
    assert len(leaves(current_rubric(exam))) == 2


def test_a_check_answers_with_the_advice_of_each_row_and_saves_nothing(browser, exam, url):
    lists = form_of(exam, "check", description={0: "Shows good understanding"})
    answer = browser.post(url, lists, headers=HTMX)
    assert answer.status_code == 200
    assert 'id="advice-r0"' in answer.text
    assert "Understanding cannot be seen" in answer.text
    assert "<html" not in answer.text
    assert leaves(current_rubric(exam))[0].description == "What is photosynthesis?"
    assert "Understanding cannot be seen" in browser.post(url, lists).text


def test_advice_never_stops_a_save(browser, exam, url):
    answer = browser.post(url, form_of(exam, description={0: "Well written"}, answer={0: ""}))
    assert answer.status_code == 302


def test_the_largest_rubric_fits_into_the_form(browser, exam, alice, url):
    items = [{**BIOLOGY[0], "id": f"Q{number}"} for number in range(200)]
    save_rubric(exam, items, by=alice)
    assert browser.post(url, form_of(exam, marks={199: "4"})).status_code == 302
    assert leaves(current_rubric(exam))[199].max_marks == 4


def test_what_stands_in_a_row_is_escaped(browser, exam, url):
    answer = browser.post(url, form_of(exam, "check", description={0: "</textarea><script>x"}))
    assert "<script>x" not in answer.text
