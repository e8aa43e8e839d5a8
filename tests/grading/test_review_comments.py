"""The comment bank: feedback to use again, shared by the teachers of a class."""

import pytest
from django.core.exceptions import ValidationError

from batching.conflicts import Conflict
from grading import review_comments
from grading.models import Comment
from tests import factories
from tests.grading.steps import fresh, marks_of, url

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def comment(exam, alice):
    return review_comments.save_comment(exam, code="Q1", text="Name the gas.", by=alice)


def values(mark, **changes):
    given = {"awarded": mark.awarded, "feedback": mark.feedback, "reason": "", "version": 1}
    return {name: str(value) for name, value in (given | changes).items()}


def test_the_same_text_is_kept_once(exam, comment, alice):
    again = review_comments.save_comment(exam, code="Q1", text=" Name the gas.\r\n", by=alice)
    assert again == comment
    assert Comment.objects.count() == 1


@pytest.mark.parametrize("text", ["", "   ", "x" * 501])
def test_nothing_and_too_much_are_no_comments(exam, alice, text):
    with pytest.raises(ValidationError):
        review_comments.save_comment(exam, code="Q1", text=text, by=alice)


def test_a_bank_is_full_some_day(exam, alice):
    for number in range(review_comments.MOST_COMMENTS):
        review_comments.save_comment(exam, code="Q1", text=f"Comment {number}", by=alice)
    with pytest.raises(ValidationError, match="Delete one first"):
        review_comments.save_comment(exam, code="Q1", text="One more", by=alice)


def test_a_change_over_one_that_was_not_seen_is_a_conflict(comment, alice, admin):
    changed = review_comments.change_comment(comment, text="Which gas?", version=1, by=alice)
    assert review_comments.change_comment(comment, text="Which gas?", version=1, by=alice)
    with pytest.raises(Conflict, match="Alice has changed this comment meanwhile"):
        review_comments.change_comment(comment, text="Gas!", version=1, by=admin)
    assert fresh(comment).text == "Which gas?"
    assert changed.version == 2
    review_comments.delete_comment(comment)
    review_comments.delete_comment(comment)
    with pytest.raises(Conflict, match="deleted"):
        review_comments.change_comment(comment, text="Gas!", version=2, by=admin)


def test_a_comment_goes_to_the_end_of_what_is_typed_and_the_most_used_stand_first(
    exam, mark, comment, teacher, alice
):
    review_comments.save_comment(exam, code="Q1", text="Well done.", by=alice)
    answer = teacher.post(
        url("mark_save", mark), values(mark, feedback="Half typed", insert=comment.pk), **HTMX
    )
    assert answer.status_code == 200
    assert answer["HX-Retarget"] == f"#mark-{mark.pk}"
    assert fresh(mark).feedback == "Half typed\nName the gas."
    assert "Half typed\nName the gas.</textarea>" in answer.content.decode()
    palette = teacher.get(url("mark_comments", mark), **HTMX).content.decode()
    assert palette.index("Name the gas.") < palette.index("Well done.")
    assert "used 1 time" in palette
    # The same comment again is not there twice.
    teacher.post(
        url("mark_save", mark),
        values(fresh(mark), version=2, insert=comment.pk),
        **HTMX,
    )
    assert fresh(mark).feedback == "Half typed\nName the gas."


def test_a_comment_of_another_question_or_class_is_not_put_in(mark, teacher, alice, bob, x_c):
    other = factories.make_exam(x_c, by=bob)
    theirs = review_comments.save_comment(other, code="Q1", text="Theirs", by=bob)
    second = review_comments.save_comment(mark.sheet.exam, code="Q2", text="Of Q2", by=alice)
    for comment in (theirs, second):
        teacher.post(url("mark_save", mark), values(mark, insert=comment.pk), **HTMX)
    assert fresh(mark).version == 1


def test_a_refused_save_keeps_the_comment_with_what_was_typed(mark, comment, teacher):
    typed = values(mark, awarded="2", feedback="Mine", insert=comment.pk)
    answer = teacher.post(url("mark_save", mark), typed, **HTMX)
    assert answer.status_code == 422
    assert "Mine\nName the gas.</textarea>" in answer.content.decode()
    assert fresh(comment).uses == 0


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_bank_is_kept_from_the_page(mark, teacher, headers):
    def post(address, expected, **form):
        answer = teacher.post(address, form, **headers)
        assert answer.status_code == (302 if expected == 200 and not headers else expected)
        return answer

    keep = url("mark_comments", mark)
    post(keep, 200, feedback="Name the gas.")
    post(keep, 422, feedback="")
    comment = Comment.objects.get()
    assert comment.code == "Q1"
    change = url("comment_change", comment)
    post(change, 200, text="Which gas?", version="1", mark=mark.pk)
    post(change, 409, text="What gas?", version="1", mark=mark.pk)
    post(change, 422, text="", version="2", mark=mark.pk)
    assert fresh(comment).text == "Which gas?"
    assert "Which gas?" in teacher.get(keep, **headers).content.decode()
    post(url("comment_delete", comment), 200, mark=mark.pk)
    assert not Comment.objects.exists()


def test_without_script_a_comment_is_put_in_from_its_own_page(mark, comment, teacher):
    page = teacher.get(url("mark_comments", mark)).content.decode()
    assert f'name="insert" value="{comment.pk}"' in page
    teacher.post(url("mark_save", mark), values(mark, insert=comment.pk))
    assert fresh(mark).feedback.endswith("\nName the gas.")


def test_the_page_of_its_own_stays_whole_when_a_comment_changes(mark, comment, teacher):
    page = teacher.get(url("mark_comments", mark)).content.decode()
    fragment = teacher.get(url("mark_comments", mark), **HTMX).content.decode()
    for address in (url("comment_change", comment), url("comment_delete", comment)):
        assert f'hx-post="{address}"' in fragment
        assert f'hx-post="{address}"' not in page


def test_teachers_of_a_class_share_its_comments_and_strangers_see_none(comment, alice, bob, carol):
    assert list(review_comments.comments_for(alice)) == [comment]
    assert not review_comments.comments_for(bob).exists()
    factories.make_sheet(comment.exam, state="published", enrolment=carol.enrolments.get())
    assert not review_comments.comments_for(carol).exists()


def test_the_bank_outlives_a_new_version_of_the_rubric(exam, sheet, comment, teacher, alice):
    factories.make_rubric(exam, by=alice)
    other = factories.make_sheet(exam, state="graded")
    page = teacher.get(url("mark_comments", marks_of(other)[0])).content.decode()
    assert "Name the gas." in page
