"""The rubric page: the table, the versions, and an editor that loses nobody's words."""

import pytest
from django.urls import reverse

from exams.models import Rubric
from exams.rubric_files import write_rubric_text
from exams.rubrics import current_rubric, items_of, leaves, save_rubric, use_rubric
from tests.exams.test_rubrics import TREE
from tests.factories import BIOLOGY


@pytest.fixture
def url(exam) -> str:
    return reverse("exams:rubric", args=[exam.pk])


def edited(exam, old: str, new: str) -> dict[str, str]:
    rubric = current_rubric(exam)
    text = write_rubric_text(items_of(rubric))
    assert old in text
    return {"text": text.replace(old, new), "seen": rubric.content_hash}


def test_the_table_shows_marks_of_leaves_and_sums(browser, exam, alice, url):
    save_rubric(exam, TREE, by=alice)
    page = browser.get(url)
    sums = {row["criterion"].code: row["marks"] for row in page.context["rows"]}
    assert sums == {"Q1": 2, "Q2": 4, "Q2a": 3, "Q2b": 1, "B": 1, "P": 2}
    assert page.context["total"] == 6
    assert "all or nothing" in page.content.decode()


def test_saving_an_unused_rubric_writes_over_it(browser, exam, url):
    assert browser.post(url, edited(exam, "photosynthesis", "respiration")).status_code == 302
    assert Rubric.objects.get().version == 1
    assert leaves(current_rubric(exam))[0].description == "What is respiration?"


def test_saving_a_used_rubric_makes_the_next_version_and_says_so_before(browser, exam, url):
    use_rubric(current_rubric(exam))
    assert "saving makes <b>version 2</b>" in browser.get(url).content.decode()
    browser.post(url, edited(exam, "photosynthesis", "respiration"))
    assert current_rubric(exam).version == 2
    old = browser.get(url, {"version": 1}).content.decode()
    assert "What is photosynthesis?" in old
    assert "This is version 1" in old


@pytest.mark.parametrize("version", ["9", "0", "-1", "x", "²", "9" * 30])
def test_a_version_that_is_not_there_is_404(browser, url, version):
    assert browser.get(url, {"version": version}).status_code == 404


def test_saving_without_a_change_makes_no_version(browser, exam, url):
    use_rubric(current_rubric(exam))
    browser.post(url, edited(exam, "photosynthesis", "photosynthesis"))
    assert exam.rubrics.count() == 1


def test_a_mistake_is_422_at_its_item_and_keeps_the_text(browser, exam, url):
    answer = browser.post(url, edited(exam, "max_marks: 2", "max_marks: 2.3"))
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "rubric_items[0] (Q1), line 2: max_marks 2.3 must be a multiple of step 0.5" in text
    assert "max_marks: 2.3" in text
    assert leaves(current_rubric(exam))[0].max_marks == 2


@pytest.mark.parametrize("text", ["", "  ", "rubric_items: []", "[", "exam: x", "a: \x00"])
def test_no_rubric_at_all_is_422(browser, exam, url, text):
    seen = current_rubric(exam).content_hash
    assert browser.post(url, {"text": text, "seen": seen}).status_code == 422
    assert len(leaves(current_rubric(exam))) == 2


def test_the_slower_of_two_teachers_loses_no_words(browser, exam, url, admin):
    mine = edited(exam, "photosynthesis", "respiration")
    save_rubric(exam, [BIOLOGY[1]], by=admin)
    answer = browser.post(url, mine)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Admin saved version 1" in text
    assert "What is respiration?" in text
    assert [leaf.code for leaf in leaves(current_rubric(exam))] == ["Q2"]
    again = {**mine, "seen": answer.context["form"]["seen"].value()}
    assert browser.post(url, again).status_code == 302
    assert len(leaves(current_rubric(exam))) == 2


def test_the_first_rubric_starts_from_an_example_that_is_valid(browser, exam, url):
    exam.rubrics.all().delete()
    form = browser.get(url).context["form"]
    assert browser.post(url, {"text": form["text"].value(), "seen": ""}).status_code == 302
    assert [leaf.code for leaf in leaves(current_rubric(exam))] == ["Q1", "Q2a", "Q2b"]


def test_the_page_costs_a_handful_of_queries(
    browser, exam, alice, url, django_assert_max_num_queries
):
    for number in range(5):
        use_rubric(save_rubric(exam, [{**BIOLOGY[0], "guidance": f"{number}"}], by=alice))
    with django_assert_max_num_queries(5 + 3):
        browser.get(url)
