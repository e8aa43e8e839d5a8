"""The page where a teacher corrects the answer key that a model read, and confirms it."""

import pytest
from django.urls import reverse

from exams.rubrics import current_rubric, leaves, save_rubric, use_rubric
from tests.emulators.key_office import KeyOffice
from tests.exams.clicks import key_address as address
from tests.exams.key_steps import answers_of, drafted, fresh, proposed, said, work
from tests.factories import BIOLOGY

pytestmark = pytest.mark.django_db


def form_of(page) -> dict[str, str]:
    """What a browser would send back of the review form, as it was shown."""
    formset = page.context["formset"]
    data = {"seen": page.context["seen"]}
    for form in (formset.management_form, *formset.forms):
        for field in form:
            value = field.value()
            if field.name == "DELETE" and not value:
                continue
            data[field.html_name] = "" if value is None else str(value)
    return data


def name_of(page, code: str, field: str) -> str:
    """The name of a field in the row of a criterion."""
    for form in page.context["formset"].forms:
        if form["code"].value() == code:
            return form[field].html_name
    raise AssertionError(code)


def test_what_the_teacher_confirms_as_it_was_proposed_becomes_the_next_version(
    office, browser, exam, alice
):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    assert "The PDF seems to say 4 marks; the rubric says 3." in page.content.decode()
    answer = browser.post(address("review", key), form_of(page))
    assert answer.url == reverse("exams:rubric", args=[exam.pk])
    rubric = current_rubric(exam)
    assert (rubric.version, rubric.created_by) == (2, alice)
    answers = answers_of(exam)
    assert answers["Q1"].startswith("Plants make glucose")
    assert answers["Q2"] == "All living things are made of cells."
    assert answers["Q3"] == "The heart."
    assert leaves(rubric)[1].max_marks == 3
    assert leaves(rubric)[1].guidance == "One mark for each part."


def test_the_teacher_corrects_adds_and_leaves_out(office, browser, exam):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    data = form_of(page)
    data[name_of(page, "Q2", "max_marks")] = "4"
    data[name_of(page, "Q1", "answer")] = "Light becomes sugar."
    data[name_of(page, "Q3", "DELETE")] = "on"
    blank = page.context["formset"].forms[-1]
    for field, value in {"code": "Q4", "max_marks": "1", "description": "Neatness"}.items():
        data[blank[field].html_name] = value
    assert browser.post(address("review", key), data).status_code == 302
    found = {leaf.code: leaf.max_marks for leaf in leaves(current_rubric(exam))}
    assert found == {"Q1": 2, "Q2": 4, "Q4": 1}
    assert answers_of(exam)["Q1"] == "Light becomes sugar."
    assert fresh(key).criteria[0]["answer"].startswith("Plants make glucose")


def test_what_no_rubric_takes_is_422_with_everything_that_was_typed(office, browser, exam):
    exam.rubrics.all().delete()
    written = [said("Q1", max_marks=2, step=0.3, answer="Sugar."), said("Q1"), said("Q 2")]
    key = proposed(exam, office, *written)
    page = browser.get(address("review", key))
    text = page.content.decode()
    assert "must be a multiple of step 0.3" in text
    assert "There is another criterion" in text
    answer = browser.post(address("review", key), form_of(page))
    assert answer.status_code == 422
    assert "1 to 40 letters" in answer.content.decode()
    data = form_of(page) | {name_of(page, "Q 2", "code"): "Q2"}
    answer = browser.post(address("review", key), data)
    assert answer.status_code == 422
    told = answer.content.decode()
    assert "multiple of step 0.3" in told
    assert "Sugar." in told
    assert fresh(key).state == "proposed"
    assert current_rubric(exam) is None
    (first, second) = (f["code"].html_name for f in page.context["formset"].forms[:2])
    data |= {second: "Q1b", first.replace("code", "step"): "0.5"}
    assert browser.post(address("review", key), data).status_code == 302
    assert list(answers_of(exam)) == ["Q1", "Q1b", "Q2"]


def test_what_is_wrong_with_a_row_is_told_above_all_rows_with_its_code(office, browser, exam):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    wrong = {name_of(page, "Q1", "description"): "", name_of(page, "Q2", "code"): ""}
    text = browser.post(address("review", key), form_of(page) | wrong).content.decode()
    above, _, _rows = text.partition('<form class="panel')
    assert "<li>Q1: Say what is asked.</li>" in above
    assert "<li>Q2: Give it a code, such as Q1.</li>" in above
    assert "<legend>Q2" in text


def test_marks_that_the_pdf_does_not_say_have_to_be_given(office, browser, exam):
    key = proposed(exam, office, said("Q9", max_marks=None))
    page = browser.get(address("review", key))
    assert "does not say how many marks" in page.content.decode()
    answer = browser.post(address("review", key), form_of(page))
    assert answer.status_code == 422
    assert "Say how many marks it gives." in answer.content.decode()


@pytest.mark.parametrize("marks", ["NaN", "Infinity", "two", "-1", "1e9"])
def test_marks_that_are_no_marks_are_422(office, browser, exam, marks):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    data = form_of(page) | {name_of(page, "Q1", "max_marks"): marks}
    assert browser.post(address("review", key), data).status_code == 422
    assert current_rubric(exam).version == 1


def test_a_proposal_without_any_criterion_says_so_and_can_be_filled_in(office, browser, exam):
    exam.rubrics.all().delete()
    (office.folder / "criteria.json").write_text("[]")
    key = drafted(exam)
    browser.post(address("send", key))
    work(key)
    page = browser.get(address("review", key))
    assert "found no question and no answer" in page.content.decode()
    assert browser.post(address("review", key), form_of(page)).status_code == 422
    blank = page.context["formset"].forms[0]
    data = form_of(page)
    for field, value in {"code": "Q1", "max_marks": "1", "description": "Neatness"}.items():
        data[blank[field].html_name] = value
    assert browser.post(address("review", key), data).status_code == 302


def test_a_rubric_that_was_changed_since_is_shown_before_anything_is_confirmed(
    office, browser, exam, admin
):
    key = drafted(exam)
    browser.post(address("send", key))
    KeyOffice.meanwhile = lambda: save_rubric(exam, [BIOLOGY[1]], by=admin)
    work(key)
    text = browser.get(address("review", key)).content.decode()
    assert "The rubric was changed after the PDF was sent" in text
    assert "Admin saved version 1" in text


def test_a_rubric_saved_while_the_page_was_open_is_409_and_both_are_kept(
    office, browser, exam, admin
):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    theirs = [BIOLOGY[0] | {"answer": "Theirs."}, {"id": "Q8", "description": "x", "max_marks": 1}]
    use_rubric(current_rubric(exam))
    save_rubric(exam, theirs, by=admin)
    data = form_of(page) | {
        name_of(page, "Q1", "answer"): "Mine.",
        name_of(page, "Q3", "DELETE"): "on",
    }
    answer = browser.post(address("review", key), data)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "Admin saved version 2" in text
    assert "Mine." in text
    assert "Saved now: Theirs." in text
    assert "This is in the rubric now." in text
    assert answers_of(exam) == {"Q1": "Theirs.", "Q8": ""}
    again = form_of(answer)
    assert again[name_of(answer, "Q3", "DELETE")] == "True"
    assert browser.post(address("review", key), again).status_code == 302
    assert current_rubric(exam).version == 3
    assert list(answers_of(exam)) == ["Q1", "Q8", "Q2"]
    assert answers_of(exam)["Q1"] == "Mine."


def test_a_key_that_somebody_confirmed_meanwhile_is_409(office, browser, exam, sign_in, admin):
    key = proposed(exam, office)
    page = browser.get(address("review", key))
    assert sign_in(admin).post(address("review", key), form_of(page)).status_code == 302
    assert browser.post(address("review", key), form_of(page)).status_code == 409
    assert current_rubric(exam).version == 2
    assert "Admin made" in browser.get(address("detail", key)).content.decode()


def test_what_a_model_wrote_is_text_and_never_markup(office, browser, exam):
    evil = '<script>alert("x")</script>'
    key = proposed(exam, office, said("Q9", description=evil, answer=f"</textarea>{evil}"))
    for name in ("review", "detail"):
        assert "<script>alert" not in browser.get(address(name, key)).content.decode()


def test_a_full_page_of_criteria_can_be_confirmed(office, browser, exam):
    """Django takes a thousand fields; the most that a proposal holds are fewer."""
    exam.rubrics.all().delete()
    key = proposed(exam, office, *[said(f"N{n}") for n in range(100)])
    page = browser.get(address("review", key))
    data = form_of(page)
    data |= {f"row-{n}-DELETE": "on" for n in range(50)}
    assert browser.post(address("review", key), data).status_code == 302
    assert len(answers_of(exam)) == 50
