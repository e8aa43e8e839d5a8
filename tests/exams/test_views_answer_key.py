"""The answer key page: typed, proposed from a PDF, saved, and never lost."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from exams.rubrics import current_rubric, save_answers, save_rubric, use_rubric
from tests.exams.key_steps import answers_of
from tests.factories import BIOLOGY, make_exam
from tests.factories_rubrics import text_pdf

KEY = ["Q1. Plants make sugar from light.", "Oxygen is released by them as well."]


@pytest.fixture
def url(exam) -> str:
    return reverse("exams:answer_key", args=[exam.pk])


@pytest.fixture
def read_url(exam) -> str:
    return reverse("exams:answer_key_read", args=[exam.pk])


def pdf(*lines: str) -> dict:
    return {"pdf": SimpleUploadedFile("key.pdf", text_pdf(lines or KEY))}


def test_a_typed_key_is_saved(browser, exam, url):
    seen = current_rubric(exam).content_hash
    typed = {"answer-Q1": "light\r\nand water", "answer-Q2": "cells", "seen": seen}
    assert browser.post(url, typed).status_code == 302
    assert answers_of(exam) == {"Q1": "light\nand water", "Q2": "cells"}
    assert current_rubric(exam).version == 1


def test_the_key_of_a_used_rubric_makes_the_next_version(browser, exam, url):
    use_rubric(current_rubric(exam))
    assert "saving makes version 2" in browser.get(url).content.decode()
    seen = current_rubric(exam).content_hash
    browser.post(url, {"answer-Q1": "light", "seen": seen})
    assert current_rubric(exam).version == 2
    assert answers_of(exam)["Q2"] == BIOLOGY[1]["answer"]


@pytest.fixture
def without_answer(exam, alice):
    """Nobody has typed an answer for Q1."""
    save_answers(exam, {"Q1": ""}, by=alice)


def form_of(page) -> dict[str, str]:
    """The fields of the page as a browser sends them when nothing is touched."""
    rows = page.context["rows"]
    fields = {f"answer-{row['criterion'].code}": row["text"] for row in rows}
    offered = [row["criterion"].code for row in rows if row["offer"]]
    return {**fields, "offered": offered, "seen": page.context["rubric"].content_hash}


def row_of(page, code: str) -> dict:
    return next(row for row in page.context["rows"] if row["criterion"].code == code)


def test_what_a_pdf_says_is_only_a_proposal(browser, exam, url, read_url, without_answer):
    before = answers_of(exam)
    assert browser.post(read_url, pdf()).status_code == 302
    page = browser.get(url)
    assert row_of(page, "Q1")["text"].startswith("Plants make sugar")
    assert row_of(page, "Q1")["is_proposal"]
    assert not row_of(page, "Q2")["is_proposal"]
    assert "Not found in it: Q2" in page.text
    assert answers_of(exam) == before


def test_a_saved_proposal_is_no_proposal_any_more(browser, exam, url, read_url, without_answer):
    browser.post(read_url, pdf())
    browser.post(url, form_of(browser.get(url)))
    assert (
        answers_of(exam)["Q1"]
        == "Plants make sugar from light.\nOxygen is released by them as well."
    )
    assert not browser.get(url).context["proposed"]


def test_an_answer_that_stands_already_stays_unless_the_teacher_chooses_the_pdfs(
    browser, exam, url, read_url
):
    browser.post(read_url, pdf())
    page = browser.get(url)
    assert row_of(page, "Q1")["text"] == BIOLOGY[0]["answer"]
    assert "The PDF says: Plants make sugar" in page.text
    browser.post(url, form_of(page))
    assert answers_of(exam)["Q1"] == BIOLOGY[0]["answer"]

    browser.post(read_url, pdf())
    browser.post(url, {**form_of(browser.get(url)), "use-Q1": "on"})
    assert answers_of(exam)["Q1"].startswith("Plants make sugar")
    assert answers_of(exam)["Q2"] == BIOLOGY[1]["answer"]


def test_all_answers_of_the_pdf_can_be_chosen_at_once(browser, exam, url, read_url):
    browser.post(read_url, pdf(*KEY, "Q2. Cells come from cells, and are small."))
    browser.post(url, {**form_of(browser.get(url)), "use-all": "on"})
    assert answers_of(exam)["Q1"].startswith("Plants make sugar")
    assert answers_of(exam)["Q2"] == "Cells come from cells, and are small."


def test_what_is_typed_and_not_saved_survives_reading_a_pdf(browser, exam, url, read_url):
    fields = {**form_of(browser.get(url)), "answer-Q1": "My own words", "answer-Q2": "Mine too"}
    browser.post(read_url, {**fields, **pdf()})
    page = browser.get(url)
    assert row_of(page, "Q1")["text"] == "My own words"
    assert row_of(page, "Q1")["offer"].startswith("Plants make sugar")
    assert row_of(page, "Q2")["text"] == "Mine too"
    assert "Typed and not saved yet: Q1, Q2" in page.text
    assert f"Saved now: {BIOLOGY[0]['answer']}" in page.text
    assert answers_of(exam)["Q1"] == BIOLOGY[0]["answer"]


def test_what_is_typed_survives_a_pdf_that_cannot_be_read(browser, url, read_url):
    fields = {**form_of(browser.get(url)), "answer-Q1": "My own words"}
    answer = browser.post(read_url, {**fields, "pdf": SimpleUploadedFile("key.pdf", b"%PDF-1.4")})
    assert answer.status_code == 422
    assert row_of(answer, "Q1")["text"] == "My own words"


def test_what_is_typed_survives_forgetting_the_proposals(browser, exam, url, read_url):
    browser.post(read_url, pdf())
    fields = {**form_of(browser.get(url)), "answer-Q1": "My own words"}
    browser.post(reverse("exams:answer_key_drop", args=[exam.pk]), fields)
    page = browser.get(url)
    assert row_of(page, "Q1")["text"] == "My own words"
    assert not page.context["proposed"]


def test_a_second_pdf_takes_the_place_of_the_first_ones_proposals(
    browser, exam, url, read_url, without_answer
):
    browser.post(read_url, pdf())
    fields = form_of(browser.get(url))
    browser.post(read_url, {**fields, **pdf("Q1. The right key, which was chosen a moment later.")})
    row = row_of(browser.get(url), "Q1")
    assert row["text"] == "The right key, which was chosen a moment later."
    assert row["offer"] == ""


def test_the_page_names_what_the_rubric_has_no_place_for(browser, exam, url, read_url):
    browser.post(read_url, pdf(*KEY, "Q2. Cells.", "Q9. Blood <b> flows in veins."))
    page = browser.get(url)
    assert "Q9: the rubric has no such criterion" in page.text
    assert "Blood &lt;b&gt; flows in veins." in page.text
    assert row_of(page, "Q2")["offer"] == "Cells."


def test_a_choice_is_still_there_when_saving_was_refused(browser, exam, url, read_url, admin):
    browser.post(read_url, pdf())
    fields = form_of(browser.get(url))
    save_answers(exam, {"Q2": "the admin's answer"}, by=admin)
    answer = browser.post(url, {**fields, "answer-Q1": "mine", "use-Q1": "on"})
    assert answer.status_code == 409
    assert row_of(answer, "Q1")["text"] == "mine"
    assert row_of(answer, "Q1")["is_chosen"]


def test_a_pdf_that_was_chosen_and_not_read_is_not_forgotten_silently(browser, url):
    fields = form_of(browser.get(url))
    assert (
        "key.pdf” was chosen but not read"
        in browser.post(url, {**fields, "pdf": "key.pdf"}, follow=True).text
    )


def test_proposals_can_be_forgotten(browser, exam, url, read_url):
    browser.post(read_url, pdf())
    browser.post(reverse("exams:answer_key_drop", args=[exam.pk]))
    assert not browser.get(url).context["proposed"]


@pytest.mark.parametrize("data", [b"", b"not a pdf", b"%PDF-1.4 broken"])
def test_a_file_that_cannot_be_read_is_422(browser, read_url, data):
    answer = browser.post(read_url, {"pdf": SimpleUploadedFile("key.pdf", data)})
    assert answer.status_code == 422
    assert answer.context["pdf_form"].errors


def test_no_file_is_422(browser, read_url):
    assert browser.post(read_url).status_code == 422


def test_the_slower_of_two_teachers_loses_no_words(browser, exam, url, admin):
    seen = current_rubric(exam).content_hash
    save_answers(exam, {"Q1": "the admin's answer"}, by=admin)
    answer = browser.post(url, {"answer-Q1": "my answer", "seen": seen})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "my answer" in text
    assert "the admin&#x27;s answer" in text
    assert answers_of(exam)["Q1"] == "the admin's answer"


def test_an_answer_that_is_too_long_is_422_by_criterion(browser, exam, url):
    seen = current_rubric(exam).content_hash
    answer = browser.post(url, {"answer-Q1": "x" * 20_001, "seen": seen})
    assert answer.status_code == 422
    assert "Q1: answer is 20001 characters long" in answer.content.decode()


def test_the_key_may_begin_with_an_empty_line(browser, exam, url):
    """A browser drops the first line end of a field; the page writes one for it."""
    assert 'rows="3">\n' + BIOLOGY[0]["answer"] in browser.get(url).content.decode()


def test_without_a_rubric_the_page_says_what_to_do(browser, exam, url, read_url):
    exam.rubrics.all().delete()
    assert "Write the rubric" in browser.get(url).content.decode()
    assert browser.post(url).status_code == 200
    assert browser.post(read_url, pdf()).status_code == 422


def test_the_proposals_of_one_exam_are_not_shown_in_another(browser, exam, alice, x_b, read_url):
    other = make_exam(x_b, title="Other", by=alice)
    browser.post(read_url, pdf())
    assert not browser.get(reverse("exams:answer_key", args=[other.pk])).context["proposed"]


def test_a_proposal_for_a_criterion_that_is_gone_is_left_out(browser, exam, alice, url, read_url):
    browser.post(read_url, pdf())
    save_rubric(exam, [BIOLOGY[1]], by=alice)
    assert browser.get(url).context["proposed"] == []
