"""Lists outside the review that lead into it: none tells whose paper is reviewed without a name."""

import pytest
from django.urls import reverse

from batching.models import BatchItem
from exams.models import Sheet
from grading import publish, review
from grading.review_blind import reveal_exam, reveal_sheet, sheet_code
from grading.runs import draft_run
from tests.factories import make_enrolment, make_sheet, make_user
from tests.grading.steps import url
from tests.grading.test_publish import publish_now

SECRETS = ("Zuleika", "77Z777")


@pytest.fixture
def paper(exam, x_b):
    """Zuleika's, mapped, whose file has her name too."""
    enrolment = make_enrolment(x_b, make_user("zuleika"), "77Z777")
    return make_sheet(exam, state="mapped", enrolment=enrolment, name="77Z777 Zuleika.pdf")


@pytest.fixture
def graded(exam, x_b):
    """The same paper, to be reviewed."""
    enrolment = make_enrolment(x_b, make_user("zuleika"), "77Z777")
    return make_sheet(exam, state="graded", enrolment=enrolment, name="77Z777 Zuleika.pdf")


def told(text):
    return [secret for secret in SECRETS if secret in text]


def test_what_became_of_a_sheet_is_told_by_its_code_once_it_is_reviewed(
    draft, grade, offices, paper, alice, teacher
):
    run = draft(1)
    number = BatchItem.objects.get(subject_id=paper.pk).number
    pages = [
        reverse("grading:run_items", args=[run.pk]),
        reverse("grading:run_example", args=[run.pk]) + f"?item={number}",
    ]
    for address in pages:
        assert "77Z777 Zuleika.pdf" in teacher.get(address).text, "not graded yet"
    grade(run)
    for address in pages:
        text = teacher.get(address).text
        assert not told(text), address
        assert f"heet {sheet_code(paper.pk)}" in text
    reveal_sheet(paper, by=alice)
    for address in pages:
        assert "77Z777 Zuleika.pdf" in teacher.get(address).text


def test_a_failed_sheet_of_a_run_keeps_its_name(exam, paper, alice, teacher):
    run = draft_run(exam, provider="offline", by=alice)
    Sheet.objects.filter(pk=paper.pk).update(state="failed", problem="No reply.")
    assert "77Z777 Zuleika.pdf" in teacher.get(reverse("grading:run_items", args=[run.pk])).text


def test_the_results_name_a_paper_once_it_is_approved(exam, graded, alice, teacher, sign_in, admin):
    late = make_enrolment(exam.school_class, roll_number="99Z999")
    make_sheet(exam, state="reviewed", enrolment=late)
    page = teacher.get(url("results", exam))
    assert not told(page.text)
    assert f"Sheet {sheet_code(graded.pk)}" in page.text
    assert [one.paper for one in page.context["page"]] == ["", sheet_code(graded.pk)], "last"
    reveal_exam(exam, by=alice)
    assert "Zuleika" in teacher.get(url("results", exam)).text
    assert "Zuleika" not in sign_in(admin).get(url("results", exam)).text
    Sheet.objects.filter(pk=graded.pk).update(state="reviewed")
    assert "Zuleika" in sign_in(admin).get(url("results", exam)).text


def test_what_blocks_publishing_is_told_by_its_code(exam, graded, alice, teacher):
    make_sheet(exam, state="failed", name="88Z888.pdf")
    text = teacher.get(url("publish", exam)).text
    assert not told(text)
    assert sheet_code(graded.pk) in text
    assert "88Z888.pdf" in text
    reveal_exam(exam, by=alice)
    assert "77Z777" in teacher.get(url("publish", exam)).text


def test_changes_since_publishing_are_told_by_code_while_their_paper_is_reviewed(
    exam, graded, alice, teacher
):
    Sheet.objects.filter(pk=graded.pk).update(state="reviewed")
    publish_now(exam, alice)
    publish.take_back(exam, by=alice, reason="The key was wrong.")
    mark = graded.marks.first()
    review.change_mark(
        mark.pk, awarded=mark.ceiling, feedback="", reason="Again.", version=1, by=alice
    )
    assert "77Z777" in teacher.get(url("publish", exam)).text
    Sheet.objects.filter(pk=graded.pk).update(state="graded")
    page = teacher.get(url("publish", exam))
    assert [paper for _, paper in page.context["changes"]] == [sheet_code(graded.pk)]
    assert not told(page.text)
