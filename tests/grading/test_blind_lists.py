"""Lists outside the review that lead into it: none tells whose sheet is reviewed without a name."""

from datetime import timedelta

import pytest
from django.urls import reverse

from batching.models import BatchItem
from exams.models import Sheet
from grading import publish, review
from grading.models import Appeal, Reveal
from grading.review_blind import hide_sheet, reveal_exam, reveal_sheet, sheet_code
from grading.runs import draft_run
from tests.factories import make_enrolment, make_sheet, make_user
from tests.grading.steps import url
from tests.grading.test_publish import publish_now

SECRETS = ("Zuleika", "77Z777")


@pytest.fixture
def sheet(exam, x_b):
    """Zuleika's, mapped, whose file has her name too."""
    enrolment = make_enrolment(x_b, make_user("zuleika"), "77Z777")
    return make_sheet(exam, state="mapped", enrolment=enrolment, name="77Z777 Zuleika.pdf")


@pytest.fixture
def graded(exam, x_b):
    """The same sheet, to be reviewed."""
    enrolment = make_enrolment(x_b, make_user("zuleika"), "77Z777")
    return make_sheet(exam, state="graded", enrolment=enrolment, name="77Z777 Zuleika.pdf")


def told(text):
    return [secret for secret in SECRETS if secret in text]


def test_what_became_of_a_sheet_is_told_by_its_code_once_it_is_reviewed(
    draft, grade, offices, sheet, alice, teacher
):
    run = draft(1)
    number = BatchItem.objects.get(subject_id=sheet.pk).number
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
        assert f"heet {sheet_code(sheet.pk)}" in text
    # Nor after its review: others of the run may wait for theirs.
    Sheet.objects.filter(pk=sheet.pk).update(state="reviewed")
    for address in pages:
        assert not told(teacher.get(address).text), address
    reveal_sheet(sheet, by=alice)
    for address in pages:
        assert "77Z777 Zuleika.pdf" in teacher.get(address).text


def test_a_failed_sheet_of_a_run_keeps_its_name(exam, sheet, alice, teacher):
    run = draft_run(exam, provider="offline", by=alice)
    Sheet.objects.filter(pk=sheet.pk).update(state="failed", problem="No reply.")
    assert "77Z777 Zuleika.pdf" in teacher.get(reverse("grading:run_items", args=[run.pk])).text


def test_the_results_name_a_sheet_once_it_is_approved(exam, graded, alice, teacher, sign_in, admin):
    late = make_enrolment(exam.school_class, roll_number="99Z999")
    make_sheet(exam, state="reviewed", enrolment=late)
    page = teacher.get(url("results", exam))
    assert not told(page.text)
    assert f"Sheet {sheet_code(graded.pk)}" in page.text
    assert [one.code for one in page.context["page"]] == ["", sheet_code(graded.pk)], "last"
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


def test_what_blocks_publishing_stands_in_the_order_of_its_codes(exam, x_b, teacher):
    sheets = graded_by_roll(exam, x_b)
    codes = [sheet_code(one.pk) for one in sheets]
    ((_blocker, found),) = teacher.get(url("publish", exam)).context["blockers"]
    assert [one.name for one in found] == sorted(codes)
    assert codes != sorted(codes), "by roll number it would be another order"


def test_changes_since_publishing_stand_in_the_order_of_their_codes(exam, x_b, alice, teacher):
    sheets = graded_by_roll(exam, x_b)
    Sheet.objects.update(state="reviewed")
    publish_now(exam, alice)
    publish.take_back(exam, by=alice, reason="The key was wrong.")
    for mark in (one.marks.first() for one in sheets):
        review.change_mark(
            mark.pk, awarded=mark.ceiling, feedback="", reason="Again.", version=1, by=alice
        )
    Sheet.objects.update(state="graded")
    changes = teacher.get(url("publish", exam)).context["changes"]
    assert [code for _, code in changes] == sorted(sheet_code(one.pk) for one in sheets)


def graded_by_roll(exam, x_b):
    """Sheets to be reviewed, made in the order of their roll numbers."""
    rolls = [make_enrolment(x_b, roll_number=f"{number:02}X") for number in range(8)]
    return [make_sheet(exam, state="graded", enrolment=one) for one in rolls]


def test_changes_since_publishing_are_told_by_code_while_their_sheet_is_reviewed(
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
    assert [code for _, code in page.context["changes"]] == [sheet_code(graded.pk)]
    assert not told(page.text)


def test_the_preview_of_a_sheet_names_nobody_until_it_is_approved(
    exam, x_b, graded, alice, teacher
):
    after = make_sheet(exam, state="reviewed", enrolment=make_enrolment(x_b, roll_number="99Z999"))
    page = teacher.get(url("sheet_preview", graded))
    assert not told(page.text)
    assert f"Sheet {sheet_code(graded.pk)}" in page.text
    shown = graded.pages.first().public_id
    assert reverse("grading:blind_page", args=[shown]) in page.text
    assert reverse("exams:page_image", args=[shown]) not in page.text
    # Its roll number comes before the other's; its place does not say so.
    assert (page.context["previous"], page.context["place"]) == (after.pk, 2)
    asked = teacher.get(url("publish_preview", exam), {"roll": "77z777"}, follow=True)
    assert "roll number 77z777 is reviewed without its name" in asked.text
    assert teacher.get(url("publish_preview", exam)).url == url("sheet_preview", after)
    reveal_sheet(graded, by=alice)
    asked = teacher.get(url("publish_preview", exam), {"roll": "77z777"})
    assert asked.url == url("sheet_preview", graded)
    assert "Zuleika" in teacher.get(url("sheet_preview", graded)).text
    hide_sheet(graded, by=alice)
    Sheet.objects.filter(pk=graded.pk).update(state="reviewed")
    assert "Zuleika" in teacher.get(url("sheet_preview", graded)).text


HISTORIES = ("", "?system=1", "?kind=marks&system=1", "?kind=sheets&system=1", "?kind=sheets")


@pytest.fixture
def graded_story(exam, graded, alice):
    """The same sheet, mapped and changed by a person, with an appeal of its student."""
    zuleika = graded.enrolment.student
    row = Sheet.history.get(id=graded.pk)
    row.pk, row.history_change_reason = None, "Mapped to 77Z777"
    row.history_date -= timedelta(days=1)
    row.save()
    Sheet.history.filter(pk=row.pk).update(state="mapped")
    Sheet.history.filter(id=graded.pk).update(history_user=alice)
    mark = graded.marks.first()
    review.change_mark(
        mark.pk, awarded=mark.ceiling, feedback="", reason="All there.", version=1, by=alice
    )
    appeal = Appeal.objects.create(
        sheet=graded,
        code=mark.criterion.code,
        raised_by=zuleika,
        text="I wrote more.",
        awarded_then=mark.ceiling,
        version_then=2,
    )
    appeal.history.update(history_user=zuleika)
    return graded


def test_the_history_of_an_exam_names_nobody_who_is_reviewed_blind(
    exam, graded_story, alice, teacher
):
    for query in HISTORIES:
        assert not told(teacher.get(url("exam_history", exam) + query).text), query
    text = teacher.get(url("exam_history", exam)).text
    assert sheet_code(graded_story.pk) in text
    assert "All there." in text
    assert "the student" in text, "who appealed"
    assert "by their codes" in text


def test_the_history_names_what_nobody_reviews_blind(exam, graded_story, alice, teacher):
    Sheet.objects.filter(pk=graded_story.pk).update(state="reviewed")
    text = teacher.get(url("exam_history", exam)).text
    assert "77Z777" in text
    assert "by their codes" not in text


def test_names_in_the_history_are_one_click_away_and_the_click_is_kept(
    exam, graded_story, alice, teacher, sign_in, admin
):
    click = {"names": "show", "to": "history"}
    answer = teacher.post(url("exam_names", exam), click)
    assert answer.url == url("exam_history", exam)
    assert "77Z777" in teacher.get(answer.url).text
    assert Reveal.objects.get().teacher == alice
    assert not told(sign_in(admin).get(answer.url).text), "for this teacher alone"
    answer = teacher.post(url("exam_names", exam), {"names": "hide", "to": "history"})
    assert answer.url == url("exam_history", exam)
    assert not told(teacher.get(answer.url).text)


def test_the_history_of_one_sheet_is_blind_until_its_name_is_shown(
    exam, graded_story, alice, teacher
):
    address = url("sheet_history", graded_story)
    page = teacher.get(address + "?system=1")
    assert not told(page.text)
    assert sheet_code(graded_story.pk) in page.text
    answer = teacher.post(url("sheet_reveal", graded_story), {"to": "history"})
    assert answer.url == address
    assert "77Z777" in teacher.get(address + "?system=1").text
    assert Reveal.objects.get().sheet == graded_story


def test_nobody_is_found_by_asking_for_the_appeals_of_one_student(exam, graded_story, teacher):
    zuleika = graded_story.enrolment.student_id
    page = teacher.get(url("exam_history", exam) + f"?person={zuleika}")
    assert page.context["filters"].person is None


def test_how_a_sheet_came_to_its_marks_is_told_only_of_those_with_a_name(
    exam, graded_story, paper_of, teacher
):
    """Files and names are taken in order, so that the place of a code would tell."""
    page = teacher.get(url("exam_history", exam) + "?kind=sheets&system=1")
    assert {one.sheet for one in page.context["entries"]} == {paper_of.pk, graded_story.pk}
    ways = [one for one in page.context["entries"] if one.sheet == graded_story.pk]
    assert all("to be mapped" not in str(one.differences) for one in ways)
    Sheet.history.filter(id=graded_story.pk).update(history_user=None)
    page = teacher.get(url("exam_history", exam) + "?kind=sheets&system=1")
    assert {one.sheet for one in page.context["entries"]} == {paper_of.pk}


@pytest.fixture
def paper_of(exam, x_b):
    return make_sheet(
        exam, state="mapped", enrolment=make_enrolment(x_b, roll_number="11A111"), name="11A111.pdf"
    )


@pytest.mark.parametrize("show", ["all", "other"])
def test_no_list_has_a_name_where_its_code_will_stand(exam, x_b, teacher, alice, show):
    """Ungraded sheets stand apart, by roll number; the shuffled order holds codes alone."""
    rolls = [f"{number:02}X" for number in range(12)]
    for roll in reversed(rolls):
        enrolment = make_enrolment(x_b, make_user(f"s{roll}".lower()), roll)
        make_sheet(exam, state="mapped", enrolment=enrolment, name=f"{roll}.pdf")
    graded = [make_sheet(exam, state="graded") for _ in range(6)]
    rows = teacher.get(f"{url('review_list', exam)}?show={show}").context["rows"]
    assert [row["roll"] for row in rows if row["named"]] == rolls
    assert [row["named"] for row in rows] == [False] * (len(rows) - 12) + [True] * 12
    if show == "all":
        listed = teacher.get(f"{url('review_list', exam)}?show=graded").context["rows"]
        assert [row["sheet_code"] for row in rows[:6]] == [row["sheet_code"] for row in listed]
        assert {row["sheet_code"] for row in rows[:6]} == {sheet_code(one.pk) for one in graded}
