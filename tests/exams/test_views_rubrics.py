"""The rubric's pages: the table, the versions, and an editor as text that loses nobody's words."""

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


@pytest.fixture
def text_url(exam) -> str:
    return reverse("exams:rubric_text", args=[exam.pk])


@pytest.fixture
def versions_url(exam) -> str:
    return reverse("exams:rubric_versions", args=[exam.pk])


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


def test_a_vague_criterion_has_its_advice_below_it_and_a_clear_one_none(browser, exam, alice, url):
    save_rubric(
        exam, [{**BIOLOGY[0], "description": "Shows good understanding"}, BIOLOGY[1]], by=alice
    )
    page = browser.get(url)
    assert [len(row["advice"]) for row in page.context["rows"]] == [1, 0]
    assert "Understanding cannot be seen" in page.text


def test_an_exam_without_a_rubric_offers_three_ways_to_get_one(browser, bare, url):
    text = browser.get(url).text
    for name in ("rubric_edit", "rubric_text", "key_create"):
        assert reverse(f"exams:{name}", args=[bare.pk]) in text


def test_saving_an_unused_rubric_writes_over_it(browser, exam, text_url):
    assert browser.post(text_url, edited(exam, "photosynthesis", "respiration")).status_code == 302
    assert Rubric.objects.get().version == 1
    assert leaves(current_rubric(exam))[0].description == "What is respiration?"


def test_saving_a_used_rubric_makes_the_next_version_and_says_so_before(
    browser, exam, url, text_url
):
    use_rubric(current_rubric(exam))
    assert "saving makes <b>version 2</b>" in browser.get(text_url).content.decode()
    browser.post(text_url, edited(exam, "photosynthesis", "respiration"))
    assert current_rubric(exam).version == 2
    old = browser.get(url, {"version": 1}).content.decode()
    assert "What is photosynthesis?" in old
    assert "This is version 1" in old


@pytest.mark.parametrize("version", ["9", "0", "-1", "x", "²", "9" * 30])
def test_a_version_that_is_not_there_is_404(browser, url, versions_url, version):
    assert browser.get(url, {"version": version}).status_code == 404
    assert browser.get(versions_url, {"from": version}).status_code == 404
    assert browser.get(versions_url, {"to": version}).status_code == 404


def test_saving_without_a_change_makes_no_version(browser, exam, text_url):
    use_rubric(current_rubric(exam))
    browser.post(text_url, edited(exam, "photosynthesis", "photosynthesis"))
    assert exam.rubrics.count() == 1


def test_a_mistake_is_422_at_its_item_and_keeps_the_text(browser, exam, text_url):
    answer = browser.post(text_url, edited(exam, "max_marks: 2", "max_marks: 2.3"))
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Q1, line 2: max_marks 2.3 must be a multiple of step 0.5" in text
    assert "max_marks: 2.3" in text
    assert leaves(current_rubric(exam))[0].max_marks == 2


@pytest.mark.parametrize("text", ["", "  ", "rubric_items: []", "[", "exam: x", "a: \x00"])
def test_no_rubric_at_all_is_422(browser, exam, text_url, text):
    seen = current_rubric(exam).content_hash
    assert browser.post(text_url, {"text": text, "seen": seen}).status_code == 422
    assert len(leaves(current_rubric(exam))) == 2


def test_the_slower_of_two_teachers_loses_no_words(browser, exam, text_url, admin):
    mine = edited(exam, "photosynthesis", "respiration")
    save_rubric(exam, [BIOLOGY[1]], by=admin)
    answer = browser.post(text_url, mine)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "Admin saved version 1" in text
    assert "What is respiration?" in text
    assert [leaf.code for leaf in leaves(current_rubric(exam))] == ["Q2"]
    again = {**mine, "seen": answer.context["form"]["seen"].value()}
    assert browser.post(text_url, again).status_code == 302
    assert len(leaves(current_rubric(exam))) == 2


def test_the_first_rubric_starts_from_an_example_that_is_valid(browser, bare, text_url):
    form = browser.get(text_url).context["form"]
    assert browser.post(text_url, {"text": form["text"].value(), "seen": ""}).status_code == 302
    assert [leaf.code for leaf in leaves(current_rubric(bare))] == ["Q1", "Q2a", "Q2b"]


# -- versions -------------------------------------------------------------------------------


def next_version(exam, by, items):
    use_rubric(current_rubric(exam))
    return save_rubric(exam, items, by=by)


def test_one_version_has_nothing_to_compare(browser, exam, versions_url):
    assert "There is one version so far" in browser.get(versions_url).text


def test_an_exam_without_a_rubric_has_no_versions(browser, bare, versions_url):
    assert browser.get(versions_url).status_code == 404


def test_the_last_change_is_shown_with_who_made_it_and_what_it_does(
    browser, exam, admin, versions_url
):
    next_version(exam, admin, [{**BIOLOGY[0], "description": "What is respiration?"}, BIOLOGY[1]])
    page = browser.get(versions_url)
    assert "saved by Admin" in page.text
    assert "<del>photosynthesis</del>" in page.text
    assert "<ins>respiration</ins>" in page.text
    assert "Only the wording changed" in page.text
    next_version(exam, admin, [{**BIOLOGY[0], "max_marks": 3}, BIOLOGY[1]])
    assert "Other marks are possible" in browser.get(versions_url).text


def test_any_two_versions_are_compared_in_either_direction(browser, exam, admin, versions_url):
    for marks in (3, 4):
        next_version(exam, admin, [{**BIOLOGY[0], "max_marks": marks}, BIOLOGY[1]])
    for old, new in ((1, 3), (3, 1)):
        change = browser.get(versions_url, {"from": old, "to": new}).context["diff"].changes[0]
        (field,) = change.fields
        assert (field.before[0].text, field.after[0].text) == (
            ("2", "4") if old == 1 else ("4", "2")
        )
    assert "word for word" in browser.get(versions_url, {"from": 2, "to": 2}).text


def test_what_stands_in_a_rubric_is_escaped_in_the_difference(browser, exam, admin, versions_url):
    next_version(exam, admin, [{**BIOLOGY[0], "description": "<script>x</script>"}])
    text = browser.get(versions_url).text
    assert "<script>x" not in text


@pytest.mark.parametrize("name", ["rubric", "rubric_edit", "rubric_text", "rubric_versions"])
def test_the_pages_cost_as_many_queries_with_many_versions_and_criteria(
    browser, exam, alice, name, django_assert_max_num_queries
):
    many = [{**BIOLOGY[0], "id": f"A{number}"} for number in range(100)]
    for number in range(5):
        next_version(exam, alice, [*many, {**BIOLOGY[1], "guidance": f"{number}"}])
    with django_assert_max_num_queries(5 + 4):
        assert browser.get(reverse(f"exams:{name}", args=[exam.pk])).status_code == 200
